// Checks .onnx files: six real ones against onnxruntime, single operators against naive loops in NCHW, and that broken
// files end in an error of ours.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError } from '../src/error.js';
import { readOnnx } from '../src/formats/onnx.js';
import { convert, load } from '../src/index.js';
import type { LoadOptions } from '../src/load.js';
import { testedBuilds } from './builds.js';
import { bytes, floats, int, ints, onnx } from './onnx-writer.js';
import type { Model, NodeOf, Values } from './onnx-writer.js';

const shared = path.resolve('../shared/fixtures/onnx');
const fixture = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(path.join(shared, name)));
const asFloats = (file: string): Float32Array => new Float32Array(fixture(file).buffer);

interface Fixture { model: string; cases: { input: string; output: string }[] }

function real(build: LoadOptions['build'], { model, cases }: Fixture): void {
  test(`${build}: ${model}`, async () => {
    const net = await load(fixture(model), { build }), integer = model.includes('qdq');
    const kinds = net.info.steps.map(({ kind }) => kind), scale = net.info.tensors.findLast((tensor) => tensor.scale !== undefined)?.scale;
    if (integer) assert.is(kinds.filter((kind) => kind === 'dequantize').length, 1, 'only the output is dequantised');
    for (const { input, output } of cases) {
      const want = asFloats(output), [{ data }] = net.run(asFloats(input)), size = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const error = want.reduce((most, v, i) => Math.max(most, Math.abs(v - data[i])), 0);
      assert.is(data.length, want.length);
      assert.ok(integer ? error < scale! * 1.01 : error / size < 1e-4, `${input}: ${integer ? `${error / scale!} steps` : `relative error ${error / size}`}`);
    }
    net.dispose();
  });
}

// ---- naive references, NCHW

interface Map4 { shape: number[]; data: number[] }
interface Conv { stride?: number; pads?: number[]; group?: number; dilation?: number }

let seed = 1;
const random = (): number => ((seed = (seed * 48271) % 2147483647) / 2147483647) * 2 - 1;
const filled = (shape: number[], of = random): Map4 => ({ shape, data: Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => Math.fround(of())) });
const constant = ({ shape, data }: Map4): Values => floats(shape, data);

function convolve(x: Map4, w: Map4, bias: number[], { stride = 1, pads: [top, left, bottom, right] = [0, 0, 0, 0], group = 1, dilation = 1 }: Conv): Map4 {
  const [, ic, h, width] = x.shape, [oc, each, kh, kw] = w.shape;
  const oh = Math.floor((h + top + bottom - (kh - 1) * dilation - 1) / stride) + 1, ow = Math.floor((width + left + right - (kw - 1) * dilation - 1) / stride) + 1;
  const data: number[] = [];
  for (let o = 0; o < oc; o++) for (let oy = 0; oy < oh; oy++) for (let ox = 0; ox < ow; ox++) {
    let sum = bias[o] ?? 0;
    for (let c = 0; c < each; c++) for (let ky = 0; ky < kh; ky++) for (let kx = 0; kx < kw; kx++) {
      const y = oy * stride - top + ky * dilation, at = ox * stride - left + kx * dilation, from = Math.floor(o / (oc / group)) * (ic / group) + c;
      if (y >= 0 && y < h && at >= 0 && at < width) sum += x.data[(from * h + y) * width + at] * w.data[((o * each + c) * kh + ky) * kw + kx];
    }
    data.push(sum);
  }
  return { shape: [1, oc, oh, ow], data };
}

const each = ({ shape, data }: Map4, of: (v: number, c: number) => number): Map4 => ({ shape, data: data.map((v, i) => of(v, Math.floor(i / (shape[2] * shape[3])) % shape[1])) });
const clip = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));

function toNhwc({ shape: [, c, h, w], data }: Map4): Float32Array {
  return Float32Array.from({ length: c * h * w }, (_, i) => data[(i % c) * h * w + Math.floor(i / c)]);
}

const close = (got: ArrayLike<number>, want: ArrayLike<number>, what = '', tolerance = 1e-5): void => {
  assert.is(got.length, want.length, `${what} length`);
  const size = Array.from(want).reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  Array.from(want).forEach((v, i) => assert.ok(Math.abs(v - got[i]) <= tolerance * size, `${what} value ${i}: ${got[i]} instead of ${v}`));
};

const X = filled([1, 3, 5, 6]);

async function answer(model: Model, x: Map4 = X, shape?: number[]): Promise<Float32Array> {
  const net = await load(onnx({ input: { shape: x.shape }, ...model })), [{ data }] = net.run(x.shape.length === 4 ? toNhwc(x) : Float32Array.from(x.data));
  const copy = Float32Array.from(data);
  if (shape) assert.equal(net.outputs[0].shape, shape);
  net.dispose();
  return copy;
}

