// Knows the register tiles: rows of pixels times one panel of 8 output channels. It does not know where the rows come
// from (pointwise reads the activation itself, convolutions gather them first) nor how the output is walked.
//
// A tile reads `rows` rows of `depth` values, `stride` bytes apart, one panel of weights and its parameters, and writes
// `lanes` of 8 output channels per row, `dstStride` bytes apart. Sums run over depth in order, in every build, so the
// scalar and the simd build give the same float32 bits.
import { ACTIVATION, MAX, MIN, WEIGHTS_ZERO } from './abi';
import { activate, activate4 } from './activation';
import { madd } from './lanes';
import { requantise, store8 } from './requantise';
import { word, wordF32 } from './step';

// ---- float32

// @ts-ignore: decorator
@inline
function tileF32(
  rows: i32, src: usize, stride: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32,
): void {
  const biasLow = v128.load(params);
  const biasHigh = v128.load(params, 16);
  let a0 = biasLow, b0 = biasHigh, a1 = biasLow, b1 = biasHigh, a2 = biasLow, b2 = biasHigh;
  let a3 = biasLow, b3 = biasHigh, a4 = biasLow, b4 = biasHigh, a5 = biasLow, b5 = biasHigh;
  const x0 = src, x1 = src + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride;
  for (let k: usize = 0, end = <usize>depth << 2; k < end; k += 4) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    w += 32;
    let x = v128.load32_splat(x0 + k);
    a0 = madd(x, low, a0);
    b0 = madd(x, high, b0);
    if (rows > 1) {
      x = v128.load32_splat(x1 + k);
      a1 = madd(x, low, a1);
      b1 = madd(x, high, b1);
    }
    if (rows > 2) {
      x = v128.load32_splat(x2 + k);
      a2 = madd(x, low, a2);
      b2 = madd(x, high, b2);
      x = v128.load32_splat(x3 + k);
      a3 = madd(x, low, a3);
      b3 = madd(x, high, b3);
    }
    if (rows > 4) {
      x = v128.load32_splat(x4 + k);
      a4 = madd(x, low, a4);
      b4 = madd(x, high, b4);
      x = v128.load32_splat(x5 + k);
      a5 = madd(x, low, a5);
      b5 = madd(x, high, b5);
    }
  }
  storeF32(a0, b0, step, dst, lanes);
  if (rows > 1) storeF32(a1, b1, step, dst + dstStride, lanes);
  if (rows > 2) {
    storeF32(a2, b2, step, dst + 2 * dstStride, lanes);
    storeF32(a3, b3, step, dst + 3 * dstStride, lanes);
  }
  if (rows > 4) {
    storeF32(a4, b4, step, dst + 4 * dstStride, lanes);
    storeF32(a5, b5, step, dst + 5 * dstStride, lanes);
  }
}

/** Applies the step's activation to eight sums and stores `lanes` of them. */
// @ts-ignore: decorator
@inline
export function storeF32(low: v128, high: v128, step: usize, dst: usize, lanes: i32): void {
  const kind = word(step, ACTIVATION);
  const least = v128.load32_splat(step + (<usize>MIN << 2));
  const most = v128.load32_splat(step + (<usize>MAX << 2));
  if (lanes == 8) {
    v128.store(dst, activate4(low, kind, least, most));
    v128.store(dst, activate4(high, kind, least, most), 16);
  } else storeSomeF32(activate4(low, kind, least, most), activate4(high, kind, least, most), dst, lanes);
}

function storeSomeF32(low: v128, high: v128, dst: usize, lanes: i32): void {
  for (let i = 0; i < lanes; i++) {
    const from = i < 4 ? low : high;
    store<f32>(dst + (<usize>i << 2), f32x4.extract_lane(from, 0));
    if (i < 4) low = i32x4.shuffle(low, low, 1, 2, 3, 0);
    else high = i32x4.shuffle(high, high, 1, 2, 3, 0);
  }
}

function tileF32x6(src: usize, stride: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32): void {
  tileF32(6, src, stride, w, depth, params, step, dst, dstStride, lanes);
}

function tileF32x4(src: usize, stride: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32): void {
  tileF32(4, src, stride, w, depth, params, step, dst, dstStride, lanes);
}

function tileF32x1(src: usize, stride: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32): void {
  tileF32(1, src, stride, w, depth, params, step, dst, dstStride, lanes);
}

function scalarF32(src: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, lanes: i32): void {
  let s0 = load<f32>(params), s1 = load<f32>(params, 4), s2 = load<f32>(params, 8), s3 = load<f32>(params, 12);
  let s4 = load<f32>(params, 16), s5 = load<f32>(params, 20), s6 = load<f32>(params, 24), s7 = load<f32>(params, 28);
  for (const end = src + (<usize>depth << 2); src < end; src += 4, w += 32) {
    const x = load<f32>(src);
    s0 = x * load<f32>(w) + s0;
    s1 = x * load<f32>(w, 4) + s1;
    s2 = x * load<f32>(w, 8) + s2;
    s3 = x * load<f32>(w, 12) + s3;
    s4 = x * load<f32>(w, 16) + s4;
    s5 = x * load<f32>(w, 20) + s5;
    s6 = x * load<f32>(w, 24) + s6;
    s7 = x * load<f32>(w, 28) + s7;
  }
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  store<f32>(dst, activate(s0, kind, low, high));
  if (lanes > 1) store<f32>(dst, activate(s1, kind, low, high), 4);
  if (lanes > 2) store<f32>(dst, activate(s2, kind, low, high), 8);
  if (lanes > 3) store<f32>(dst, activate(s3, kind, low, high), 12);
  if (lanes > 4) store<f32>(dst, activate(s4, kind, low, high), 16);
  if (lanes > 5) store<f32>(dst, activate(s5, kind, low, high), 20);
  if (lanes > 6) store<f32>(dst, activate(s6, kind, low, high), 24);
  if (lanes > 7) store<f32>(dst, activate(s7, kind, low, high), 28);
}

