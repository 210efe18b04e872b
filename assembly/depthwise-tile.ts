// Knows the register tiles of depthwise convolutions: one panel of 8 channels along one output row. It does not know
// where the rows come from: `taps` holds the address of each tap at output column 0, `at` the offset of the panel.
// Accumulators and taps stand spelled out, since AssemblyScript keeps no array in registers.
import { DEPTHWISE_COLUMNS, DILATION_W, DTYPE, FLOAT32, KH, KW, PANEL, STRIDE_W } from './abi';
import { finishF32, least4, most4 } from './activation';
import { madd } from './lanes';
import { storeF32 } from './tile';
import { areCertain, isRectified, keepSums, least8, most8, offset4, origin4, settle, storeRectified8, storeSums8 } from './requantise';
import { word } from './step';

/**
 * `columns` columns at dst, `outBytes` apart (int8 of the scalar build: scalar-depthwise.ts). SIMD builds write whole groups of
 * DEPTHWISE_COLUMNS: where there are fewer columns, the rest of the group is written after them.
 */
export function filterColumns(step: usize, float: bool, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  if (ASC_FEATURE_SIMD) {
    const shape = word(step, DILATION_W) == 1 && word(step, STRIDE_W) <= 2 ? word(step, KW) * 2 + word(step, STRIDE_W) : 0;
    if (shape == 7) strip3s1(step, columns, taps, at, w, params, dst, outBytes);
    else if (shape == 8) strip3s2(step, columns, taps, at, w, params, dst, outBytes);
    else if (shape == 11) strip5s1(step, columns, taps, at, w, params, dst, outBytes);
    else if (shape == 12) strip5s2(step, columns, taps, at, w, params, dst, outBytes);
    else stripAny(step, columns, taps, at, w, params, dst, outBytes);
  } else {
    const count = word(step, KH) * word(step, KW), columnBytes = <usize>(word(step, STRIDE_W) * PANEL) << 2;
    for (let column = 0, out = dst; column < columns; column++, at += columnBytes, out += outBytes) scalarF32(taps, count, at, w, params, out);
  }
  if (float) finishF32(step, columns, dst, outBytes);
}

// ---- SIMD: 8 channels, a the lower four and b the upper, DEPTHWISE_COLUMNS columns at a time; the last group may
// overlap the one before

function strip3s1(step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(3, 1, step, columns, taps, at, w, params, dst, outBytes);
}

function strip3s2(step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(3, 2, step, columns, taps, at, w, params, dst, outBytes);
}

function strip5s1(step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(5, 1, step, columns, taps, at, w, params, dst, outBytes);
}

function strip5s2(step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(5, 2, step, columns, taps, at, w, params, dst, outBytes);
}

