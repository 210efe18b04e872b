// Knows full convolutions of any odd or even window, stride, dilation and padding: it gathers each output pixel's
// window into a row and hands the rows to the pointwise tiles.
import {
  C, DILATION_H, DILATION_W, DST, DTYPE, FLOAT32, H, KH, KW, OC, OH, OW, PAD_LEFT, PAD_TOP, SRC, STRIDE_H, STRIDE_W, W, ZERO_IN,
} from './abi';
import { blockRows, multiplyPanels, rowBytes, valueBytes, widen } from './pointwise';
import { activation, scratch, word } from './step';

/** H x W x C to OH x OW x OC; cells outside the picture count as zero (float32) or the zero point (int8). */
export function conv(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const width = word(step, OW), pixels = word(step, OH) * width;
  const depth = word(step, KH) * word(step, KW) * word(step, C);
  const bytes = rowBytes(float, depth);
  const block = blockRows(bytes);
  const pixelBytes = <usize>word(step, OC) << (float ? 2 : 0);
  let dst = activation(step, DST);
  for (let pixel = 0; pixel < pixels; pixel += block) {
    const rows = min(block, pixels - pixel);
    for (let i = 0; i < rows; i++) {
      const y = (pixel + i) / width;
      gatherWindow(step, float, y, pixel + i - y * width, scratch() + <usize>(i * bytes));
    }
    multiplyPanels(step, float, rows, scratch(), <usize>bytes, depth, dst);
    dst += <usize>rows * pixelBytes;
  }
}

/** The window of output pixel (oy, ox) into one row at dst, in the order KH, KW, C. */
function gatherWindow(step: usize, float: bool, oy: i32, ox: i32, dst: usize): void {
  const height = word(step, H), width = word(step, W), channels = word(step, C);
  const kw = word(step, KW), stepX = word(step, DILATION_W);
  const top = oy * word(step, STRIDE_H) - word(step, PAD_TOP);
  const left = ox * word(step, STRIDE_W) - word(step, PAD_LEFT);
  const inside = stepX == 1 && left >= 0 && left + kw <= width;
  const src = activation(step, SRC);
  const value = <usize>valueBytes(float);
  for (let ky = 0, kh = word(step, KH); ky < kh; ky++) {
    const y = top + ky * word(step, DILATION_H);
    if (<u32>y < <u32>height && inside) {
      copy(float, dst, src, (y * width + left) * channels, kw * channels);
      dst += <usize>(kw * channels) * value;
      continue;
    }
    for (let kx = 0; kx < kw; kx++) {
      const x = left + kx * stepX;
      if (<u32>y < <u32>height && <u32>x < <u32>width) copy(float, dst, src, (y * width + x) * channels, channels);
      else fill(float, dst, channels, word(step, ZERO_IN));
      dst += <usize>channels * value;
    }
  }
}

// @ts-ignore: decorator
@inline
function copy(float: bool, dst: usize, src: usize, from: i32, count: i32): void {
  if (!float) {
    widen(dst, src + from, count);
    return;
  }
  src += <usize>from << 2;
  for (const end = src + (<usize>count << 2); src < end; src += 4, dst += 4) store<f32>(dst, load<f32>(src));
}

/** `count` values of zero (float32) or of the zero point, in the width that the tiles read. */
export function fill(float: bool, dst: usize, count: i32, zero: i32): void {
  if (float) memory.fill(dst, 0, <usize>count << 2);
  else if (ASC_FEATURE_SIMD) for (let i = 0; i < count; i++) store<i16>(dst + (<usize>i << 1), <i16>zero);
  else memory.fill(dst, <u8>zero, count);
}
