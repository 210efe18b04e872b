// Knows what ONNX operators (opset 9 to 21) do to values computed from a picture, in terms of our graph. It does not know
// windows, constants or files.
import { elements, numbers } from './graph.js';
import type { Activation, Attributes } from './graph.js';
import { flattened, permutation, quantizationOf, squeezed, targetShape, unsqueezed } from './onnx-constants.js';
import { bytesOf, permuted, real, scalar } from './onnx-tensor.js';
import { isConstant, NHWC, plain } from './onnx-translation.js';
import type { Call, Computed, Value } from './onnx-translation.js';
import { averagePool, convolution, pad } from './onnx-windows.js';

const HINTS: [RegExp, string][] = [
  [/^(QLinear|.*\.QLinear|ConvInteger|MatMulInteger|DynamicQuantize)/, 'Quantise in QDQ format: quantize_static(..., quant_format=QuantFormat.QDQ).'],
  [/^(If|Loop|Scan)$/, 'Export the model without control flow.'],
  [/\./, 'Export with standard operators, and functions inlined (onnx.inliner).'],
];
const HINT = 'It runs MobileNets; leave the operator out of the exported graph (as post-processing is done by your code), or use ONNX Runtime.';

/** @throws DepthwiseError UNSUPPORTED where no rule knows the operator */
export function translate(call: Call): Value {
  if (Object.hasOwn(RULES, call.node.op)) return RULES[call.node.op]!(call); // a file may call its operator __proto__
  throw call.node.unsupported(`is not one that this library does. ${HINTS.find(([pattern]) => pattern.test(call.node.op))?.[1] ?? HINT}`);
}

const unary = (kind: 'relu' | 'hardSwish' | 'logistic') => (call: Call): Computed => call.same({ kind });

/** x combined with one number. */
function withNumber(call: Call, kind: 'add' | 'mul', x: Computed, value: number): Computed {
  return call.same({ kind, activation: 'none' }, x, [call.to.add(scalar(value))]);
}

/** Bounds that no kernel clamps to are moved to those of relu6 or relu and back. */
function clip(call: Call): Computed {
  const low = call.numbers(1)?.[0] ?? call.node.float('min', -Infinity), high = call.numbers(2)?.[0] ?? call.node.float('max', Infinity), x = call.computed();
  const plainly: Record<string, Attributes> = { '0,6': { kind: 'relu6' }, '-1,1': { kind: 'reluN1To1' } };
  if (Number.isNaN(low) || Number.isNaN(high) || low > high) throw call.node.broken(`clips to [${low}, ${high}]`);
  const endless = high > 1e30, bottomless = low < -1e30;
  if (plainly[`${low},${high}`]) return call.same(plainly[`${low},${high}`]);
  if (endless && bottomless) return x;
  if (endless) return low === 0 ? call.same({ kind: 'relu' }) : withNumber(call, 'add', call.same({ kind: 'relu' }, withNumber(call, 'add', x, -low)), low);
  if (bottomless) return withNumber(call, 'add', withNumber(call, 'mul', call.same({ kind: 'relu' }, withNumber(call, 'add', withNumber(call, 'mul', x, -1), high)), -1), high);
  if (low === high) throw call.node.unsupported(`clips to the single value ${low}.`);
  const raised = low === 0 ? x : withNumber(call, 'add', x, -low);
  const cut = withNumber(call, 'mul', call.same({ kind: 'relu6' }, withNumber(call, 'mul', raised, 6 / (high - low))), (high - low) / 6);
  return low === 0 ? cut : withNumber(call, 'add', cut, low);
}

/** max(0, min(1, alpha x + beta)), by way of the one with alpha 1/6 and beta 1/2 that kernels know. */
function hardSigmoid(call: Call): Computed {
  const slope = call.node.float('alpha', 0.2) * 6, shift = call.node.float('beta', 0.5) * 6 - 3, x = call.computed();
  const sloped = Math.abs(slope - 1) < 1e-4 ? x : withNumber(call, 'mul', x, slope);
  return call.same({ kind: 'hardSigmoid' }, Math.abs(shift) < 1e-4 ? sloped : withNumber(call, 'add', sloped, shift));
}

