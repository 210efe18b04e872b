// Knows every operator as naive loops: float32 models in float64, 8-bit models in the exact integers of TensorFlow Lite's
// reference kernels (../shared/notes/facts.md section 4). It takes from src/ only the graph's types and readers.
import { elements, numbers } from '../src/formats/graph.js';
import type { Activation, Attributes, Graph, Operator, Padding, Tensor } from '../src/formats/graph.js';
import { argMax, batchToSpace, resize, spaceToBatch, tile } from './reference-maps.js';
import { broadcastPlace, computeNumbers } from './reference-numbers.js';

/** Values of one tensor, as numbers. */
type Values = Float64Array;

/** How a float32 result is kept: as float32, or whole, for those who ask how far a kernel is from the exact value. */
export type Rounding = (value: number) => number;
export const UNROUNDED: Rounding = (value) => value;

/** Every computed tensor's values, by tensor index. */
export function interpret(graph: Graph, inputs: ArrayLike<number>[], round: Rounding = Math.fround): Map<number, Values> {
  const values = new Map<number, Values>();
  graph.inputs.forEach((tensor, i) => values.set(tensor, Float64Array.from(inputs[i])));
  graph.tensors.forEach((tensor, i) => { if (tensor.data) values.set(i, Float64Array.from(numbers(tensor))); });
  for (const op of graph.operators) {
    const x = op.inputs.map((i) => (i < 0 ? undefined : values.get(i)!)), tensors = op.inputs.map((i) => graph.tensors[i]);
    const out = graph.tensors[op.outputs[0]];
    const results = computeNumbers(op, x as Values[], tensors, out) ?? [compute(op, x as Values[], tensors, out, round)];
    op.outputs.forEach((output, i) => values.set(output, out.dtype === 'float32' ? results[i].map(round) : results[i]));
  }
  return values;
}

type Attribute<K extends Attributes['kind']> = Extract<Attributes, { kind: K }>;

function compute(op: Operator, x: Values[], tensors: Tensor[], out: Tensor, round: Rounding): Values {
  const a = op.attributes;
  switch (a.kind) {
    case 'conv2d': case 'depthwiseConv2d': return eachPicture(x[0], tensors[0].shape[0], (picture) => convolution(a, [picture, ...x.slice(1)], tensors, out));
    case 'fullyConnected': return fullyConnected(a, x, tensors, out);
    case 'averagePool': return averagePool(a, x[0], tensors[0], out);
    case 'mean': return mean(x[0], tensors[0], out);
    case 'add': case 'sub': case 'mul': return binary(a, x, tensors, out);
    case 'softmax': return softmax(a.beta, x[0], tensors[0], out);
    case 'reshape': return x[0];
    case 'transpose': return transpose(x[0], tensors[0].shape, Array.from(x[1]));
    case 'pad': return pad(x[0], tensors[0].shape, Array.from(x[1]), out);
    case 'concatenation': return concatenation(a.axis, x, tensors, out);
    case 'quantize': return quantize(x[0], tensors[0], out);
    case 'dequantize': return x[0].map((q) => scaleOf(tensors[0]) * (q - zeroOf(tensors[0])));
    case 'batchNorm': return x[0].map((v, i) => {
      const c = i % x[1].length;
      return activate(((v - x[3][c]) * x[1][c]) / Math.sqrt(x[4][c] + a.epsilon) + x[2][c], a.activation);
    });
    case 'hardSwish': return out.dtype === 'float32' ? x[0].map((v) => activate(v, 'hardSwish')) : x[0].map((q) => hardSwishInt(q, tensors[0], out));
    case 'relu': case 'relu6': case 'reluN1To1': case 'hardSigmoid': return out.dtype === 'float32' ? x[0].map((v) => activate(v, a.kind as Activation)) : reluInt(a.kind as Activation, x[0], tensors[0], out);
    case 'logistic': return x[0].map((v) => 1 / (1 + Math.exp(-v)));
    case 'resizeBilinear': return resize(a, x[0], tensors[0], out, round);
    case 'argMax': return argMax(a.axis, x[0], tensors[0]);
    case 'tile': return tile(x[0], tensors[0], out);
    case 'spaceToBatch': return spaceToBatch(x[0], tensors[0], x[1], x[2], out, out.dtype === 'float32' ? 0 : zeroOf(out));
    case 'batchToSpace': return batchToSpace(x[0], tensors[0], x[1], x[2], out);
    default: throw new Error(`the reference has no ${a.kind}`);
  }
}

