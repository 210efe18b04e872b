// Checks the quantiser on random networks: int8 answers follow the float32 ones, the same input gives the same bytes,
// equalisation changes no float32 answer, and each refusal says why.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel, type Family } from '../bench/random-model.js';
import { DepthwiseError } from '../src/error.js';
import type { Picture } from '../src/image.js';
import { load, loadGraph } from '../src/load.js';
import { quantise } from '../src/quantise.js';
import { quantiseGraph } from '../src/quantise/quantise.js';
import { choose, minMax } from '../src/quantise/ranges.js';
import { Histogram } from '../src/quantise/observe.js';

const shared = '../shared';

/** Smooth colour fields: photos are smooth too, and noise would make all pictures alike to a network. */
function pictures(count: number, side = 64): Picture[] {
  return Array.from({ length: count }, (_, n) => ({
    width: side, height: side,
    data: Uint8Array.from({ length: side * side * 4 }, (_, i) => {
      const x = (i >> 2) % side, y = Math.floor((i >> 2) / side), channel = i & 3;
      return channel === 3 ? 255 : 127.5 + 127 * Math.sin((x * (n + 2) + y * (channel + 1) * (n % 3)) / 20 + n + channel);
    }),
  }));
}

/** 1 where two answers point the same way. */
function alike(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / Math.sqrt(aa * bb);
}

for (const family of ['v1', 'v2', 'v3-small', 'v3-large'] as Family[]) {
  test(`${family}: int8 embeddings point where the float32 ones do`, async () => {
    const graph = randomModel(family, 'float32', 0.5, 64), seen = pictures(12);
    const { graph: integer } = await quantiseGraph(graph, seen, loadGraph);
    const float = await loadGraph(randomModel(family, 'float32', 0.5, 64)), int8 = await loadGraph(integer);
    for (const picture of seen) assert.ok(alike(float.embed(picture), int8.embed(picture)) > 0.9, `${alike(float.embed(picture), int8.embed(picture))}`);
    assert.is(int8.inputs[0].dtype, 'int8');
  });
}

test('a range is the simplest whose error is nearly the least', () => {
  const narrow = new Histogram(), tailed = new Histogram();
  narrow.add(Float32Array.from({ length: 4000 }, (_, i) => i / 4000));
  for (let k = 0; k < 10; k++) tailed.add(Float32Array.from({ length: 200_000 }, (_, i) => (k + i === 0 ? 100 : Math.sin(i))));
  assert.is(choose(narrow).method, 'min-max');
  assert.ok(choose(tailed).high < 50, 'one value in two million does not set the range');
  assert.is(minMax(tailed).high, 100);
  assert.is(minMax(tailed, { low: -0.5, high: 3 }).low, -0.5);
  assert.is(minMax(tailed, { low: -0.5, high: 3 }).high, 3);
});

const refuses = async (work: Promise<unknown>, code: string, says: RegExp): Promise<void> => {
  const error = await work.then(() => assert.unreachable('was not refused'), (thrown: unknown) => thrown);
  assert.ok(error instanceof DepthwiseError, String(error));
  assert.is((error as DepthwiseError).code, code);
  assert.match((error as DepthwiseError).message, says);
};

test('no pictures, a .dw file and integer models are refused', async () => {
  await refuses(quantiseGraph(randomModel('v2', 'float32', 0.5, 64), [], loadGraph), 'BAD_INPUT', /needs pictures/);
  await refuses(quantise(new Uint8Array(readFileSync('weights/everyday.dw')), pictures(1)), 'BAD_INPUT', /planned and packed already/);
  await refuses(quantiseGraph(randomModel('v2', 'int8', 0.5, 64), pictures(1), loadGraph), 'UNSUPPORTED', /float32/);
});

if (existsSync(shared)) {
  test('the same bytes and pictures give the same weights, whose answers follow the float32 file', async () => {
    const bytes = new Uint8Array(readFileSync(`${shared}/weights/everyday-v3-small.safetensors`));
    const [first, second] = [await quantise(bytes, pictures(16)), await quantise(bytes, pictures(16))];
    assert.equal(first, second);
    const float = await load(bytes), int8 = await load(first.weights);
    assert.equal(int8.labels, float.labels);
    const same = pictures(16).filter((picture) => float.classify(picture, { topK: 1 })[0].index === int8.classify(picture, { topK: 1 })[0].index);
    assert.ok(same.length >= 13, `${same.length} of 16`);
  });
} else console.log('NOT RUN: ../shared is absent, so no trained model was quantised');

test.run();
