// Knows depthwise convolutions of any window, stride, dilation and channel multiplier. Each input row is copied once
// into a ring of padded rows, panel by panel, so that the tiles meet no edge and read neighbouring pixels side by side
// whatever the number of channels (a power of two would put them all into a few cache sets).
//
//   scratch:  | ring row 0 | ring row 1 | ... | tap table: one address a tap, of output column 0 | slack |
//   ring row: [OC / 8][width][8], width (OW - 1) * stride + (KW - 1) * dilation + 1
import {
  C, DEPTHWISE_COLUMNS, DILATION_H, DILATION_W, DST, DTYPE, FLOAT32, H, KH, KW, OC, OH, OW, PAD_LEFT, PAD_TOP, PANEL, PARAMS, PARAMS_FLOAT32,
  PARAMS_INT8, SRC, STRIDE_H, STRIDE_W, TAIL_ROWS, W, WEIGHTS, ZERO_IN,
} from './abi';
import { filterColumns } from './depthwise-tile';
import { scalarColumns } from './scalar-depthwise';
import { activation, constant, scratch, shareEnd, shareStart, word } from './step';
import { storeTail, tail } from './tile';

/** H x W x C to OH x OW x OC, OC a multiple of C. */
export function depthwise(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const rowOut = <usize>(word(step, OW) * word(step, OC)) << (float ? 2 : 0);
  const first = shareStart(word(step, OH), 1), last = shareEnd(word(step, OH), 1);
  let dst = activation(step, DST) + <usize>first * rowOut, next = i32.MIN_VALUE;
  for (let oy = first; oy < last; oy++) {
    const top = oy * word(step, STRIDE_H) - word(step, PAD_TOP);
    for (next = max(next, top); next < top + windowRows(step); next++) loadRow(step, float, next);
    filterRow(step, float, top, dst);
    dst += rowOut;
  }
}

/** Bytes of one ring value: SIMD builds filter int8 as float32, whose sums of int8 products are exact. */
// @ts-ignore: decorator
@inline
export function ringValue(float: bool): usize {
  return ASC_FEATURE_SIMD || float ? 4 : 1;
}

/** Rows that one window covers. */
// @ts-ignore: decorator
@inline
export function windowRows(step: usize): i32 {
  return (word(step, KH) - 1) * word(step, DILATION_H) + 1;
}

// @ts-ignore: decorator
@inline
function paddedWidth(step: usize): i32 {
  return (word(step, OW) - 1) * word(step, STRIDE_W) + (word(step, KW) - 1) * word(step, DILATION_W) + 1;
}

// @ts-ignore: decorator
@inline
function panels(step: usize): i32 {
  return (word(step, OC) + PANEL - 1) / PANEL;
}

/** Bytes of one panel of a ring row. */
// @ts-ignore: decorator
@inline
export function ringPanelBytes(step: usize, float: bool): usize {
  return <usize>(paddedWidth(step) * PANEL) * ringValue(float);
}

// @ts-ignore: decorator
@inline
function ringRowBytes(step: usize, float: bool): usize {
  return <usize>panels(step) * ringPanelBytes(step, float);
}

/** Where input row y lies in the ring. Rows above the picture have negative numbers; PAD_TOP shifts them to zero and up. */
export function ringRow(step: usize, float: bool, y: i32): usize {
  return scratch() + <usize>((y + word(step, PAD_TOP)) % windowRows(step)) * ringRowBytes(step, float);
}

/** Pixels of an input row that some window reads: the last ones may be read by none. */
export function pixelsRead(step: usize): i32 {
  return max(min(word(step, W), paddedWidth(step) - word(step, PAD_LEFT)), 0);
}

/** Input row y into its ring row: padding, values, padding. */
export function loadRow(step: usize, float: bool, y: i32): void {
  const width = word(step, W), padded = paddedWidth(step), left = min(word(step, PAD_LEFT), padded);
  const inside = <u32>y < <u32>word(step, H), count = inside ? pixelsRead(step) : 0;
  padRow(step, float, y, inside ? left : padded, count);
  if (count == 0) return;
  const dst = ringRow(step, float, y);
  const src = activation(step, SRC) + (<usize>(y * width * word(step, C)) << (float ? 2 : 0));
  const pixel = <usize>PANEL * ringValue(float);
  if (word(step, OC) == word(step, C)) copyRow(step, float, src, count, dst + <usize>left * pixel);
  else repeatRow(step, float, src, count, dst + <usize>left * pixel);
}

/** Zeros (float32) or zero points before pixel `left` and after `count` more, in every panel of ring row y. */
export function padRow(step: usize, float: bool, y: i32, left: i32, count: i32): void {
  const pixel = <usize>PANEL * ringValue(float), padded = paddedWidth(step);
  let dst = ringRow(step, float, y);
  for (let panel = 0, all = panels(step); panel < all; panel++) {
    fillPixels(step, float, dst, left);
    const right = <usize>(left + count) * pixel;
    fillPixels(step, float, dst + right, padded - left - count);
    dst += <usize>padded * pixel;
  }
}

function fillPixels(step: usize, float: bool, dst: usize, pixels: i32): void {
  const zero = word(step, ZERO_IN);
  if (ASC_FEATURE_SIMD) {
    const value = f32x4.splat(float ? 0 : <f32>zero);
    for (const end = dst + (<usize>max(pixels, 0) << 5); dst < end; dst += 32) {
      v128.store(dst, value);
      v128.store(dst, value, 16);
    }
  } else {
    const four = float ? 0 : (zero & 255) * 0x01010101;
    for (const end = dst + <usize>(max(pixels, 0) * PANEL) * ringValue(float); dst < end; dst += 4) store<i32>(dst, four);
  }
}