function batchNorm(call: Call): Computed {
  const { node, to } = call, x = call.computed();
  if (node.int('training_mode', 0)) throw node.unsupported('is in training mode. Export the model after model.eval().');
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => real(call.needed(i))), epsilon = node.float('epsilon', 1e-5), channels = x.shape[1];
  if ([gamma, beta, mean, variance].some(({ shape }) => elements(shape) !== channels)) throw node.broken(`has other parameters than for ${channels} channels of its input`);
  const areChannels = x.order.at(-1) === 1; // not so where a transposition put others in their place
  if (areChannels && to.graph.operators.at(-1)?.outputs[0] === x.index && /conv2d/i.test(to.graph.operators.at(-1)!.attributes.kind)) {
    return call.same({ kind: 'batchNorm', epsilon, activation: 'none' }, x, [gamma, beta, mean, variance].map((tensor) => to.add({ ...tensor, shape: [channels] })));
  }
  const [g, b, m, v] = [gamma, beta, mean, variance].map(numbers), factor = Float32Array.from(g, (n, c) => n / Math.sqrt(v[c] + epsilon));
  const shape = [channels, ...Array<number>(x.shape.length - 2).fill(1)];
  const constant = (values: Float32Array, part: string): number => to.operand({ tensor: { name: `${node.outputs[0]}/${part}`, shape, dtype: 'float32', data: bytesOf(values) } }, x);
  const scaled = call.same({ kind: 'mul', activation: 'none' }, x, [constant(factor, 'factor')]);
  return call.same({ kind: 'add', activation: 'none' }, scaled, [constant(Float32Array.from(b, (n, c) => n - m[c] * factor[c]), 'shift')]);
}

type Combination = 'add' | 'sub' | 'mul';

function binary(kind: Combination) {
  return (call: Call): Computed => {
    const [a, b] = [call.value(0), call.value(1)];
    if (isConstant(a) && isConstant(b)) throw call.node.unsupported('combines two constants. Fold constants before exporting (onnxsim).');
    const leading = isConstant(a) ? b as Computed : isConstant(b) ? a : elements(a.shape) >= elements(b.shape) ? a : b;
    const fit = (value: Value): { index: number; shape: number[] } => {
      if (isConstant(value)) return { index: call.to.operand(value, leading), shape: value.tensor.shape };
      const lifted = value.shape.length < leading.shape.length ? call.to.reshaped(call.node, value, [...Array<number>(leading.shape.length - value.shape.length).fill(1), ...value.shape]) : value;
      return call.to.inOrder(call.node, lifted, leading.order);
    };
    const [left, right] = [fit(a), fit(b)];
    return call.emit({ kind, activation: 'none' }, [left.index, right.index], broadcast(call, left.shape, right.shape, leading), leading.order);
  };
}

function broadcast({ node }: Call, a: number[], b: number[], { shape }: Computed): number[] {
  const at = (of: number[], i: number): number => of[of.length - shape.length + i] ?? 1;
  const out = shape.map((_, i) => (at(a, i) === 1 ? at(b, i) : at(a, i)));
  const fits = (of: number[]): boolean => out.every((d, i) => at(of, i) === d || at(of, i) === 1) && elements(of.slice(0, Math.max(0, of.length - shape.length))) === 1;
  if (!fits(a) || !fits(b)) throw node.broken(`combines shapes [${a}] and [${b}]`);
  return out;
}

function divide(call: Call): Computed {
  const x = call.computed(), divisor = real(call.needed(1)), inverse = Float32Array.from(numbers(divisor), (v) => 1 / v);
  return call.same({ kind: 'mul', activation: 'none' }, x, [call.to.operand({ tensor: { ...divisor, data: bytesOf(inverse) } }, x)]);
}