/** One node (or some) from x to y, against what it should make of X. Pictures come out as NHWC. */
function operator(name: string, nodes: NodeOf[], constants: Record<string, Values>, want: () => Map4, model: Partial<Model> = {}, x = X): void {
  test(name, async () => {
    const expected = want(), [n, c, h, w] = expected.shape;
    close(await answer({ nodes, constants, ...model }, x, h ? [n, h, w, c] : expected.shape), expected.shape.length === 4 ? toNhwc(expected) : expected.data, name);
  });
}

const node = (op: string, inputs: string[], attributes: NodeOf['attributes'] = {}, outputs = ['y']): NodeOf => ({ op, inputs, outputs, name: `the ${op}`, attributes });

const W = filled([4, 3, 3, 3]), B = [0.1, -0.2, 0.3, -0.4], DW = filled([6, 1, 3, 3]), GROUPED = filled([4, 2, 1, 1]);
const C4 = constant(W), BIAS = floats([4], B, true);

operator('Conv: pads and strides', [node('Conv', ['x', 'w', 'b'], { strides: [2, 2], pads: [1, 0, 2, 1] })], { w: C4, b: BIAS }, () => convolve(X, W, B, { stride: 2, pads: [1, 0, 2, 1] }));
operator('Conv: SAME_UPPER, even size', [node('Conv', ['x', 'w', 'b'], { strides: [2, 2], auto_pad: 'SAME_UPPER' })], { w: C4, b: BIAS }, () => convolve(X, W, B, { stride: 2, pads: [1, 0, 1, 1] }));
operator('Conv: SAME_LOWER, even size', [node('Conv', ['x', 'w', 'b'], { strides: [2, 2], auto_pad: 'SAME_LOWER' })], { w: C4, b: BIAS }, () => convolve(X, W, B, { stride: 2, pads: [1, 1, 1, 0] }));
operator('Conv: depthwise with multiplier, dilated', [node('Conv', ['x', 'w'], { group: 3, dilations: [2, 2], pads: [2, 2, 2, 2] })], { w: constant(DW) }, () => convolve(X, DW, [], { group: 3, dilation: 2, pads: [2, 2, 2, 2] }));
const FOUR = filled([1, 4, 3, 3]);
operator('Conv: two groups', [node('Conv', ['x', 'w'], { group: 2 })], { w: constant(GROUPED) }, () => convolve(FOUR, GROUPED, [], { group: 2 }), {}, FOUR);
operator('Pad before Conv, pads as attribute (opset 9)', [node('Pad', ['x'], { pads: [0, 0, 1, 1, 0, 0, 0, 2] }, ['p']), node('Conv', ['p', 'w', 'b'])], { w: C4, b: BIAS }, () => convolve(X, W, B, { pads: [1, 1, 0, 2] }), { opset: 9 });
operator('Pad before Conv, pads and axes as inputs (opset 18)', [node('Pad', ['x', 'pads', '', 'axes'], {}, ['p']), node('Conv', ['p', 'w', 'b'])], { w: C4, b: BIAS, pads: ints([1, 2, 0, 1]), axes: ints([-2, -1]) }, () => convolve(X, W, B, { pads: [1, 2, 0, 1] }), { opset: 18 });

const PARTS = [[1.5, -0.5, 2], [0.1, 0.2, -0.3], [0.5, -1, 0.2], [2, 0.5, 1.1]].map((values) => floats([3], values));
const NORM = (x: Map4): Map4 => each(x, (v, c) => ((v - PARTS[2].values[c]) / Math.sqrt(PARTS[3].values[c] + 1e-3)) * PARTS[0].values[c] + PARTS[1].values[c]);
const NORMS = Object.fromEntries(PARTS.map((values, i) => [`n${i}`, values]));
const bn = (input: string): NodeOf => node('BatchNormalization', [input, 'n0', 'n1', 'n2', 'n3'], { epsilon: { float: 1e-3 } });
const W3 = filled([3, 3, 1, 1]);
operator('BatchNormalization after Conv', [node('Conv', ['x', 'w'], {}, ['c']), bn('c')], { w: constant(W3), ...NORMS }, () => NORM(convolve(X, W3, [], {})));
operator('BatchNormalization alone', [bn('x')], NORMS, () => NORM(X));
/** Channels and rows in each other's place. */
const swapped = ({ shape: [, c, h, w], data }: Map4): Map4 => ({ shape: [1, h, c, w], data: Array.from({ length: c * h * w }, (_, i) => data[((Math.floor(i / w) % c) * h + Math.floor(i / (c * w))) * w + (i % w)]) });
for (const channels of [3, 4]) {
  const weights = filled([channels, 3, 3, 3]), nodes = [node('Conv', ['x', 'w'], {}, ['c']), node('Transpose', ['c'], { perm: [0, 2, 1, 3] }, ['t']), { ...bn('t'), outputs: ['n'] }, node('Transpose', ['n'], { perm: [0, 2, 1, 3] })];
  operator(`BatchNormalization of the 3 rows of a Conv with ${channels} channels`, nodes, { w: constant(weights), ...NORMS }, () => swapped(NORM(swapped(convolve(X, weights, [], {})))));
}

