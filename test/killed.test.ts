// Checks what is left when a worker or a process is killed, at every stage of its life: whoever waits hears of it, the process
// can end, and the next one finds whole files and works. Workers and the command line are those of dist/.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { load } from '../src/load.js';
import type * as Remote from '../src/worker.js';
import type { Question } from '../src/worker/messages.js';
import { photo } from './photos.js';
import { serverAndCaches, slowly, stalled, status, whole } from './zoo-server.js';

const remote: typeof Remote = await import(pathToFileURL('dist/worker.js').href);
let cache = '';
const server = await serverAndCaches(test, (folder) => { cache = folder; });
const files = (): string[] => readdirSync(cache).sort();

// ---- workers

type Heard = (question: Question, worker: Worker) => void;

/** While `work` runs, workers call `begun` when they are made and `asked` when something was posted to them. */
async function withWorkers<T>(begun: (worker: Worker) => void, asked: Heard, work: () => Promise<T>): Promise<T> {
  const real = process.getBuiltinModule, threads = real('node:worker_threads');
  class Watched extends threads.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      begun(this);
    }
    override postMessage(...args: Parameters<Worker['postMessage']>): void {
      super.postMessage(...args);
      asked(args[0] as Question, this);
    }
  }
  process.getBuiltinModule = ((name: string) => (name === 'node:worker_threads' ? { ...threads, Worker: Watched } : real(name))) as typeof real;
  try {
    return await work();
  } finally {
    process.getBuiltinModule = real;
  }
}
const nothing = (): void => undefined;

async function lost(work: Promise<unknown>): Promise<void> {
  const error = await work.then(() => assert.unreachable('should have been lost'), (cause) => cause);
  assert.instance(error, remote.DepthwiseError);
  assert.is(error.code, 'WORKER_LOST', error.message);
  assert.match(error.message, /worker .*(died|not start).*ended/);
}

const shared = existsSync('../shared/models');
if (!shared) console.log('NOT RUN: ../shared is absent, so no process that pulls its files was killed');
const everyday = readFileSync('weights/everyday.dw');
const large = await savePlan(compile(randomModel('v1', 'int8', 1, 224)));
const input = Uint8Array.from({ length: 224 * 224 * 3 }, (_, i) => i * 77), picture = photo(64, 48, 1);

test('killed while it starts', async () => {
  await lost(withWorkers((worker) => void worker.terminate(), nothing, () => remote.load(everyday)));
});

test('killed while weights are on their way: they are let go of, and the cache holds nothing', async () => {
  let worker: Worker | undefined;
  let closed = false;
  server.answers((request, response) => {
    response.on('close', () => (closed = true));
    stalled(everyday, 1_000_000)(request, response);
  });
  await lost(withWorkers((made) => (worker = made), nothing, () => remote.load(`${server.base}/w.dw`, {
    cache, onProgress: (done) => { if (done >= 1_000_000) void worker!.terminate(); },
  })));
  while (!closed) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(files(), []);
  server.answers(whole(everyday));
  const net = await remote.load(`${server.base}/w.dw`, { cache }), here = await load(everyday);
  assert.equal(await net.classify(picture), here.classify(picture));
  const [kept, ...others] = files();
  assert.is(Buffer.compare(readFileSync(path.join(cache, kept)), everyday), 0);
  assert.equal(others, []);
  net.dispose();
});

test('killed while it compiles', async () => {
  for (const weights of [large, ...(shared ? [readFileSync('../shared/models/person_detect.tflite')] : [])]) {
    await lost(withWorkers(nothing, ({ call }, worker) => void (call === 'load' && worker.terminate()), () => remote.load(weights)));
    assert.ok(weights.length, 'they stay with the caller');
  }
});

