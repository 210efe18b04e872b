// Knows how operators of two operands become steps: which operand repeats, which is constant, which is spread out first.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements, floats, numbers } from '../formats/graph.js';
import type { Activation, Operator } from '../formats/graph.js';
import { bytesOf, floatBits, isCount } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { copyStep } from './lower-move.js';
import { addMultipliers, affine, binaryTable, clampRange, mulMultiplier } from './quantise.js';
import { nudgeOf, realOf } from './weights.js';

interface Operands {
  /** What spreads operands over the output's shape first. */
  before: Step[];
  step: Step;
  full: number;
  other: number;
  swapped: boolean;
}

/** The operand with all values first; the other repeats along the leading dimensions. One that does neither is spread out. */
function operands(lowering: Lowering, op: Operator, code: number): Operands {
  const { shape } = lowering.tensor(op.outputs[0]), [a, b] = op.inputs, count = elements(shape);
  const isConstant = (i: number): boolean => lowering.tensor(i).data !== undefined;
  const isFull = (i: number): boolean => !isConstant(i) && elements(lowering.tensor(i).shape) === count;
  const swapped = !isFull(a) && (isFull(b) || isConstant(a)), before: Step[] = [];
  let full = swapped ? b : a, other = swapped ? a : b;
  if (isConstant(full) || [a, b].some((i) => !spreads(lowering.tensor(i).shape, shape))) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: operands [${lowering.tensor(a).shape}] and [${lowering.tensor(b).shape}] for output [${shape}]; their dimensions must be equal or 1, and one must be computed at run time.`);
  }
  if (!isFull(full)) full = spread(lowering, op, full, before);
  if (!repeats(lowering.tensor(other).shape, shape)) other = isConstant(other) ? spreadConstant(lowering, op, other) : spread(lowering, op, other, before);
  const period = elements(lowering.tensor(other).shape);
  const step = lowering.step(op, code, { [abi.COUNT]: count, [abi.PERIOD]: period });
  step.src = full;
  if (isConstant(other)) {
    step.words[abi.SRC2_CONSTANT] = 1;
    const times = Math.min(Math.ceil(LEAST_PERIOD / period), Math.ceil(count / period));
    step.words[abi.PERIOD] = period * times;
    step.operand = bytesOf(repeat(constantBytes(lowering, other), times));
  } else step.src2 = other;
  return { before, step, full, other, swapped };
}

/** Whether `small`, put out to the right of `large`, has its dimensions or ones. */
const spreads = (small: number[], large: number[]): boolean => small.length <= large.length && small.every((d, i) => d === 1 || d === large[large.length - small.length + i]);

/** Whether `small` lies in `large` whole and again, along the leading dimensions. */
function repeats(small: number[], large: number[]): boolean {
  const trimmed = small.slice(small.findIndex((d) => d !== 1));
  return elements(small) === 1 || large.slice(large.length - trimmed.length).join() === trimmed.join();
}

/** The strides of `small` along the dimensions of `large`, 0 where it repeats. */
function spreadStrides(small: number[], large: number[]): number[] {
  return large.map((_, i) => {
    const at = i - (large.length - small.length);
    return at < 0 || small[at] === 1 ? 0 : elements(small.slice(at + 1));
  });
}

function spread(lowering: Lowering, op: Operator, from: number, steps: Step[]): number {
  const { shape } = lowering.tensor(op.outputs[0]), source = lowering.tensor(from);
  const to = lowering.add({ ...source, name: `${source.name}/spread`, shape });
  steps.push(copyStep(lowering, op, from, to, shape, spreadStrides(source.shape, shape)));
  return to;
}

function spreadConstant(lowering: Lowering, op: Operator, from: number): number {
  const { shape } = lowering.tensor(op.outputs[0]), source = lowering.tensor(from), strides = spreadStrides(source.shape, shape);
  const size = source.data!.length / elements(source.shape);
  lowering.room.take(elements(shape) * size, op.where);
  const data = new Uint8Array(elements(shape) * size);
  for (let i = 0; i * size < data.length; i++) {
    let at = 0;
    for (let d = shape.length - 1, rest = i; d >= 0; rest = Math.floor(rest / shape[d--])) at += (rest % shape[d]) * strides[d];
    data.set(source.data!.subarray(at * size, (at + 1) * size), i * size);
  }
  return lowering.add({ ...source, shape, data });
}

/** A short constant is written out this many times over, so that the kernel has vectors to work on. */
const LEAST_PERIOD = 256;

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

/** float32 or int32 values, or 8-bit values in their int8 form. */
function constantBytes(lowering: Lowering, i: number): Uint8Array {
  const tensor = lowering.tensor(i);
  if (tensor.dtype === 'float32') return new Uint8Array(floats(tensor).slice().buffer);
  if (tensor.dtype === 'int32') return tensor.data!;
  const offset = tensor.dtype === 'uint8' ? 128 : 0;
  return Uint8Array.from(numbers(tensor), (q) => q - offset);
}

/** A constant of one value makes the whole operator a function of one byte. */
function asTable(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>, { full, other, swapped }: Operands): Step | undefined {
  const constant = lowering.tensor(other);
  if (!constant.data?.every((byte) => byte === constant.data![0])) return undefined;
  const output = affine(lowering.tensor(op.outputs[0]), op.where);
  const value = numbers(constant)[0] - (constant.dtype === 'uint8' ? 128 : 0);
  const entries = binaryTable(a.kind, affine(lowering.tensor(full), op.where), value, affine(constant, op.where), output, swapped,
    ...clampRange(a.activation, output, op.where));
  return Object.assign(lowering.table(op, entries), { src: full });
}

/** int32 with int32, and quotients of float32. */
export function lowerArithmetic(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul' | 'div' | 'floorDiv'>): Step[] {
  const { dtype } = lowering.tensor(op.outputs[0]);
  if (!isCount(lowering, op) && [...op.inputs, ...op.outputs].some((i) => !lowering.isFloat(i))) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: divides ${op.inputs.map((i) => lowering.tensor(i).dtype).join(' by ')} to ${dtype}; all must be float32 or all int32.`);
  }
  const { before, step, swapped } = operands(lowering, op, abi.OP_ARITHMETIC);
  step.words[abi.FUNCTION] = { add: abi.PLUS, sub: abi.MINUS, mul: abi.TIMES, div: abi.QUOTIENT, floorDiv: abi.FLOOR_QUOTIENT }[a.kind];
  step.words[abi.SWAPPED] = Number(swapped);
  if (dtype === 'float32') lowering.activation(step, a.activation);
  else [step.words[abi.MIN], step.words[abi.MAX]] = wholeBounds(a.activation, op.where);
  return [...before, step];
}