const WIDE = filled([1, 3, 4, 4], () => random() * 9);
for (const [low, high] of [[0, 6], [-1, 1], [0, 1], [-2, 3.5], [0, Infinity], [-1.5, Infinity], [-Infinity, 2]]) {
  operator(`Clip to ${low}, ${high}, attributes (opset 9)`, [node('Clip', ['x'], { ...(low > -Infinity && { min: { float: low } }), ...(high < Infinity && { max: { float: high } }) })], {}, () => each(WIDE, (v) => clip(v, low, high)), { opset: 9 }, WIDE);
  const constants = { ...(low > -Infinity && { low: floats([], [low]) }), ...(high < Infinity && { high: floats([], [high]) }) };
  operator(`Clip to ${low}, ${high}, inputs`, [node('Clip', ['x', low > -Infinity ? 'low' : '', high < Infinity ? 'high' : ''])], constants, () => each(WIDE, (v) => clip(v, low, high)), {}, WIDE);
}
const swish = (v: number): number => (v * clip(v + 3, 0, 6)) / 6;
operator('Relu', [node('Relu', ['x'])], {}, () => each(WIDE, (v) => Math.max(0, v)), {}, WIDE);
operator('Sigmoid', [node('Sigmoid', ['x'])], {}, () => each(WIDE, (v) => 1 / (1 + Math.exp(-v))), {}, WIDE);
operator('HardSwish', [node('HardSwish', ['x'])], {}, () => each(WIDE, swish), {}, WIDE);
operator('HardSigmoid, alpha 0.2', [node('HardSigmoid', ['x'])], {}, () => each(WIDE, (v) => clip(0.2 * v + 0.5, 0, 1)), {}, WIDE);
operator('HardSigmoid, other alpha and beta', [node('HardSigmoid', ['x'], { alpha: { float: 0.3 }, beta: { float: 0.4 } })], {}, () => each(WIDE, (v) => clip(0.3 * v + 0.4, 0, 1)), {}, WIDE);

const NUMBERS = { three: floats([], [3]), six: floats([1], [6]), sixth: floats([], [1 / 6]), zero: floats([], [0]) };
const gate = [node('Add', ['x', 'three'], {}, ['a']), node('Clip', ['a', 'zero', 'six'], {}, ['c'])];
const WRITTEN: [string, NodeOf[]][] = [
  ['x * clip(x + 3) / 6', [...gate, node('Mul', ['x', 'c'], {}, ['m']), node('Div', ['m', 'six'])]],
  ['x * (clip(x + 3) / 6)', [...gate, node('Div', ['c', 'six'], {}, ['d']), node('Mul', ['x', 'd'])]],
  ['clip(x + 3) * 1/6 * x', [...gate, node('Mul', ['sixth', 'c'], {}, ['d']), node('Mul', ['d', 'x'])]],
  ['(x / 6) * clip(x + 3)', [...gate, node('Div', ['x', 'six'], {}, ['d']), node('Mul', ['d', 'c'])]],
  ['x * HardSigmoid(x)', [node('HardSigmoid', ['x'], { alpha: { float: 1 / 6 } }, ['h']), node('Mul', ['x', 'h'])]],
];
for (const [name, nodes] of WRITTEN) {
  operator(`hard-swish as ${name}`, nodes, NUMBERS, () => each(WIDE, swish), {}, WIDE);
  test(`hard-swish as ${name} is one operator`, () => {
    assert.equal(readOnnx(onnx({ nodes, constants: NUMBERS })).operators.map(({ attributes }) => attributes.kind), ['hardSwish']);
  });
}

