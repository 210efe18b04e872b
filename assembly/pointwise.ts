// Knows 1x1 convolutions and fully connected layers as a matrix product: pixels x input channels times packed panels.
// Blocks of pixels that fit half a level-2 cache meet each panel while it is in the level-1 cache.
import { C, COUNT, DST, DTYPE, FLOAT32, GATHER_BYTES, OC, PANEL, PARAMS, PARAMS_FLOAT32, PARAMS_INT8, BLOCK_ROWS, SRC, WEIGHTS } from './abi';
import { activation, constant, scratch, word } from './step';
import { TAIL_ROWS, panelF32, panelInt8, storeTail, tail } from './tile';

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
  const channels = word(step, OC), pixel = <usize>channels << (float ? 2 : 0);
  const panelBytes = <usize>(segments * PANEL) * (float ? <usize>depth << 2 : <usize>rowBytes(false, depth));
  let w = constant(step, WEIGHTS), params = constant(step, PARAMS);
  let left = channels;
  for (; left >= PANEL; left -= PANEL) {
    multiplyPanel(step, float, rows, src, stride, depth, segments, pitch, w, params, dst, pixel);
    w += panelBytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
    dst += <usize>PANEL << (float ? 2 : 0);
  }
  if (left == 0) return;
  for (let row = 0; row < rows; row += TAIL_ROWS) {
    const some = min(rows - row, TAIL_ROWS);
    multiplyPanel(step, float, some, src, stride, depth, segments, pitch, w, params, tail, <usize>PANEL << (float ? 2 : 0));
    storeTail(float, some, left, dst, pixel);
    src += TAIL_ROWS * stride;
    dst += TAIL_ROWS * pixel;
  }
}

/** The same times one panel, to pixels `dstStride` bytes apart. */
export function multiplyPanel(
  step: usize, float: bool, rows: i32, src: usize, stride: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, dst: usize, dstStride: usize,
): void {
  if (float) panelF32(rows, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
  else panelInt8(rows, src, stride, (depth + 1) >> 1, segments, pitch, w, params, step, dst, dstStride);
}

/** COUNT pixels of C channels to COUNT pixels of OC channels. */
export function pointwise(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const pixels = word(step, COUNT), depth = word(step, C), channels = word(step, OC);
  const bytes = rowBytes(float, depth);
  const block = blockRows(bytes);
  let src = activation(step, SRC), dst = activation(step, DST);
  for (let pixel = 0; pixel < pixels; pixel += block) {
    const rows = min(block, pixels - pixel);
    if (float) {
      multiplyPanels(step, true, rows, src, <usize>bytes, depth, 1, bytes, dst);
      src += <usize>(rows * depth) << 2;
      dst += <usize>(rows * channels) << 2;
    } else {
      gatherRows(rows, src, depth, bytes, scratch());
      multiplyPanels(step, false, rows, scratch(), <usize>bytes, depth, 1, bytes, dst);
      src += <usize>(rows * depth);
      dst += <usize>(rows * channels);
    }
  }
}

/** Copies int8 pixels into rows of their own, widened in SIMD builds. An odd depth leaves one value whose weight is zero. */
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
