// Knows the steps that treat each value by itself, or two values at the same place. It does not know shapes beyond a
// count and the period after which the second operand repeats.
import {
  ACTIVATION, COUNT, DST, DTYPE, EXPONENT, EXPONENT_A, EXPONENT_B, FLOAT32, MAX, MIN, MULTIPLIER, MULTIPLIER_A, MULTIPLIER_B, NUDGE, PERIOD, REAL,
  REAL_B, SCALE,
  SIGN_A, SIGN_B, SRC, WEIGHTS, ZERO_IN, ZERO_IN2, ZERO_OUT,
} from './abi';
import { activate, activate4, least4, most4 } from './activation';
import { areCertain, estimate4, fractions, least8, most8, multiply, nearest, offset4, squeeze8 } from './requantise';
import { activation, constant, second, shareEnd, shareStart, word, wordF32 } from './step';

/** a * SIGN_A + b * SIGN_B, or a * b; b repeats every PERIOD values. */
export function binary(step: usize, product: bool): void {
  const count = word(step, COUNT), period = word(step, PERIOD), shift = word(step, DTYPE) == FLOAT32 ? 2 : 0;
  // Threads share whole periods, or the values of the only one.
  const repeats = period < count, unit = repeats ? period : 64, from = shareStart(count, unit), at = <usize>from << shift;
  binaryValues(step, product, activation(step, SRC) + at, repeats ? second(step) : second(step) + at, activation(step, DST) + at,
    shareEnd(count, unit) - from, period);
}

/** `count` values; b repeats every `period`. dst may be a or b. */
export function binaryValues(step: usize, product: bool, a: usize, b: usize, dst: usize, count: i32, period: i32): void {
  if (word(step, DTYPE) == FLOAT32) binaryF32(step, product, a, b, dst, count, period);
  else binaryInt8(step, product, a, b, dst, count, period);
}

function binaryF32(step: usize, product: bool, a: usize, other: usize, dst: usize, count: i32, period: i32): void {
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  const signA = <f32>word(step, SIGN_A), signB = <f32>word(step, SIGN_B);
  for (let left = count; left > 0; left -= period) {
    const some = min(left, period), whole = ASC_FEATURE_SIMD ? some & ~3 : 0;
    let b = other;
    if (ASC_FEATURE_SIMD) {
      fours(step, product, kind, signA, signB, a, b, dst, whole);
      a += <usize>whole << 2;
      b += <usize>whole << 2;
      dst += <usize>whole << 2;
    }
    for (let i = whole; i < some; i++, a += 4, b += 4, dst += 4) {
      const x = load<f32>(a), y = load<f32>(b);
      store<f32>(dst, activate(product ? x * y : x * signA + y * signB, kind, low, high));
    }
  }
}

// @ts-ignore: decorator
@inline
function fours(step: usize, product: bool, kind: i32, signA: f32, signB: f32, a: usize, b: usize, dst: usize, count: i32): void {
  const low4 = least4(step), high4 = most4(step), signA4 = f32x4.splat(signA), signB4 = f32x4.splat(signB);
  for (const end = a + (<usize>count << 2); a < end; a += 16, b += 16, dst += 16) {
    const x = v128.load(a), y = v128.load(b);
    const result = product ? f32x4.mul(x, y) : f32x4.add(f32x4.mul(x, signA4), f32x4.mul(y, signB4));
    v128.store(dst, activate4(result, kind, low4, high4));
  }
}

// @ts-ignore: decorator
@inline
function clampInt8(value: i32, step: usize): i8 {
  return <i8>min(max(value + word(step, ZERO_OUT), word(step, MIN)), word(step, MAX));
}

/** TFLite ADD or MUL of int8 values: eight at a time in float32 with proof, the rest in integers. */
function binaryInt8(step: usize, product: bool, a: usize, other: usize, dst: usize, count: i32, period: i32): void {
  for (let left = count; left > 0; left -= period) {
    const some = min(left, period), whole = ASC_FEATURE_SIMD && word(step, REAL) != 0 ? some & ~7 : 0;
    if (ASC_FEATURE_SIMD) eights(step, product, a, other, dst, whole);
    if (some > whole) binaryExactly(step, product, a + whole, other + whole, dst + whole, some - whole);
    a += some;
    dst += some;
  }
}