function eachPicture(x: Values, count: number, work: (picture: Values) => Values): Values {
  const size = x.length / count;
  return Float64Array.from(Array.from({ length: count }, (_, i) => [...work(x.subarray(i * size, (i + 1) * size))]).flat());
}

// ---- real and quantised numbers

const scaleOf = (tensor: Tensor, c = 0): number => tensor.quantization!.scale[tensor.quantization!.scale.length > 1 ? c : 0];
const zeroOf = (tensor: Tensor): number => tensor.quantization!.zeroPoint[0];
const halfAway = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);
const range = (tensor: Tensor): [number, number] => (tensor.dtype === 'uint8' ? [0, 255] : [-128, 127]);
const clamp = (v: number, low: number, high: number): number => Math.max(low, Math.min(high, v));

export function activate(v: number, activation: Activation): number {
  switch (activation) {
    case 'none': return v;
    case 'relu': return Math.max(0, v);
    case 'relu6': return clamp(v, 0, 6);
    case 'reluN1To1': return clamp(v, -1, 1);
    case 'hardSigmoid': return clamp(v + 3, 0, 6) / 6;
    case 'hardSwish': return (v * clamp(v + 3, 0, 6)) / 6;
  }
}

/** Section 4.1: bounds of an activation, in quantised values. */
function bounds(activation: Activation, out: Tensor): [number, number] {
  const [low, high] = range(out), q = (v: number): number => zeroOf(out) + halfAway(Math.fround(v / scaleOf(out)));
  const real = { none: [-Infinity, Infinity], relu: [0, Infinity], relu6: [0, 6], reluN1To1: [-1, 1] }[activation as 'none'];
  return [Math.max(low, real[0] === -Infinity ? low : q(real[0])), Math.min(high, real[1] === Infinity ? high : q(real[1]))];
}

/** Section 4.2, QuantizeMultiplier. */
function quantizeMultiplier(m: number): { multiplier: bigint; shift: number } {
  if (m === 0) return { multiplier: 0n, shift: 0 };
  let shift = 0;
  while (m >= 1) m /= 2, shift++;
  while (m < 0.5) m *= 2, shift--;
  let multiplier = BigInt(Math.floor(m * 2 ** 31 + 0.5));
  if (multiplier === 1n << 31n) multiplier /= 2n, shift++;
  return shift < -31 ? { multiplier: 0n, shift: 0 } : { multiplier, shift };
}

/** SaturatingRoundingDoublingHighMul, as gemmlowp writes it: a nudge by sign, then division towards zero. */
export function srdhm(a: bigint, b: bigint): bigint {
  if (a === b && a === -(1n << 31n)) return (1n << 31n) - 1n;
  const t = a * b;
  return (t + (t >= 0n ? 1n << 30n : 1n - (1n << 30n))) / (1n << 31n);
}

export function roundingDivide(x: bigint, exponent: number): bigint {
  const mask = (1n << BigInt(exponent)) - 1n, rest = x & mask;
  return (x >> BigInt(exponent)) + (rest > (mask >> 1n) + (x < 0n ? 1n : 0n) ? 1n : 0n);
}

/** MultiplyByQuantizedMultiplier, double rounding. */
function rescale(acc: number, m: number): number {
  const { multiplier, shift } = quantizeMultiplier(m);
  return Number(roundingDivide(srdhm(BigInt(acc) << BigInt(Math.max(shift, 0)), multiplier), Math.max(-shift, 0)));
}

function toOutput(value: number, activation: Activation, out: Tensor): number {
  return clamp(value + zeroOf(out), ...bounds(activation, out));
}

/** uint8 multiplies the scales in float32, int8 in double. */
function convMultiplier(input: Tensor, weights: Tensor, out: Tensor, c: number): number {
  const product = scaleOf(input) * scaleOf(weights, c);
  return (input.dtype === 'uint8' ? Math.fround(product) : product) / scaleOf(out);
}

