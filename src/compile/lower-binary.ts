// Knows how additions, subtractions and products of two tensors become steps: which operand repeats, which is constant.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements, floats, numbers } from '../formats/graph.js';
import type { Operator } from '../formats/graph.js';
import { bytesOf, floatBits } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { addMultipliers, affine, binaryTable, clampRange, mulMultiplier } from './quantise.js';
import { nudgeOf, realOf } from './weights.js';

interface Operands {
  step: Step;
  full: number;
  other: number;
  swapped: boolean;
}

/** The operand with all values first; the other repeats along the leading dimensions. */
function operands(lowering: Lowering, op: Operator, code: number): Operands {
  const out = lowering.tensor(op.outputs[0]), [a, b] = op.inputs;
  const count = elements(out.shape);
  const isFull = (i: number): boolean => !lowering.tensor(i).data && elements(lowering.tensor(i).shape) === count;
  const swapped = !isFull(a) && isFull(b);
  const full = swapped ? b : a, other = swapped ? a : b;
  const period = elements(lowering.tensor(other).shape);
  const trimmed = lowering.tensor(other).shape.slice(lowering.tensor(other).shape.findIndex((d) => d !== 1));
  const repeats = period === 1 || out.shape.slice(out.shape.length - trimmed.length).join() === trimmed.join();
  if (!isFull(full) || !repeats) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: operands [${lowering.tensor(a).shape}] and [${lowering.tensor(b).shape}]; one must have all values and the other repeat along the leading dimensions.`);
  }
  const step = lowering.step(op, code, { [abi.COUNT]: count, [abi.PERIOD]: period });
  step.src = full;
  if (lowering.tensor(other).data) {
    step.words[abi.SRC2_CONSTANT] = 1;
    const times = Math.min(Math.ceil(LEAST_PERIOD / period), Math.ceil(count / period));
    step.words[abi.PERIOD] = period * times;
    step.operand = bytesOf(repeat(constantBytes(lowering, other), times));
  } else step.src2 = other;
  return { step, full, other, swapped };
}

/** A short constant is written out this many times over, so that the kernel has vectors to work on. */
const LEAST_PERIOD = 256;

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

/** float32 values, or 8-bit values in their int8 form. */
function constantBytes(lowering: Lowering, i: number): Uint8Array {
  const tensor = lowering.tensor(i);
  if (tensor.dtype === 'float32') return new Uint8Array(floats(tensor).slice().buffer);
  const offset = tensor.dtype === 'uint8' ? 128 : 0;
  return Uint8Array.from(numbers(tensor), (q) => q - offset);
}

/** A scalar constant makes the whole operator a function of one byte. */
function asTable(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>, { full, other, swapped }: Operands): Step | undefined {
  const constant = lowering.tensor(other);
  if (!constant.data || elements(constant.shape) !== 1) return undefined;
  const output = affine(lowering.tensor(op.outputs[0]), op.where);
  const value = numbers(constant)[0] - (constant.dtype === 'uint8' ? 128 : 0);
  const entries = binaryTable(a.kind, affine(lowering.tensor(full), op.where), value, affine(constant, op.where), output, swapped,
    ...clampRange(a.activation, output, op.where));
  return Object.assign(lowering.table(op, entries), { src: full });
}

export function lowerAdd(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>): Step {
  const parts = operands(lowering, op, abi.OP_ADD);
  const { step, full, other, swapped } = parts;
  const { words } = step;
  words[abi.SIGN_A] = a.kind === 'sub' && swapped ? -1 : 1;
  words[abi.SIGN_B] = a.kind === 'sub' && !swapped ? -1 : 1;
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.outputs[0])) return step;
  const table = asTable(lowering, op, a, parts);
  if (table) return table;
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
  return step;
}

export function lowerMultiply(lowering: Lowering, op: Operator, a: Attribute<'add' | 'sub' | 'mul'>): Step {
  const parts = operands(lowering, op, abi.OP_MUL);
  const { step, full, other } = parts;
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.outputs[0])) return step;
  const table = asTable(lowering, op, a, parts);
  if (table) return table;
  const x = affine(lowering.tensor(full), op.where), y = affine(lowering.tensor(other), op.where);
  step.words[abi.ZERO_IN] = x.zero;
  step.words[abi.ZERO_IN2] = y.zero;
  const multiplier = mulMultiplier(x, y, affine(lowering.tensor(op.outputs[0]), op.where), a.once);
  [step.words[abi.MULTIPLIER], step.words[abi.EXPONENT]] = multiplier;
  step.words[abi.REAL] = floatBits(realOf(multiplier));
  step.words[abi.NUDGE] = floatBits(nudgeOf(multiplier[1]));
  return step;
}
