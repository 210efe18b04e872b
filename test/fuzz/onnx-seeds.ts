// Knows small .onnx files, one for each way in which operators come into a network, for fuzzing to begin with.
import { floats, ints, onnx } from '../onnx-writer.js';
import type { Attribute, Model, NodeOf, Values } from '../onnx-writer.js';

const node = (op: string, inputs: string[], attributes: Record<string, Attribute> = {}, outputs = ['y']): NodeOf => ({ op, inputs, outputs, name: op, attributes });
const some = (...shape: number[]): Values => floats(shape, Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 37) % 19) / 10 - 0.9));
const byte = (type: 'int8' | 'uint8', shape: number[], value?: number): Values => ({ shape, type, values: Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => value ?? (i * 29) % 100) });

const WEIGHTS = { w: some(4, 3, 3, 3), b: some(4), dw: some(3, 1, 3, 3), one: floats([], [1]), six: floats([], [6]), zero: floats([], [0]), three: floats([], [3]) };
const NORM = { g: some(3), be: some(3), m: some(3), v: floats([3], [1, 2, 0.5]) };
const QUANT = { s: floats([], [0.02]), z: byte('uint8', [], 128), ws: floats([4], [0.01, 0.02, 0.03, 0.01]), wz: byte('int8', [4], 0), wq: byte('int8', [4, 3, 1, 1]), bq: { shape: [4], type: 'int32', values: [1, 2, 3, 4] } as Values, bs: floats([4], [2e-4, 4e-4, 6e-4, 2e-4]) };

