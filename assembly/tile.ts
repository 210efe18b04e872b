// Knows the register tiles of the SIMD builds (those of the scalar build: scalar-tile.ts): rows of pixels times one panel
// of 8 output channels. It does not know where the rows come from (pointwise reads the activation itself, convolutions
// gather them first) nor how the output is walked.
//
// A tile reads `rows` rows, `stride` bytes apart, one panel of weights and its parameters, and writes all 8 output
// channels per row, `dstStride` bytes apart. A row is `segments` pieces of `depth` values, `pitch` bytes apart. Sums run
// over depth in order, in every build, so the scalar and the simd build give the same float32 bits. Rare work (activation
// functions, uncertain roundings) is called, never inlined: it would cost the tile its registers.
import { WEIGHTS_ZERO } from './abi';
import { finishF32, least4, most4 } from './activation';
import { bound, madd } from './lanes';
import { areCertain, isRectified, keepSums, least8, most8, offset4, origin4, settle, store8, storeRectified8 } from './requantise';
import { scalarF32, scalarInt8 } from './scalar-tile';
import { temporary, word } from './step';

// ---- float32

// @ts-ignore: decorator
@inline
function tileF32(rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  const biasLow = v128.load(params), biasHigh = v128.load(params, 16);
  let a0 = biasLow, b0 = biasHigh, a1 = biasLow, b1 = biasHigh, a2 = biasLow, b2 = biasHigh;
  let a3 = biasLow, b3 = biasHigh, a4 = biasLow, b4 = biasHigh, a5 = biasLow, b5 = biasHigh;
  const x0 = src, x1 = src + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride;
  let k: usize = 0, end = <usize>depth << 2;
  for (const gap = pitch - end; segments > 0; segments--, k += gap, end += pitch) {
    for (; k < end; k += 4) {
      const low = v128.load(w), high = v128.load(w, 16);
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
      }
      if (rows > 5) {
        x = v128.load32_splat(x5 + k);
        a5 = madd(x, low, a5);
        b5 = madd(x, high, b5);
      }
    }
  }
  const least = least4(step), most = most4(step);
  storeF32(a0, b0, least, most, dst);
  if (rows > 1) storeF32(a1, b1, least, most, dst + dstStride);
  if (rows > 2) {
    storeF32(a2, b2, least, most, dst + 2 * dstStride);
    storeF32(a3, b3, least, most, dst + 3 * dstStride);
  }
  if (rows > 4) storeF32(a4, b4, least, most, dst + 4 * dstStride);
  if (rows > 5) storeF32(a5, b5, least, most, dst + 5 * dstStride);
}

/** Eight sums, clamped. */
// @ts-ignore: decorator
@inline
export function storeF32(low: v128, high: v128, least: v128, most: v128, dst: usize): void {
  v128.store(dst, bound(low, least, most));
  v128.store(dst, bound(high, least, most), 16);
}

