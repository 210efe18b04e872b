// Knows how an int32 sum becomes an int8 value, exactly as TensorFlow Lite's reference kernels do it. It does not know
// where sums come from.
//
// TFLite rounds twice (SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT), by the real multiplier
// m = M / 2^31 / 2^e, M in [2^30, 2^31). For both signs SRDHM(a, M) = floor((a * M + 2^30) / 2^31), and floors nest, so
//     result = floor(y + 1/2 + nudge),   y = acc * m,   nudge = e > 0 ? (acc < 0 ? -1 : 1) * 2^-(e + 1) : 0
// `multiply` computes that in integers. SIMD builds compute it in float32, with 14 bits after the point, together with
// a proof: rounding errs by less than 2 units of the last bit, so unless the fraction lies within MARGIN of a whole
// number the floor is certain. Uncertain sums (one in 2000) are computed again in integers.
//
// One block of parameters for a panel of 8 channels (PARAMS_INT8 bytes):
//     byte 0     32                64                  96
//     bias[8]    m[8] float32      |nudge|[8] float32  multiplier M[8], exponent[8] (TFLite's shift, positive is left)
//                                                      or m[8] float64 (ROUND_DOUBLE: half away from zero)
import { C, KH, KW, MAX, MIN, ROUNDING, ROUND_DOUBLE, ROUND_TWICE, ZERO_OUT } from './abi';
import { madd } from './lanes';
import { temporary, word } from './step';

// ---- exact

/** MultiplyByQuantizedMultiplier: acc * multiplier / 2^31 * 2^exponent with TFLite's two roundings. */
export function multiply(acc: i32, multiplier: i32, exponent: i32): i32 {
  const shifted = exponent > 0 ? min(max(<i64>acc << min(exponent, 31), i32.MIN_VALUE), i32.MAX_VALUE) : <i64>acc;
  const high = <i32>((shifted * <i64>multiplier + (1 << 30)) >> 31);
  return exponent >= 0 ? high : divideByPower(high, -exponent);
}

/** RoundingDivideByPOT: x / 2^e, half away from zero. */
// @ts-ignore: decorator
@inline
export function divideByPower(x: i32, e: i32): i32 {
  const mask = <i32>((<i64>1 << e) - 1);
  return (x >> e) + i32((x & mask) > (mask >> 1) + i32(x < 0));
}

/** One sum of output channel `lane` of a panel, bias included, to its clamped int8 value. */
export function requantise(acc: i32, params: usize, lane: i32, step: usize): i32 {
  const slot = params + (<usize>lane << 2);
  const value = word(step, ROUNDING) == ROUND_DOUBLE
    ? nearest(<f64>acc * load<f64>(slot + (<usize>lane << 2), 96))
    : multiply(acc, load<i32>(slot, 96), load<i32>(slot, 128));
  return min(max(value + word(step, ZERO_OUT), word(step, MIN)), word(step, MAX));
}

/** Half away from zero, kept within +-2^30; NaN becomes 0. */
export function nearest(x: f64): i32 {
  if (x != x) return 0;
  const rounded = min(Math.floor(Math.abs(x) + 0.5), 1073741824);
  return <i32>(x < 0 ? -rounded : rounded);
}

/** Sums of a tile whose rounding is uncertain: up to four rows of 8. */
// @ts-ignore: decorator
@inline
export function kept(): usize {
  return temporary() + 384;
}

// @ts-ignore: decorator
@inline
export function keepSums(row: i32, low: v128, high: v128): void {
  v128.store(kept() + (<usize>row << 5), low);
  v128.store(kept() + (<usize>row << 5), high, 16);
}

/** The kept sums of `rows` rows, each in integers, over what the tile has stored. */
export function settle(rows: i32, params: usize, step: usize, dst: usize, dstStride: usize): void {
  for (let row = 0, sums = kept(); row < rows; row++, dst += dstStride, sums += 32) {
    for (let lane = 0; lane < 8; lane++) store<i8>(dst + lane, <i8>requantise(load<i32>(sums + (<usize>lane << 2)), params, lane, step));
  }
}

