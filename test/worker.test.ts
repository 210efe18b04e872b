// Knows that depthwise/worker, from dist/ in a thread of Node, answers as a net on the spot does, waits, cancels and fails
// as it should.
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../src/compile/plan.js';
import { load } from '../src/load.js';
import { savePlan } from '../src/convert.js';
import { colourNet } from './segment-net.js';
import type * as Remote from '../src/worker.js';
import { mapsOf, person, posenetGraph } from './people.js';

const remote: typeof Remote = await import(pathToFileURL('dist/worker.js').href);
const weights = await readFile('weights/everyday.dw');
const picture = { data: new Uint8ClampedArray(300 * 200 * 4).map((_, i) => (i * 7) & 255), width: 300, height: 200 };
const input = Uint8Array.from({ length: 128 * 128 * 3 }, (_, i) => (i * 37) & 255);
const here = await load(weights), there = await remote.load(weights);

const fails = async (work: Promise<unknown>, code: string, words: RegExp): Promise<void> => {
  const error = await work.then(() => undefined, (cause) => cause);
  assert.instance(error, remote.DepthwiseError);
  assert.is(error.code, code, error.message);
  assert.match(error.message, words);
};

test('it says the same of itself and of a picture', async () => {
  assert.equal(await there.classify(picture, { topK: 3 }), here.classify(picture, { topK: 3 }));
  assert.equal(await there.embed(picture), here.embed(picture));
  assert.equal(await there.features(picture), here.features(picture));
  const names = [here.steps[9].name, here.steps[2].name, here.steps[9].name];
  assert.equal(await there.features(picture, names, {}), here.features(picture, names));
  await fails(there.features(picture, ['nowhere']), 'NOT_FOUND', /No tensor is called "nowhere"/);
  for (const part of ['build', 'inputs', 'outputs', 'labels', 'memory', 'steps', 'preprocessing', 'threads'] as const) assert.equal(there[part], here[part], part);
  assert.ok(weights.length && picture.data.length, 'weights and pixels stay with the caller');
});

test('a mask comes whole, however often', async () => {
  const bytes = await savePlan(compile(colourNet())), [one, other] = [await load(bytes), await remote.load(bytes)];
  for (let i = 0; i < 2; i++) assert.equal(await other.segment(picture, { confidence: true }), one.segment(picture, { confidence: true }));
  assert.is((await other.segment(picture)).mask.length, 300 * 200);
  other.dispose();
});

test('people and their joints, and a video of them that is followed', async () => {
  const bytes = await savePlan(compile(posenetGraph(mapsOf([person(80, 30)], 257, 257, 8), 257, 257)));
  const near = await load(bytes), far = await remote.load(bytes), poses = near.pose(picture);
  assert.is(poses.length, 1);
  assert.equal(await far.pose(picture), poses);
  assert.equal(await far.pose(picture, { scoreThreshold: 1, previous: poses }), []);
  await fails(there.pose(picture), 'UNSUPPORTED', /finds no keypoints/);
  const seen: unknown[] = [];
  for await (const { results, dropped } of far.watchPoses(new ReadableStream({ start: (video) => { video.enqueue(frame(picture)); video.close(); } }))) seen.push(results, dropped);
  assert.equal(seen, [poses, 0]);
  far.dispose();
});

/** What a stream of a camera gives, as far as Node can have it: pixels with a time and an end. */
const frame = (pixels: typeof picture): VideoFrame => ({ ...pixels, data: pixels.data.slice(), timestamp: 0, close() {} }) as unknown as VideoFrame;

test('raw tensors, layers and profiles', async () => {
  const [output] = here.run(input), name = here.steps[3].name;
  assert.equal(await there.run(input), [{ ...output, data: output.data.slice() }]);
  assert.equal(await there.layer(name), here.layer(name));
  assert.equal(await there.layer(name, input, {}), here.layer(name, input));
  assert.equal((await there.profile()).map(({ op }) => op), here.profile().map(({ op }) => op));
});

test('many calls at once keep their order and their answers', async () => {
  const pictures = Array.from({ length: 5 }, (_, i) => ({ ...picture, data: picture.data.map((value) => (value * (i + 1)) & 255) })), done: number[] = [];
  const answers = await Promise.all(pictures.map((one, i) => there.classify(one).finally(() => done.push(i))));
  assert.equal(answers, pictures.map((one) => here.classify(one)));
  assert.equal(done, [0, 1, 2, 3, 4]);
});