function wholeBounds(activation: Activation, where: string): [number, number] {
  const bounds: Partial<Record<Activation, [number, number]>> = { none: [-(2 ** 31), 2 ** 31 - 1], relu: [0, 2 ** 31 - 1], relu6: [0, 6], reluN1To1: [-1, 1] };
  const found = bounds[activation];
  if (!found) throw new DepthwiseError('UNSUPPORTED', `${where}: activation ${activation} of whole numbers. Keep it as an operator of its own.`);
  return found;
}

export function lowerAdd(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>): Step[] {
  const parts = operands(lowering, op, abi.OP_ADD);
  const { before, step, full, other, swapped } = parts;
  const { words } = step;
  words[abi.SIGN_A] = a.kind === 'sub' && swapped ? -1 : 1;
  words[abi.SIGN_B] = a.kind === 'sub' && !swapped ? -1 : 1;
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.outputs[0])) return [...before, step];
  const table = asTable(lowering, op, a, parts);
  if (table) return [...before, table];
  const x = affine(lowering.tensor(full), op.where), y = affine(lowering.tensor(other), op.where);
  const m = addMultipliers(x, y, affine(lowering.tensor(op.outputs[0]), op.where));
  words[abi.ZERO_IN] = x.zero;
  words[abi.ZERO_IN2] = y.zero;
  [words[abi.MULTIPLIER_A], words[abi.EXPONENT_A]] = m.a;
  [words[abi.MULTIPLIER_B], words[abi.EXPONENT_B]] = m.b;
  [words[abi.MULTIPLIER], words[abi.EXPONENT]] = m.out;
  words[abi.NUDGE] = floatBits(nudgeOf(m.out[1]));
  // TFLite rounds both operands to whole numbers 20 bits up first. Those roundings must stay far below the margin of
  // the float32 form (assembly/requantise.ts), which a far too small output scale could break.
  const out = realOf(m.out);
  if (out <= 2 ** -16) {
    words[abi.REAL] = floatBits(words[abi.SIGN_A] * 2 ** 20 * realOf(m.a) * out);
    words[abi.REAL_B] = floatBits(words[abi.SIGN_B] * 2 ** 20 * realOf(m.b) * out);
  }
  return [...before, step];
}

export function lowerMultiply(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>): Step[] {
  const parts = operands(lowering, op, abi.OP_MUL);
  const { before, step, full, other } = parts;
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.outputs[0])) return [...before, step];
  const table = asTable(lowering, op, a, parts);
  if (table) return [...before, table];
  const x = affine(lowering.tensor(full), op.where), y = affine(lowering.tensor(other), op.where);
  step.words[abi.ZERO_IN] = x.zero;
  step.words[abi.ZERO_IN2] = y.zero;
  const multiplier = mulMultiplier(x, y, affine(lowering.tensor(op.outputs[0]), op.where), a.once);
  [step.words[abi.MULTIPLIER], step.words[abi.EXPONENT]] = multiplier;
  step.words[abi.REAL] = floatBits(realOf(multiplier));
  step.words[abi.NUDGE] = floatBits(nudgeOf(multiplier[1]));
  return [...before, step];
}