// ---- operators

function padBefore(padding: Padding, axis: 0 | 1, size: number, out: number, stride: number, window: number): number {
  if (padding === 'valid') return 0;
  if (padding === 'same') return Math.max(0, (out - 1) * stride + window - size) >> 1;
  return axis === 0 ? padding.top : padding.left;
}

function convolution(a: Attribute<'conv2d' | 'depthwiseConv2d'>, [x, w, bias]: Values[], [input, weights]: Tensor[], out: Tensor): Values {
  const [, h, width, channels] = input.shape, [, oh, ow, oc] = out.shape, [, kh, kw] = weights.shape;
  const float = out.dtype === 'float32', zeroIn = float ? 0 : zeroOf(input), zeroW = float ? 0 : zeroOf(weights);
  const top = padBefore(a.padding, 0, h, oh, a.stride[0], (kh - 1) * a.dilation[0] + 1);
  const left = padBefore(a.padding, 1, width, ow, a.stride[1], (kw - 1) * a.dilation[1] + 1);
  const depthwise = a.kind === 'depthwiseConv2d', multiplier = oc / channels;
  const result = new Float64Array(oh * ow * oc);
  for (let y = 0; y < oh; y++) for (let z = 0; z < ow; z++) for (let c = 0; c < oc; c++) {
    let sum = bias?.[c] ?? 0;
    for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) {
      const yy = y * a.stride[0] - top + i * a.dilation[0], xx = z * a.stride[1] - left + j * a.dilation[1];
      if (yy < 0 || yy >= h || xx < 0 || xx >= width) continue;
      const at = (yy * width + xx) * channels;
      if (depthwise) sum += (x[at + Math.floor(c / multiplier)] - zeroIn) * (w[(i * kw + j) * oc + c] - zeroW);
      else for (let k = 0; k < channels; k++) sum += (x[at + k] - zeroIn) * (w[((c * kh + i) * kw + j) * channels + k] - zeroW);
    }
    result[(y * ow + z) * oc + c] = float ? activate(sum, a.activation) : toOutput(rescale(sum, convMultiplier(input, weights, out, c)), a.activation, out);
  }
  return result;
}

/** REF of TensorFlow 2.21 rounds the real product in double (section 4.3). */
function fullyConnected(a: Attribute<'fullyConnected'>, [x, w, bias]: Values[], [input, weights]: Tensor[], out: Tensor): Values {
  const [oc, depth] = weights.shape, float = out.dtype === 'float32';
  const zeroIn = float ? 0 : zeroOf(input), zeroW = float ? 0 : zeroOf(weights);
  return Float64Array.from({ length: (x.length / depth) * oc }, (_, i) => {
    const row = Math.floor(i / oc) * depth, c = i % oc;
    let sum = bias?.[c] ?? 0;
    for (let k = 0; k < depth; k++) sum += (x[row + k] - zeroIn) * (w[c * depth + k] - zeroW);
    return float ? activate(sum, a.activation) : toOutput(halfAway(sum * convMultiplier(input, weights, out, c)), a.activation, out);
  });
}

function averagePool(a: Attribute<'averagePool' | 'maxPool'>, x: Values, input: Tensor, out: Tensor): Values {
  const [, h, w, c] = input.shape, [, oh, ow] = out.shape;
  const top = padBefore(a.padding, 0, h, oh, a.stride[0], a.window[0]), left = padBefore(a.padding, 1, w, ow, a.stride[1], a.window[1]);
  return Float64Array.from({ length: oh * ow * c }, (_, i) => {
    const y0 = Math.floor(i / c / ow) * a.stride[0] - top, x0 = (Math.floor(i / c) % ow) * a.stride[1] - left;
    let sum = 0, count = 0;
    for (let y = Math.max(0, y0); y < Math.min(h, y0 + a.window[0]); y++) for (let z = Math.max(0, x0); z < Math.min(w, x0 + a.window[1]); z++) {
      sum += x[(y * w + z) * c + (i % c)];
      count++;
    }
    if (out.dtype === 'float32') return activate(sum / count, a.activation);
    const half = Math.trunc(count / 2);
    const average = out.dtype === 'uint8' ? Math.trunc((sum + half) / count) : Math.trunc((sum > 0 ? sum + half : sum - half) / count);
    return clamp(average, ...bounds(a.activation, out));
  });
}