test('pixels that change after the call, and those given away', async () => {
  const own = { ...picture, data: picture.data.slice() }, answer = there.classify(own);
  own.data.fill(0);
  assert.equal(await answer, here.classify(picture));
  const given = { ...picture, data: picture.data.slice() };
  assert.equal(await there.classify(given, { transfer: true }), here.classify(picture));
  assert.is(given.data.length, 0);
});

test('pictures with more than maxImagePixels are refused before they are copied or given away', async () => {
  const net = await remote.load(weights, { maxImagePixels: 300 * 199 }), own = { ...picture, data: picture.data.slice() };
  await fails(net.classify(own, { transfer: true }), 'BAD_IMAGE', /300 x 200 pixels, more than the 59700 of maxImagePixels/);
  assert.is(own.data.length, 300 * 200 * 4, 'still with the caller');
  assert.is((await net.classify({ ...own, data: own.data.subarray(300 * 4), height: 199 })).length, 5);
  net.dispose();
});

test('a waiting call can be cancelled, alone', async () => {
  const stop = new AbortController(), calls = [there.classify(picture), there.classify(picture, { signal: stop.signal }), there.embed(picture)];
  stop.abort();
  await fails(calls[1], 'ABORTED', /classify was cancelled/);
  assert.equal(await calls[0], here.classify(picture));
  assert.equal(await calls[2], here.embed(picture));
  await fails(there.run(input, { signal: AbortSignal.abort() }), 'ABORTED', /run was cancelled/);
});

test('loading can be cancelled, and tells how far it is', async () => {
  await fails(remote.load(weights, { signal: AbortSignal.abort() }), 'ABORTED', /cancelled/);
  const told: number[] = [];
  const net = await remote.load(new Response(weights), { onProgress: (done) => told.push(done), integrity: await integrityOf(weights) });
  assert.is(told.at(-1), weights.length);
  net.dispose();
});

const integrityOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => `sha256-${Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('base64')}`;

test('errors come back with their codes', async () => {
  await fails(there.run(new Int8Array(3)), 'BAD_INPUT', /49152 bytes; 3 were given/);
  await fails(there.layer('nowhere'), 'NOT_FOUND', /No tensor is called "nowhere"/);
  await fails(there.classify({ data: new Uint8Array(7), width: 2, height: 2 }), 'BAD_IMAGE', /7 were given/);
  await fails(there.classify(new Blob(['x'])), 'UNSUPPORTED', /decodes no picture files/);
  await fails(there.classify(picture, { topK: 0 }), 'BAD_INPUT', /topK/);
  await fails(there.classify((() => 0) as never), 'BAD_IMAGE', /A picture is/);
  await fails(remote.load(weights, { labels: (() => []) as never }), 'BAD_INPUT', /cannot be handed what load was given/);
  await fails(remote.load(new Uint8Array(20)), 'BAD_FILE', /20 bytes/);
  await fails(remote.load(weights, { integrity: `sha256-${'A'.repeat(43)}=` }), 'BAD_FILE', /damaged/);
  assert.equal(await there.classify(picture), here.classify(picture), 'it goes on after all that');
});

test('what waits is told when the net is disposed of', async () => {
  const net = await remote.load(weights), calls = [net.classify(picture), net.classify(picture)];
  net.dispose();
  net.dispose();
  for (const call of calls) await fails(call, 'DISPOSED', /disposed/);
  await fails(net.classify(picture), 'DISPOSED', /disposed/);
});

test('a worker that dies is reported to all that wait, and to those who come', async () => {
  const real = process.getBuiltinModule, started: { terminate(): Promise<number> }[] = [];
  process.getBuiltinModule = ((name: string) => {
    const found = real.call(process, name) as { Worker: new (...args: never[]) => { terminate(): Promise<number> } };
    if (name !== 'node:worker_threads') return found;
    return { ...found, Worker: class extends found.Worker { constructor(...args: never[]) { super(...args); started.push(this); } } };
  }) as typeof real;
  const net = await remote.load(weights);
  process.getBuiltinModule = real;
  const calls = [net.classify(picture), net.classify(picture)];
  await Promise.all([fails(calls[0], 'WORKER_LOST', /died/), fails(calls[1], 'WORKER_LOST', /died/), started[0].terminate()]);
  await fails(net.classify(picture), 'WORKER_LOST', /died/);
});

test.after(() => there.dispose());
test.run();
