// Checks that an answer depends on weights and input alone: not on what memory held, which other nets there are, nor from
// where a net is asked. How often, and on how warm an engine, test/soak.test.ts asks.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { savePlan } from '../src/convert.js';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError, load } from '../src/index.js';
import type { Net } from '../src/net.js';
import everyday from '../src/weights/everyday.js';
import { testedBuilds } from './builds.js';
import { photo } from './photos.js';
import { quantisedModel, withoutSoftmax } from './quantised-model.js';
import { bytesOf, inputOf } from './seeded-inputs.js';

const FAMILIES = ['v1', 'v2', 'v3-small', 'v3-large'] as const;
const builds = await testedBuilds();
const graphs = new Map(await Promise.all(FAMILIES.map(async (family) => [family, {
  float32: withoutSoftmax(randomModel(family, 'float32', 0.35, 64, 20)), int8: await quantisedModel(family, 0.35, 64, 20),
}] as const)));
const file = (family: typeof FAMILIES[number], dtype: 'float32' | 'int8', plan: 'fast' | 'small' | 'layers'): Promise<Uint8Array> =>
  savePlan(compile(graphs.get(family)![dtype], { plan }));

const answerOf = (net: Net, input: Uint8Array): Uint8Array => bytesOf(net.run(input));

/** Arena, scratch and what lies behind them, written over; the arena begins where an output says. */
function poison(net: Net, value: number): void {
  const [{ data }] = net.run(inputOf(net, 1)), place = net.tensors.find(({ name }) => name === net.outputs[0].name)!.offset;
  const start = data.byteOffset - place;
  assert.ok(start > 1024 && start + net.memory.arenaBytes <= data.buffer.byteLength);
  new Uint8Array(data.buffer, start).fill(value);
}

for (const build of builds) {
  test(`${build}: whatever memory held before, the answer is the same`, async () => {
    for (const family of FAMILIES) {
      for (const dtype of ['float32', 'int8'] as const) {
        for (const plan of ['fast', 'small', 'layers'] as const) {
          const net = await load(await file(family, dtype, plan), { build }), input = inputOf(net, 3), answer = answerOf(net, input);
          for (const value of [0, 0x7f, 0xff, 0xa5]) { // 0xff is NaN in float32, and -1 as an offset
            poison(net, value);
            assert.equal(answerOf(net, input), answer, `${family} ${dtype} ${plan} over ${value}`);
          }
        }
      }
    }
  });
}

test('nets that run by turns answer as each does alone, and write over none of the others', async () => {
  const files = await Promise.all(FAMILIES.flatMap((family) => [file(family, 'int8', 'fast'), file(family, 'float32', 'small')]));
  const alone = async (bytes: Uint8Array, seed: number): Promise<Uint8Array> => {
    const net = await load(bytes), answer = answerOf(net, inputOf(net, seed));
    net.dispose();
    return answer;
  };
  const expected = await Promise.all(files.map((bytes, i) => alone(bytes, i + 1)));
  const nets = await Promise.all(files.map((bytes) => load(bytes)));
  for (let round = 0; round < 20; round++) nets.forEach((net, i) => assert.equal(answerOf(net, inputOf(net, i + 1)), expected[i]));
  const kept = nets.map((net, i) => net.run(inputOf(net, i + 1))[0].data); // views: each must outlast the runs of the others
  nets.forEach((_, i) => assert.equal(new Uint8Array(kept[i].buffer, kept[i].byteOffset, kept[i].byteLength), expected[i]));
});

test('200 nets at once, each with its own answer', async () => {
  const bytes = await file('v3-small', 'int8', 'fast'), nets = await Promise.all(Array.from({ length: 200 }, () => load(bytes)));
  const expected = nets.map((net, i) => answerOf(net, inputOf(net, i + 1)));
  assert.ok(new Set(expected.map(String)).size > 50, 'different inputs give different answers');
  const [first] = nets;
  nets.forEach((_, i) => assert.equal(answerOf(first, inputOf(first, i + 1)), expected[i]));
  nets.forEach((net) => net.dispose());
});

test('two flows that ask one net get each its own answers, pictures included', async () => {
  const net = await load(everyday), pictures = [photo(64, 48, 1), photo(90, 120, 2)], expected = pictures.map((picture) => net.classify(picture));
  assert.not.equal(expected[0], expected[1]);
  await Promise.all(pictures.map(async (picture, i) => {
    for (let turn = 0; turn < 50; turn++) {
      assert.equal(net.classify(picture), expected[i]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }));
});

test('a net that is disposed of between two questions says so to both flows, and others go on', async () => {
  const [gone, other] = await Promise.all([load(everyday), load(everyday)]), picture = photo(64, 48, 1), expected = other.classify(picture);
  const flow = async (): Promise<unknown> => {
    for (;;) {
      try {
        gone.classify(picture);
      } catch (error) {
        return error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const flows = [flow(), flow()];
  setImmediate(() => setImmediate(() => gone.dispose()));
  for (const error of await Promise.all(flows)) assert.ok(error instanceof DepthwiseError && error.code === 'DISPOSED');
  assert.equal(other.classify(picture), expected);
});

test.run();
