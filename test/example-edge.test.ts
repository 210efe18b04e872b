// Drives examples/edge the way its README says, in workerd: answers, refusals, and what a request costs in CPU time and memory.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/index.js';
import everyday from '../src/weights/everyday.js';
import { childOf, freePort, preparedExample, processOf, start, stop, stopAll } from './example-programs.js';
import { jpegOf, photo, pixelsOf, withBrokenTables } from './photos.js';

const folder = preparedExample('edge'), built = path.join(folder, 'dist');
execFileSync('npm', ['run', 'build'], { cwd: folder, stdio: 'pipe' });

/** Of Miniflare, what is used here. */
interface Miniflare {
  ready: Promise<URL>;
  getInspectorURL(): Promise<URL>;
  dispose(): Promise<void>;
}
/** Of ws, which comes with it: Node 20 has no WebSocket. */
interface Socket {
  on(event: 'open' | 'message' | 'error', listener: (data: unknown) => void): void;
  send(text: string): void;
  close(): void;
}
const requireThere = createRequire(path.join(folder, 'package.json'));
const { Miniflare } = requireThere('miniflare') as { Miniflare: new (options: object) => Miniflare };
const WebSocket = requireThere('ws') as new (url: string) => Socket;

const TYPES: Record<string, string> = { '.wasm': 'CompiledWasm', '.dw': 'Data' };
const files = readdirSync(built).filter((file) => TYPES[path.extname(file)]).map((file) => ({ type: TYPES[path.extname(file)], path: path.join(built, file) }));
const modules = [{ type: 'ESModule', path: path.join(built, 'worker.js') }, ...files];
writeFileSync(path.join(built, 'empty.js'), 'export default { fetch: () => new Response("{}") };'); // what workerd itself costs
const nothing = { type: 'ESModule', path: path.join(built, 'empty.js') };
const options = { cf: false, inspectorPort: 0, compatibilityDate: '2026-04-01', modulesRoot: built };

/** A worker that has answered once, its process and the CPU milliseconds it took until then. */
async function started(own: object[]): Promise<{ url: URL; worker: Miniflare; pid: number; cpuMs: number; bytes: number }> {
  const worker = new Miniflare({ ...options, modules: own }), url = await worker.ready;
  await (await fetch(url)).text();
  const pid = childOf(process.pid, 'workerd');
  return { url, worker, pid, cpuMs: threadsMs(pid), bytes: processOf(pid).bytes };
}

/** CPU milliseconds of a process's threads, to the nanosecond: what processOf tells comes in steps of 10. */
const threadsMs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]), 0) / 1e6;

const STARTS = 5;
/** The least CPU milliseconds of some starts: of nothing, of a worker that reads none of its files, of the example. In turn, so that a slow moment hits all alike. */
const least = { nothing: Infinity, unread: Infinity, example: Infinity };
let emptyBytes = 0;
for (let i = 0; i < STARTS; i++) {
  for (const [kind, own] of Object.entries({ nothing: [nothing], unread: [nothing, ...files], example: modules }) as [keyof typeof least, object[]][]) {
    const { cpuMs, bytes, worker: each } = await started(own);
    least[kind] = Math.min(least[kind], cpuMs);
    if (kind === 'nothing') emptyBytes = bytes;
    await each.dispose();
  }
}
const { url, worker, pid } = await started(modules);

const test = suite('edge');
const picture640 = await jpegOf(photo(640, 480)), net = await load(everyday);
const post = async (body: Uint8Array<ArrayBuffer>): Promise<{ status: number; answer: any }> => {
  const response = await fetch(url, { method: 'POST', body });
  return { status: response.status, answer: await response.json() };
};

const first = threadsMs(pid);
await post(picture640);
const firstMs = threadsMs(pid) - first;

test('says what the library says', async () => {
  const { status, answer } = await post(picture640);
  assert.is(status, 200);
  assert.equal(answer, { width: 640, height: 480, labels: net.classify(await pixelsOf(picture640)) });
});

test('turns pictures the way their EXIF orientation says', async () => {
  const turned = await jpegOf(photo(300, 200, 4), { orientation: 6 }), { answer } = await post(turned);
  assert.equal([answer.width, answer.height], [300, 200]);
  assert.equal(answer.labels, net.classify(await pixelsOf(turned)));
});

test('refuses what it cannot read, in a sentence, and goes on', async () => {
  for (const [body, status, code] of [
    [new Uint8Array(0), 400, 'BAD_IMAGE'], [new TextEncoder().encode('hello'), 400, 'BAD_IMAGE'], [picture640.slice(0, 40), 400, 'BAD_IMAGE'],
    [withBrokenTables(picture640), 400, 'BAD_IMAGE'], [await jpegOf(photo(1600, 1200)), 400, 'BAD_IMAGE'], [new Uint8Array(2_000_001), 413, 'BAD_IMAGE'],
  ] as const) {
    const answered = await post(body as Uint8Array<ArrayBuffer>);
    assert.equal([answered.status, answered.answer.error?.code], [status, code], JSON.stringify(answered.answer));
    assert.ok(answered.answer.error.message.length > 30);
  }
  assert.is((await fetch(url, { method: 'PUT', body: 'x' })).status, 405);
  assert.is((await post(picture640)).status, 200);
});