/** All `rows` rows against one float32 panel. */
// @ts-ignore: decorator
@inline
export function panelF32(
  rows: i32, src: usize, stride: usize, w: usize, depth: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32,
): void {
  let row = 0;
  if (ASC_FEATURE_SIMD) {
    for (; row + 6 <= rows; row += 6) {
      tileF32x6(src, stride, w, depth, params, step, dst, dstStride, lanes);
      src += 6 * stride;
      dst += 6 * dstStride;
    }
    if (row + 4 <= rows) {
      tileF32x4(src, stride, w, depth, params, step, dst, dstStride, lanes);
      src += 4 * stride;
      dst += 4 * dstStride;
      row += 4;
    }
  }
  for (; row < rows; row++) {
    if (ASC_FEATURE_SIMD) tileF32x1(src, stride, w, depth, params, step, dst, dstStride, lanes);
    else scalarF32(src, w, depth, params, step, dst, lanes);
    src += stride;
    dst += dstStride;
  }
}

// ---- int8: rows and weights as int16 in SIMD builds, as int8 in the scalar build

// @ts-ignore: decorator
@inline
function tileInt8(
  rows: i32, src: usize, stride: usize, w: usize, pairs: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32,
): void {
  const biasLow = v128.load(params);
  const biasHigh = v128.load(params, 16);
  let a0 = biasLow, b0 = biasHigh, a1 = biasLow, b1 = biasHigh;
  let a2 = biasLow, b2 = biasHigh, a3 = biasLow, b3 = biasHigh;
  const x0 = src, x1 = src + stride, x2 = x1 + stride, x3 = x2 + stride;
  for (let k: usize = 0, end = <usize>pairs << 2; k < end; k += 4) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    w += 32;
    let x = v128.load32_splat(x0 + k);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x, low));
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x, high));
    if (rows > 1) {
      x = v128.load32_splat(x1 + k);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x, low));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x, high));
      x = v128.load32_splat(x2 + k);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(x, low));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(x, high));
      x = v128.load32_splat(x3 + k);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(x, low));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(x, high));
    }
  }
  store8(a0, b0, params, step, dst, lanes);
  if (rows > 1) {
    store8(a1, b1, params, step, dst + dstStride, lanes);
    store8(a2, b2, params, step, dst + 2 * dstStride, lanes);
    store8(a3, b3, params, step, dst + 3 * dstStride, lanes);
  }
}

function tileInt8x4(src: usize, stride: usize, w: usize, pairs: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32): void {
  tileInt8(4, src, stride, w, pairs, params, step, dst, dstStride, lanes);
}

function tileInt8x1(src: usize, stride: usize, w: usize, pairs: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32): void {
  tileInt8(1, src, stride, w, pairs, params, step, dst, dstStride, lanes);
}

/** One row, one panel: weights stay int8, their zero point is subtracted here. */
function scalarInt8(src: usize, w: usize, pairs: i32, params: usize, step: usize, dst: usize, lanes: i32): void {
  const zero = word(step, WEIGHTS_ZERO);
  for (let lane = 0; lane < lanes; lane++) {
    let acc = load<i32>(params + (<usize>lane << 2));
    let x = src, panel = w + (<usize>lane << 1);
    for (let k = 0; k < pairs; k++) {
      acc += <i32>load<i8>(x) * (<i32>load<i8>(panel) - zero) + <i32>load<i8>(x, 1) * (<i32>load<i8>(panel, 1) - zero);
      x += 2;
      panel += 16;
    }
    store<i8>(dst + lane, <i8>requantise(acc, params, lane, step));
  }
}

/** All `rows` rows against one int8 panel. */
// @ts-ignore: decorator
@inline
export function panelInt8(
  rows: i32, src: usize, stride: usize, w: usize, pairs: i32, params: usize, step: usize, dst: usize, dstStride: usize, lanes: i32,
): void {
  let row = 0;
  if (ASC_FEATURE_SIMD) {
    for (; row + 4 <= rows; row += 4) {
      tileInt8x4(src, stride, w, pairs, params, step, dst, dstStride, lanes);
      src += 4 * stride;
      dst += 4 * dstStride;
    }
  }
  for (; row < rows; row++) {
    if (ASC_FEATURE_SIMD) tileInt8x1(src, stride, w, pairs, params, step, dst, dstStride, lanes);
    else scalarInt8(src, w, pairs, params, step, dst, lanes);
    src += stride;
    dst += dstStride;
  }
}
