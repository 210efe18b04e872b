// Knows TensorFlow Lite's integer arithmetic at compile time: multipliers, clamps and 256-entry tables, exactly as its
// reference kernels compute them (../shared/notes/facts.md section 4). It does not know steps or memory.
//
// All 8-bit activations are int8 here: uint8 values and zero points are held 128 lower, which changes no difference.
import { DepthwiseError } from '../error.js';
import type { Activation, Tensor } from '../formats/graph.js';

export interface Affine {
  scale: number;
  zero: number; // of the int8 form
  unsigned: boolean;
}

/** Per-tensor quantisation of an 8-bit activation. */
export function affine(tensor: Tensor, where: string): Affine {
  const q = tensor.quantization;
  if (!q || q.scale.length !== 1) {
    throw new DepthwiseError('BAD_FILE', `${where}: tensor "${tensor.name}" is ${tensor.dtype} but has no single scale and zero point. Export the model again with full quantisation parameters.`);
  }
  const unsigned = tensor.dtype === 'uint8', zero = q.zeroPoint[0] - (unsigned ? 128 : 0);
  if (!(q.scale[0] > 0) || zero < -128 || zero > 127) {
    throw new DepthwiseError('BAD_FILE', `${where}: tensor "${tensor.name}" is ${tensor.dtype} with scale ${q.scale[0]} and zero point ${q.zeroPoint[0]}, which stand for no numbers. Export the model again.`);
  }
  return { scale: q.scale[0], zero, unsigned };
}

/** Half away from zero. */
export const round = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

/**
 * Real multiplier to M / 2^31 * 2^shift, M in [2^30, 2^31) (QuantizeMultiplier). A shift to the right rounds a second
 * time; with `once` there is none, and sums below 2^17 err by 2^-15 at most.
 */
export function quantizeMultiplier(real: number, once?: boolean): [multiplier: number, shift: number] {
  if (!(real < 2 ** 31)) throw new DepthwiseError('BAD_FILE', `This model multiplies 8-bit values by ${real}: its scales contradict each other. Export the model again.`);
  if (real === 0 || (once && real < 0.5)) return [round(real * 2 ** 31), 0];
  let shift = Math.ceil(Math.log2(real));
  let fraction = real / 2 ** shift;
  if (fraction >= 1) fraction /= 2, shift++;
  if (fraction < 0.5) fraction *= 2, shift--;
  let multiplier = round(fraction * 2 ** 31);
  if (multiplier === 2 ** 31) multiplier /= 2, shift++;
  return shift < -31 ? [0, 0] : [multiplier, shift];
}

/** MultiplyByQuantizedMultiplier with TFLite's two roundings; the kernels' `multiply`. */
export function multiply(acc: number, multiplier: number, shift: number): number {
  const shifted = shift > 0 ? acc * 2 ** shift : acc;
  const high = Number((BigInt(shifted) * BigInt(multiplier) + (1n << 30n)) >> 31n);
  if (shift >= 0) return high;
  const power = 2 ** -shift;
  return round(high / power);
}

/** Least and greatest int8 value that an activation function lets through. */
export function clampRange(activation: Activation, output: Affine, where: string): [number, number] {
  const quantise = (x: number): number => output.zero + round(Math.fround(x / output.scale));
  switch (activation) {
    case 'none': return [-128, 127];
    case 'relu': return [Math.max(-128, quantise(0)), 127];
    case 'relu6': return [Math.max(-128, quantise(0)), Math.min(127, quantise(6))];
    case 'reluN1To1': return [Math.max(-128, quantise(-1)), Math.min(127, quantise(1))];
    default: throw new DepthwiseError('UNSUPPORTED', `${where}: activation ${activation} fused into an 8-bit operator. Keep it as an operator of its own.`);
  }
}

/** Real multipliers of a convolution, one per channel or one for all (kernel_util.cc: uint8 multiplies in float32). */
export function convMultipliers(input: Affine, weightScales: ArrayLike<number>, output: Affine): number[] {
  return Array.from(weightScales, (scale) =>
    input.unsigned ? Math.fround(input.scale * scale) / output.scale : (input.scale * scale) / output.scale);
}

type Entry = (q: number) => number;

function table(entry: Entry): Int8Array {
  return Int8Array.from({ length: 256 }, (_, i) => Math.min(127, Math.max(-128, entry(i - 128))));
}

/** int8 to int8 of another scale (requantize.h), clamped to [low, high]. */
export function requantiseTable(input: Affine, output: Affine, low = -128, high = 127): Int8Array {
  const [m, shift] = quantizeMultiplier(input.scale / output.scale);
  return table((q) => Math.min(high, Math.max(low, multiply(q - input.zero, m, shift) + output.zero)));
}

/** CONCATENATION of inputs with other scales (concatenation.h, ConcatenationWithScaling): a float32 line, rounded. */
export function rescaleTable(input: Affine, output: Affine): Int8Array {
  const low = input.unsigned ? 128 : 0, scale = Math.fround(input.scale * Math.fround(1 / output.scale)), shift = Math.fround(-(input.zero + low) * scale);
  return table((q) => round(Math.fround(Math.fround((q + low) * scale) + shift)) + output.zero);
}