const mean = (x: Map4): Map4 => ({ shape: [1, x.shape[1]], data: Array.from({ length: x.shape[1] }, (_, c) => x.data.slice(c * 30, c * 30 + 30).reduce((sum, v) => sum + v, 0) / 30) });
operator('ReduceMean, axes as attribute', [node('ReduceMean', ['x'], { axes: [2, 3], keepdims: 0 })], {}, () => mean(X), { opset: 13 });
operator('ReduceMean, axes as input', [node('ReduceMean', ['x', 'axes'], {}, ['m']), node('Squeeze', ['m', 'axes'])], { axes: ints([-1, -2]) }, () => mean(X), { opset: 18 });
operator('ReduceMean, dimensions dropped, over NHWC as TensorFlow names it', [node('Transpose', ['x'], { perm: [0, 2, 3, 1] }, ['t']), node('ReduceMean', ['t'], { axes: [1, 2], keepdims: 0 })], {}, () => mean(X), { opset: 13 });
operator('GlobalAveragePool, Flatten', [node('GlobalAveragePool', ['x'], {}, ['m']), node('Flatten', ['m'])], {}, () => mean(X));
operator('AveragePool over the whole map, Reshape by shape arithmetic', [
  node('AveragePool', ['x'], { kernel_shape: [5, 6] }, ['m']), node('Shape', ['m'], {}, ['s']), node('Gather', ['s', 'zero'], {}, ['n']), node('Unsqueeze', ['n'], { axes: [0] }, ['u']),
  node('Constant', [], { value: ints([-1]) }, ['rest']), node('Concat', ['u', 'rest'], { axis: 0 }, ['to']), node('Reshape', ['m', 'to']),
], { zero: ints([0], []) }, () => mean(X), { opset: 11 });

function pooled(x: Map4, counted: boolean): Map4 {
  const ones = filled([3, 1, 2, 2], () => 1), area = convolve(each(x, () => 1), ones, [], { group: 3, stride: 2, pads: [1, 1, 1, 0] });
  const sums = convolve(x, ones, [], { group: 3, stride: 2, pads: [1, 1, 1, 0] });
  return { ...sums, data: sums.data.map((v, i) => v / (counted ? 4 : area.data[i])) };
}
for (const counted of [0, 1]) operator(`AveragePool, pads ${counted ? '' : 'not '}counted`, [node('AveragePool', ['x'], { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 0], count_include_pad: counted })], {}, () => pooled(X, counted === 1));

const DENSE = filled([90, 4]), ROW = filled([1, 90]);
const product = (x: number[], w: Map4, bias: number[]): Map4 => ({ shape: [1, w.shape[1]], data: Array.from({ length: w.shape[1] }, (_, o) => x.reduce((sum, v, i) => sum + v * w.data[i * w.shape[1] + o], bias[o] ?? 0)) });
operator('MatMul and Add after Flatten of a map', [node('Flatten', ['x'], {}, ['f']), node('MatMul', ['f', 'w'], {}, ['m']), node('Add', ['b', 'm'])], { w: constant(DENSE), b: BIAS }, () => product(X.data, DENSE, B));
operator('Gemm, nothing transposed, alpha and beta', [node('Gemm', ['x', 'w', 'b'], { alpha: { float: 0.5 }, beta: { float: 2 } })], { w: constant(DENSE), b: BIAS }, () => product(ROW.data.map((v) => v / 2), DENSE, B.map((b) => b * 2)), {}, ROW);
operator('Softmax over channels', [node('Softmax', ['x'], { axis: 1 })], {}, () => {
  const sums = Array.from({ length: 30 }, (_, i) => [0, 1, 2].reduce((sum, c) => sum + Math.exp(X.data[c * 30 + i]), 0));
  return { ...X, data: X.data.map((v, i) => Math.exp(v) / sums[i % 30]) };
});
operator('constants by channel, broadcast', [node('Mul', ['x', 'factor'], {}, ['m']), node('Sub', ['shift', 'm'])], { factor: floats([3, 1, 1], [2, 3, 4]), shift: floats([1, 3, 1, 1], [1, 0, -1]) }, () => each(X, (v, c) => 1 - c - v * (c + 2)));
operator('a gate by channel', [node('GlobalAveragePool', ['x'], {}, ['m']), node('Mul', ['m', 'x'])], {}, () => each(X, (v, c) => v * mean(X).data[c]));
operator('Identity, Dropout, Cast, Concat', [node('Identity', ['x'], {}, ['i']), node('Dropout', ['i'], {}, ['d', 'mask']), node('Cast', ['d'], { to: 1 }, ['c']), node('Concat', ['c', 'x'], { axis: 1 })], {}, () => ({ shape: [1, 6, 5, 6], data: [...X.data, ...X.data] }));
operator('an open batch', [node('Relu', ['x'])], {}, () => each(X, (v) => Math.max(0, v)), { input: { shape: ['batch', 3, 5, 6] } });

