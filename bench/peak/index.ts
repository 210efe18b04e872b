// Knows the multiply-add peak of an engine: loops over registers only, nothing in memory. AssemblyScript, not TypeScript.

/** 8 accumulators of four float32 lanes: 32 multiply-adds a turn. Products differ, or the compiler would share them. */
export function float(turns: i32): f32 {
  // From an argument: V8 would build a vector constant anew at each use.
  const u = f32x4.splat(1.0 / <f32>turns), v = f32x4.add(u, u), w = f32x4.add(u, v);
  let x = u, y = v, z = w, a = u, b = u, c = u, d = u, e = u, f = u, g = u, h = u;
  for (; turns > 0; turns--) {
    x = f32x4.add(x, u);
    y = f32x4.add(y, u);
    z = f32x4.add(z, u);
    a = madd(x, u, a);
    b = madd(x, v, b);
    c = madd(x, w, c);
    d = madd(y, u, d);
    e = madd(y, v, e);
    f = madd(y, w, f);
    g = madd(z, u, g);
    h = madd(z, v, h);
  }
  return f32x4.extract_lane(f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h))), 0);
}

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** 6 accumulators of four int32 lanes, two int16 products each: 48 multiply-adds a turn. */
export function int16(turns: i32): i32 {
  const step = i16x8.splat(<i16>turns);
  let x = step, a = i32x4.splat(1), b = a, c = a, d = a, e = a, f = a;
  const u = i16x8.add(step, step), v = i16x8.add(u, step), w = i16x8.add(v, step), p = i16x8.add(w, step), q = i16x8.add(p, step), r = i16x8.add(q, step);
  for (; turns > 0; turns--) {
    x = i16x8.add(x, step);
    a = i32x4.add(a, i32x4.dot_i16x8_s(x, u));
    b = i32x4.add(b, i32x4.dot_i16x8_s(x, v));
    c = i32x4.add(c, i32x4.dot_i16x8_s(x, w));
    d = i32x4.add(d, i32x4.dot_i16x8_s(x, p));
    e = i32x4.add(e, i32x4.dot_i16x8_s(x, q));
    f = i32x4.add(f, i32x4.dot_i16x8_s(x, r));
  }
  return i32x4.extract_lane(i32x4.add(i32x4.add(a, b), i32x4.add(i32x4.add(c, d), i32x4.add(e, f))), 0);
}
