// Knows operators whose inputs are all known when the file is read: the shape arithmetic that exporters leave in graphs,
// and weights that are stored in another form. It does not know anything that is computed from a picture.
import { elements, numbers } from './graph.js';
import type { DType, Quantization, Tensor } from './graph.js';
import type { Node } from './onnx-node.js';
import { even } from './onnx-tables.js';
import { checkedShape, dtypeOf, encode, permuted, real } from './onnx-tensor.js';
import { isConstant } from './onnx-translation.js';
import type { Call } from './onnx-translation.js';

/** Shape arithmetic is about a few numbers; a chain of concatenations could double them without end. */
const MOST_VALUES = 65536;

type Evaluate = (call: Call, inputs: Tensor[]) => Tensor | undefined;

/** The output of a node that needs no picture, or undefined. */
export function evaluate(call: Call): Tensor | undefined {
  const { node } = call;
  if (node.op === 'Constant') return constant(node);
  if (node.op === 'Shape') return shapeOf(call);
  const rule = Object.hasOwn(RULES, node.op) ? RULES[node.op] : undefined;
  if (!rule || !call.inputs.length || !call.inputs.every((value) => !value || isConstant(value))) return undefined;
  for (let i = 0; i < (OF_TWO.has(node.op) ? 2 : 1); i++) call.needed(i);
  return rule(call, call.inputs.map((_, i) => call.constant(i)!));
}

function constant(node: Node): Tensor {
  const of = (values: number[], dtype: DType, shape: number[]): Tensor => ({ name: node.outputs[0], shape, dtype, data: encode(values, dtype) });
  const tensor = node.tensor('value'), floats = node.floats('value_floats'), ints = node.ints('value_ints');
  if (tensor) return { ...tensor, name: node.outputs[0] };
  if (node.has('value_float')) return of([node.float('value_float', 0)], 'float32', []);
  if (node.has('value_int')) return of([node.int('value_int', 0)], 'int64', []);
  if (floats && node.has('value_floats')) return of(floats, 'float32', [floats.length]);
  if (ints && node.has('value_ints')) return of(ints, 'int64', [ints.length]);
  throw node.unsupported('holds no dense numbers.');
}

function shapeOf(call: Call): Tensor {
  const value = call.value(0), shape = isConstant(value) ? value.tensor.shape : value.shape;
  return of(call, shape.slice(call.node.int('start', 0), call.node.has('end') ? call.node.int('end', 0) : undefined), 'int64');
}

function of({ node }: Call, values: number[], dtype: DType, shape = [values.length]): Tensor {
  if (values.length > MOST_VALUES) throw node.unsupported(`makes ${values.length} constant values. Fold constants before exporting (onnxsim).`);
  return { name: node.outputs[0], shape, dtype, data: encode(values, dtype) };
}

/** A target shape of Reshape: 0 keeps a dimension, -1 is what is left. */
export function targetShape({ node }: Call, from: number[], wanted: number[]): number[] {
  const kept = wanted.map((d, i) => (d === 0 && !node.int('allowzero', 0) ? from[i] ?? 0 : d)), rest = elements(kept.filter((d) => d !== -1));
  const shape = kept.map((d) => (d === -1 ? elements(from) / rest : d));
  if (elements(shape) !== elements(from) || shape.some((d) => !Number.isInteger(d) || d < 0)) throw node.broken(`turns [${from}] into [${wanted}], which has another number of values`);
  return shape;
}

export function squeezed(call: Call, shape: number[]): number[] {
  const axes = call.axes(1, shape.length);
  if (axes?.some((axis) => shape[axis] !== 1)) throw call.node.broken(`squeezes axes [${axes}] of [${shape}]`);
  return shape.filter((d, i) => (axes ? !axes.includes(i) : d !== 1));
}

export function unsqueezed(call: Call, shape: number[]): number[] {
  const given = call.numbers(1) ?? call.node.ints('axes') ?? [], rank = shape.length + given.length, left = [...shape];
  if (rank > 8) throw call.node.broken(`makes ${rank} dimensions`);
  const axes = given.map((axis) => call.axis(axis, rank));
  if (new Set(axes).size !== axes.length) throw call.node.broken(`inserts axes [${given}]`);
  return Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : left.shift()!));
}

export function flattened(call: Call, shape: number[]): number[] {
  const given = call.node.int('axis', 1), axis = given === shape.length ? given : call.axis(given, shape.length);
  return [elements(shape.slice(0, axis)), elements(shape.slice(axis))];
}

export function permutation(call: Call, rank: number): number[] {
  const order = call.node.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (order.length !== rank || new Set(order).size !== rank || order.some((i) => !(i >= 0 && i < rank))) throw call.node.broken(`permutes ${rank} dimensions by [${order}]`);
  return order;
}

/** Types that Cast turns constants into; TensorProto.DataType as everywhere. */
function cast(call: Call, [x]: Tensor[]): Tensor {
  const type = call.node.int('to', 1), dtype = dtypeOf(type, `the output of ${call.node.where}`);
  if (dtype === 'float32' || dtype === 'float16') return { ...real(x), name: call.node.outputs[0] };
  return { ...x, dtype, quantization: undefined, data: encode(numbers(real64(x)).map(Math.trunc), dtype) };
}

/** Integers stay exact; quantised constants become what they stand for. */
const real64 = (x: Tensor): Tensor => (x.quantization ? real(x) : x);

function gather(call: Call, [x, indices]: Tensor[]): Tensor | undefined {
  if (x.shape.length !== 1 || x.quantization) return undefined;
  const values = numbers(x), picked = numbers(indices).map((i) => values[call.axis(i, values.length)]);
  return of(call, picked, x.dtype, indices.shape);
}