test('a model that takes NHWC and transposes it takes the same bytes', async () => {
  const nodes = [node('Transpose', ['x'], { perm: [0, 3, 1, 2] }, ['t']), node('Conv', ['t', 'w', 'b'], {}, ['c']), node('Transpose', ['c'], { perm: [0, 2, 3, 1] })];
  const model = onnx({ nodes, constants: { w: C4, b: BIAS }, input: { shape: [1, 5, 6, 3] } }), net = await load(model);
  assert.equal(net.inputs[0].shape, [1, 5, 6, 3]);
  assert.equal(net.info.steps.map(({ kind }) => kind), ['conv2d']);
  close(net.run(toNhwc(X))[0].data as Float32Array, toNhwc(convolve(X, W, B, {})));
});

test('float16 weights', async () => {
  const half = { shape: [2, 3, 1, 1], type: 'float16' as const, values: [0x3c00, 0xc000, 0x3800, 0x0001, 0x4200, 0xb400] }, w = { shape: half.shape, data: [1, -2, 0.5, 2 ** -24, 3, -0.25] };
  for (const typed of [false, true]) {
    const got = await answer({ nodes: [node('Conv', ['x', 'w'], {}, ['c']), node('Mul', ['c', 'two'])], constants: { w: { ...half, typed }, two: { shape: [], type: 'float16', values: [0x4000] } } });
    close(got, toNhwc(each(convolve(X, w, [], {}), (v) => v * 2)));
  }
});

test('open height and width take the size option', async () => {
  const model = onnx({ nodes: [node('Relu', ['x'])], input: { shape: ['n', 3, 'h', 'w'] } });
  assert.equal((await load(model, { size: 8 })).inputs[0].shape, [1, 8, 8, 3]);
  refused(model, 'UNSUPPORTED', /--size/);
});

// ---- quantised

const nearest = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
interface Affine { scale: number; zero: number; type: 'int8' | 'uint8' }
const range = (type: Affine['type']): [number, number] => (type === 'int8' ? [-128, 127] : [0, 255]);
const quantised = (v: number, { scale, zero, type }: Affine): number => (clip(nearest(Math.fround(v / scale)) + zero, ...range(type)) - zero) * scale;

/** Nodes that quantise `from` and take it back to `to`, and their constants. */
function qdq(from: string, to: string, { scale, zero, type }: Affine): { nodes: NodeOf[]; constants: Record<string, Values> } {
  return {
    nodes: [node('QuantizeLinear', [from, `${to}.s`, `${to}.z`], {}, [`${to}.q`]), node('DequantizeLinear', [`${to}.q`, `${to}.s`, `${to}.z`], {}, [to])],
    constants: { [`${to}.s`]: floats([], [scale]), [`${to}.z`]: { shape: [], type, values: [zero], typed: true } },
  };
}

interface QuantisedCase { name: string; weights: Affine; input: Affine; output: Affine; bias: 'int32' | 'float32'; activation?: string }
const CASES: QuantisedCase[] = [
  { name: 'uint8, int8 weights of one scale', weights: { scale: 1 / 128, zero: 0, type: 'int8' }, input: { scale: 1 / 100, zero: 117, type: 'uint8' }, output: { scale: 1 / 37, zero: 100, type: 'uint8' }, bias: 'int32' },
  { name: 'int8, float32 bias, Relu between', weights: { scale: 1 / 128, zero: 0, type: 'int8' }, input: { scale: 1 / 101, zero: -7, type: 'int8' }, output: { scale: 1 / 39, zero: -20, type: 'int8' }, bias: 'float32', activation: 'Relu' },
  { name: 'uint8 weights around 128', weights: { scale: 1 / 120, zero: 128, type: 'uint8' }, input: { scale: 1 / 100, zero: 128, type: 'uint8' }, output: { scale: 1 / 41, zero: 90, type: 'uint8' }, bias: 'int32' },
];
for (const { name, weights, input, output, bias, activation } of CASES) test(`quantised Conv: ${name}`, async () => {
  const whole = W.data.map((v) => clip(Math.round(v / weights.scale) + weights.zero, ...range(weights.type)));
  const sums = input.scale * weights.scale, offsets = bias === 'int32' ? B.map((b) => Math.round(b / sums) * sums) : B;
  const first = qdq('x', 'xd', input), last = qdq(activation ? 'a' : 'c', 'y', output);
  const nodes = [
    ...first.nodes, node('DequantizeLinear', ['w', 'ws', 'wz'], {}, ['wd']), ...(bias === 'int32' ? [node('DequantizeLinear', ['b', 'bs'], {}, ['bd'])] : []),
    node('Conv', ['xd', 'wd', bias === 'int32' ? 'bd' : 'b'], { pads: [1, 1, 1, 1] }, ['c']), ...(activation ? [node(activation, ['c'], {}, ['a'])] : []), ...last.nodes,
  ];
  const constants: Record<string, Values> = {
    ...first.constants, ...last.constants, w: { shape: W.shape, type: weights.type, values: whole }, ws: floats([], [weights.scale]), wz: { shape: [], type: weights.type, values: [weights.zero] },
    ...(bias === 'int32' ? { b: { shape: [4], type: 'int32', values: B.map((b) => Math.round(b / sums)) }, bs: floats([1], [sums]) } : { b: BIAS }),
  };
  const model: Model = { nodes, constants, input: { shape: X.shape } };
  assert.equal(readOnnx(onnx(model)).operators.map(({ attributes }) => attributes.kind), ['quantize', 'conv2d', 'dequantize']);
  const exact = convolve({ ...X, data: X.data.map((v) => quantised(v, input)) }, { ...W, data: whole.map((q) => (q - weights.zero) * weights.scale) }, offsets, { pads: [1, 1, 1, 1] });
  const want = toNhwc(each(exact, (v) => quantised(activation ? Math.max(0, v) : v, output)));
  close(await answer(model), want, name, 1e-5);
});

