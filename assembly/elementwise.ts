// Knows the steps that treat each value by itself, or two values at the same place. It does not know shapes beyond a
// count and the period after which the second operand repeats.
import {
  ACTIVATION, COUNT, DST, DTYPE, EXPONENT, EXPONENT_A, EXPONENT_B, FLOAT32, MAX, MIN, MULTIPLIER, MULTIPLIER_A, MULTIPLIER_B, PERIOD, SCALE,
  SIGN_A, SIGN_B, SRC, SRC2, SRC2_CONSTANT, WEIGHTS, ZERO_IN, ZERO_IN2, ZERO_OUT,
} from './abi';
import { activate, activate4 } from './activation';
import { multiply, multiplyHigh4, nearest } from './requantise';
import { activation, constant, word, wordF32 } from './step';

// @ts-ignore: decorator
@inline
function second(step: usize): usize {
  return word(step, SRC2_CONSTANT) ? constant(step, SRC2) : activation(step, SRC2);
}

/** a * SIGN_A + b * SIGN_B, or a * b; b repeats every PERIOD values. */
export function binary(step: usize, product: bool): void {
  const count = word(step, COUNT), period = word(step, PERIOD);
  for (let from = 0; from < count; from += period) {
    const some = min(period, count - from);
    if (word(step, DTYPE) == FLOAT32) binaryF32(step, product, from, some);
    else if (product) multiplyInt8(step, from, some);
    else addInt8(step, from, some);
  }
}

function binaryF32(step: usize, product: bool, from: i32, count: i32): void {
  let a = activation(step, SRC) + (<usize>from << 2), b = second(step), dst = activation(step, DST) + (<usize>from << 2);
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  const signA = <f32>word(step, SIGN_A), signB = <f32>word(step, SIGN_B);
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    const low4 = f32x4.splat(low), high4 = f32x4.splat(high), signA4 = f32x4.splat(signA), signB4 = f32x4.splat(signB);
    for (; i + 4 <= count; i += 4, a += 16, b += 16, dst += 16) {
      const x = v128.load(a), y = v128.load(b);
      const result = product ? f32x4.mul(x, y) : f32x4.add(f32x4.mul(x, signA4), f32x4.mul(y, signB4));
      v128.store(dst, activate4(result, kind, low4, high4));
    }
  }
  for (; i < count; i++, a += 4, b += 4, dst += 4) {
    const x = load<f32>(a), y = load<f32>(b);
    store<f32>(dst, activate(product ? x * y : x * signA + y * signB, kind, low, high));
  }
}

/** Four products x * 2^left by one multiplier, TFLite's two roundings; x * 2^(left + 2) must fit int32. */
// @ts-ignore: decorator
@inline
function multiply4(x: v128, multiplier: i32, exponent: i32): v128 {
  const left = max(exponent, 0), e = max(-exponent, 0);
  const sign = i32x4.shr_s(x, 31);
  const high = multiplyHigh4(i32x4.shl(x, left + 2), i32x4.splat(multiplier));
  const half = e > 0 ? i32x4.sub(v128.xor(i32x4.splat(1), sign), sign) : i32x4.splat(0);
  return i32x4.shr_s(i32x4.add(i32x4.add(high, i32x4.splat(1 << e)), half), e + 1);
}

// @ts-ignore: decorator
@inline
function storeInt8x8(low: v128, high: v128, step: usize, dst: usize): void {
  const sum = i16x8.add_sat_s(i16x8.narrow_i32x4_s(low, high), i16x8.splat(<i16>word(step, ZERO_OUT)));
  const clamped = i16x8.min_s(i16x8.max_s(sum, i16x8.splat(<i16>word(step, MIN))), i16x8.splat(<i16>word(step, MAX)));
  v128.store64_lane(dst, i8x16.narrow_i16x8_s(clamped, clamped), 0);
}

// @ts-ignore: decorator
@inline
function clampInt8(value: i32, step: usize): i8 {
  return <i8>min(max(value + word(step, ZERO_OUT), word(step, MIN)), word(step, MAX));
}