// @ts-ignore: decorator
@inline
function eights(step: usize, product: bool, a: usize, b: usize, dst: usize, count: i32): void {
  const zeroA = i16x8.splat(<i16>word(step, ZERO_IN)), zeroB = i16x8.splat(<i16>word(step, ZERO_IN2));
  const real = v128.load32_splat(step + (<usize>REAL << 2)), realB = v128.load32_splat(step + (<usize>REAL_B << 2));
  const nudge = v128.load32_splat(step + (<usize>NUDGE << 2)), offset = offset4(step), least = least8(step), most = most8(step);
  for (const end = a + count; a < end; a += 8, b += 8, dst += 8) {
    const x = i16x8.sub(v128.load8x8_s(a), zeroA), y = i16x8.sub(v128.load8x8_s(b), zeroB);
    const low = product
      ? f32x4.mul(f32x4.convert_i32x4_s(i32x4.extmul_low_i16x8_s(x, y)), real)
      : weigh(i32x4.extend_low_i16x8_s(x), real, i32x4.extend_low_i16x8_s(y), realB);
    const high = product
      ? f32x4.mul(f32x4.convert_i32x4_s(i32x4.extmul_high_i16x8_s(x, y)), real)
      : weigh(i32x4.extend_high_i16x8_s(x), real, i32x4.extend_high_i16x8_s(y), realB);
    const p = estimate4(low, nudge), q = estimate4(high, nudge);
    if (areCertain(fractions(p, q))) v128.store64_lane(dst, squeeze8(p, q, offset, least, most), 0);
    else binaryExactly(step, product, a, b, dst, 8);
  }
}

// @ts-ignore: decorator
@inline
function weigh(x: v128, a: v128, y: v128, b: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(x), a), f32x4.mul(f32x4.convert_i32x4_s(y), b));
}

/** ADD takes both operands to a common scale 20 bits up, then the sum down to the output's. */
function binaryExactly(step: usize, product: bool, a: usize, b: usize, dst: usize, count: i32): void {
  const m = word(step, MULTIPLIER), e = word(step, EXPONENT);
  for (const end = a + count; a < end; a++, b++, dst++) {
    const x = <i32>load<i8>(a) - word(step, ZERO_IN), y = <i32>load<i8>(b) - word(step, ZERO_IN2);
    const value = product ? x * y
      : multiply(x << 20, word(step, MULTIPLIER_A), word(step, EXPONENT_A)) * word(step, SIGN_A)
        + multiply(y << 20, word(step, MULTIPLIER_B), word(step, EXPONENT_B)) * word(step, SIGN_B);
    store<i8>(dst, clampInt8(multiply(value, m, e), step));
  }
}

/** Each int8 value through a table of 256 results, the entry for -128 first. */
export function table(step: usize): void {
  const from = shareStart(word(step, COUNT), 64);
  let src = activation(step, SRC) + from, dst = activation(step, DST) + from;
  const entries = constant(step, WEIGHTS) + 128;
  for (const end = activation(step, SRC) + shareEnd(word(step, COUNT), 64); src < end; src++, dst++) store<i8>(dst, load<i8>(entries + <isize>load<i8>(src)));
}

/** A float32 activation function. */
export function activations(step: usize): void {
  const from = <usize>shareStart(word(step, COUNT), 64) << 2;
  let src = activation(step, SRC) + from, dst = activation(step, DST) + from;
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  for (const end = activation(step, SRC) + (<usize>shareEnd(word(step, COUNT), 64) << 2); src < end; src += 4, dst += 4) {
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

/** `nearest` of four values: a half is added to what lies above the whole part, which is exact. */
// @ts-ignore: decorator
@inline
function nearest4(x: v128): v128 {
  const number = v128.and(x, f32x4.eq(x, x)), size = f32x4.pmin(f32x4.abs(number), f32x4.splat(65536));
  const whole = f32x4.floor(size), up = v128.and(f32x4.ge(f32x4.sub(size, whole), f32x4.splat(0.5)), f32x4.splat(1));
  return i32x4.trunc_sat_f32x4_s(v128.or(f32x4.add(whole, up), v128.and(number, i32x4.splat(i32.MIN_VALUE))));
}

/** Float32 to int8: half away from zero of x / SCALE, as a float32 division. NaN becomes the zero point. */
export function quantise(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  const scale = wordF32(step, SCALE), end = src + (<usize>word(step, COUNT) << 2);
  if (ASC_FEATURE_SIMD) {
    const zero = i16x8.splat(<i16>word(step, ZERO_OUT)), least = least8(step), most = most8(step);
    for (; src + 32 <= end; src += 32, dst += 8) {
      const whole = i16x8.narrow_i32x4_s(nearest4(f32x4.div(v128.load(src), f32x4.splat(scale))), nearest4(f32x4.div(v128.load(src, 16), f32x4.splat(scale))));
      const clamped = i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(whole, zero), least), most);
      v128.store64_lane(dst, i8x16.narrow_i16x8_s(clamped, clamped), 0);
    }
  }
  for (; src < end; src += 4, dst++) {
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