for (const threads of [1, 2]) {
  test(`killed while it runs, on ${threads} thread(s): all that wait hear of it, and those who come; another takes its place`, async () => {
    const started: Worker[] = [], net = await withWorkers((worker) => started.push(worker), nothing, () => remote.load(large, { build: 'scalar', threads }));
    assert.is(net.threads.count, threads);
    const calls = [net.run(input), net.classify(picture), net.embed(picture), net.layer(net.steps[3].name), net.profile()];
    const all = Promise.all(calls.map(lost));
    await new Promise((resolve) => setTimeout(resolve, 20)); // in the midst of the first, which takes a few hundred
    await started[0].terminate();
    await all;
    await lost(net.run(input));
    net.dispose();
    await lost(net.run(input));
    const next = await remote.load(large, { build: 'scalar', threads }), here = await load(large);
    assert.equal((await next.run(input))[0].data, here.run(input)[0].data);
    next.dispose();
  });
}

test('a process whose workers were killed ends by itself, though a server keeps it waiting', async () => {
  server.answers(stalled(everyday, 1_000_000));
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    const threads = process.getBuiltinModule('node:worker_threads'), made = [];
    const { Worker } = threads;
    threads.Worker = class extends Worker { constructor(...args) { super(...args); made.push(this); } };
    const { load } = await import('./dist/worker.js'), { readFileSync } = await import('node:fs');
    const net = await load(readFileSync('weights/everyday.dw')), calls = [net.run(new Uint8Array(49152)), net.profile()];
    made[0].terminate();
    for (const call of calls) await call.catch(({ code }) => console.log(code));
    const loading = load('${server.base}/w.dw', { onProgress: (done) => { if (done >= 1_000_000) made[1].terminate(); } });
    await loading.catch(({ code }) => console.log(code));`]);
  let said = '';
  child.stdout.on('data', (part) => (said += part));
  child.stderr.on('data', (part) => (said += part));
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0);
  assert.is(said, 'WORKER_LOST\nWORKER_LOST\nWORKER_LOST\n');
});

// ---- processes

const NAME = 'mobilenet_v3_small_1.0_224_quant', WEIGHTS = `${NAME}.tflite`;
const read = (file: string): Uint8Array => (shared ? Uint8Array.from(readFileSync(`../shared/models/${file}`)) : new Uint8Array());
const weights = read('mobilenet_v3_small_1.0_224_uint8.tflite'), labels = read('imagenet_labels.txt');
const testPulling = shared ? test : test.skip;

/** A pull in a process of its own. `hook` is run before it, as a module. */
function pulling(hook?: string): { kill(): void; end: Promise<{ signal: string | null; code: number | null; said: string }> } {
  const before = hook === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
  const child = spawn(process.execPath, [...before, 'dist/cli.js', 'pull', NAME], { env: { ...process.env, DEPTHWISE_CACHE: cache, DEPTHWISE_MIRROR: server.base } });
  let said = '';
  child.stdout.on('data', (part) => (said += part));
  child.stderr.on('data', (part) => (said += part));
  return { kill: () => void child.kill('SIGKILL'), end: new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, said }))) };
}

const isLabels = (url = ''): boolean => url.endsWith('.txt');
const serves = (answer: typeof whole): void => server.answers((request, response) => (isLabels(request.url) ? whole(labels, '"l"') : answer(weights, '"w"'))(request, response));

/** What was written whole is right; besides it there may be a part and what was being written. */
function sound(): string[] {
  const finished = files().filter((name) => !/\.(part|tmp)$/.test(name));
  for (const name of finished) assert.is(Buffer.compare(readFileSync(path.join(cache, name)), name === WEIGHTS ? weights : labels), 0, name);
  return finished;
}

async function pullsNow(): Promise<void> {
  const { code, said } = await pulling().end;
  assert.is(code, 0, said);
  assert.equal(sound(), ['imagenet_labels.txt', WEIGHTS].sort());
}

testPulling('a process killed while a file comes: the next one goes on from what was kept', async () => {
  serves((bytes, etag) => stalled(bytes, 2_500_000, etag));
  const child = pulling(), part = path.join(cache, `${WEIGHTS}.part`);
  while (!files().includes(`${WEIGHTS}.part`)) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill();
  assert.is((await child.end).signal, 'SIGKILL');
  const kept = statSync(part).size - '"w"\n'.length;
  assert.ok(kept >= 1 << 20);
  serves(whole);
  await pullsNow();
  assert.equal(server.asked.map(({ range }) => range), [`bytes=${kept}-`, undefined]);
});

/** Kills the process in the midst of a call of node:fs/promises on a file whose name matches. */
const striking = (call: 'writeFile' | 'rename', name: RegExp): string => `
  const real = process.getBuiltinModule, fs = real('node:fs'), promises = real('node:fs/promises');
  const strike = { writeFile(file, bytes) { fs.writeFileSync(file, bytes.subarray(0, bytes.length / 2)); }, rename() {} };
  const ${call} = (file, ...rest) => { if (!${name}.test(file)) return promises.${call}(file, ...rest); strike.${call}(file, ...rest); process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); };
  process.getBuiltinModule = (name) => (name === 'node:fs/promises' ? { ...promises, ${call} } : real(name));`;

for (const [what, call, name] of [
  ['half of the part was written', 'writeFile', /\.part\.\d+\./], ['half of the weights was written', 'writeFile', /\.tflite\.\d+\./],
  ['the weights were written and had no name yet', 'rename', /\.tflite\.\d+\./], ['half of the labels was written', 'writeFile', /labels\.txt\.\d+\./],
] as const) {
  testPulling(`a process killed when ${what}: no half file has a name, the next one works, and sweeps once it is sure`, async () => {
    serves(whole);
    const { signal, said } = await pulling(striking(call, name)).end;
    assert.is(signal, 'SIGKILL', said);
    sound();
    const [left, ...others] = files().filter((file) => file.endsWith('.tmp'));
    assert.ok(left && !others.length, files().join());
    await pullsNow();
    assert.ok(files().includes(left), 'another process might still be writing it');
    const old = Date.now() / 1000 - 3600;
    utimesSync(path.join(cache, left), old, old);
    writeFileSync(path.join(cache, '.mine.1.tmp'), 'somebody else\'s');
    utimesSync(path.join(cache, '.mine.1.tmp'), old, old);
    rmSync(path.join(cache, WEIGHTS));
    await pullsNow();
    assert.equal(files(), ['.mine.1.tmp', 'imagenet_labels.txt', WEIGHTS].sort());
  });
}

testPulling('processes killed at any moment leave nothing that is wrong', async () => {
  serves((bytes, etag) => slowly(bytes, 30, 10, etag));
  const start = performance.now();
  assert.is((await pulling().end).code, 0);
  const time = performance.now() - start;
  for (let i = 0; i < 10; i++) {
    rmSync(path.join(cache, WEIGHTS), { force: true });
    const child = pulling();
    setTimeout(child.kill, time * (0.3 + 0.07 * i));
    await child.end;
    sound();
  }
  await pullsNow();
});

testPulling('two processes that go on from one broken download at once', async () => {
  serves((bytes, etag) => stalled(bytes, 2_500_000, etag));
  const child = pulling();
  while (!files().includes(`${WEIGHTS}.part`)) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill();
  await child.end;
  serves((bytes, etag) => slowly(bytes, 10, 5, etag));
  const ends = await Promise.all([pulling().end, pulling().end]);
  assert.equal(ends.map(({ code }) => code), [0, 0], ends.map(({ said }) => said).join());
  assert.equal(sound(), files());
});

test('a cache of load that is killed while it writes', async () => {
  server.answers(whole(everyday));
  const program = (hook: string): ReturnType<typeof spawn> => spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, '--input-type=module', '-e', `
    const { load } = await import('./dist/index.js');
    console.log((await load('${server.base}/w.dw', { cache: ${JSON.stringify(cache)} })).steps.length);`]);
  const ended = (child: ReturnType<typeof spawn>): Promise<unknown> => new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
  assert.is(await ended(program(striking('writeFile', /weights-/))), 'SIGKILL');
  assert.is(files().length, 1);
  assert.match(files()[0], /\.tmp$/);
  assert.is(await ended(program('')), 0);
  const [kept, ...others] = files().filter((name) => !name.endsWith('.tmp'));
  assert.is(Buffer.compare(readFileSync(path.join(cache, kept)), everyday), 0);
  assert.is(others.length, 0);
  server.answers(status(500));
  assert.is(await ended(program('')), 0, 'from the cache');
  assert.is(server.asked.length, 0);
});

test.run();
