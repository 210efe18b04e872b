// Knows the register tiles of depthwise convolutions: output columns of one row times channels. It does not know where
// the rows come from: `taps` holds the address of each tap at output column 0, `at` the offset of the channel.
import { DILATION_W, KH, KW, STRIDE_W, WEIGHTS_ZERO } from './abi';
import { finishF32, least4, most4 } from './activation';
import { bound, madd } from './lanes';
import { areCertain, keepSums, least8, most8, offset4, requantise, settle, store8 } from './requantise';
import { word } from './step';

// ---- float32

/** One panel of 8 channels along `columns` columns, `columnBytes` apart in the ring and `outBytes` apart at dst. */
export function filterF32(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const count = word(step, KH) * word(step, KW);
  if (ASC_FEATURE_SIMD && columns >= 4) {
    const shape = word(step, DILATION_W) == 1 && word(step, STRIDE_W) <= 2 ? word(step, KW) * 2 + word(step, STRIDE_W) : 0;
    for (let half: usize = 0; half < 32; half += 16) {
      if (shape == 7) strip3s1(step, columns, taps, at + half, columnBytes, w + half, params + half, dst + half, outBytes);
      else if (shape == 8) strip3s2(step, columns, taps, at + half, columnBytes, w + half, params + half, dst + half, outBytes);
      else if (shape == 11) strip5s1(step, columns, taps, at + half, columnBytes, w + half, params + half, dst + half, outBytes);
      else if (shape == 12) strip5s2(step, columns, taps, at + half, columnBytes, w + half, params + half, dst + half, outBytes);
      else anyStrip(step, columns, taps, at + half, columnBytes, w + half, params + half, dst + half, outBytes);
    }
  } else {
    for (let column = 0, out = dst; column < columns; column++, at += columnBytes, out += outBytes) {
      if (ASC_FEATURE_SIMD) columnF32(step, taps, count, at, w, params, out);
      else scalarF32(taps, count, at, w, params, out);
    }
  }
  finishF32(step, columns, dst, outBytes);
}

/** One column of 8 channels, for rows too short for a strip. */
function columnF32(step: usize, taps: usize, count: i32, at: usize, w: usize, params: usize, dst: usize): void {
  let a = v128.load(params), b = v128.load(params, 16);
  for (const end = taps + (<usize>count << 2); taps < end; taps += 4, w += 32) {
    const x = <usize>load<u32>(taps) + at;
    a = madd(v128.load(x), v128.load(w), a);
    b = madd(v128.load(x, 16), v128.load(w, 16), b);
  }
  v128.store(dst, bound(a, least4(step), most4(step)));
  v128.store(dst, bound(b, least4(step), most4(step)), 16);
}

function scalarF32(taps: usize, count: i32, at: usize, w: usize, params: usize, dst: usize): void {
  const end = taps + (<usize>count << 2);
  for (let lane: usize = 0; lane < 32; lane += 4) {
    let sum = load<f32>(params + lane);
    for (let tap = taps, panel = w + lane; tap < end; tap += 4, panel += 32) sum = load<f32>(<usize>load<u32>(tap) + at + lane) * load<f32>(panel) + sum;
    store<f32>(dst + lane, sum);
  }
}

/** x * w[kx] onto a sum, if the window has that tap. */
// @ts-ignore: decorator
@inline
function tap(kw: i32, kx: i32, x: v128, sum: v128, w0: v128, w1: v128, w2: v128, w3: v128, w4: v128): v128 {
  if (kx < 0 || kx >= kw) return sum;
  return madd(x, kx == 0 ? w0 : kx == 1 ? w1 : kx == 2 ? w2 : kx == 3 ? w3 : w4, sum);
}

/**
 * Four channels along at least four columns, four columns at a time; the last four may overlap those before. Each input
 * value is loaded once a window row and meets every column whose window holds it.
 */
