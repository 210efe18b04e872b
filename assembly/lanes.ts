// Knows the instructions that differ between builds, and which words the kernels speak instead of them. It is the
// only file that names relaxed SIMD. The float32 words give the same bits in the scalar and the simd build.

/** a * b + c; the relaxed build may fuse (one rounding), the others never do. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The smaller of a and b; a where b is NaN (f32x4.pmin: one instruction, unlike the IEEE form). */
// @ts-ignore: decorator
@inline
export function least(a: f32, b: f32): f32 {
  return b < a ? b : a;
}

// @ts-ignore: decorator
@inline
export function greatest(a: f32, b: f32): f32 {
  return a < b ? b : a;
}

/** x between low and high, lane by lane; as `least` and `greatest` treat NaN. */
// @ts-ignore: decorator
@inline
export function bound(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, low), high);
}