function mean(call: Call): Computed {
  const { node } = call, x = call.computed(), given = call.axes(1, x.shape.length) ?? [];
  if (!given.length && node.int('noop_with_empty_axes', 0)) return x;
  const axes = [...(given.length ? given : plain(x.shape.length))].sort((a, b) => a - b), kept = node.int('keepdims', 1) !== 0;
  const places = axes.map((axis) => x.order.indexOf(axis)).sort();
  if (x.shape.length !== 4 || (axes.join() !== '2,3' && places.join() !== '1,2')) throw node.unsupported(`takes the mean of [${x.shape}] over axes [${axes}]; only height and width of a picture together are supported.`);
  const map = places.join() === '1,2' ? x : call.map(), shape = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const pooled = call.emit({ kind: 'mean', axes: [1, 2], keepDims: true }, [map.index], shape, map.order);
  return kept ? pooled : call.to.reshaped(node, pooled, x.shape.filter((_, i) => !axes.includes(i)));
}

function globalAveragePool(call: Call): Computed {
  const { index, n, c } = call.map();
  return call.emit({ kind: 'mean', axes: [1, 2], keepDims: true }, [index], [n, c, 1, 1], NHWC);
}

function gemm(call: Call): Computed {
  const { node, to } = call, x = call.computed(), given = call.needed(1), alpha = node.float('alpha', 1), beta = node.float('beta', 1);
  if (node.int('transA', 0) || x.shape.length !== 2 || given.shape.length !== 2) throw node.unsupported(`multiplies [${x.shape}] by [${given.shape}]${node.int('transA', 0) ? ', the first transposed' : ''}; rows by a constant matrix are supported.`);
  const weights = scaled(node.int('transB', 0) ? given : permuted(given, [1, 0]), alpha), [out, depth] = weights.shape;
  if (x.shape[1] !== depth) throw node.broken(`multiplies [${x.shape}] by weights for ${depth} values`);
  const bias = call.constant(2), values = bias && elements(bias.shape);
  if (bias && values !== out && values !== 1) throw node.unsupported(`adds a bias of shape [${bias.shape}] to ${out} outputs.`);
  const vector = bias && (values === out ? { ...scaled(bias, beta), shape: [out] } : { ...bias, shape: [out], dtype: 'float32' as const, quantization: undefined, data: bytesOf(new Float32Array(out).fill(numbers(real(bias))[0] * beta)) });
  const rows = to.inOrder(node, x, plain(2));
  return call.emit({ kind: 'fullyConnected', activation: 'none', keepDims: false }, [rows.index, to.add(weights), vector ? to.add(vector) : -1], [x.shape[0], out], plain(2));
}

function scaled(tensor: Parameters<typeof real>[0], by: number): Parameters<typeof real>[0] {
  if (by === 1) return tensor;
  const plainly = real(tensor);
  return { ...plainly, data: bytesOf(Float32Array.from(numbers(plainly), (v) => v * by)) };
}

function matMul(call: Call): Computed {
  const x = call.computed(), given = call.needed(1), rank = x.shape.length;
  if (given.shape.length !== 2 || rank < 2) throw call.node.unsupported(`multiplies [${x.shape}] by [${given.shape}]; rows by a constant matrix are supported.`);
  const weights = permuted(given, [1, 0]), [out, depth] = weights.shape;
  if (x.shape[rank - 1] !== depth) throw call.node.broken(`multiplies [${x.shape}] by weights for ${depth} values`);
  const rows = call.to.inOrder(call.node, x, plain(rank));
  return call.emit({ kind: 'fullyConnected', activation: 'none', keepDims: rank > 2 }, [rows.index, call.to.add(weights), -1], [...x.shape.slice(0, -1), out], plain(rank));
}

/** Until opset 12 over all dimensions from `axis` on, since then over `axis` alone. */
function softmax(call: Call): Computed {
  const { node } = call, x = call.computed(), axis = call.axis(node.int('axis', node.opset < 13 ? 1 : -1), x.shape.length);
  const over = node.opset < 13 ? plain(x.shape.length).slice(axis).filter((i) => x.shape[i] > 1) : [axis];
  if (over.length > 1) throw node.unsupported(`is over dimensions ${over} of [${x.shape}] together; one at a time is supported.`);
  const last = over[0] ?? axis, order = [...x.order.filter((i) => i !== last), last];
  return call.same({ kind: 'softmax', beta: 1 }, call.to.inOrder(node, x, order));
}

