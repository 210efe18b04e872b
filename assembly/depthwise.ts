// Knows depthwise convolutions of any window, stride, dilation and channel multiplier. Input rows are copied once into
// a ring of padded rows (widened to int16 for int8 in SIMD builds), so that the tiles never meet an edge.
//
//   scratch:  | ring row 0 | ring row 1 | ... | tap table: one address a tap, for output column 0 | slack |
//   ring row: padded width (OW - 1) * stride + (KW - 1) * dilation + 1, times OC values
import {
  C, DILATION_H, DILATION_W, DTYPE, DST, FLOAT32, H, KH, KW, OC, OH, OW, PAD_LEFT, PAD_TOP, PANEL, PARAMS, PARAMS_FLOAT32, PARAMS_INT8, SRC,
  STRIDE_H, STRIDE_W, W, WEIGHTS, ZERO_IN,
} from './abi';
import { fill } from './conv';
import { filterF32, filterInt8 } from './depthwise-tile';
import { valueBytes, widen } from './pointwise';
import { activation, constant, scratch, word } from './step';
import { TAIL_ROWS, storeTail, tail } from './tile';

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
  const count = word(step, KH) * word(step, KW);
  const columns = word(step, OW), shift = float ? 2 : 0, outBytes = <usize>word(step, OC) << shift;
  const columnBytes = <usize>(word(step, STRIDE_W) * word(step, OC) * valueBytes(float));
  const panelBytes = <usize>(float ? count * PANEL * 4 : ((count + 1) & ~1) * PANEL * valueBytes(false));
  let w = constant(step, WEIGHTS), params = constant(step, PARAMS);
  let at: usize = 0, left = word(step, OC);
  for (; left >= PANEL; left -= PANEL) {
    filterPanel(step, float, columns, taps, at, columnBytes, w, params, dst, outBytes);
    at += <usize>(PANEL * valueBytes(float));
    w += panelBytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
    dst += <usize>PANEL << shift;
  }
  if (left == 0) return;
  for (let column = 0; column < columns; column += TAIL_ROWS) {
    const some = min(columns - column, TAIL_ROWS);
    filterPanel(step, float, some, taps, at, columnBytes, w, params, tail, <usize>PANEL << shift);
    storeTail(float, some, left, dst, outBytes);
    at += TAIL_ROWS * columnBytes;
    dst += TAIL_ROWS * outBytes;
  }
}

function filterPanel(step: usize, float: bool, columns: i32, taps: usize, at: usize, columnBytes: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  if (float) filterF32(step, columns, taps, at, columnBytes, w, params, dst, outBytes);
  else filterInt8(step, columns, taps, at, columnBytes, w, params, dst, outBytes);
}