function concatenate(call: Call, inputs: Tensor[]): Tensor | undefined {
  if (inputs.some((x) => x?.shape.length !== 1 || x.quantization)) return undefined;
  return of(call, inputs.flatMap(numbers), inputs[0].dtype);
}

function slice(call: Call, [x]: Tensor[]): Tensor | undefined {
  if (x.shape.length !== 1 || x.quantization) return undefined;
  const [start] = call.numbers(1) ?? call.node.ints('starts') ?? [0], [end] = call.numbers(2) ?? call.node.ints('ends') ?? [x.shape[0]], [step] = call.numbers(4) ?? [1];
  if (step !== 1) throw call.node.unsupported(`slices a shape with step ${step}.`);
  return of(call, numbers(x).slice(start, end), x.dtype);
}

function arithmetic(combine: (a: number, b: number) => number): Evaluate {
  return (call, [a, b]) => {
    const x = numbers(real64(a)), y = numbers(real64(b)), count = Math.max(x.length, y.length), like = x.length >= y.length ? a : b;
    if ((x.length !== count && x.length !== 1) || (y.length !== count && y.length !== 1)) return undefined;
    const dtype = a.dtype === 'float16' || a.quantization ? 'float32' : a.dtype, whole = dtype !== 'float32';
    return of(call, Array.from({ length: count }, (_, i) => combine(x[i % x.length], y[i % y.length])).map((v) => (whole ? Math.trunc(v) : v)), dtype, like.shape);
  };
}

/** Scale and zero point of a node that quantises or takes it back, for a tensor of `shape`. */
export function quantizationOf(call: Call, shape: number[]): Quantization & { dtype: DType } {
  const { node } = call, scale = Float32Array.from(numbers(real(call.needed(1)))), zero = call.constant(2);
  if (node.int('block_size', 0)) throw node.unsupported('quantises block by block. Quantise per tensor or per channel.');
  if (!scale.length || !scale.every((s) => Number.isFinite(s) && s > 0)) throw node.broken('has a scale that is no positive number');
  const axis = scale.length > 1 ? call.axis(node.int('axis', 1), shape.length) : 0;
  if (scale.length > 1 && scale.length !== shape[axis]) throw node.broken(`has ${scale.length} scales for [${shape}] along axis ${axis}`);
  const zeros = zero ? numbers(zero) : [0];
  if (zeros.length !== 1 && zeros.length !== scale.length) throw node.broken(`has ${zeros.length} zero points for ${scale.length} scales`);
  const dtype = zero?.dtype ?? (node.int('output_dtype', 0) ? dtypeOf(node.int('output_dtype', 0), node.where) : 'uint8');
  return { scale, zeroPoint: Int32Array.from(scale, (_, i) => zeros[i] ?? zeros[0]), axis, dtype };
}

/** Weights that a file keeps in float32 with their quantisation beside them. Halves go to the even number. */
function quantise(call: Call, [x]: Tensor[]): Tensor {
  const { dtype, scale, zeroPoint, axis } = quantizationOf(call, x.shape), inner = elements(x.shape.slice(axis + 1));
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-128, 127];
  if (dtype !== 'uint8' && dtype !== 'int8') throw call.node.unsupported(`quantises to ${dtype}; int8 and uint8 are supported.`);
  const data = numbers(real(x)).map((v, i) => {
    const c = scale.length > 1 ? Math.floor(i / inner) % scale.length : 0;
    return Math.min(high, Math.max(low, even(Math.fround(v / scale[c])) + zeroPoint[c]));
  });
  return { name: call.node.outputs[0], shape: x.shape, dtype, data: encode(data, dtype) };
}

function dequantise(call: Call, [x]: Tensor[]): Tensor {
  const { scale, zeroPoint, axis } = quantizationOf(call, x.shape);
  if (x.dtype !== 'int8' && x.dtype !== 'uint8' && x.dtype !== 'int32') throw call.node.unsupported(`takes ${x.dtype} for quantised; int8, uint8 and int32 are supported.`);
  return { ...x, quantization: { scale, zeroPoint, axis } };
}

function filled(call: Call, [shape]: Tensor[]): Tensor {
  const value = call.node.tensor('value'), sizes = checkedShape(numbers(shape), `the output of ${call.node.where}`);
  if (elements(sizes) > MOST_VALUES) throw call.node.unsupported(`makes ${elements(sizes)} constant values.`);
  return of(call, Array<number>(elements(sizes)).fill(value ? numbers(value)[0] : 0), value?.dtype ?? 'float32', sizes);
}

/** A view of the same bytes; quantised per channel, a constant keeps its scales only where the shape stays. */
const shaped = (shape: (call: Call, from: number[]) => number[]): Evaluate => (call, [x]) => {
  const source = (x.quantization?.scale.length ?? 1) > 1 ? real(x) : x;
  return { ...source, shape: shape(call, x.shape) };
};

const OF_TWO = new Set(['Gather', 'Add', 'Sub', 'Mul', 'Div']);

const RULES: Record<string, Evaluate | undefined> = {
  Identity: (_, [x]) => x,
  Reshape: shaped((call, from) => targetShape(call, from, call.numbers(1) ?? [])),
  Squeeze: shaped(squeezed),
  Unsqueeze: shaped(unsqueezed),
  Flatten: shaped(flattened),
  Transpose: (call, [x]) => permuted(x, permutation(call, x.shape.length)),
  Cast: cast,
  Gather: gather,
  Concat: concatenate,
  Slice: slice,
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b) => a / b),
  ConstantOfShape: filled,
  QuantizeLinear: quantise,
  DequantizeLinear: dequantise,
};