/** Nothing moves: dimensions of the same memory get other numbers. */
function transpose(call: Call): Computed {
  const x = call.computed(), order = permutation(call, x.shape.length);
  return { index: x.index, shape: order.map((i) => x.shape[i]), order: x.order.map((i) => order.indexOf(i)) };
}

const reshaping = (shape: (call: Call, from: number[]) => number[]) => (call: Call): Computed => {
  const x = call.computed();
  return call.to.reshaped(call.node, x, shape(call, x.shape));
};

function concatenate(call: Call): Computed {
  const parts = call.inputs.map((_, i) => call.computed(i)), [first] = parts, axis = call.axis(call.node.int('axis', 1), first.shape.length);
  if (parts.some(({ shape }) => shape.length !== first.shape.length || shape.some((d, i) => i !== axis && d !== first.shape[i]))) throw call.node.broken(`joins shapes ${parts.map(({ shape }) => `[${shape}]`).join(' and ')} along axis ${axis}`);
  const shape = first.shape.map((d, i) => (i === axis ? parts.reduce((sum, part) => sum + part.shape[axis], 0) : d));
  const inputs = parts.map((part) => call.to.inOrder(call.node, part, first.order).index);
  return call.emit({ kind: 'concatenation', axis: first.order.indexOf(axis), activation: 'none' as Activation }, inputs, shape, first.order);
}

const FLOATS = new Set([1, 10, 11, 16]);

/** Between kinds of floating point, which are all float32 here. */
function cast(call: Call): Computed {
  if (!FLOATS.has(call.node.int('to', 1))) throw call.node.unsupported('turns values computed from the picture into integers.');
  return call.computed();
}

function quantise(call: Call): Computed {
  const x = call.computed(), { dtype, ...quantization } = quantizationOf(call, x.shape);
  if ((dtype !== 'int8' && dtype !== 'uint8') || quantization.scale.length > 1) throw call.node.unsupported(`quantises what is computed from the picture to ${dtype} with ${quantization.scale.length} scales; int8 or uint8 with one is supported.`);
  return call.to.emit(call.node, { kind: 'quantize' }, [x.index], x.shape, x.order, { dtype, quantization });
}

function dequantise(call: Call): Computed {
  const x = call.computed(), { dtype: _, ...quantization } = quantizationOf(call, x.shape), source = call.to.graph.tensors[x.index];
  if ((source.dtype !== 'int8' && source.dtype !== 'uint8') || quantization.scale.length > 1) throw call.node.unsupported(`takes ${source.dtype} with ${quantization.scale.length} scales for quantised; int8 or uint8 with one is supported.`);
  source.quantization ??= quantization; // integers that the caller gives
  if (source.quantization.scale[0] !== quantization.scale[0] || source.quantization.zeroPoint[0] !== quantization.zeroPoint[0]) throw call.node.unsupported('reads integers with another scale or zero point than they were written with.');
  return call.same({ kind: 'dequantize' });
}

const RULES: Record<string, ((call: Call) => Value) | undefined> = {
  Conv: convolution, AveragePool: averagePool, GlobalAveragePool: globalAveragePool, Pad: pad, BatchNormalization: batchNorm,
  Relu: unary('relu'), HardSwish: unary('hardSwish'), Sigmoid: unary('logistic'), Clip: clip, HardSigmoid: hardSigmoid, Softmax: softmax,
  Add: binary('add'), Sub: binary('sub'), Mul: binary('mul'), Div: divide, ReduceMean: mean, Gemm: gemm, MatMul: matMul,
  Reshape: reshaping((call, from) => targetShape(call, from, numbers(call.needed(1)))), Flatten: reshaping(flattened), Squeeze: reshaping(squeezed), Unsqueeze: reshaping(unsqueezed),
  Transpose: transpose, Concat: concatenate, Identity: (call) => call.value(0), Dropout: (call) => call.value(0), Cast: cast,
  QuantizeLinear: quantise, DequantizeLinear: dequantise,
};
