// Checks the plan that every build must run rightly before it is trusted: written by hand, it is what the compiler makes of
// the same layers; and a build that computes anything else is refused.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { compile } from '../src/compile/plan.js';
import { Engine } from '../src/engine.js';
import type { Graph, Tensor } from '../src/formats/graph.js';
import { recordsOf } from '../src/plan/plan.js';
import { probeIsRight, probePlan } from '../src/probe.js';
import { testedBuilds } from './builds.js';

const CHANNELS = 9, weights = Array.from({ length: CHANNELS * CHANNELS }, (_, i) => ((i * 37) % 255) - 127);

const constant = (name: string, shape: number[], values: Int8Array | Int32Array | Float32Array): Tensor => ({
  name, shape, dtype: values instanceof Int8Array ? 'int8' : values instanceof Int32Array ? 'int32' : 'float32',
  data: new Uint8Array(values.buffer),
  quantization: values instanceof Int8Array ? { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(0), axis: 0 } : undefined,
});

/** The same two layers as a graph: input zero point 3, output -5, and 1 * 0.5 / 128 = 1 / 256 between their scales. */
function probeGraph(): Graph {
  const quantization = (scale: number, zero: number): Tensor['quantization'] => ({ scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zero), axis: 0 });
  const shape = [1, 2, 2, CHANNELS], filter = [CHANNELS, 1, 1, CHANNELS];
  const conv = { kind: 'conv2d' as const, stride: [1, 1] as [number, number], dilation: [1, 1] as [number, number], padding: 'valid' as const, activation: 'none' as const };
  return {
    tensors: [
      { name: 'x', shape, dtype: 'int8', quantization: quantization(1, 3) },
      constant('w', filter, Int8Array.from(weights)),
      constant('b', [CHANNELS], Int32Array.from({ length: CHANNELS }, (_, i) => i * 100 - 400)),
      { name: 'y', shape, dtype: 'int8', quantization: quantization(128, -5) },
      { name: 'fx', shape, dtype: 'float32' },
      constant('fw', filter, Float32Array.from(weights)),
      constant('fb', [CHANNELS], Float32Array.from({ length: CHANNELS }, () => 0)),
      { name: 'fy', shape, dtype: 'float32' },
    ],
    operators: [
      { attributes: conv, inputs: [0, 1, 2], outputs: [3], where: 'probe int8' },
      { attributes: conv, inputs: [4, 5, 6], outputs: [7], where: 'probe float32' },
    ],
    inputs: [0, 4], outputs: [3, 7], about: {},
  };
}

test('the plan by hand has the weights and the words that the compiler gives the same layers', () => {
  const { OP, DTYPE, WEIGHTS, WEIGHTS_BYTES, WEIGHTS_ZERO, PARAMS, C, OC, ACTIVATION, MIN, MAX, ROUNDING, ZERO_OUT, ZERO_IN, COUNT } = abi;
  const read = [OP, DTYPE, WEIGHTS, WEIGHTS_BYTES, WEIGHTS_ZERO, PARAMS, C, OC, ACTIVATION, MIN, MAX, ROUNDING, ZERO_OUT, ZERO_IN, COUNT]; // by a pointwise step, addresses in the arena apart
  const byHand = probePlan(), compiled = compile(probeGraph());
  assert.equal(byHand.weights, compiled.weights);
  assert.equal(recordsOf(byHand.steps).map((words) => read.map((word) => words[word])), recordsOf(compiled.steps).map((words) => read.map((word) => words[word])));
});

for (const build of await testedBuilds()) {
  test(`${build}: is right, and one wrong weight of either type is noticed`, () => {
    const module = new WebAssembly.Module(readFileSync(`dist/wasm/${build}.wasm`)), plan = probePlan();
    assert.ok(probeIsRight(new Engine(plan, build, module)));
    for (const at of [0, recordsOf(plan.steps)[1][abi.WEIGHTS] + 2]) { // int8; the upper half of a float32
      const weights = plan.weights.slice();
      weights[at] ^= 64;
      assert.not(probeIsRight(new Engine({ ...plan, weights }, build, module)), `byte ${at}`);
    }
  });
}

test.run();
