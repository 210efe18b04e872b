// Knows full convolutions of any window, stride, dilation and padding. Where a window lies inside the picture, the tiles
// read it where it is: one segment of KW * C values for each window row. Windows that hang over an edge, and dilated
// ones, are gathered into rows of their own first.
//
//   scratch:  | KH widened input rows (int8 in SIMD builds) | gathered windows |
import {
  C, DILATION_H, DILATION_W, DST, DTYPE, FLOAT32, H, KH, KW, OC, OH, OW, PAD_LEFT, PAD_TOP, SRC, STRIDE_H, STRIDE_W, W, ZERO_IN,
} from './abi';
import { blockRows, multiplyPanels, rowBytes, valueBytes, widen } from './pointwise';
import { activation, scratch, shareEnd, shareStart, word } from './step';

/** H x W x C to OH x OW x OC; cells outside the picture count as zero (float32) or the zero point (int8). */
export function conv(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const width = word(step, OW), pad = word(step, PAD_LEFT), stride = word(step, STRIDE_W);
  const reach = (word(step, KH) - 1) * word(step, DILATION_H), pixel = <usize>word(step, OC) << (float ? 2 : 0);
  // Columns first to last - 1 have windows inside the picture.
  const room = word(step, DILATION_W) == 1 ? word(step, W) + pad - word(step, KW) : -1;
  const last = room < 0 ? 0 : min(room / stride + 1, width), first = min((pad + stride - 1) / stride, last);
  const from = shareStart(word(step, OH), 1), to = shareEnd(word(step, OH), 1);
  let dst = activation(step, DST) + <usize>(from * width) * pixel;
  for (let oy = from; oy < to; oy++, dst += <usize>width * pixel) {
    const top = oy * word(step, STRIDE_H) - word(step, PAD_TOP);
    if (top < 0 || top + reach >= word(step, H) || first == last) {
      gatherColumns(step, float, top, 0, width, dst);
      continue;
    }
    gatherColumns(step, float, top, 0, first, dst);
    readColumns(step, float, top, first, last - first, dst + <usize>first * pixel);
    gatherColumns(step, float, top, last, width, dst + <usize>last * pixel);
  }
}

/** `columns` output pixels from column `first`, whose windows begin at input row `top` and are read in place. */
function readColumns(step: usize, float: bool, top: i32, first: i32, columns: i32, dst: usize): void {
  const channels = word(step, C), values = word(step, W) * channels, value = <usize>valueBytes(float);
  const inputRow = <usize>values << (float ? 2 : 0);
  let src = activation(step, SRC) + <usize>top * inputRow, pitch = <usize>word(step, DILATION_H) * inputRow;
  if (ASC_FEATURE_SIMD && !float) {
    const row = <usize>rowBytes(false, values);
    for (let ky = 0, target = scratch(); ky < word(step, KH); ky++, src += pitch, target += row) widen(target, src, values);
    src = scratch();
    pitch = row;
  }
  src += <usize>((first * word(step, STRIDE_W) - word(step, PAD_LEFT)) * channels) * value;
  multiplyPanels(step, float, columns, src, <usize>(word(step, STRIDE_W) * channels) * value, word(step, KW) * channels, word(step, KH), pitch, dst);
}

/** Output columns from to to - 1, whose windows are gathered. */
function gatherColumns(step: usize, float: bool, top: i32, from: i32, to: i32, dst: usize): void {
  const channels = word(step, C), depth = word(step, KW) * channels;
  const segment = <usize>rowBytes(float, depth), bytes = segment * <usize>word(step, KH);
  const start = scratch() + (float || !ASC_FEATURE_SIMD ? 0 : <usize>(word(step, KH) * rowBytes(false, word(step, W) * channels)));
  const block = blockRows(<i32>bytes), pixel = <usize>word(step, OC) << (float ? 2 : 0);
  for (let column = from; column < to; column += block, dst += <usize>block * pixel) {
    const rows = min(block, to - column);
    for (let i = 0, row = start; i < rows; i++, row += bytes) gatherWindow(step, float, top, column + i, row);
    multiplyPanels(step, float, rows, start, bytes, depth, word(step, KH), segment, dst);
  }
}

/** The window of output column ox into one row at dst, in the order KH, KW, C; each segment ends at a whole pair for int8. */
function gatherWindow(step: usize, float: bool, top: i32, ox: i32, dst: usize): void {
  const height = word(step, H), width = word(step, W), channels = word(step, C);
  const kw = word(step, KW), left = ox * word(step, STRIDE_W) - word(step, PAD_LEFT);
  const value = <usize>valueBytes(float), segment = <usize>rowBytes(float, kw * channels);
  for (let ky = 0, kh = word(step, KH); ky < kh; ky++, dst += segment) {
    const y = top + ky * word(step, DILATION_H);
    for (let kx = 0; kx < kw; kx++) {
      const x = left + kx * word(step, DILATION_W), at = dst + <usize>(kx * channels) * value;
      if (<u32>y < <u32>height && <u32>x < <u32>width) copy(float, at, activation(step, SRC), (y * width + x) * channels, channels);
      else fill(float, at, channels, word(step, ZERO_IN));
    }
  }
}

// @ts-ignore: decorator
@inline
function copy(float: bool, dst: usize, src: usize, from: i32, count: i32): void {
  if (float) memory.copy(dst, src + (<usize>from << 2), <usize>count << 2);
  else widen(dst, src + from, count);
}

/** `count` values of zero (float32) or of the zero point, in the width that the tiles read. */
function fill(float: bool, dst: usize, count: i32, zero: i32): void {
  if (float) memory.fill(dst, 0, <usize>count << 2);
  else if (ASC_FEATURE_SIMD) for (let i = 0; i < count; i++) store<i16>(dst + (<usize>i << 1), <i16>zero);
  else memory.fill(dst, <u8>zero, count);
}
