// Knows softmax over rows of float32 or int8 values, and the exponential under it. Float32 uses no library function, so
// all builds and hosts give the same bits; int8 follows TFLite's fixed-point reference (gemmlowp, softmax.h).
import { C, COUNT, DST, DTYPE, EXPONENT, FLOAT32, MULTIPLIER, SCALE, SIGN_A, SRC } from './abi';
import { divideByPower } from './requantise';
import { activation, scratch, word, wordF32 } from './step';

const LOG2_E: f32 = 1.44269504;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;

/** e^x to about one unit in the last place: 2^n times a degree-6 polynomial on [-ln2/2, ln2/2] (Cephes expf). */
export function exponential(x: f32): f32 {
  if (!(x > <f32>-87.0)) return x != x ? x : 0;
  if (x > <f32>88.0) return f32.MAX_VALUE;
  const n: f32 = Mathf.floor(x * LOG2_E + <f32>0.5);
  const r: f32 = x - n * LN2_HIGH - n * LN2_LOW;
  let p: f32 = 1.9875691500e-4;
  p = p * r + <f32>1.3981999507e-3;
  p = p * r + <f32>8.3334519073e-3;
  p = p * r + <f32>4.1665795894e-2;
  p = p * r + <f32>1.6666665459e-1;
  p = p * r + <f32>5.0000001201e-1;
  return (p * r * r + r + <f32>1.0) * reinterpret<f32>((i32(n) + 127) << 23);
}

/** The same four at a time, bit for bit. */
// @ts-ignore: decorator
@inline
function exponential4(x: v128): v128 {
  const n = f32x4.floor(f32x4.add(f32x4.mul(x, f32x4.splat(LOG2_E)), f32x4.splat(0.5)));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH))), f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  const inside = f32x4.mul(f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1.0)), power);
  const low = v128.and(x, f32x4.ne(x, x)); // NaN stays, the rest is 0
  const high = v128.bitselect(f32x4.splat(f32.MAX_VALUE), inside, f32x4.gt(x, f32x4.splat(88.0)));
  return v128.bitselect(high, low, f32x4.gt(x, f32x4.splat(-87.0)));
}

/** COUNT rows of C values. */
export function softmax(step: usize): void {
  const channels = word(step, C), float = word(step, DTYPE) == FLOAT32;
  for (let row = 0; row < word(step, COUNT); row++) {
    const at = <usize>(row * channels) << (float ? 2 : 0);
    if (float) softmaxF32(activation(step, SRC) + at, activation(step, DST) + at, channels, wordF32(step, SCALE));
    else softmaxInt8(step, activation(step, SRC) + at, activation(step, DST) + at, channels);
  }
}

function softmaxF32(src: usize, dst: usize, channels: i32, beta: f32): void {
  const bytes = <usize>channels << 2;
  let most = load<f32>(src);
  for (let i: usize = 4; i < bytes; i += 4) most = max(most, load<f32>(src + i));
  let sum: f32 = 0, i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 16 <= bytes; i += 16) v128.store(dst + i, exponential4(f32x4.mul(f32x4.sub(v128.load(src + i), f32x4.splat(most)), f32x4.splat(beta))));
  }
  for (; i < bytes; i += 4) store<f32>(dst + i, exponential((load<f32>(src + i) - most) * beta));
  for (i = 0; i < bytes; i += 4) sum += load<f32>(dst + i); // one after the other in every build
  i = 0;
  if (ASC_FEATURE_SIMD) for (; i + 16 <= bytes; i += 16) v128.store(dst + i, f32x4.div(v128.load(dst + i), f32x4.splat(sum)));
  for (; i < bytes; i += 4) store<f32>(dst + i, load<f32>(dst + i) / sum);
}

// ---- fixed point

// @ts-ignore: decorator
@inline
function doublingHigh(a: i32, b: i32): i32 {
  if (a == b && a == i32.MIN_VALUE) return i32.MAX_VALUE;
  return <i32>(((<i64>a) * (<i64>b) + (1 << 30)) >> 31);
}

/** e^a for a <= 0 in Q5.26, to Q0.31. */
function exponentialFixed(a: i32): i32 {
  if (a == 0) return i32.MAX_VALUE;
  const r = (a & 0xffffff) - 0x1000000;
  const y = (r << 5) + (1 << 28);
  const y2 = doublingHigh(y, y), y3 = doublingHigh(y2, y), y4 = doublingHigh(y2, y2);
  const t = divideByPower(doublingHigh(divideByPower(y4, 2) + y3, 715827883) + y2, 1);
  let result = 1895147668 + doublingHigh(1895147668, y + t);
  const rest = r - a;
  if (rest & (1 << 24)) result = doublingHigh(result, 1672461947);
  if (rest & (1 << 25)) result = doublingHigh(result, 1302514674);
  if (rest & (1 << 26)) result = doublingHigh(result, 790015084);
  if (rest & (1 << 27)) result = doublingHigh(result, 290630308);
  if (rest & (1 << 28)) result = doublingHigh(result, 39332535);
  if (rest & (1 << 29)) result = doublingHigh(result, 720401);
  if (rest & (1 << 30)) result = doublingHigh(result, 242);
  return result;
}

/** 1 / (1 + a) for a in Q0.31, by Newton's method from 48/17 - 32/17 h. */
function reciprocal(a: i32): i32 {
  const sum = <i64>a + <i64>i32.MAX_VALUE;
  const half = <i32>((sum + (sum >= 0 ? 1 : -1)) / 2);
  let x = 1515870810 + doublingHigh(half, -1010580540);
  for (let i = 0; i < 3; i++) x += saturatingShift(doublingHigh(x, (1 << 29) - doublingHigh(half, x)), 2);
  return saturatingShift(x, 1);
}

// @ts-ignore: decorator
@inline
function saturatingShift(x: i32, left: i32): i32 {
  return <i32>min(max(<i64>x << left, <i64>i32.MIN_VALUE), <i64>i32.MAX_VALUE);
}

/** Output scale 1/256, zero point -128. SIGN_A holds the least difference that still counts (negative). */
function softmaxInt8(step: usize, src: usize, dst: usize, channels: i32): void {
  let most = -128;
  for (let i = 0; i < channels; i++) most = max(most, <i32>load<i8>(src + i));
  let sum = 0;
  const exponentials = scratch();
  for (let i = 0; i < channels; i++) {
    const difference = <i32>load<i8>(src + i) - most;
    let e = 0;
    if (difference >= word(step, SIGN_A)) {
      e = exponentialFixed(doublingHigh(difference << word(step, EXPONENT), word(step, MULTIPLIER)));
      sum += divideByPower(e, 12);
    }
    store<i32>(exponentials + (<usize>i << 2), e);
  }
  const zeros = clz(sum);
  const factor = reciprocal(<i32>((<u32>sum << zeros) - <u32>0x80000000));
  const shift = 12 - zeros + 31 - 8;
  for (let i = 0; i < channels; i++) {
    const e = load<i32>(exponentials + (<usize>i << 2));
    // TFLite's reference aborts where the sum of exponentials reaches 512 (shift > 31); the quotient itself is the answer.
    const value = shift <= 31 ? divideByPower(doublingHigh(factor, e), shift) : <i32>((<i64>e * 256 + <i64>sum * 2048) / (<i64>sum << 12));
    store<i8>(dst + i, <i8>min(value - 128, 127));
  }
}