const MODELS: Record<string, Model> = {
  conv: { nodes: [node('Conv', ['x', 'w', 'b'], { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], kernel_shape: [3, 3], group: 1 })], constants: WEIGHTS, input: { shape: [1, 3, 6, 5] } },
  same: { nodes: [node('Conv', ['x', 'w'], { auto_pad: 'SAME_UPPER', strides: [2, 2] }, ['c']), node('Clip', ['c', 'zero', 'six'])], constants: WEIGHTS, input: { shape: [1, 3, 6, 5] } },
  depthwise: { nodes: [node('Conv', ['x', 'dw'], { group: 3, dilations: [2, 2], pads: [2, 2, 2, 2] }, ['c']), node('Relu', ['c'])], constants: WEIGHTS, input: { shape: [1, 3, 6, 5] } },
  grouped: { nodes: [node('Conv', ['x', 'gw'], { group: 2 })], constants: { gw: some(4, 2, 1, 1) }, input: { shape: [1, 4, 3, 3] } },
  norm: { nodes: [node('Conv', ['x', 'pw'], {}, ['c']), node('BatchNormalization', ['c', 'g', 'be', 'm', 'v'], { epsilon: { float: 1e-3 } })], constants: { pw: some(3, 3, 1, 1), ...NORM } },
  normAlone: { nodes: [node('BatchNormalization', ['x', 'g', 'be', 'm', 'v'])], constants: NORM },
  swish: { nodes: [node('Add', ['x', 'three'], {}, ['a']), node('Clip', ['a', 'zero', 'six'], {}, ['c']), node('Mul', ['x', 'c'], {}, ['d']), node('Div', ['d', 'six'])], constants: WEIGHTS },
  sigmoids: { nodes: [node('HardSigmoid', ['x'], { alpha: { float: 1 / 6 } }, ['h']), node('Mul', ['x', 'h'], {}, ['m']), node('HardSwish', ['m'], {}, ['n']), node('Sigmoid', ['n'])] },
  clipOld: { nodes: [node('Clip', ['x'], { min: { float: -1 }, max: { float: 3.5 } })], opset: 9 },
  padOld: { nodes: [node('Pad', ['x'], { pads: [0, 0, 1, 1, 0, 0, 0, 2] })], opset: 9 },
  pad: { nodes: [node('Pad', ['x', 'p', '', 'ax'], {}, ['q']), node('Conv', ['q', 'w'])], constants: { ...WEIGHTS, p: ints([1, 2, 0, 1]), ax: ints([-2, -1]) }, opset: 18 },
  head: { nodes: [node('GlobalAveragePool', ['x'], {}, ['g']), node('Flatten', ['g'], { axis: 1 }, ['f']), node('Gemm', ['f', 'fw', 'fb'], { transB: 1 }, ['o']), node('Softmax', ['o'], { axis: -1 })], constants: { fw: some(5, 3), fb: some(5) } },
  mean: { nodes: [node('ReduceMean', ['x'], { axes: [2, 3], keepdims: 0 }, ['m']), node('MatMul', ['m', 'mw'], {}, ['n']), node('Add', ['n', 'ab'])], constants: { mw: some(3, 5), ab: some(5) } },
  mean18: { nodes: [node('ReduceMean', ['x', 'axes'], { keepdims: 1 })], constants: { axes: ints([2, 3]) }, opset: 18 },
  pool: { nodes: [node('AveragePool', ['x'], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1], count_include_pad: 1 })] },
  shape: {
    nodes: [node('Shape', ['x'], {}, ['s']), node('Gather', ['s', 'i'], { axis: 0 }, ['n']), node('Unsqueeze', ['n', 'zeros'], {}, ['u']), node('Concat', ['u', 'rest'], { axis: 0 }, ['t']), node('Reshape', ['x', 't'])],
    constants: { i: ints([0], []), zeros: ints([0]), rest: ints([-1]) },
  },
  slices: { nodes: [node('Shape', ['x'], {}, ['s']), node('Slice', ['s', 'a', 'c'], {}, ['t']), node('Cast', ['t'], { to: 1 }, ['f']), node('Cast', ['f'], { to: 7 }, ['g']), node('Mul', ['g', 'k'], {}, ['h']), node('Div', ['h', 'k'], {}, ['e']), node('Concat', ['e', 'm1'], { axis: 0 }, ['r']), node('Reshape', ['x', 'r'])], constants: { a: ints([0]), c: ints([2]), k: ints([2]), m1: ints([-1]) } },
  transpose: { nodes: [node('Transpose', ['x'], { perm: [0, 2, 3, 1] }, ['t']), node('Relu', ['t'], {}, ['r']), node('Transpose', ['r'], { perm: [0, 3, 1, 2] })] },
  concat: { nodes: [node('Relu', ['x'], {}, ['a']), node('Concat', ['x', 'a'], { axis: 1 })] },
  residual: { nodes: [node('Conv', ['x', 'pw'], {}, ['a']), node('Add', ['a', 'x'], {}, ['b']), node('Sub', ['b', 'x'])], constants: { pw: some(3, 3, 1, 1) } },
  squeeze: { nodes: [node('GlobalAveragePool', ['x'], {}, ['g']), node('Squeeze', ['g', 'ax'])], constants: { ax: ints([2, 3]) } },
  squeezeOld: { nodes: [node('GlobalAveragePool', ['x'], {}, ['g']), node('Squeeze', ['g'], { axes: [2, 3] }, ['s']), node('Unsqueeze', ['s'], { axes: [2, 3] }, ['u']), node('Mul', ['x', 'u'])], opset: 11 },
  constants: { nodes: [node('Constant', [], { value_floats: { floats: [1, 2, 3] } }, ['k']), node('Constant', [], { value: ints([1, 3, 1, 1]) }, ['s']), node('Reshape', ['k', 's'], {}, ['r']), node('Mul', ['x', 'r'], {}, ['m']), node('Identity', ['m'], {}, ['i']), node('Dropout', ['i'])] },
  quantised: {
    nodes: [
      node('QuantizeLinear', ['x', 's', 'z'], {}, ['q']), node('DequantizeLinear', ['q', 's', 'z'], {}, ['d']), node('DequantizeLinear', ['wq', 'ws', 'wz'], { axis: 0 }, ['w2']), node('DequantizeLinear', ['bq', 'bs'], { axis: 0 }, ['b2']),
      node('Conv', ['d', 'w2', 'b2'], {}, ['c']), node('Relu', ['c'], {}, ['r']), node('QuantizeLinear', ['r', 's', 'z'], {}, ['q2']), node('DequantizeLinear', ['q2', 's', 'z'])],
    constants: QUANT,
  },
  quantisedAdd: {
    nodes: [
      node('QuantizeLinear', ['x', 's', 'z'], {}, ['q']), node('DequantizeLinear', ['q', 's', 'z'], {}, ['d']), node('Add', ['d', 'd'], {}, ['a']), node('QuantizeLinear', ['a', 's', 'z'], {}, ['q2']), node('DequantizeLinear', ['q2', 's', 'z'], {}, ['d2']),
      node('GlobalAveragePool', ['d2'], {}, ['g']), node('QuantizeLinear', ['g', 's', 'z'], {}, ['q3']), node('DequantizeLinear', ['q3', 's', 'z'], {}, ['d3']), node('Mul', ['d2', 'd3'], {}, ['m']), node('QuantizeLinear', ['m', 's', 'z'], {}, ['q4']), node('DequantizeLinear', ['q4', 's', 'z'])],
    constants: QUANT,
  },
  open: { nodes: [node('Relu', ['x'])], input: { shape: ['n', 3, 4, 'w'] } },
  typed: { nodes: [node('Conv', ['x', 'w', 'b'])], constants: { w: { ...WEIGHTS.w, typed: true }, b: { shape: [4], type: 'float16', values: [0, 15360, 16384, 48640] } } },
};

export const onnxSeeds = (): string[] => Object.keys(MODELS);
export const onnxSeed = (name: string): Uint8Array => onnx(MODELS[name]);
