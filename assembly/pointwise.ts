// Knows 1x1 convolutions and fully connected layers as a matrix product: pixels x input channels times packed panels.
// Blocks of pixels that fit half a level-2 cache meet each panel while it is in the level-1 cache.
import { C, COUNT, DST, DTYPE, FLOAT32, GATHER_BYTES, OC, PANEL, PARAMS, PARAMS_FLOAT32, PARAMS_INT8, BLOCK_ROWS, SRC, WEIGHTS } from './abi';
import { activation, constant, scratch, word } from './step';
import { panelF32, panelInt8 } from './tile';

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

/** `rows` gathered rows times every panel of the step, to consecutive pixels at dst. */
export function multiplyPanels(step: usize, float: bool, rows: i32, src: usize, stride: usize, depth: i32, dst: usize): void {
  const channels = word(step, OC);
  const depthInPairs = (depth + 1) >> 1;
  let w = constant(step, WEIGHTS), params = constant(step, PARAMS);
  const panelBytes: usize = float ? <usize>(depth * PANEL) << 2 : <usize>(depthInPairs * 2 * PANEL * valueBytes(false));
  for (let channel = 0; channel < channels; channel += PANEL) {
    const lanes = min(channels - channel, PANEL);
    if (float) {
      panelF32(rows, src, stride, w, depth, params, step, dst + (<usize>channel << 2), <usize>channels << 2, lanes);
      params += PARAMS_FLOAT32;
    } else {
      panelInt8(rows, src, stride, w, depthInPairs, params, step, dst + channel, <usize>channels, lanes);
      params += PARAMS_INT8;
    }
    w += panelBytes;
  }
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
      multiplyPanels(step, true, rows, src, <usize>bytes, depth, dst);
      src += <usize>(rows * depth) << 2;
      dst += <usize>(rows * channels) << 2;
    } else {
      gatherRows(rows, src, depth, bytes);
      multiplyPanels(step, false, rows, scratch(), <usize>bytes, depth, dst);
      src += <usize>(rows * depth);
      dst += <usize>(rows * channels);
    }
  }
}

/** Copies int8 pixels into scratch rows, widened in SIMD builds. An odd depth leaves one value whose weight is zero. */
function gatherRows(rows: i32, src: usize, depth: i32, bytes: i32): void {
  let row = scratch();
  for (let i = 0; i < rows; i++) {
    widen(row, src, depth);
    src += depth;
    row += bytes;
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