for (const [op, of] of [['HardSwish', swish], ['Sigmoid', (v: number) => 1 / (1 + Math.exp(-v))], ['Relu', (v: number) => Math.max(0, v)]] as const) test(`quantised ${op} is a table, rounded once`, async () => {
  const input: Affine = { scale: 8 / 128, zero: 130, type: 'uint8' }, output: Affine = { scale: 1 / 99, zero: -40, type: 'int8' };
  const first = qdq('x', 'xd', input), last = qdq('a', 'y', output), model: Model = { nodes: [...first.nodes, node(op, ['xd'], {}, ['a']), ...last.nodes], constants: { ...first.constants, ...last.constants } };
  assert.equal(readOnnx(onnx(model)).operators.map(({ attributes }) => attributes.kind), ['quantize', 'table', 'dequantize']);
  const got = await answer({ ...model, input: { shape: WIDE.shape } }, WIDE), want = toNhwc(each(WIDE, (v) => quantised(of(quantised(v, input)), output)));
  const steps = want.map((v, i) => Math.round((v - got[i]) / output.scale));
  assert.ok(steps.every((s) => Math.abs(s) <= 1) && steps.filter((s) => s !== 0).length <= 1, `${steps}`); // a tie of float32 may be none of float64
});

test('float32 weights with their quantisation beside them (QAT) are quantised when read, by channel, halves to even', () => {
  const first = qdq('x', 'xd', { scale: 1 / 100, zero: 117, type: 'uint8' }), last = qdq('c', 'y', { scale: 1 / 37, zero: 3, type: 'uint8' });
  const weights = { w: floats([2, 3, 1, 1], [0.25, 0.75, -1.25, 5, 7, 300]), ws: floats([2], [0.5, 2]), wz: { shape: [2], type: 'int8' as const, values: [0, 0] } };
  const quantisers = ['QuantizeLinear', 'DequantizeLinear'].map((op, i) => node(op, [i ? 'wq' : 'w', 'ws', 'wz'], { axis: 0 }, [i ? 'wd' : 'wq']));
  const { operators, tensors } = readOnnx(onnx({ nodes: [...first.nodes, ...quantisers, node('Conv', ['xd', 'wd'], {}, ['c']), ...last.nodes], constants: { ...first.constants, ...last.constants, ...weights } }));
  assert.equal(operators.map(({ attributes }) => attributes.kind), ['quantize', 'conv2d', 'dequantize']);
  assert.equal([...new Int8Array(tensors[operators[1].inputs[1]].data!)], [0, 2, -2, 2, 4, 127]);
});

test('integers that the caller gives', async () => {
  const input: Affine = { scale: 1 / 100, zero: 117, type: 'uint8' }, last = qdq('r', 'y', { scale: 1 / 50, zero: 0, type: 'uint8' });
  const net = await load(onnx({ nodes: [node('DequantizeLinear', ['x', 's', 'z'], {}, ['d']), node('Relu', ['d'], {}, ['r']), ...last.nodes], constants: { ...last.constants, s: floats([], [input.scale]), z: { shape: [], type: 'uint8', values: [117] } }, input: { shape: [1, 1, 2, 2], type: 'uint8' } }));
  assert.equal([net.inputs[0].dtype, net.inputs[0].zeroPoint], ['uint8', 117]);
  close(net.run(Uint8Array.of(0, 117, 119, 255))[0].data as Float32Array, [0, 0, 0.02, 1.38]);
});