const sat16 = (x: number): number => Math.min(32767, Math.max(-32768, x));
const doublingHigh16 = (a: number, b: number): number => sat16(Math.floor((a * b + 16384) / 32768));

/** HARD_SWISH (hard_swish.h): int16 fixed point. */
export function hardSwishTable(input: Affine, output: Affine): Int8Array {
  const high = Math.fround(input.scale / 128);
  const to16 = (m: number): number => (m >= 2 ** 31 - 1 - 2 ** 15 ? 32767 : Math.floor((m + 2 ** 15) / 2 ** 16));
  const [om, oe] = quantizeMultiplier(Math.fround(high / output.scale));
  const [rm, re] = quantizeMultiplier(Math.fround(high / Math.fround(3 / 32768)));
  const om16 = to16(om), rm16 = to16(rm);
  return table((q) => {
    const value = (q - input.zero) * 128;
    const scaled = doublingHigh16(value, om16);
    let gate = value;
    if (re > 0) gate = sat16(gate * 2 ** (re - 1));
    gate = doublingHigh16(gate, rm16);
    if (re > 0) gate = sat16(gate * 2);
    if (re < 0) gate = round(gate / 2 ** -re);
    gate = (gate + 32768) >> 1;
    const product = Math.min(32767, Math.trunc((gate * scaled) / 32768));
    return round(product / 2 ** -oe) + output.zero;
  });
}

/** LOGISTIC (activations.cc): float32 table, output scale 1/256. */
export function logisticTable(input: Affine, output: Affine): Int8Array {
  return table((q) => {
    const x = Math.fround(input.scale * (q - input.zero));
    const y = Math.fround(1 / Math.fround(1 + Math.fround(Math.exp(-x))));
    return round(y * 256) + output.zero;
  });
}

/** Hard-sigmoid, min(1, max(0, x / 6 + 1/2)). TFLite has no such operator: this is the real function, rounded once. */
export function hardSigmoidTable(input: Affine, output: Affine): Int8Array {
  return table((q) => round(Math.min(1, Math.max(0, (input.scale * (q - input.zero)) / 6 + 0.5)) / output.scale) + output.zero);
}

export interface AddWords { a: [number, number]; b: [number, number]; out: [number, number] }

/** ADD and SUB (add.h): both operands 20 bits up to twice the greater scale, then down to the output's. */
export function addMultipliers(a: Affine, b: Affine, output: Affine): AddWords {
  const twice = 2 * Math.max(a.scale, b.scale);
  return {
    a: quantizeMultiplier(a.scale / twice),
    b: quantizeMultiplier(b.scale / twice),
    out: quantizeMultiplier(twice / (2 ** 20 * output.scale)),
  };
}

/** MUL (mul.h): the scales meet in float32. */
export function mulMultiplier(a: Affine, b: Affine, output: Affine, once?: boolean): [number, number] {
  return quantizeMultiplier(Math.fround(Math.fround(a.scale * b.scale) / output.scale), once);
}

/** x with a constant operand `value` (int8 form), as a table. */
export function binaryTable(
  kind: 'add' | 'sub' | 'mul', x: Affine, value: number, constant: Affine, output: Affine, constantFirst: boolean, low: number, high: number,
): Int8Array {
  const clamp = (q: number): number => Math.min(high, Math.max(low, q + output.zero));
  if (kind === 'mul') {
    const [m, shift] = mulMultiplier(x, constant, output);
    return table((q) => clamp(multiply((q - x.zero) * (value - constant.zero), m, shift)));
  }
  const { a, b, out } = addMultipliers(x, constant, output);
  const second = multiply((value - constant.zero) * 2 ** 20, ...b);
  const signX = kind === 'sub' && constantFirst ? -1 : 1, signConstant = kind === 'sub' && !constantFirst ? -1 : 1;
  return table((q) => clamp(multiply(multiply((q - x.zero) * 2 ** 20, ...a) * signX + second * signConstant, ...out)));
}

/** MEAN over n values (reduce.h QuantizedMeanOrSum): the division by n goes into the multiplier. */
export function meanMultiplier(input: Affine, output: Affine, n: number, once?: boolean): [number, number] {
  if (once) return quantizeMultiplier(input.scale / output.scale / n, once);
  const [m, shift] = quantizeMultiplier(input.scale / output.scale);
  const up = Math.min(31 - Math.clz32(n), 32, 31 + shift);
  return [Number((BigInt(m) << BigInt(up)) / BigInt(n)), shift - up];
}

export interface SoftmaxWords { multiplier: number; shift: number; leastDifference: number }

/** SOFTMAX (softmax.h, PreprocessSoftmaxScaling): input to Q5.26. */
export function softmaxMultiplier(input: Affine, beta: number): SoftmaxWords {
  const [multiplier, shift] = quantizeMultiplier(Math.min(beta * input.scale * 2 ** 26, 2 ** 31 - 1));
  return { multiplier, shift, leastDifference: -Math.floor((31 * 2 ** 26) / 2 ** shift) };
}
