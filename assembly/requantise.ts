// Knows how an int32 sum becomes an int8 value, exactly as TensorFlow Lite's reference kernels do it ("double
// rounding": SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT). It does not know where sums come from.
//
// With real multiplier M / 2^31 / 2^e (M in [2^30, 2^31)), both roundings together are one floor division:
//     result = floor((acc * M + 2^30 + (e > 0 ? 2^(30 + e) - (acc < 0 ? 2^31 : 0) : 0)) / 2^(31 + e))
// because SRDHM(a, M) = floor((a * M + 2^30) / 2^31) for both signs, and floors nest.
// Scaling the sum by D = 2^(2 + E - e), E the greatest e of the layer, gives every channel the same shift E + 1 and
// turns all constants into whole high words:
//     result = (high32(acc * D * M) + 2^E + (acc < 0 ? -R : R)) >> (E + 1),    R = e > 0 ? D / 4 : 0
// That is ROUND_COMMON; the compiler uses it where acc * D cannot overflow int32, else ROUND_GENERAL.
//
// One block of parameters for a panel of 8 channels (PARAMS_INT8 bytes):
//     byte 0     32             64                      96
//     bias[8]    multiplier[8]  D[8] (COMMON)           R[8]
//                               exponent[8] (GENERAL: TFLite's shift, positive is left)
//     bias[8]    real multiplier float64[8] (DOUBLE)
import { MAX, MIN, ROUNDING, ROUND_COMMON, ROUND_GENERAL, SHIFT, ZERO_OUT } from './abi';
import { word } from './step';

/** MultiplyByQuantizedMultiplier: acc * multiplier / 2^31 * 2^exponent with TFLite's two roundings. */
export function multiply(acc: i32, multiplier: i32, exponent: i32): i32 {
  const shifted = exponent > 0 ? acc << exponent : acc;
  const high = <i32>(((<i64>shifted) * (<i64>multiplier) + (1 << 30)) >> 31);
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
  const mode = word(step, ROUNDING);
  let value: i32;
  if (mode == ROUND_COMMON) {
    const sign = acc >> 31;
    const e = word(step, SHIFT);
    const high = <i32>(((<i64>(acc * load<i32>(slot, 64))) * (<i64>load<i32>(slot, 32))) >> 32);
    value = (high + (1 << e) + ((load<i32>(slot, 96) ^ sign) - sign)) >> (e + 1);
  } else if (mode == ROUND_GENERAL) {
    value = multiply(acc, load<i32>(slot, 32), load<i32>(slot, 64));
  } else {
    value = nearest(<f64>acc * load<f64>(params + (<usize>lane << 3), 32));
  }
  return min(max(value + word(step, ZERO_OUT), word(step, MIN)), word(step, MAX));
}

/** Half away from zero, kept within +-2^30; NaN becomes 0. */
export function nearest(x: f64): i32 {
  if (x != x) return 0;
  const rounded = min(Math.floor(Math.abs(x) + 0.5), 1073741824);
  return <i32>(x < 0 ? -rounded : rounded);
}

/** high32(a * b) of four int32 pairs. */
// @ts-ignore: decorator
@inline
export function multiplyHigh4(a: v128, b: v128): v128 {
  return i8x16.shuffle(i64x2.extmul_low_i32x4_s(a, b), i64x2.extmul_high_i32x4_s(a, b),
    4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}

/** ROUND_COMMON for four channels whose parameters start at `slot`; zero point not added, not clamped. */
// @ts-ignore: decorator
@inline
export function requantise4(acc: v128, slot: usize, round: v128, shift: i32): v128 {
  const sign = i32x4.shr_s(acc, 31);
  const high = multiplyHigh4(i32x4.mul(acc, v128.load(slot, 64)), v128.load(slot, 32));
  const half = i32x4.sub(v128.xor(v128.load(slot, 96), sign), sign);
  return i32x4.shr_s(i32x4.add(i32x4.add(high, round), half), shift);
}

/** Eight sums of a panel to eight int8 values at dst; `lanes` of them are stored. Any rounding mode. */
// @ts-ignore: decorator
@inline
export function store8(low: v128, high: v128, params: usize, step: usize, dst: usize, lanes: i32): void {
  if (word(step, ROUNDING) == ROUND_COMMON) {
    const e = word(step, SHIFT);
    const round = i32x4.splat(1 << e);
    const both = i16x8.add_sat_s(
      i16x8.narrow_i32x4_s(requantise4(low, params, round, e + 1), requantise4(high, params + 16, round, e + 1)),
      i16x8.splat(<i16>word(step, ZERO_OUT)));
    const clamped = i16x8.min_s(i16x8.max_s(both, i16x8.splat(<i16>word(step, MIN))), i16x8.splat(<i16>word(step, MAX)));
    const bytes = i8x16.narrow_i16x8_s(clamped, clamped);
    if (lanes == 8) v128.store64_lane(dst, bytes, 0);
    else storeSome(bytes, dst, lanes);
  } else storeSlowly(low, high, params, step, dst, lanes);
}

function storeSome(bytes: v128, dst: usize, lanes: i32): void {
  let rest = i64x2.extract_lane(bytes, 0);
  for (let i = 0; i < lanes; i++) {
    store<u8>(dst + i, <u8>rest);
    rest >>= 8;
  }
}

function storeSlowly(low: v128, high: v128, params: usize, step: usize, dst: usize, lanes: i32): void {
  for (let i = 0; i < lanes; i++) {
    const acc = i32x4.extract_lane(i < 4 ? low : high, 0);
    store<i8>(dst + i, <i8>requantise(acc, params, i, step));
    const next = i32x4.shuffle(i < 4 ? low : high, low, 1, 2, 3, 0);
    if (i < 4) low = next;
    else high = next;
  }
}
