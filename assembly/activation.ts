// Knows the activation functions, for one float32 or four. It does not know where values come from or go to.
import { ACTIVATION, CLAMP, HARD_SWISH, LOGISTIC, MAX, MIN } from './abi';
import { bound, greatest, least } from './lanes';
import { exponential } from './softmax';
import { word, wordF32 } from './step';

const SIXTH: f32 = 1.0 / 6.0;

/** `kind` is one of the functions of abi.ts; low and high count for CLAMP only. */
// @ts-ignore: decorator
@inline
export function activate(x: f32, kind: i32, low: f32, high: f32): f32 {
  if (kind == CLAMP) return least(greatest(x, low), high);
  if (kind == LOGISTIC) return <f32>1.0 / (<f32>1.0 + exponential(-x));
  const gate = least(greatest(x + <f32>3.0, <f32>0.0), <f32>6.0) * SIXTH;
  return kind == HARD_SWISH ? x * gate : gate;
}

/** The same four at a time, bit for bit. LOGISTIC is never fused into another step, so it has no such form. */
// @ts-ignore: decorator
@inline
export function activate4(x: v128, kind: i32, low: v128, high: v128): v128 {
  if (kind == CLAMP) return bound(x, low, high);
  const shifted = f32x4.add(x, f32x4.splat(3.0));
  const gate = f32x4.mul(bound(shifted, f32x4.splat(0.0), f32x4.splat(6.0)), f32x4.splat(SIXTH));
  return kind == HARD_SWISH ? f32x4.mul(x, gate) : gate;
}

// @ts-ignore: decorator
@inline
export function least4(step: usize): v128 {
  return v128.load32_splat(step + (<usize>MIN << 2));
}

// @ts-ignore: decorator
@inline
export function most4(step: usize): v128 {
  return v128.load32_splat(step + (<usize>MAX << 2));
}

/** The step's activation on `rows` rows of 8 sums, where they lie. SIMD tiles have clamped them as they stored them. */
export function finishF32(step: usize, rows: i32, dst: usize, stride: usize): void {
  const kind = word(step, ACTIVATION);
  if (ASC_FEATURE_SIMD) {
    if (kind == CLAMP) return;
    const low4 = least4(step), high4 = most4(step);
    for (let row = 0; row < rows; row++, dst += stride) {
      v128.store(dst, activate4(v128.load(dst), kind, low4, high4));
      v128.store(dst, activate4(v128.load(dst, 16), kind, low4, high4), 16);
    }
    return;
  }
  const low = wordF32(step, MIN), high = wordF32(step, MAX);
  for (let row = 0; row < rows; row++, dst += stride) {
    for (let lane: usize = 0; lane < 32; lane += 4) store<f32>(dst + lane, activate(load<f32>(dst + lane), kind, low, high));
  }
}