/** The decoder's WebAssembly memory, which it starts with and did not grow for the pictures here; the inspector does not count those memories. */
const DECODER_BYTES = 16_908_288;

/** Asks the worker's isolate, over its inspector, for the bytes of its JavaScript heap and its buffers, garbage included. */
async function isolateBytes(): Promise<number> {
  const socket = new WebSocket(String(new URL('/core:user:', await worker.getInspectorURL())));
  const answer = await new Promise<any>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send('{"id":1,"method":"Runtime.getHeapUsage"}'));
    socket.on('message', (data) => resolve(JSON.parse(String(data)).result));
  });
  socket.close();
  return answer.totalSize + answer.embedderHeapUsedSize + answer.backingStorageSize;
}

/** The most the isolate was seen to hold. */
let mostBytes = 0;

/** CPU milliseconds of the workerd process for a request: the mean, and the mean of the best 25 in a row, when other work disturbed it least. */
async function costOf(request: () => Promise<unknown>): Promise<{ mean: number; best: number }> {
  const batches: number[] = [];
  for (let batch = 0; batch < 8; batch++) {
    const before = threadsMs(pid);
    for (let i = 0; i < 25; i++) await request();
    batches.push((threadsMs(pid) - before) / 25);
    mostBytes = Math.max(mostBytes, await isolateBytes());
  }
  return { mean: batches.reduce((a, b) => a + b) / batches.length, best: Math.min(...batches) };
}

/** Milliseconds to decode a picture, in this process, by the decoder that the worker has: the least of 25, once the engine has optimised. */
async function decodingOf(body: Uint8Array<ArrayBuffer>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 75; i++) {
    const start = performance.now();
    await pixelsOf(body);
    if (i >= 50) best = Math.min(best, performance.now() - start);
  }
  return best;
}

const megabytes = (bytes: number, digits = 1): string => `${(bytes / 1e6).toFixed(digits)} MB`;

test('stays within 128 MB, and says what CPU time a request takes', async () => {
  const { memory, build } = await (await fetch(url)).json() as { memory: { totalBytes: number }; build: string };
  assert.ok(memory.totalBytes < 2_500_000, `the net takes ${memory.totalBytes} bytes`);
  await costOf(() => post(picture640)); // until the engine has optimised
  const http = await costOf(async () => (await fetch(url)).text()), rows: string[] = [], bests: number[] = [];
  for (const [width, height, quality] of [[320, 240, 75], [640, 480, 75], [640, 480, 90], [1024, 768, 75]]) {
    const body = await jpegOf(photo(width, height), { quality }), { mean, best } = await costOf(() => post(body));
    const columns = [`${width} x ${height}`.padEnd(12), `${(body.length / 1000).toFixed(0)} kB`.padStart(6), ...[mean - http.mean, best - http.best, await decodingOf(body)].map((ms) => ms.toFixed(1).padStart(6))];
    rows.push(columns.join(' '));
    bests.push(best);
  }
  // The milliseconds are for reading: they depend on what else the machine does. That work follows pixels does not.
  assert.ok(bests[1] < 8 * bests[0], `four times the pixels take ${(bests[1] / bests[0]).toFixed(1)} times the CPU`);
  const held = mostBytes + memory.totalBytes + DECODER_BYTES, upload = modules.reduce((sum, { path: file }) => sum + gzipSync(readFileSync(file)).length, 0);
  console.log([`CPU ms of a request in workerd (${build}), decoding included: mean, best 25 of 200, and how much of it decoding takes in Node; HTTP alone (${http.mean.toFixed(1)}, ${http.best.toFixed(1)}) is taken off. ${cpus()[0].model}`, ...rows,
    `start: ${(least.example - least.nothing).toFixed(0)} ms of CPU more than an empty worker (least of ${STARTS} starts each), ${(least.unread - least.nothing).toFixed(0)} of them for workerd to take in the files, whoever reads them; first request ${firstMs.toFixed(0)} ms`,
    `memory: ${megabytes(held)} at most (JavaScript and buffers, garbage included, ${megabytes(mostBytes)}; net ${megabytes(memory.totalBytes)}; decoder ${megabytes(DECODER_BYTES)}); upload ${megabytes(upload, 2)} gzipped. The whole process, with Miniflare's own workers: ${megabytes(processOf(pid).bytes, 0)}, ${megabytes(emptyBytes, 0)} of them before`].join('\n'));
  assert.ok(held < 128e6, `the isolate holds ${held} bytes`);
  assert.ok(upload < 3_000_000, `the upload has ${upload} bytes gzipped; a free plan takes 3 MB`);
});

test('the command of the README starts it', async () => {
  const port = await freePort(), dev = start('npm', ['run', 'dev', '--', '--port', String(port)], { cwd: folder, env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' } });
  await dev.says(new RegExp(`http://\\S+:${port}`));
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: picture640 });
  assert.equal((await response.json() as { labels: unknown }).labels, net.classify(await pixelsOf(picture640)));
  await stop(dev);
});

test.after(async () => {
  await worker.dispose();
  await stopAll();
});
test.run();