function tileF32x6(src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileF32(6, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
}

function tileF32x5(src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileF32(5, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
}

function tileF32x4(src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileF32(4, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
}

function tileF32x1(src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileF32(1, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
}

/** Where a multiply-add takes two instructions, it takes one more register, and six rows would spill. */
const WIDEST = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/** All `rows` rows against one float32 panel. */
// @ts-ignore: decorator
@inline
export function panelF32(rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  let left = rows, out = dst;
  if (ASC_FEATURE_SIMD) {
    // Tiles of WIDEST rows, or of fewer where that leaves no single rows: 49 = 4 * 6 + 5 * 5.
    for (let tiles = (rows + WIDEST - 1) / WIDEST; left >= 4; tiles--) {
      const some = max((left + tiles - 1) / tiles, 4);
      if (some == 6) tileF32x6(src, stride, depth, segments, pitch, w, params, step, out, dstStride);
      else if (some == 5) tileF32x5(src, stride, depth, segments, pitch, w, params, step, out, dstStride);
      else tileF32x4(src, stride, depth, segments, pitch, w, params, step, out, dstStride);
      src += <usize>some * stride;
      out += <usize>some * dstStride;
      left -= some;
    }
  }
  for (; left > 0; left--, src += stride, out += dstStride) {
    if (ASC_FEATURE_SIMD) tileF32x1(src, stride, depth, segments, pitch, w, params, step, out, dstStride);
    else scalarF32(src, depth, segments, pitch, w, params, out);
  }
  finishF32(step, rows, dst, dstStride);
}

// ---- int8: rows as int16, weights as int8; the scalar build has its own tile

/** Whether a step's weights lie as int16: their zero point, taken off, may leave more than a byte holds. */
// @ts-ignore: decorator
@inline
export function isWide(step: usize): bool {
  return ASC_FEATURE_SIMD && word(step, WEIGHTS_ZERO) != 0;
}

// @ts-ignore: decorator
@inline
function tileInt8(wide: bool, rows: i32, src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  const biasLow = v128.load(params), biasHigh = v128.load(params, 16);
  let a0 = biasLow, b0 = biasHigh, a1 = biasLow, b1 = biasHigh;
  let a2 = biasLow, b2 = biasHigh, a3 = biasLow, b3 = biasHigh;
  const x0 = src, x1 = src + stride, x2 = x1 + stride, x3 = x2 + stride;
  let k: usize = 0, end = <usize>pairs << 2;
  for (const gap = pitch - end; segments > 0; segments--, k += gap, end += pitch) {
    for (; k < end; k += 4) {
      const low = wide ? v128.load(w) : v128.load8x8_s(w), high = wide ? v128.load(w, 16) : v128.load8x8_s(w, 8);
      w += wide ? 32 : 16;
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
  }
  const offset = offset4(step);
  let fraction: v128;
  if (isRectified(step)) {
    const low = origin4(params + 64), high = origin4(params + 80);
    fraction = storeRectified8(f32x4.convert_i32x4_s(a0), f32x4.convert_i32x4_s(b0), params, dst, offset, low, high);
    if (rows > 1) {
      fraction = i32x4.min_u(fraction, storeRectified8(f32x4.convert_i32x4_s(a1), f32x4.convert_i32x4_s(b1), params, dst + dstStride, offset, low, high));
      fraction = i32x4.min_u(fraction, storeRectified8(f32x4.convert_i32x4_s(a2), f32x4.convert_i32x4_s(b2), params, dst + 2 * dstStride, offset, low, high));
      fraction = i32x4.min_u(fraction, storeRectified8(f32x4.convert_i32x4_s(a3), f32x4.convert_i32x4_s(b3), params, dst + 3 * dstStride, offset, low, high));
    }
  } else {
    const least = least8(step), most = most8(step);
    fraction = store8(a0, b0, params, dst, offset, least, most);
    if (rows > 1) {
      fraction = i32x4.min_u(fraction, store8(a1, b1, params, dst + dstStride, offset, least, most));
      fraction = i32x4.min_u(fraction, store8(a2, b2, params, dst + 2 * dstStride, offset, least, most));
      fraction = i32x4.min_u(fraction, store8(a3, b3, params, dst + 3 * dstStride, offset, least, most));
    }
  }
  if (areCertain(fraction)) return;
  keepSums(0, a0, b0);
  if (rows > 1) {
    keepSums(1, a1, b1);
    keepSums(2, a2, b2);
    keepSums(3, a3, b3);
  }
  settle(rows, params, step, dst, dstStride);
}

function tileInt8x4(src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileInt8(false, 4, src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
}

function tileInt8x1(src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileInt8(false, 1, src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
}

function tileWideInt8x4(src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileInt8(true, 4, src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
}

function tileWideInt8x1(src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  tileInt8(true, 1, src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
}

/** All `rows` rows against one int8 panel. */
// @ts-ignore: decorator
@inline
export function panelInt8(rows: i32, src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  if (!ASC_FEATURE_SIMD) {
    scalarInt8(rows, src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
    return;
  }
  let row = 0;
  const wide = isWide(step);
  for (; row + 4 <= rows; row += 4) {
    if (wide) tileWideInt8x4(src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
    else tileInt8x4(src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
    src += 4 * stride;
    dst += 4 * dstStride;
  }
  for (; row < rows; row++) {
    if (wide) tileWideInt8x1(src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
    else tileInt8x1(src, stride, pairs, segments, pitch, w, params, step, dst, dstStride);
    src += stride;
    dst += dstStride;
  }
}

// ---- the last panel, where channels end inside it

/** TAIL_ROWS rows of 8 values. */
// @ts-ignore: decorator
@inline
export function tail(): usize {
  return temporary();
}

/** `lanes` of 8 values of each row from `tail` to dst. */
export function storeTail(float: bool, rows: i32, lanes: i32, dst: usize, dstStride: usize): void {
  const shift = float ? 2 : 0;
  for (let row = 0, src = tail(); row < rows; row++, dst += dstStride, src += <usize>8 << shift) {
    memory.copy(dst, src, <usize>lanes << shift);
  }
}