// ---- small multipliers, in 32-bit integers (scalar build)

/**
 * Whether the first `lanes` channels of a panel round twice with multipliers that `toInt8` can do: under 1/4, or under 1/2
 * where sums stay below 3/4 of an int32 (a window's products are less than 2^15 each).
 */
export function areSmall(params: usize, lanes: i32, step: usize): bool {
  if (word(step, ROUNDING) != ROUND_TWICE) return false;
  const short = word(step, C) * word(step, KH) * word(step, KW) <= 32768;
  for (let slot = params, end = params + (<usize>lanes << 2); slot < end; slot += 4) {
    const exponent = load<i32>(slot, 128);
    if (exponent > -1 || (exponent == -1 && !(short && abs(load<i32>(slot)) < 0x20000000))) return false;
  }
  return true;
}

/**
 * A sum, bias included, to int8. `multiplier` is twice TFLite's (over 2^31, so it counts as negative and the sum is added
 * again), `shift` one less than its right shift, `zero` twice the zero point plus one. Nothing here can overflow.
 */
// @ts-ignore: decorator
@inline
export function toInt8(acc: i32, multiplier: i32, shift: i32, zero: i32): i32 {
  const product = <i64>acc * <i64>multiplier;
  const high = <i32>(product >> 32) + acc + (<i32>product >>> 31);
  return min(max((((high + (high >> 31)) >> shift) + zero) >> 1, -128), 127);
}

/** The step's clamp on `rows` rows of `lanes` values, where it leaves less than int8. */
export function narrow(rows: i32, lanes: i32, step: usize, dst: usize, dstStride: usize): void {
  const least = word(step, MIN), most = word(step, MAX);
  if (least <= -128 && most >= 127) return;
  for (; rows > 0; rows--, dst += dstStride) {
    for (let at = dst, end = dst + <usize>lanes; at < end; at++) store<i8>(at, <i8>min(max(<i32>load<i8>(at), least), most));
  }
}

/** Four sums of row `row` from channel `lane` / 4 on, still without their bias, for `settle`. */
export function keep4(row: usize, s0: i32, s1: i32, s2: i32, s3: i32, lane: usize, slot: usize): void {
  const at = kept() + (row << 5) + lane;
  store<i32>(at, s0 + load<i32>(slot));
  store<i32>(at, s1 + load<i32>(slot, 4), 4);
  store<i32>(at, s2 + load<i32>(slot, 8), 8);
  store<i32>(at, s3 + load<i32>(slot, 12), 12);
}

// ---- float32 with proof

const FRACTION_BITS = 14;
const MARGIN = 4; // units of 2^-14
/** The bits of 768.0: numbers of [512, 1024) have 14 bits after the point, and the middle leaves room for -256..255. */
const ORIGIN_BITS = 0x44400000;

// Vectors in memory: V8 builds a vector constant from integer registers at each use, but loads one in one instruction.
const SIGN: usize = memory.data<u32>([0x80000000, 0x80000000, 0x80000000, 0x80000000], 16);
/** 768.5 + MARGIN / 2^14. */
const ORIGIN: usize = memory.data<i32>([0x44402004, 0x44402004, 0x44402004, 0x44402004], 16);
const FRACTION: usize = memory.data<i32>([0x3fff, 0x3fff, 0x3fff, 0x3fff], 16);
const LEAST_FRACTION: usize = memory.data<i32>([2 * MARGIN, 2 * MARGIN, 2 * MARGIN, 2 * MARGIN], 16);

/** floor(y + 1/2 + nudge) of four values: the upper bits, as a whole number above 768; FRACTION bits tell if it is certain. */
// @ts-ignore: decorator
@inline
export function estimate4(y: v128, nudge: v128): v128 {
  return f32x4.add(f32x4.add(y, v128.or(v128.and(y, v128.load(SIGN)), nudge)), v128.load(ORIGIN));
}

/** How far each of eight estimates lies above a whole number; the smaller of two lanes. */
// @ts-ignore: decorator
@inline
export function fractions(low: v128, high: v128): v128 {
  return i32x4.min_u(v128.and(low, v128.load(FRACTION)), v128.and(high, v128.load(FRACTION)));
}