/** TFLite ADD: both operands to a common scale 20 bits up, then the sum down to the output's. */
function addInt8(step: usize, from: i32, count: i32): void {
  let a = activation(step, SRC) + from, b = second(step), dst = activation(step, DST) + from;
  const zeroA = word(step, ZERO_IN), zeroB = word(step, ZERO_IN2), signA = word(step, SIGN_A), signB = word(step, SIGN_B);
  const mA = word(step, MULTIPLIER_A), eA = word(step, EXPONENT_A), mB = word(step, MULTIPLIER_B), eB = word(step, EXPONENT_B);
  const m = word(step, MULTIPLIER), e = word(step, EXPONENT);
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    const zeroA8 = i16x8.splat(<i16>zeroA), zeroB8 = i16x8.splat(<i16>zeroB);
    const signA4 = i32x4.splat(signA), signB4 = i32x4.splat(signB);
    for (; i + 8 <= count; i += 8, a += 8, b += 8, dst += 8) {
      const x = i16x8.sub(v128.load8x8_s(a), zeroA8), y = i16x8.sub(v128.load8x8_s(b), zeroB8);
      const low = i32x4.add(
        i32x4.mul(multiply4(i32x4.shl(i32x4.extend_low_i16x8_s(x), 20), mA, eA), signA4),
        i32x4.mul(multiply4(i32x4.shl(i32x4.extend_low_i16x8_s(y), 20), mB, eB), signB4));
      const high = i32x4.add(
        i32x4.mul(multiply4(i32x4.shl(i32x4.extend_high_i16x8_s(x), 20), mA, eA), signA4),
        i32x4.mul(multiply4(i32x4.shl(i32x4.extend_high_i16x8_s(y), 20), mB, eB), signB4));
      storeInt8x8(multiply4(low, m, e), multiply4(high, m, e), step, dst);
    }
  }
  for (; i < count; i++, a++, b++, dst++) {
    const x = multiply((<i32>load<i8>(a) - zeroA) << 20, mA, eA) * signA;
    const y = multiply((<i32>load<i8>(b) - zeroB) << 20, mB, eB) * signB;
    store<i8>(dst, clampInt8(multiply(x + y, m, e), step));
  }
}

function multiplyInt8(step: usize, from: i32, count: i32): void {
  let a = activation(step, SRC) + from, b = second(step), dst = activation(step, DST) + from;
  const zeroA = word(step, ZERO_IN), zeroB = word(step, ZERO_IN2);
  const m = word(step, MULTIPLIER), e = word(step, EXPONENT);
  let i = 0;
  if (ASC_FEATURE_SIMD && e < 12) {
    const zeroA8 = i16x8.splat(<i16>zeroA), zeroB8 = i16x8.splat(<i16>zeroB);
    for (; i + 8 <= count; i += 8, a += 8, b += 8, dst += 8) {
      const x = i16x8.sub(v128.load8x8_s(a), zeroA8), y = i16x8.sub(v128.load8x8_s(b), zeroB8);
      storeInt8x8(multiply4(i32x4.extmul_low_i16x8_s(x, y), m, e), multiply4(i32x4.extmul_high_i16x8_s(x, y), m, e), step, dst);
    }
  }
  for (; i < count; i++, a++, b++, dst++) {
    store<i8>(dst, clampInt8(multiply((<i32>load<i8>(a) - zeroA) * (<i32>load<i8>(b) - zeroB), m, e), step));
  }
}

/** Each int8 value through a table of 256 results, the entry for -128 first. */
export function table(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const entries = constant(step, WEIGHTS) + 128;
  for (const end = src + word(step, COUNT); src < end; src++, dst++) store<i8>(dst, load<i8>(entries + <isize>load<i8>(src)));
}

/** A float32 activation function. */
export function activations(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  for (const end = src + (<usize>word(step, COUNT) << 2); src < end; src += 4, dst += 4) {
    store<f32>(dst, activate(load<f32>(src), kind, low, high));
  }
}

/** uint8 to int8 and back: each value 128 away. */
export function flip(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const end = src + word(step, COUNT);
  if (ASC_FEATURE_SIMD) for (; src + 16 <= end; src += 16, dst += 16) v128.store(dst, v128.xor(v128.load(src), i8x16.splat(-128)));
  for (; src < end; src++, dst++) store<u8>(dst, load<u8>(src) ^ 128);
}

/** Float32 to int8: half away from zero of x / SCALE, as a float32 division. NaN becomes the zero point. */
export function quantise(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const scale = wordF32(step, SCALE);
  for (const end = src + (<usize>word(step, COUNT) << 2); src < end; src += 4, dst++) {
    const value = min(max(nearest(<f64>(load<f32>(src) / scale)), -65536), 65536);
    store<i8>(dst, clampInt8(value, step));
  }
}

/** int8 to float32(SCALE * (q - ZERO_IN)), the product in double as TFLite's reference does. */
export function dequantise(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const scale = <f64>wordF32(step, SCALE), zero = word(step, ZERO_IN);
  for (const end = src + word(step, COUNT); src < end; src++, dst += 4) {
    store<f32>(dst, <f32>(scale * <f64>(<i32>load<i8>(src) - zero)));
  }
}
