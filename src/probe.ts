// Knows one tiny model and its exact answer, which a build must give before it is trusted: some engines accept
// instructions that they compute wrongly (Node 20 with relaxed SIMD switched on by hand).
import { compile } from './compile/plan.js';
import type { Plan } from './compile/plan.js';
import type { Engine } from './engine.js';
import type { Graph, Tensor } from './formats/graph.js';

const CHANNELS = 9; // one whole panel and a tail

const constant = (name: string, shape: number[], values: Int8Array | Int32Array | Float32Array): Tensor => ({
  name, shape, dtype: values instanceof Int8Array ? 'int8' : values instanceof Int32Array ? 'int32' : 'float32',
  data: new Uint8Array(values.buffer),
  quantization: values instanceof Int8Array ? { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(0), axis: 0 } : undefined,
});

/** Four pixels of nine channels through a 1x1 convolution of each type; all sums are small integers. */
function probeGraph(): Graph {
  const weights = Array.from({ length: CHANNELS * CHANNELS }, (_, i) => weight(i));
  const quantization = (zero: number): Tensor['quantization'] => ({ scale: Float32Array.of(1), zeroPoint: Int32Array.of(zero), axis: 0 });
  const shape = [1, 2, 2, CHANNELS], filter = [CHANNELS, 1, 1, CHANNELS];
  const conv = { kind: 'conv2d' as const, stride: [1, 1] as [number, number], dilation: [1, 1] as [number, number], padding: 'valid' as const, activation: 'none' as const };
  return {
    tensors: [
      { name: 'x', shape, dtype: 'int8', quantization: quantization(3) },
      constant('w', filter, Int8Array.from(weights)),
      constant('b', [CHANNELS], Int32Array.from({ length: CHANNELS }, (_, i) => i * 100 - 400)),
      { name: 'y', shape, dtype: 'int8', quantization: { scale: Float32Array.of(128), zeroPoint: Int32Array.of(-5), axis: 0 } },
      { name: 'fx', shape, dtype: 'float32' },
      constant('fw', filter, Float32Array.from(weights)),
      { name: 'fy', shape, dtype: 'float32' },
    ],
    operators: [
      { attributes: conv, inputs: [0, 1, 2], outputs: [3], where: 'probe int8' },
      { attributes: conv, inputs: [4, 5, -1], outputs: [6], where: 'probe float32' },
    ],
    inputs: [0, 4], outputs: [3, 6], about: {},
  };
}

let plan: Plan | undefined;
export const probePlan = (): Plan => (plan ??= compile(probeGraph()));

const pixel = (i: number): number => ((i * 29) % 251) - 125;
const weight = (i: number): number => ((i * 37) % 255) - 127;

export function probeIsRight(engine: Engine): boolean {
  const { info } = probePlan();
  const at = (i: number): Uint8Array => engine.bytes(info.tensors[i].offset, info.tensors[i].bytes);
  const [x, fx, y, fy] = [info.inputs[0], info.inputs[1], info.outputs[0], info.outputs[1]].map(at);
  const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let i = 0; i < x.length; i++) x[i] = floatsOf(fx)[i] = pixel(i);
  engine.run(0, 2);
  for (let i = 0; i < y.length; i++) {
    const p = Math.floor(i / CHANNELS), channel = i % CHANNELS;
    let sum = 0, shifted = channel * 100 - 400;
    for (let k = 0; k < CHANNELS; k++) {
      const w = weight(channel * CHANNELS + k), value = pixel(p * CHANNELS + k);
      sum += w * value;
      shifted += w * (value - 3);
    }
    const quantised = Math.sign(shifted) * Math.floor(Math.abs(shifted) / 256 + 0.5) - 5;
    if (floatsOf(fy)[i] !== sum || (y[i] << 24) >> 24 !== Math.min(127, Math.max(-128, quantised))) return false;
  }
  return true;
}