/** Windows 3 or 5 wide: each input value is loaded once a window row and meets every column whose window holds it. */
// @ts-ignore: decorator
@inline
function strip(kw: i32, stride: usize, step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const s = <i32>stride, end = taps + ((<usize>kw * <usize>word(step, KH)) << 2);
  const low = startOf(step, params), high = startOf(step, params + 16);
  for (let column = 0; column < columns; column += DEPTHWISE_COLUMNS) {
    const first = <usize>max(min(column, columns - DEPTHWISE_COLUMNS), 0);
    const from = at + first * stride * 32;
    let a0 = low, a1 = low, a2 = low, a3 = low, b0 = high, b1 = high, b2 = high, b3 = high;
    for (let row = taps, panel = w; row < end; row += <usize>kw << 2, panel += <usize>kw << 5) {
      const p = <usize>load<u32>(row) + from;
      let w0 = v128.load(panel), w1 = v128.load(panel, 32), w2 = v128.load(panel, 64), w3 = w0, w4 = w0;
      if (kw > 3) {
        w3 = v128.load(panel, 96);
        w4 = v128.load(panel, 128);
      }
      let x: v128;
      x = v128.load(p, 0);
      a0 = tap(kw, 0, x, a0, w0, w1, w2, w3, w4);
      x = v128.load(p, 32);
      a0 = tap(kw, 1, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 1 - s, x, a1, w0, w1, w2, w3, w4);
      x = v128.load(p, 64);
      a0 = tap(kw, 2, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 2 - s, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 2 - 2 * s, x, a2, w0, w1, w2, w3, w4);
      x = v128.load(p, 96);
      a0 = tap(kw, 3, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 3 - s, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 3 - 2 * s, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 3 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      x = v128.load(p, 128);
      a0 = tap(kw, 4, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 4 - s, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 4 - 2 * s, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 4 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      x = v128.load(p, 160);
      a1 = tap(kw, 5 - s, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 5 - 2 * s, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 5 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      if (3 * s + kw > 6) {
        x = v128.load(p, 192);
        a1 = tap(kw, 6 - s, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 6 - 2 * s, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 6 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 7) {
        x = v128.load(p, 224);
        a1 = tap(kw, 7 - s, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 7 - 2 * s, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 7 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 8) {
        x = v128.load(p, 256);
        a1 = tap(kw, 8 - s, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 8 - 2 * s, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 8 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 9) {
        x = v128.load(p, 288);
        a1 = tap(kw, 9 - s, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 9 - 2 * s, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 9 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 10) {
        x = v128.load(p, 320);
        a1 = tap(kw, 10 - s, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 10 - 2 * s, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 10 - 3 * s, x, a3, w0, w1, w2, w3, w4);
      }
      w0 = v128.load(panel, 16);
      w1 = v128.load(panel, 48);
      w2 = v128.load(panel, 80);
      if (kw > 3) {
        w3 = v128.load(panel, 112);
        w4 = v128.load(panel, 144);
      }
      x = v128.load(p, 16);
      b0 = tap(kw, 0, x, b0, w0, w1, w2, w3, w4);
      x = v128.load(p, 48);
      b0 = tap(kw, 1, x, b0, w0, w1, w2, w3, w4);
      b1 = tap(kw, 1 - s, x, b1, w0, w1, w2, w3, w4);
      x = v128.load(p, 80);
      b0 = tap(kw, 2, x, b0, w0, w1, w2, w3, w4);
      b1 = tap(kw, 2 - s, x, b1, w0, w1, w2, w3, w4);
      b2 = tap(kw, 2 - 2 * s, x, b2, w0, w1, w2, w3, w4);
      x = v128.load(p, 112);
      b0 = tap(kw, 3, x, b0, w0, w1, w2, w3, w4);
      b1 = tap(kw, 3 - s, x, b1, w0, w1, w2, w3, w4);
      b2 = tap(kw, 3 - 2 * s, x, b2, w0, w1, w2, w3, w4);
      b3 = tap(kw, 3 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      x = v128.load(p, 144);
      b0 = tap(kw, 4, x, b0, w0, w1, w2, w3, w4);
      b1 = tap(kw, 4 - s, x, b1, w0, w1, w2, w3, w4);
      b2 = tap(kw, 4 - 2 * s, x, b2, w0, w1, w2, w3, w4);
      b3 = tap(kw, 4 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      x = v128.load(p, 176);
      b1 = tap(kw, 5 - s, x, b1, w0, w1, w2, w3, w4);
      b2 = tap(kw, 5 - 2 * s, x, b2, w0, w1, w2, w3, w4);
      b3 = tap(kw, 5 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      if (3 * s + kw > 6) {
        x = v128.load(p, 208);
        b1 = tap(kw, 6 - s, x, b1, w0, w1, w2, w3, w4);
        b2 = tap(kw, 6 - 2 * s, x, b2, w0, w1, w2, w3, w4);
        b3 = tap(kw, 6 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 7) {
        x = v128.load(p, 240);
        b1 = tap(kw, 7 - s, x, b1, w0, w1, w2, w3, w4);
        b2 = tap(kw, 7 - 2 * s, x, b2, w0, w1, w2, w3, w4);
        b3 = tap(kw, 7 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 8) {
        x = v128.load(p, 272);
        b1 = tap(kw, 8 - s, x, b1, w0, w1, w2, w3, w4);
        b2 = tap(kw, 8 - 2 * s, x, b2, w0, w1, w2, w3, w4);
        b3 = tap(kw, 8 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 9) {
        x = v128.load(p, 304);
        b1 = tap(kw, 9 - s, x, b1, w0, w1, w2, w3, w4);
        b2 = tap(kw, 9 - 2 * s, x, b2, w0, w1, w2, w3, w4);
        b3 = tap(kw, 9 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      }
      if (3 * s + kw > 10) {
        x = v128.load(p, 336);
        b1 = tap(kw, 10 - s, x, b1, w0, w1, w2, w3, w4);
        b2 = tap(kw, 10 - 2 * s, x, b2, w0, w1, w2, w3, w4);
        b3 = tap(kw, 10 - 3 * s, x, b3, w0, w1, w2, w3, w4);
      }
    }
    storeStrip(step, a0, b0, a1, b1, a2, b2, a3, b3, params, dst + first * outBytes, outBytes);
  }
}

/** x * w[kx] onto a sum, if the window has that tap. */
// @ts-ignore: decorator
@inline
function tap(kw: i32, kx: i32, x: v128, sum: v128, w0: v128, w1: v128, w2: v128, w3: v128, w4: v128): v128 {
  if (kx < 0 || kx >= kw) return sum;
  return madd(x, kx == 0 ? w0 : kx == 1 ? w1 : kx == 2 ? w2 : kx == 3 ? w3 : w4, sum);
}

/** Any other window, tap by tap. */
function stripAny(step: usize, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const low = startOf(step, params), high = startOf(step, params + 16);
  const end = taps + (<usize>(word(step, KH) * word(step, KW)) << 2), columnBytes = <usize>word(step, STRIDE_W) << 5;
  for (let column = 0; column < columns; column += DEPTHWISE_COLUMNS) {
    const first = <usize>max(min(column, columns - DEPTHWISE_COLUMNS), 0);
    let a0 = low, a1 = low, a2 = low, a3 = low, b0 = high, b1 = high, b2 = high, b3 = high;
    for (let tap = taps, panel = w; tap < end; tap += 4, panel += 32) {
      const p0 = <usize>load<u32>(tap) + at + first * columnBytes, p1 = p0 + columnBytes, p2 = p1 + columnBytes, p3 = p2 + columnBytes;
      const wa = v128.load(panel), wb = v128.load(panel, 16);
      a0 = madd(v128.load(p0), wa, a0);
      b0 = madd(v128.load(p0, 16), wb, b0);
      a1 = madd(v128.load(p1), wa, a1);
      b1 = madd(v128.load(p1, 16), wb, b1);
      a2 = madd(v128.load(p2), wa, a2);
      b2 = madd(v128.load(p2, 16), wb, b2);
      a3 = madd(v128.load(p3), wa, a3);
      b3 = madd(v128.load(p3, 16), wb, b3);
    }
    storeStrip(step, a0, b0, a1, b1, a2, b2, a3, b3, params, dst + first * outBytes, outBytes);
  }
}

/** Sums start at the bias; those of int8 at 0, since a large bias would take their exactness. */
// @ts-ignore: decorator
@inline
function startOf(step: usize, params: usize): v128 {
  return word(step, DTYPE) == FLOAT32 ? v128.load(params) : f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function storeStrip(
  step: usize, a0: v128, b0: v128, a1: v128, b1: v128, a2: v128, b2: v128, a3: v128, b3: v128, params: usize, dst: usize, outBytes: usize,
): void {
  const dst1 = dst + outBytes, dst2 = dst1 + outBytes, dst3 = dst2 + outBytes;
  if (word(step, DTYPE) == FLOAT32) {
    const least = least4(step), most = most4(step);
    storeF32(a0, b0, least, most, dst);
    storeF32(a1, b1, least, most, dst1);
    storeF32(a2, b2, least, most, dst2);
    storeF32(a3, b3, least, most, dst3);
    return;
  }
  const biasLow = f32x4.convert_i32x4_s(v128.load(params)), biasHigh = f32x4.convert_i32x4_s(v128.load(params, 16));
  const offset = offset4(step);
  let fraction: v128;
  if (isRectified(step)) {
    const low = origin4(params + 64), high = origin4(params + 80);
    fraction = storeRectified8(f32x4.add(a0, biasLow), f32x4.add(b0, biasHigh), params, dst, offset, low, high);
    fraction = i32x4.min_u(fraction, storeRectified8(f32x4.add(a1, biasLow), f32x4.add(b1, biasHigh), params, dst1, offset, low, high));
    fraction = i32x4.min_u(fraction, storeRectified8(f32x4.add(a2, biasLow), f32x4.add(b2, biasHigh), params, dst2, offset, low, high));
    fraction = i32x4.min_u(fraction, storeRectified8(f32x4.add(a3, biasLow), f32x4.add(b3, biasHigh), params, dst3, offset, low, high));
  } else {
    const least = least8(step), most = most8(step);
    fraction = storeSums8(f32x4.add(a0, biasLow), f32x4.add(b0, biasHigh), params, dst, offset, least, most);
    fraction = i32x4.min_u(fraction, storeSums8(f32x4.add(a1, biasLow), f32x4.add(b1, biasHigh), params, dst1, offset, least, most));
    fraction = i32x4.min_u(fraction, storeSums8(f32x4.add(a2, biasLow), f32x4.add(b2, biasHigh), params, dst2, offset, least, most));
    fraction = i32x4.min_u(fraction, storeSums8(f32x4.add(a3, biasLow), f32x4.add(b3, biasHigh), params, dst3, offset, least, most));
  }
  if (areCertain(fraction)) return;
  keepWhole(0, a0, b0, params);
  keepWhole(1, a1, b1, params);
  keepWhole(2, a2, b2, params);
  keepWhole(3, a3, b3, params);
  settle(DEPTHWISE_COLUMNS, params, step, dst, outBytes);
}

/** Sums of whole float32 numbers, with the bias as int32. */
// @ts-ignore: decorator
@inline
function keepWhole(row: i32, low: v128, high: v128, params: usize): void {
  keepSums(row, i32x4.add(i32x4.trunc_sat_f32x4_s(low), v128.load(params)), i32x4.add(i32x4.trunc_sat_f32x4_s(high), v128.load(params, 16)));
}

// ---- scalar, float32: one column of 8 channels

function scalarF32(taps: usize, count: i32, at: usize, w: usize, params: usize, dst: usize): void {
  const end = taps + (<usize>count << 2);
  for (let lane: usize = 0; lane < 32; lane += 4) {
    let sum = load<f32>(params + lane);
    for (let tap = taps, panel = w + lane; tap < end; tap += 4, panel += 32) sum = load<f32>(<usize>load<u32>(tap) + at + lane) * load<f32>(panel) + sum;
    store<f32>(dst + lane, sum);
  }
}