/** reduce.h, QuantizedMeanOrSum: the count goes into the multiplier. */
function mean(x: Values, input: Tensor, out: Tensor): Values {
  const c = input.shape[3], n = input.shape[1] * input.shape[2];
  return Float64Array.from({ length: c }, (_, channel) => {
    let sum = 0;
    for (let i = channel; i < x.length; i += c) sum += x[i];
    if (out.dtype === 'float32') return sum / n;
    const { multiplier, shift } = quantizeMultiplier(scaleOf(input) / scaleOf(out));
    const up = Math.min(n.toString(2).length - 1, 32, 31 + shift);
    const m = (multiplier << BigInt(up)) / BigInt(n), s = shift - up;
    const value = roundingDivide(srdhm(BigInt(sum - zeroOf(input) * n) << BigInt(Math.max(s, 0)), m), Math.max(-s, 0));
    return clamp(Number(value) + zeroOf(out), ...range(out));
  });
}

function binary(a: Attribute<'add' | 'sub' | 'mul'>, [x, y]: Values[], [first, second]: Tensor[], out: Tensor): Values {
  return Float64Array.from({ length: elements(out.shape) }, (_, i) => {
    const p = x[broadcastPlace(i, out.shape, first.shape)], q = y[broadcastPlace(i, out.shape, second.shape)];
    if (out.dtype === 'float32') return activate(a.kind === 'mul' ? p * q : a.kind === 'add' ? p + q : p - q, a.activation);
    const u = p - zeroOf(first), v = q - zeroOf(second);
    if (a.kind === 'mul') return toOutput(rescale(u * v, Math.fround(Math.fround(scaleOf(first) * scaleOf(second)) / scaleOf(out))), a.activation, out);
    const twice = 2 * Math.max(scaleOf(first), scaleOf(second));
    const l = rescale(u * 2 ** 20, scaleOf(first) / twice), r = rescale(v * 2 ** 20, scaleOf(second) / twice);
    return toOutput(rescale(a.kind === 'add' ? l + r : l - r, twice / (2 ** 20 * scaleOf(out))), a.activation, out);
  });
}

/** The exact quotient, rounded: facts.md found no output where TFLite's fixed point differs from it. */
function softmax(beta: number, x: Values, input: Tensor, out: Tensor): Values {
  const c = input.shape.at(-1)!, float = out.dtype === 'float32', scale = float ? 1 : scaleOf(input), result = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += c) {
    const row = x.subarray(start, start + c), most = Math.max(...row), exponentials = row.map((v) => Math.exp((v - most) * beta * scale)), sum = exponentials.reduce((total, e) => total + e, 0);
    exponentials.forEach((e, i) => { result[start + i] = float ? e / sum : clamp(halfAway((e / sum) * 256) + zeroOf(out), ...range(out)); });
  }
  return result;
}

function transpose(x: Values, shape: number[], order: number[]): Values {
  const sizes = order.map((d) => shape[d]);
  return Float64Array.from(x, (_, i) => {
    const index = new Array<number>(shape.length);
    for (let d = order.length - 1, rest = i; d >= 0; rest = Math.floor(rest / sizes[d--])) index[order[d]] = rest % sizes[d];
    return x[index.reduce((at, n, d) => at * shape[d] + n, 0)];
  });
}

function pad(x: Values, [, h, w, c]: number[], p: number[], out: Tensor): Values {
  const ow = w + p[4] + p[5];
  return Float64Array.from({ length: elements(out.shape) }, (_, i) => {
    const y = Math.floor(i / c / ow) - p[2], z = (Math.floor(i / c) % ow) - p[4];
    return y < 0 || y >= h || z < 0 || z >= w ? (out.dtype === 'float32' ? 0 : zeroOf(out)) : x[(y * w + z) * c + (i % c)];
  });
}