/** `count` pixels of C channels into the panels of a ring row. The last panel may take up values of the next pixel. */
function copyRow(step: usize, float: bool, src: usize, count: i32, dst: usize): void {
  const channels = word(step, C), panelBytes = ringPanelBytes(step, float), pixel = <usize>PANEL * ringValue(float);
  for (let i = 0; i < count; i++, dst += pixel) {
    let to = dst, from = src;
    for (let c = 0; c < channels; c += PANEL, to += panelBytes) {
      copyEight(float, to, from);
      from += float ? 32 : 8;
    }
    src += <usize>channels << (float ? 2 : 0);
  }
}

// @ts-ignore: decorator
@inline
function copyEight(float: bool, dst: usize, src: usize): void {
  if (!ASC_FEATURE_SIMD) {
    if (float) {
      for (let at: usize = 0; at < 32; at += 4) store<i32>(dst + at, load<i32>(src + at));
      return;
    }
    store<i32>(dst, load<i32>(src, 0, 1));
    store<i32>(dst, load<i32>(src, 4, 1), 4);
  } else if (float) {
    v128.store(dst, v128.load(src));
    v128.store(dst, v128.load(src, 16), 16);
  } else {
    const x = v128.load8x8_s(src);
    v128.store(dst, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x)));
    v128.store(dst, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x)), 16);
  }
}

/** `pixels` int8 pixels of 8 channels to one panel of a ring row (SIMD builds). */
export function toRing(dst: usize, src: usize, pixels: i32): void {
  for (const end = src + (<usize>pixels << 3); src < end; src += 8, dst += 32) copyEight(false, dst, src);
}

/** A row whose input channels feed OC / C output channels each. */
function repeatRow(step: usize, float: bool, src: usize, count: i32, dst: usize): void {
  const channels = word(step, C), all = word(step, OC), multiplier = all / channels;
  const panelBytes = ringPanelBytes(step, float), value = ringValue(float);
  for (let i = 0; i < count; i++, dst += <usize>PANEL * value) {
    for (let c = 0; c < all; c++) {
      const at = dst + <usize>(c / PANEL) * panelBytes + <usize>(c % PANEL) * value, from = src + (<usize>(c / multiplier) << (float ? 2 : 0));
      if (float) store<f32>(at, load<f32>(from));
      else if (ASC_FEATURE_SIMD) store<f32>(at, <f32>load<i8>(from));
      else store<i8>(at, load<i8>(from));
    }
    src += <usize>channels << (float ? 2 : 0);
  }
}

/** The address of each tap of the window at input row `top`, for output column 0, channel 0. */
function pointTaps(step: usize, float: bool, top: i32, taps: usize): void {
  const kw = word(step, KW), columnBytes = <usize>(word(step, DILATION_W) * PANEL) * ringValue(float);
  for (let ky = 0, kh = word(step, KH); ky < kh; ky++) {
    const row = ringRow(step, float, top + ky * word(step, DILATION_H));
    for (let kx = 0; kx < kw; kx++, taps += 4) store<u32>(taps, <u32>(row + <usize>kx * columnBytes));
  }
}

/** The output row whose windows begin at input row `top`, all of them in the ring: each panel along all columns. */
export function filterRow(step: usize, float: bool, top: i32, dst: usize): void {
  const taps = scratch() + <usize>windowRows(step) * ringRowBytes(step, float);
  pointTaps(step, float, top, taps);
  const columns = word(step, OW), shift = float ? 2 : 0, outBytes = <usize>word(step, OC) << shift;
  const weightsBytes = <usize>(word(step, KH) * word(step, KW) * PANEL) * ringValue(float), ringBytes = ringPanelBytes(step, float);
  let w = constant(step, WEIGHTS), params = constant(step, PARAMS);
  let at: usize = 0;
  for (let left = word(step, OC); left > 0; left -= PANEL) {
    if (!ASC_FEATURE_SIMD && !float) scalarColumns(step, min(left, PANEL), columns, taps, at, w, params, dst, outBytes);
    else if (left >= PANEL && columns >= DEPTHWISE_COLUMNS) filterColumns(step, float, columns, taps, at, w, params, dst, outBytes);
    else filterTail(step, float, min(left, PANEL), taps, at, w, params, dst, outBytes);
    at += ringBytes;
    w += weightsBytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
    dst += <usize>PANEL << shift;
  }
}

/** A panel of fewer channels, or a row of fewer columns, than a tile writes: by way of `tail`. */
function filterTail(step: usize, float: bool, lanes: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const columnBytes = <usize>(word(step, STRIDE_W) * PANEL) * ringValue(float);
  for (let column = 0, columns = word(step, OW); column < columns; column += TAIL_ROWS) {
    const some = min(columns - column, TAIL_ROWS);
    filterColumns(step, float, some, taps, at, w, params, tail(), <usize>PANEL << (float ? 2 : 0));
    storeTail(float, some, lanes, dst, outBytes);
    at += <usize>TAIL_ROWS * columnBytes;
    dst += <usize>TAIL_ROWS * outBytes;
  }
}