test('an operator without a quantised output computes in float32', async () => {
  const input: Affine = { scale: 1 / 100, zero: 117, type: 'uint8' }, first = qdq('x', 'xd', input);
  const weights = { w: { shape: W.shape, type: 'int8' as const, values: W.data.map((v) => Math.round(v * 127)) }, ws: floats([4], [1 / 127, 2 / 127, 1 / 254, 1 / 127]), wz: { shape: [4], type: 'int8' as const, values: [0, 0, 0, 0] } };
  const got = await answer({ nodes: [...first.nodes, node('DequantizeLinear', ['w', 'ws', 'wz'], { axis: 0 }, ['wd']), node('Conv', ['xd', 'wd'])], constants: { ...first.constants, ...weights }, input: { shape: X.shape } });
  const w = { ...W, data: weights.w.values.map((q, i) => q * weights.ws.values[Math.floor(i / 27)]) };
  close(got, toNhwc(convolve({ ...X, data: X.data.map((v) => quantised(v, input)) }, w, [], {})));
});

// ---- refusals

function refused(model: Uint8Array, code: string, message: RegExp): void {
  try {
    readOnnx(model);
  } catch (error) {
    assert.instance(error, DepthwiseError);
    assert.is((error as DepthwiseError).code, code, (error as Error).message);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`should have been refused: ${message}`);
}

const relu = node('Relu', ['x']);
const REFUSED: [string, Uint8Array, string, RegExp][] = [
  ['an operator that nobody knows', onnx({ nodes: [relu, node('LSTM', ['y'], {}, ['z'])], outputs: ['z'] }), 'UNSUPPORTED', /node 1 \(LSTM "the LSTM"\) is not one that this library does.*ONNX Runtime/],
  ['QOperator models', onnx({ nodes: [node('QLinearConv', ['x'])] }), 'UNSUPPORTED', /QDQ/],
  ['operators of other domains', onnx({ nodes: [{ ...relu, domain: 'com.example' }] }), 'UNSUPPORTED', /com\.example\.Relu/],
  ['operator sets that are too old', onnx({ nodes: [relu], opset: 8 }), 'UNSUPPORTED', /operator set 8; 9 to 21/],
  ['operator sets that are too new', onnx({ nodes: [relu], opset: 22 }), 'UNSUPPORTED', /operator set 22/],
  ['external data', onnx({ nodes: [relu], constants: { w: C4 }, extra: int(14, 1) }), 'BAD_FILE', /"w".*external data.*one file/],
  ['a constant that is not there', onnx({ nodes: [node('Conv', ['x', 'w'])] }), 'BAD_FILE', /node 0 .*reads "w", which no input, constant or node/],
  ['nodes in a circle', onnx({ nodes: [node('Add', ['x', 'b'], {}, ['a']), node('Relu', ['a'], {}, ['b']), node('Relu', ['b'])] }), 'BAD_FILE', /circle/],
  ['a value that is written twice', onnx({ nodes: [relu, relu] }), 'BAD_FILE', /a second time/],
  ['a constant of too few bytes', onnx({ nodes: [relu], constants: { w: { ...C4, values: [1] } } }), 'BAD_FILE', /float32 \[4,3,3,3\] but has 4 bytes/],
  ['an output that nothing writes', onnx({ nodes: [relu], outputs: ['z'] }), 'BAD_FILE', /nothing writes output "z"/],
  ['pads of another value', onnx({ nodes: [node('Pad', ['x'], { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: { float: 1 } })], opset: 9 }), 'UNSUPPORTED', /with zeros/],
  ['a length beyond the file', Uint8Array.from([...int(1, 8), 0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]), 'BAD_FILE', /byte \d+ of/],
  ['a number without an end', Uint8Array.from([...int(1, 8), 0x10, ...Array<number>(12).fill(255)]), 'BAD_FILE', /more than 10 bytes/],
  ['groups, which no message of ours has', Uint8Array.from([...int(1, 8), 0x3b]), 'BAD_FILE', /wire type 3/],
  ['no graph', Uint8Array.from([...int(1, 8), ...bytes(8, int(2, 17))]), 'BAD_FILE', /no graph/],
];
for (const [what, model, code, message] of REFUSED) test(`refuses ${what}`, () => refused(model, code, message));

const tooMany = [node('Concat', ['n', 'n'], { axis: 0 }, ['n0']), ...Array.from({ length: 40 }, (_, i) => node('Concat', [`n${i}`, `n${i}`], { axis: 0 }, [`n${i + 1}`]))];
test('refuses shape arithmetic that grows without end', () => refused(onnx({ nodes: [...tooMany, relu], constants: { n: ints([1, 2]) } }), 'UNSUPPORTED', /constant values/));

// ---- broken files of all kinds

/** Whatever the bytes, an answer or an error of ours. Returns whether it was an answer. */
function ends(model: Uint8Array, what: string): boolean {
  try {
    compile(readOnnx(model));
    return true;
  } catch (error) {
    if (!(error instanceof DepthwiseError)) throw new Error(`${what}: ${(error as Error).stack}`);
    return false;
  }
}

