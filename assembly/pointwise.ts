// Knows 1x1 convolutions and fully connected layers as a matrix product: pixels x input channels times packed panels.
// Blocks of GATHER_BYTES of pixels meet each panel while it is in the level-1 cache.
import { C, COUNT, DST, DTYPE, FLOAT32, GATHER_BYTES, OC, PANEL, PARAMS, PARAMS_FLOAT32, PARAMS_INT8, BLOCK_ROWS, SRC, TAIL_ROWS, WEIGHTS } from './abi';
import { activation, constant, scratch, shareEnd, shareStart, word } from './step';
import { isWide, panelF32, panelInt8, storeTail, tail } from './tile';

/** Bytes of one value as the tiles read it: float32, int16 in SIMD builds, int8 in the scalar build. */
// @ts-ignore: decorator
@inline
export function valueBytes(float: bool): i32 {
  if (float) return 4;
  return ASC_FEATURE_SIMD ? 2 : 1;
}

/** Bytes of one gathered row: depth rounded up to a pair for int8. */
// @ts-ignore: decorator
@inline
export function rowBytes(float: bool, depth: i32): i32 {
  return float ? depth << 2 : ((depth + 1) & ~1) * valueBytes(false);
}

/** Whether the tiles read pixels where they lie; else they are gathered into rows of their own, and widened. */
// @ts-ignore: decorator
@inline
export function readInPlace(float: bool): bool {
  return float || !ASC_FEATURE_SIMD;
}

/** Bytes from one pixel to the next, as the tiles read them. Where the scalar build reads one value too many of an odd depth, its weight is zero. */
// @ts-ignore: decorator
@inline
export function pixelStride(float: bool, depth: i32): i32 {
  return readInPlace(float) ? depth << (float ? 2 : 0) : rowBytes(false, depth);
}

/** Bytes of one panel of weights, for rows of `segments` pieces of `depth` values. */
// @ts-ignore: decorator
@inline
export function panelBytes(step: usize, float: bool, depth: i32, segments: i32): usize {
  if (float) return <usize>(segments * depth * PANEL) << 2;
  return <usize>(segments * ((depth + 1) & ~1) * PANEL) << (isWide(step) ? 1 : 0);
}

/** Pixels in a block whose gathered rows fit GATHER_BYTES: a multiple of BLOCK_ROWS, at least one. */
// @ts-ignore: decorator
@inline
export function blockRows(bytes: i32): i32 {
  return max(GATHER_BYTES / (bytes * BLOCK_ROWS), 1) * BLOCK_ROWS;
}

/**
 * `rows` rows, `stride` bytes apart, times every panel of the step, to consecutive pixels at dst. A row is `segments`
 * pieces of `depth` values, `pitch` bytes apart; for int8, weights fill each piece up to a pair.
 */
export function multiplyPanels(
  step: usize, float: bool, rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, dst: usize,
): void {
  multiplyChannels(step, float, rows, src, stride, depth, segments, pitch, dst, 0, word(step, OC));
}

/** The same for output channels first to last - 1; first begins a panel. dst is where channel 0 goes. */
function multiplyChannels(
  step: usize, float: bool, rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, dst: usize, first: i32, last: i32,
): void {
  const shift = float ? 2 : 0, pixel = <usize>word(step, OC) << shift, paramBytes = float ? PARAMS_FLOAT32 : PARAMS_INT8;
  const bytes = panelBytes(step, float, depth, segments);
  let w = constant(step, WEIGHTS) + <usize>(first / PANEL) * bytes, params = constant(step, PARAMS) + <usize>(first / PANEL * paramBytes);
  let left = last - first;
  dst += <usize>first << shift;
  for (; left >= PANEL; left -= PANEL) {
    multiplyPanel(step, float, rows, src, stride, depth, segments, pitch, w, params, dst, pixel);
    w += bytes;
    params += paramBytes;
    dst += <usize>PANEL << shift;
  }
  if (left <= 0) return;
  for (let row = 0; row < rows; row += TAIL_ROWS) {
    const some = min(rows - row, TAIL_ROWS);
    multiplyPanel(step, float, some, src, stride, depth, segments, pitch, w, params, tail(), <usize>PANEL << shift);
    storeTail(float, some, left, dst, pixel);
    src += <usize>TAIL_ROWS * stride;
    dst += <usize>TAIL_ROWS * pixel;
  }
}

/** The same times one panel, to pixels `dstStride` bytes apart. */
export function multiplyPanel(
  step: usize, float: bool, rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, dst: usize, dstStride: usize,
): void {
  if (float) panelF32(rows, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
  else panelInt8(rows, src, stride, (depth + 1) >> 1, segments, pitch, w, params, step, dst, dstStride);
}

/** Up to this many pixels, threads share the output channels, and with them the weights, rather than the pixels. */
const FEW_PIXELS = 128;

/** COUNT pixels of C channels to COUNT pixels of OC channels. */
export function pointwise(step: usize): void {
  const pixels = word(step, COUNT);
  if (pixels <= FEW_PIXELS) multiplyPixels(step, 0, pixels, shareStart(word(step, OC), PANEL), shareEnd(word(step, OC), PANEL));
  else multiplyPixels(step, shareStart(pixels, BLOCK_ROWS), shareEnd(pixels, BLOCK_ROWS), 0, word(step, OC));
}

/** Pixels from to to - 1, output channels first to last - 1. */
function multiplyPixels(step: usize, from: i32, to: i32, first: i32, last: i32): void {
  const float = word(step, DTYPE) == FLOAT32, shift = float ? 2 : 0;
  const depth = word(step, C), bytes = pixelStride(float, depth), block = blockRows(bytes);
  const inPixel = <usize>depth << shift, outPixel = <usize>word(step, OC) << shift;
  let src = activation(step, SRC) + <usize>from * inPixel, dst = activation(step, DST) + <usize>from * outPixel;
  for (let pixel = from; pixel < to; pixel += block) {
    const rows = min(block, to - pixel);
    if (!readInPlace(float)) gatherRows(rows, src, depth, bytes, scratch());
    multiplyChannels(step, float, rows, readInPlace(float) ? src : scratch(), bytes, depth, 1, bytes, dst, first, last);
    src += <usize>rows * inPixel;
    dst += <usize>rows * outPixel;
  }
}

/** Copies int8 pixels into rows of their own, widened (SIMD builds). An odd depth leaves one value whose weight is zero. */
export function gatherRows(rows: i32, src: usize, depth: i32, bytes: i32, dst: usize): void {
  for (let i = 0; i < rows; i++) {
    widen(dst, src, depth);
    src += depth;
    dst += bytes;
  }
}

/** `count` int8 values from src to dst: as int16 in SIMD builds, else as they are. */
// @ts-ignore: decorator
@inline
export function widen(dst: usize, src: usize, count: i32): void {
  if (!ASC_FEATURE_SIMD) {
    memory.copy(dst, src, count);
    return;
  }
  const end = src + count;
  for (; src + 8 <= end; src += 8, dst += 16) v128.store(dst, v128.load8x8_s(src));
  for (; src < end; src++, dst += 2) store<i16>(dst, <i16>load<i8>(src));
}