/** Other scales come to the output's in float32 (section 4.3). */
function concatenation(axis: number, x: Values[], tensors: Tensor[], out: Tensor): Values {
  const inner = elements(out.shape.slice(axis + 1)), result = new Float64Array(elements(out.shape));
  let before = 0;
  tensors.forEach((tensor, t) => {
    const own = tensor.shape[axis] * inner, whole = out.shape[axis] * inner;
    x[t].forEach((q, i) => {
      let value = q;
      if (out.dtype !== 'float32' && (scaleOf(tensor) !== scaleOf(out) || zeroOf(tensor) !== zeroOf(out))) {
        const scale = Math.fround(scaleOf(tensor) * Math.fround(1 / scaleOf(out))), shift = Math.fround(-zeroOf(tensor) * scale);
        value = clamp(halfAway(Math.fround(Math.fround(q * scale) + shift)) + zeroOf(out), ...range(out));
      }
      result[Math.floor(i / own) * whole + before + (i % own)] = value;
    });
    before += own;
  });
  return result;
}

function quantize(x: Values, input: Tensor, out: Tensor): Values {
  if (input.dtype === 'float32') return x.map((v) => clamp(halfAway(Math.fround(v / scaleOf(out))) + zeroOf(out), ...range(out)));
  return x.map((q) => clamp(rescale(q - zeroOf(input), scaleOf(input) / scaleOf(out)) + zeroOf(out), ...range(out)));
}

function reluInt(kind: Activation, x: Values, input: Tensor, out: Tensor): Values {
  return x.map((q) => clamp(rescale(q - zeroOf(input), scaleOf(input) / scaleOf(out)) + zeroOf(out), ...bounds(kind, out)));
}

/** Section 4.4, int16 step by step. */
function hardSwishInt(q: number, input: Tensor, out: Tensor): number {
  const high = Math.fround(scaleOf(input) / 128);
  const sixteen = (m: number): { m: bigint; e: number } => {
    const { multiplier, shift } = quantizeMultiplier(m);
    return { m: multiplier >= (1n << 31n) - 1n - (1n << 15n) ? 32767n : (multiplier + (1n << 15n)) >> 16n, e: shift };
  };
  const saturate = (v: bigint): bigint => (v > 32767n ? 32767n : v < -32768n ? -32768n : v);
  const srdhm16 = (a: bigint, b: bigint): bigint => saturate((a * b + (a * b >= 0n ? 1n << 14n : 1n - (1n << 14n))) / (1n << 15n));
  const o = sixteen(Math.fround(high / scaleOf(out))), r = sixteen(Math.fround(high / Math.fround(3 / 32768)));
  const v = BigInt((q - zeroOf(input)) * 128), scaled = srdhm16(v, o.m);
  let gate = r.e > 0 ? saturate(v << BigInt(r.e - 1)) : v;
  gate = srdhm16(gate, r.m);
  if (r.e > 0) gate = saturate(gate << 1n);
  if (r.e < 0) gate = roundingDivide(gate, -r.e);
  gate = (gate + 32768n) >> 1n;
  return clamp(Number(roundingDivide(saturate((gate * scaled) / 32768n), -o.e)) + zeroOf(out), ...range(out));
}

// ---- search

/** A vector as an index keeps or asks it: whole numbers up to `most`, the largest taking it, halves to even. */
const asIntegers = (vector: readonly number[], most: number): number[] => {
  const largest = Math.max(...vector.map(Math.abs));
  return vector.map((value) => {
    const scaled = value * (most / largest), low = Math.floor(scaled), rest = scaled - low;
    return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  });
};
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (vector: readonly number[]): number => Math.sqrt(dot(vector, vector));
const asUnit = (vector: readonly number[]): number[] => vector.map((value) => Math.fround(value / length(vector)));

/** Cosine similarity of the query with every row, in exact integers or float64. */
export function similarities(query: readonly number[], rows: readonly (readonly number[])[], dtype: 'int8' | 'float32'): number[] {
  if (dtype === 'float32') return rows.map((row) => dot(asUnit(row), asUnit(query)));
  const asked = asIntegers(query, Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * query.length))));
  return rows.map((row) => asIntegers(row, 127)).map((row) => dot(row, asked) * (1 / length(row)) * (1 / length(asked)));
}

/** Places of the `most` greatest values, the greatest first, equals by place. */
export const greatest = (values: readonly number[], most: number): number[] =>
  values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b).slice(0, most);
