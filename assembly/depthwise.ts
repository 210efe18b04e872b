// Knows depthwise convolutions of any window, stride, dilation and channel multiplier. Input rows are copied once into
// a ring of padded rows (widened to int16 for int8 in SIMD builds), so that the tiles never meet an edge.
//
//   scratch:  | ring row 0 | ring row 1 | ... | tap table: one address a tap, for output column 0 | slack |
//   ring row: padded width (OW - 1) * stride + (KW - 1) * dilation + 1, times OC values
import {
  C, DILATION_H, DILATION_W, DST, DTYPE, FLOAT32, H, KH, KW, MAX, MIN, ACTIVATION, OC, OH, OW, PAD_LEFT, PAD_TOP, PANEL, PARAMS,
  PARAMS_FLOAT32, PARAMS_INT8, SRC, STRIDE_H, STRIDE_W, W, WEIGHTS, WEIGHTS_ZERO, ZERO_IN,
} from './abi';
import { activate } from './activation';
import { fill } from './conv';
import { madd } from './lanes';
import { valueBytes, widen } from './pointwise';
import { requantise, store8 } from './requantise';
import { activation, constant, scratch, word, wordF32 } from './step';
import { storeF32 } from './tile';

/** H x W x C to OH x OW x OC, OC a multiple of C. */
export function depthwise(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const ringRows = (word(step, KH) - 1) * word(step, DILATION_H) + 1;
  const ringBytes = paddedWidth(step) * word(step, OC) * valueBytes(float);
  const taps = scratch() + <usize>(ringRows * ringBytes);
  const rowOut = <usize>(word(step, OW) * word(step, OC)) << (float ? 2 : 0);
  let dst = activation(step, DST), next = -word(step, PAD_TOP);
  for (let oy = 0, height = word(step, OH); oy < height; oy++) {
    const top = oy * word(step, STRIDE_H) - word(step, PAD_TOP);
    for (next = max(next, top); next < top + ringRows; next++) {
      loadRow(step, float, next, scratch() + <usize>(ringSlot(step, next, ringRows) * ringBytes));
    }
    pointTaps(step, float, top, ringRows, ringBytes, taps);
    filterRow(step, float, taps, dst);
    dst += rowOut;
  }
}

// @ts-ignore: decorator
@inline
function paddedWidth(step: usize): i32 {
  return (word(step, OW) - 1) * word(step, STRIDE_W) + (word(step, KW) - 1) * word(step, DILATION_W) + 1;
}

/** Rows above the picture have negative numbers; PAD_TOP shifts them to zero and up. */
// @ts-ignore: decorator
@inline
function ringSlot(step: usize, y: i32, ringRows: i32): i32 {
  return (y + word(step, PAD_TOP)) % ringRows;
}

/** Input row y into a ring row: padding, values, padding. */
function loadRow(step: usize, float: bool, y: i32, dst: usize): void {
  const width = word(step, W), channels = word(step, C), zero = word(step, ZERO_IN);
  const padded = paddedWidth(step), out = word(step, OC), value = <usize>valueBytes(float);
  if (<u32>y >= <u32>word(step, H)) {
    fill(float, dst, padded * out, zero);
    return;
  }
  const left = word(step, PAD_LEFT);
  const from = max(-left, 0), count = min(width, padded - left) - from;
  const start = max(left, 0);
  fill(float, dst, start * out, zero);
  dst += <usize>(start * out) * value;
  const src = activation(step, SRC) + (<usize>((y * width + from) * channels) << (float ? 2 : 0));
  if (out != channels) repeatChannels(float, dst, src, count * channels, out / channels);
  else if (float) memory.copy(dst, src, <usize>(count * channels) << 2);
  else widen(dst, src, count * channels);
  fill(float, dst + <usize>(count * out) * value, (padded - start - count) * out, zero);
}

function repeatChannels(float: bool, dst: usize, src: usize, count: i32, multiplier: i32): void {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < multiplier; j++) {
      if (float) store<f32>(dst, load<f32>(src));
      else widen(dst, src, 1);
      dst += <usize>valueBytes(float);
    }
    src += float ? 4 : 1;
  }
}

/** The address of each tap at output column 0; one more, whose weight is zero, makes the count even. */
function pointTaps(step: usize, float: bool, top: i32, ringRows: i32, ringBytes: i32, taps: usize): void {
  const kw = word(step, KW), columnBytes = word(step, DILATION_W) * word(step, OC) * valueBytes(float);
  let tap = taps;
  for (let ky = 0, kh = word(step, KH); ky < kh; ky++) {
    const slot = ringSlot(step, top + ky * word(step, DILATION_H), ringRows);
    for (let kx = 0; kx < kw; kx++, tap += 4) store<u32>(tap, <u32>scratch() + slot * ringBytes + kx * columnBytes);
  }
  store<u32>(tap, load<u32>(taps));
}