// @ts-ignore: decorator
@inline
function strip(kw: i32, stride: i32, step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const pixel = stride == 2 ? columnBytes >> 1 : columnBytes, rows = word(step, KH);
  const bias = v128.load(params), least = least4(step), most = most4(step);
  for (let column = 0; column < columns; column += 4) {
    const first = min(column, columns - 4);
    let a0 = bias, a1 = bias, a2 = bias, a3 = bias;
    const from = at + first * columnBytes;
    for (let ky = 0, row = taps, panel = w; ky < rows; ky++, row += <usize>kw << 2, panel += <usize>kw << 5) {
      const w0 = v128.load(panel), w1 = v128.load(panel, 32), w2 = v128.load(panel, 64);
      const w3 = kw > 3 ? v128.load(panel, 96) : w0, w4 = kw > 3 ? v128.load(panel, 128) : w0;
      let p = <usize>load<u32>(row) + from;
      let x = v128.load(p);
      a0 = tap(kw, 0, x, a0, w0, w1, w2, w3, w4);
      p += pixel;
      x = v128.load(p);
      a0 = tap(kw, 1, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 1 - stride, x, a1, w0, w1, w2, w3, w4);
      p += pixel;
      x = v128.load(p);
      a0 = tap(kw, 2, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 2 - stride, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 2 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
      p += pixel;
      x = v128.load(p);
      a0 = tap(kw, 3, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 3 - stride, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 3 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 3 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      p += pixel;
      x = v128.load(p);
      a0 = tap(kw, 4, x, a0, w0, w1, w2, w3, w4);
      a1 = tap(kw, 4 - stride, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 4 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 4 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      p += pixel;
      x = v128.load(p);
      a1 = tap(kw, 5 - stride, x, a1, w0, w1, w2, w3, w4);
      a2 = tap(kw, 5 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
      a3 = tap(kw, 5 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      if (3 * stride + kw > 6) {
        p += pixel;
        x = v128.load(p);
        a1 = tap(kw, 6 - stride, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 6 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 6 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * stride + kw > 7) {
        p += pixel;
        x = v128.load(p);
        a1 = tap(kw, 7 - stride, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 7 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 7 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * stride + kw > 8) {
        p += pixel;
        x = v128.load(p);
        a1 = tap(kw, 8 - stride, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 8 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 8 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * stride + kw > 9) {
        p += pixel;
        x = v128.load(p);
        a1 = tap(kw, 9 - stride, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 9 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 9 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      }
      if (3 * stride + kw > 10) {
        p += pixel;
        x = v128.load(p);
        a1 = tap(kw, 10 - stride, x, a1, w0, w1, w2, w3, w4);
        a2 = tap(kw, 10 - 2 * stride, x, a2, w0, w1, w2, w3, w4);
        a3 = tap(kw, 10 - 3 * stride, x, a3, w0, w1, w2, w3, w4);
      }
    }
    storeColumns(a0, a1, a2, a3, least, most, dst + first * outBytes, outBytes);
  }
}

// @ts-ignore: decorator
@inline
function storeColumns(a0: v128, a1: v128, a2: v128, a3: v128, least: v128, most: v128, dst: usize, outBytes: usize): void {
  v128.store(dst, bound(a0, least, most));
  v128.store(dst + outBytes, bound(a1, least, most));
  v128.store(dst + 2 * outBytes, bound(a2, least, most));
  v128.store(dst + 3 * outBytes, bound(a3, least, most));
}

function strip3s1(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(3, 1, step, columns, taps, at, columnBytes, w, params, dst, outBytes);
}

function strip3s2(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(3, 2, step, columns, taps, at, columnBytes, w, params, dst, outBytes);
}

function strip5s1(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(5, 1, step, columns, taps, at, columnBytes, w, params, dst, outBytes);
}

function strip5s2(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  strip(5, 2, step, columns, taps, at, columnBytes, w, params, dst, outBytes);
}

/** The same for any window, tap by tap. */
function anyStrip(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const bias = v128.load(params), least = least4(step), most = most4(step);
  const end = taps + (<usize>(word(step, KH) * word(step, KW)) << 2);
  for (let column = 0; column < columns; column += 4) {
    const first = min(column, columns - 4);
    let a0 = bias, a1 = bias, a2 = bias, a3 = bias;
    for (let tap = taps, panel = w; tap < end; tap += 4, panel += 32) {
      const x = <usize>load<u32>(tap) + at + first * columnBytes, weight = v128.load(panel);
      a0 = madd(v128.load(x), weight, a0);
      a1 = madd(v128.load(x + columnBytes), weight, a1);
      a2 = madd(v128.load(x + 2 * columnBytes), weight, a2);
      a3 = madd(v128.load(x + 3 * columnBytes), weight, a3);
    }
    storeColumns(a0, a1, a2, a3, least, most, dst + first * outBytes, outBytes);
  }
}

// ---- int8

/** One panel of 8 channels along `columns` columns, as filterF32. */
export function filterInt8(step: usize, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const count = word(step, KH) * word(step, KW), pairs = (count + 1) >> 1;
  if (ASC_FEATURE_SIMD && columns >= 4) {
    for (let column = 0; column < columns; column += 4) {
      const first = min(column, columns - 4);
      columnsInt8x4(taps, pairs, at + first * columnBytes, columnBytes, w, params, step, dst + first * outBytes, outBytes);
    }
    return;
  }
  for (let column = 0; column < columns; column++) {
    if (ASC_FEATURE_SIMD) columnsInt8x1(taps, pairs, at, columnBytes, w, params, step, dst, outBytes);
    else scalarInt8(taps, count, at, w, params, step, dst);
    at += columnBytes;
    dst += outBytes;
  }
}

/** Two taps side by side in each int16 pair, against a pair of weights. */
// @ts-ignore: decorator
@inline
function dotLow(first: v128, second: v128, w: v128): v128 {
  return i32x4.dot_i16x8_s(i8x16.shuffle(first, second, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23), w);
}

// @ts-ignore: decorator
@inline
function dotHigh(first: v128, second: v128, w: v128): v128 {
  return i32x4.dot_i16x8_s(i8x16.shuffle(first, second, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31), w);
}

// @ts-ignore: decorator
@inline
function columnsInt8(
  columns: i32, taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize,
): void {
  const low = v128.load(params), high = v128.load(params, 16);
  let a0 = low, b0 = high, a1 = low, b1 = high, a2 = low, b2 = high, a3 = low, b3 = high;
  for (const end = taps + (<usize>pairs << 3); taps < end; taps += 8, w += 32) {
    let x = <usize>load<u32>(taps) + at, y = <usize>load<u32>(taps, 4) + at;
    const wa = v128.load(w), wb = v128.load(w, 16);
    let p = v128.load(x), q = v128.load(y);
    a0 = i32x4.add(a0, dotLow(p, q, wa));
    b0 = i32x4.add(b0, dotHigh(p, q, wb));
    if (columns > 1) {
      x += columnBytes;
      y += columnBytes;
      p = v128.load(x);
      q = v128.load(y);
      a1 = i32x4.add(a1, dotLow(p, q, wa));
      b1 = i32x4.add(b1, dotHigh(p, q, wb));
      x += columnBytes;
      y += columnBytes;
      p = v128.load(x);
      q = v128.load(y);
      a2 = i32x4.add(a2, dotLow(p, q, wa));
      b2 = i32x4.add(b2, dotHigh(p, q, wb));
      p = v128.load(x + columnBytes);
      q = v128.load(y + columnBytes);
      a3 = i32x4.add(a3, dotLow(p, q, wa));
      b3 = i32x4.add(b3, dotHigh(p, q, wb));
    }
  }
  const offset = offset4(step), least = least8(step), most = most8(step);
  let fraction = store8(a0, b0, params, dst, offset, least, most);
  if (columns > 1) {
    fraction = i32x4.min_u(fraction, store8(a1, b1, params, dst + outBytes, offset, least, most));
    fraction = i32x4.min_u(fraction, store8(a2, b2, params, dst + 2 * outBytes, offset, least, most));
    fraction = i32x4.min_u(fraction, store8(a3, b3, params, dst + 3 * outBytes, offset, least, most));
  }
  if (areCertain(fraction)) return;
  keepSums(0, a0, b0);
  if (columns > 1) {
    keepSums(1, a1, b1);
    keepSums(2, a2, b2);
    keepSums(3, a3, b3);
  }
  settle(columns, params, step, dst, outBytes);
}

function columnsInt8x4(taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize): void {
  columnsInt8(4, taps, pairs, at, columnBytes, w, params, step, dst, outBytes);
}

function columnsInt8x1(taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize): void {
  columnsInt8(1, taps, pairs, at, columnBytes, w, params, step, dst, outBytes);
}

function scalarInt8(taps: usize, count: i32, at: usize, w: usize, params: usize, step: usize, dst: usize): void {
  const zero = word(step, WEIGHTS_ZERO);
  for (let lane = 0; lane < 8; lane++) {
    let acc = load<i32>(params + (<usize>lane << 2));
    const panel = w + (<usize>lane << 1);
    for (let k = 0; k < count; k++) {
      const weight = <i32>load<i8>(panel + ((k >> 1) << 4) + (k & 1)) - zero;
      acc += <i32>load<i8>(<usize>load<u32>(taps + (<usize>k << 2)) + at + lane) * weight;
    }
    store<i8>(dst + lane, <i8>requantise(acc, params, lane, step));
  }
}