/** Whether all estimates behind these fractions are certain. */
// @ts-ignore: decorator
@inline
export function areCertain(fraction: v128): bool {
  return i32x4.all_true(i32x4.ge_u(fraction, v128.load(LEAST_FRACTION)));
}

/** What turns an estimate's upper bits into the result: the step's zero point, less the origin. */
// @ts-ignore: decorator
@inline
export function offset4(step: usize): v128 {
  return i32x4.splat(word(step, ZERO_OUT) - (ORIGIN_BITS >> FRACTION_BITS));
}

// @ts-ignore: decorator
@inline
export function least8(step: usize): v128 {
  return v128.load16_splat(step + (<usize>MIN << 2));
}

// @ts-ignore: decorator
@inline
export function most8(step: usize): v128 {
  return v128.load16_splat(step + (<usize>MAX << 2));
}

/** Eight estimates to whole numbers with zero point, in int16. Values out of range keep their order. */
// @ts-ignore: decorator
@inline
function whole8(low: v128, high: v128, offset: v128): v128 {
  return i16x8.narrow_i32x4_s(i32x4.add(i32x4.shr_s(low, FRACTION_BITS), offset), i32x4.add(i32x4.shr_s(high, FRACTION_BITS), offset));
}

/** Eight estimates to int8 with zero point and clamp, in the low eight bytes. */
// @ts-ignore: decorator
@inline
export function squeeze8(low: v128, high: v128, offset: v128, least: v128, most: v128): v128 {
  const clamped = i16x8.min_s(i16x8.max_s(whole8(low, high, offset), least), most);
  return i8x16.narrow_i16x8_s(clamped, clamped);
}

/** Eight sums of a panel to int8 at dst. Returns their fractions: where one is uncertain, keep the sums and settle them. */
// @ts-ignore: decorator
@inline
export function store8(low: v128, high: v128, params: usize, dst: usize, offset: v128, least: v128, most: v128): v128 {
  return storeSums8(f32x4.convert_i32x4_s(low), f32x4.convert_i32x4_s(high), params, dst, offset, least, most);
}

/** The same where the sums are float32 already. */
// @ts-ignore: decorator
@inline
export function storeSums8(low: v128, high: v128, params: usize, dst: usize, offset: v128, least: v128, most: v128): v128 {
  const a = estimate4(f32x4.mul(low, v128.load(params, 32)), v128.load(params, 64));
  const b = estimate4(f32x4.mul(high, v128.load(params, 48)), v128.load(params, 80));
  v128.store64_lane(dst, squeeze8(a, b, offset, least, most), 0);
  return fractions(a, b);
}

/**
 * Whether a step's least byte stands for zero and its clamps are those of int8 (ReLU and ReLU6, as converters quantise
 * them). The nudge may then be added whatever the sign: below zero the floor is at most 0 either way, and becomes MIN.
 */
// @ts-ignore: decorator
@inline
export function isRectified(step: usize): bool {
  return ((word(step, ZERO_OUT) ^ -128) | (word(step, MIN) ^ -128) | (word(step, MAX) ^ 127)) == 0;
}

/** Nudge and origin of four channels, which a rectified step adds as one. */
// @ts-ignore: decorator
@inline
export function origin4(nudges: usize): v128 {
  return f32x4.add(v128.load(nudges), v128.load(ORIGIN));
}

/** `storeSums8` for rectified steps: one multiply-add makes an estimate, and narrowing is the clamp. */
// @ts-ignore: decorator
@inline
export function storeRectified8(low: v128, high: v128, params: usize, dst: usize, offset: v128, originLow: v128, originHigh: v128): v128 {
  const a = madd(low, v128.load(params, 32), originLow), b = madd(high, v128.load(params, 48), originHigh);
  const whole = whole8(a, b, offset);
  v128.store64_lane(dst, i8x16.narrow_i16x8_s(whole, whole), 0);
  return fractions(a, b);
}