/** One output row: each panel of 8 channels along all columns. */
function filterRow(step: usize, float: bool, taps: usize, dst: usize): void {
  const count = word(step, KH) * word(step, KW), pairs = (count + 1) >> 1;
  const channels = word(step, OC), columns = word(step, OW);
  const columnBytes = <usize>(word(step, STRIDE_W) * channels * valueBytes(float));
  const panelBytes = <usize>(float ? count * PANEL * 4 : pairs * 2 * PANEL * valueBytes(false));
  let w = constant(step, WEIGHTS), params = constant(step, PARAMS);
  for (let channel = 0; channel < channels; channel += PANEL) {
    const lanes = min(channels - channel, PANEL);
    let at = <usize>(channel * valueBytes(float)), out = dst + (<usize>channel << (float ? 2 : 0));
    const outBytes = <usize>channels << (float ? 2 : 0);
    let column = 0;
    if (ASC_FEATURE_SIMD) {
      for (; column + 4 <= columns; column += 4) {
        if (float) columnsF32x4(taps, count, at, columnBytes, w, params, step, out, outBytes, lanes);
        else columnsInt8x4(taps, pairs, at, columnBytes, w, params, step, out, outBytes, lanes);
        at += 4 * columnBytes;
        out += 4 * outBytes;
      }
    }
    for (; column < columns; column++) {
      if (ASC_FEATURE_SIMD) {
        if (float) columnsF32x1(taps, count, at, columnBytes, w, params, step, out, outBytes, lanes);
        else columnsInt8x1(taps, pairs, at, columnBytes, w, params, step, out, outBytes, lanes);
      } else if (float) scalarF32(taps, count, at, w, params, step, out, lanes);
      else scalarInt8(taps, count, at, w, params, step, out, lanes);
      at += columnBytes;
      out += outBytes;
    }
    w += panelBytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
  }
}

// ---- tiles: `columns` output columns x 8 channels

// @ts-ignore: decorator
@inline
function columnsF32(
  columns: i32, taps: usize, count: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32,
): void {
  const low = v128.load(params), high = v128.load(params, 16);
  let a0 = low, b0 = high, a1 = low, b1 = high, a2 = low, b2 = high, a3 = low, b3 = high;
  for (const end = taps + (<usize>count << 2); taps < end; taps += 4, w += 32) {
    const x = <usize>load<u32>(taps) + at;
    const wa = v128.load(w), wb = v128.load(w, 16);
    a0 = madd(v128.load(x), wa, a0);
    b0 = madd(v128.load(x, 16), wb, b0);
    if (columns > 1) {
      const x1 = x + columnBytes, x2 = x1 + columnBytes, x3 = x2 + columnBytes;
      a1 = madd(v128.load(x1), wa, a1);
      b1 = madd(v128.load(x1, 16), wb, b1);
      a2 = madd(v128.load(x2), wa, a2);
      b2 = madd(v128.load(x2, 16), wb, b2);
      a3 = madd(v128.load(x3), wa, a3);
      b3 = madd(v128.load(x3, 16), wb, b3);
    }
  }
  storeF32(a0, b0, step, dst, lanes);
  if (columns > 1) {
    storeF32(a1, b1, step, dst + outBytes, lanes);
    storeF32(a2, b2, step, dst + 2 * outBytes, lanes);
    storeF32(a3, b3, step, dst + 3 * outBytes, lanes);
  }
}

function columnsF32x4(taps: usize, count: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32): void {
  columnsF32(4, taps, count, at, columnBytes, w, params, step, dst, outBytes, lanes);
}

function columnsF32x1(taps: usize, count: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32): void {
  columnsF32(1, taps, count, at, columnBytes, w, params, step, dst, outBytes, lanes);
}

function scalarF32(taps: usize, count: i32, at: usize, w: usize, params: usize, step: usize, dst: usize, lanes: i32): void {
  const kind = word(step, ACTIVATION), low = wordF32(step, MIN), high = wordF32(step, MAX);
  for (let lane: usize = 0, end = <usize>lanes << 2; lane < end; lane += 4) {
    let sum = load<f32>(params + lane), panel = w + lane;
    for (let tap = taps, last = taps + (<usize>count << 2); tap < last; tap += 4, panel += 32) {
      sum = load<f32>(<usize>load<u32>(tap) + at + lane) * load<f32>(panel) + sum;
    }
    store<f32>(dst + lane, activate(sum, kind, low, high));
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
  columns: i32, taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32,
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
  store8(a0, b0, params, step, dst, lanes);
  if (columns > 1) {
    store8(a1, b1, params, step, dst + outBytes, lanes);
    store8(a2, b2, params, step, dst + 2 * outBytes, lanes);
    store8(a3, b3, params, step, dst + 3 * outBytes, lanes);
  }
}

function columnsInt8x4(taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32): void {
  columnsInt8(4, taps, pairs, at, columnBytes, w, params, step, dst, outBytes, lanes);
}

function columnsInt8x1(taps: usize, pairs: i32, at: usize, columnBytes: usize, w: usize, params: usize, step: usize, dst: usize, outBytes: usize, lanes: i32): void {
  columnsInt8(1, taps, pairs, at, columnBytes, w, params, step, dst, outBytes, lanes);
}

function scalarInt8(taps: usize, count: i32, at: usize, w: usize, params: usize, step: usize, dst: usize, lanes: i32): void {
  const zero = word(step, WEIGHTS_ZERO);
  for (let lane = 0; lane < lanes; lane++) {
    let acc = load<i32>(params + (<usize>lane << 2));
    const panel = w + (<usize>lane << 1);
    for (let k = 0; k < count; k++) {
      const weight = <i32>load<i8>(panel + ((k >> 1) << 4) + (k & 1)) - zero;
      acc += <i32>load<i8>(<usize>load<u32>(taps + (<usize>k << 2)) + at + lane) * weight;
    }
    store<i8>(dst + lane, <i8>requantise(acc, params, lane, step));
  }
}
