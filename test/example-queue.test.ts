// Drives examples/queue the way its README says, on a real Redis: two workers, one killed in the middle of its work; a producer that
// is stopped and goes on. Nothing may be lost, nothing may come out twice.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/index.js';
import everyday from '../src/weights/everyday.js';
import { freePort, pause, preparedExample, start, stop, stopAll } from './example-programs.js';
import type { Program } from './example-programs.js';
import { jpegOf, photo, pixelsOf, pngOf } from './photos.js';

const test = suite('queue');
const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) console.log('NOT RUN: examples/queue needs a Redis server, and this machine has none. To run it: apt-get install -y redis-server && npm test -- example-queue');
const redisTest = hasRedis ? test : test.skip;

const COUNT = 48;
const scratch = mkdtempSync(path.join(tmpdir(), 'depthwise-queue-')), pictures = path.join(scratch, 'pictures');
const contents = new Map<string, Uint8Array<ArrayBuffer>>();
let folder = '', env: NodeJS.ProcessEnv = {};

test.before(async () => {
  if (!hasRedis) return;
  folder = preparedExample('queue');
  mkdirSync(path.join(pictures, 'more'), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const name = i % 4 ? `photo ${i}.jpg` : `more/${i}.png`;
    contents.set(name, i % 4 ? await jpegOf(photo(1024, 768, i)) : await pngOf(photo(200, 150, i)));
    writeFileSync(path.join(pictures, name), contents.get(name)!);
  }
  const port = await freePort();
  const redis = start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scratch]);
  await redis.says(/Ready to accept connections/);
  env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` };
});

test.after(async () => {
  await stopAll();
  rmSync(scratch, { recursive: true, force: true });
});

const run = (script: string, ...args: string[]): Program => start('node', [`src/${script}.js`, ...args], { cwd: folder, env });
const embed = (out: string): Program => run('embed', pictures, out);
async function workers(count: number): Promise<Program[]> {
  const all = Array.from({ length: count }, () => run('worker'));
  await Promise.all(all.map((worker) => worker.says(/waits for pictures/)));
  return all;
}
/** Lines that are on the disk. */
const written = (out: string): number => (existsSync(`${out}.part`) ? readFileSync(`${out}.part`, 'latin1').split('\n').length - 1 : 0);
async function untilWritten(out: string, count: number, producer: Program): Promise<void> {
  while (written(out) < count && producer.child.exitCode === null) await pause(2);
}

async function checkOutput(file: string): Promise<void> {
  const rows = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { id: string; name: string; vector: number[] });
  assert.equal(rows.map(({ name }) => name).sort(), [...contents.keys()].sort(), 'each picture once');
  assert.is(new Set(rows.map(({ id }) => id)).size, COUNT);
  const net = await load(everyday);
  for (const { name, vector } of rows) assert.equal(vector, [...net.embed(await pixelsOf(contents.get(name)!), { l2Normalize: true })], name);
  assert.not.ok(existsSync(`${file}.part`));
}

redisTest('two workers, one killed half-way: every picture comes out once', async () => {
  const out = path.join(scratch, 'killed.jsonl'), [survivor, victim] = await workers(2), producer = embed(out);
  await untilWritten(out, COUNT / 4, producer);
  victim.child.kill('SIGKILL');
  assert.is(await victim.ended, 'SIGKILL');
  const before = written(out);
  assert.ok(before >= COUNT / 4, producer.said());
  assert.ok(before < COUNT, 'killed too late to show anything');
  assert.is(await producer.ended, 0, producer.said());
  assert.match(producer.said(), /taken over from a lost worker/);
  await checkOutput(out);
  survivor.child.kill('SIGTERM');
  assert.is(await survivor.ended, 0, survivor.said());
  console.log(`queue: worker killed at ${before} of ${COUNT} pictures; ${/, (\d+) taken over/.exec(producer.said())?.[1]} taken over by the other; ${COUNT} vectors, each once`);
});

redisTest('a producer that is stopped, or killed while it writes, goes on where it was', async () => {
  const out = path.join(scratch, 'stopped.jsonl'), [worker] = await workers(1);
  for (const [signal, end] of [['SIGINT', 0], ['SIGKILL', 'SIGKILL']] as const) {
    const producer = embed(out);
    await untilWritten(out, written(out) + 4, producer);
    producer.child.kill(signal);
    assert.is(await producer.ended, end);
    assert.not.ok(existsSync(out), 'an output that is not whole has another name');
  }
  writeFileSync(`${out}.part`, '{"id":"half a li', { flag: 'a' });
  const last = embed(out);
  assert.is(await last.ended, 0, last.said());
  await checkOutput(out);
  const again = embed(out);
  assert.is(await again.ended, 2, 'an output is not written over');
  worker.child.kill('SIGINT');
  assert.is(await worker.ended, 0);
});

redisTest('a picture that cannot be read is named, and the others come out', async () => {
  writeFileSync(path.join(pictures, 'broken.jpg'), 'no picture');
  const out = path.join(scratch, 'broken.jsonl'), [worker] = await workers(1), producer = embed(out);
  assert.is(await producer.ended, 1);
  assert.match(producer.said(), /broken\.jpg: These 10 bytes are no picture/);
  rmSync(path.join(pictures, 'broken.jpg'));
  await checkOutput(out);
  await stop(worker);
});

redisTest('without a Redis, says how to get one', async () => {
  const lone = start('node', ['src/worker.js'], { cwd: folder, env: { ...env, REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });
  assert.is(await lone.ended, 1);
  assert.match(lone.said(), /apt-get install -y redis-server/);
});

test.run();
