// Knows the activation functions, for one float32 or four. It does not know where values come from or go to.
import { CLAMP, HARD_SWISH, LOGISTIC } from './abi';
import { greatest, least } from './lanes';
import { exponential } from './softmax';

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
  if (kind == CLAMP) return f32x4.pmin(f32x4.pmax(x, low), high);
  const shifted = f32x4.add(x, f32x4.splat(3.0));
  const gate = f32x4.mul(f32x4.pmin(f32x4.pmax(shifted, f32x4.splat(0.0)), f32x4.splat(6.0)), f32x4.splat(SIXTH));
  return kind == HARD_SWISH ? f32x4.mul(x, gate) : gate;
}