const SMALL = (() => {
  const first = qdq('x', 'xd', { scale: 1 / 100, zero: 117, type: 'uint8' }), last = qdq('c', 'cd', { scale: 1 / 37, zero: 3, type: 'uint8' });
  return onnx({
    nodes: [
      ...first.nodes, node('DequantizeLinear', ['w', 'ws', 'wz'], { axis: 0 }, ['wd']), node('Conv', ['xd', 'wd', 'b'], { group: 1, pads: [1, 1, 1, 1], strides: [2, 2], dilations: [1, 1], kernel_shape: [3, 3] }, ['c']), ...last.nodes,
      node('Clip', ['cd', 'low', 'high'], {}, ['r']), node('AveragePool', ['r'], { kernel_shape: [2, 2], auto_pad: 'SAME_UPPER' }, ['a']), node('ReduceMean', ['a'], { axes: [2, 3] }, ['m']), node('Shape', ['m'], {}, ['s']), node('Slice', ['s', 'from', 'to'], {}, ['n']),
      node('Concat', ['n', 'rest'], { axis: 0 }, ['shape']), node('Reshape', ['m', 'shape'], {}, ['f']), node('Gemm', ['f', 'g', 'b'], { transB: 1 }, ['o']), node('Softmax', ['o'], { axis: -1 }),
    ],
    constants: {
      ...first.constants, ...last.constants, w: { shape: [4, 3, 3, 3], type: 'int8', values: W.data.map((v) => Math.round(v * 127)) }, ws: floats([4], [0.1, 0.2, 0.3, 0.4]), wz: { shape: [4], type: 'int8', values: [0, 0, 0, 0], typed: true },
      b: BIAS, low: floats([], [0]), high: floats([], [6]), from: ints([0]), to: ints([1]), rest: ints([-1]), g: floats([4, 4], Array.from({ length: 16 }, (_, i) => i / 16)),
    },
  });
})();

test('every truncation of a small file ends well', () => {
  assert.ok(ends(SMALL, 'whole'));
  for (let length = 0; length < SMALL.length; length++) assert.not(ends(SMALL.slice(0, length), `first ${length} bytes`));
});

test('every byte of a small file, changed, ends well', () => {
  let answers = 0;
  SMALL.forEach((byte, at) => {
    for (const other of [0, 1, 127, 128, 255, byte ^ 1, byte ^ 8, byte + 1]) answers += Number(ends(SMALL.with(at, other), `byte ${at} as ${other}`));
  });
  assert.ok(answers > 0);
});

test('a model saved as .dw gives the same bytes', async () => {
  const before = await load(SMALL), after = await load(await convert(SMALL)), x = Float32Array.from({ length: 48 }, random);
  assert.equal(Float32Array.from(after.run(x)[0].data), Float32Array.from(before.run(x)[0].data));
});

test('the built library fetches its reader and throws its own errors', async () => {
  const built = await import(pathToFileURL(path.resolve('dist/index.js')).href) as typeof import('../src/index.js');
  assert.is((await built.load(SMALL)).outputs.length, 1);
  const error = await built.load(SMALL.slice(0, 500)).then(() => undefined, (thrown: unknown) => thrown);
  assert.instance(error, built.DepthwiseError);
});

const builds = await testedBuilds();
if (existsSync(shared)) {
  const models = JSON.parse(readFileSync(path.join(shared, 'manifest.json'), 'utf8')) as Fixture[];
  for (const build of builds) for (const model of models) real(build, model);
  test('a real file saved as .dw gives the same bytes', async () => {
    for (const { model, cases } of models.filter((each) => /dynamo|qdq/.test(each.model))) {
      const file = fixture(model), before = await load(file), after = await load(await convert(file)), input = asFloats(cases[0].input);
      assert.equal(Float32Array.from(after.run(input)[0].data), Float32Array.from(before.run(input)[0].data), model);
    }
  });
  test('truncations and changed bytes of a real file end well', () => {
    const file = fixture('onnx_v2_0.35_qdq.onnx'), at = (): number => Math.floor(Math.abs(random()) * file.length);
    for (let i = 0; i < 60; i++) ends(file.slice(0, at()), 'truncated');
    for (let i = 0; i < 120; i++) {
      const place = i % 2 ? at() : Math.floor(at() / 8); // nodes lie at the beginning
      ends(file.with(place, Math.floor(Math.abs(random()) * 256)), `byte ${place}`);
    }
  });
} else console.log('NOT RUN: ../shared is absent, so no real .onnx file was compared with onnxruntime');

test.run();
