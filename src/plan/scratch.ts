// Knows how much scratch memory the kernels take, in the words of a step. It mirrors the sizes that assembly/pointwise.ts
// and assembly/depthwise.ts work out, for whichever build needs most, and lays out that of a block.
import * as abi from '../../assembly/abi.js';
import { align } from './plan.js';

/** Bytes of one gathered block of rows of `depth` values (assembly/pointwise.ts blockRows). */
export function gatherBytes(float: boolean, depth: number): number {
  const block = (row: number): number => Math.max(Math.floor(abi.GATHER_BYTES / (row * abi.BLOCK_ROWS)), 1) * abi.BLOCK_ROWS * row;
  // The scalar build's int8 rows are half as long as the others' int16 rows, and a block holds more of them.
  return depth < 1 ? Infinity : float ? block(depth * 4) : Math.max(block(even(depth)), block(even(depth) * 2));
}

export const even = (n: number): number => n + (n & 1);

/** Bytes of a convolution's gathered windows and, for int8, widened input rows (assembly/conv.ts). */
export function convBytes(words: Int32Array): number {
  const float = words[abi.DTYPE] === abi.FLOAT32, segment = words[abi.KW] * words[abi.C];
  const rows = float ? 0 : words[abi.KH] * even(words[abi.W] * words[abi.C]) * 2;
  return rows + gatherBytes(float, words[abi.KH] * (float ? segment : even(segment)));
}

/** Input rows that one window covers. */
export const windowRows = (words: Int32Array): number => (words[abi.KH] - 1) * words[abi.DILATION_H] + 1;

/**
 * Bytes of a depthwise step's ring of padded rows and its table of taps (assembly/depthwise.ts). A tile may read as far
 * as a whole group of columns past the end.
 */
export function ringBytes(words: Int32Array): number {
  const width = (words[abi.OW] - 1) * words[abi.STRIDE_W] + (words[abi.KW] - 1) * words[abi.DILATION_W] + 1;
  const panels = Math.ceil(words[abi.OC] / abi.PANEL), slack = abi.DEPTHWISE_COLUMNS * words[abi.STRIDE_W];
  return (windowRows(words) * width * panels + slack) * abi.PANEL * 4 + words[abi.KH] * words[abi.KW] * 4;
}

/** Fills in where the parts of a block's scratch memory begin; returns all its bytes. `parts` are the records that follow it. */
export function placeScratch(words: Int32Array, parts: Int32Array[]): number {
  const expand = words[abi.HAS_EXPAND] ? parts[0] : undefined, filter = parts[words[abi.HAS_EXPAND]];
  const project = words[abi.HAS_PROJECT] ? parts[words[abi.HAS_EXPAND] + 1] : undefined;
  const float = words[abi.DTYPE] === abi.FLOAT32, size = float ? 4 : 1, outputs = filter[abi.OW];
  const wide = float ? 0 : Math.max(expand ? windowRows(filter) * filter[abi.W] * even(expand[abi.C]) : 0, project ? outputs * even(project[abi.C]) : 0) * 2;
  let at = align(ringBytes(filter));
  const take = (word: number, bytes: number): void => {
    words[word] = at;
    at += align(bytes);
  };
  take(abi.FILTERED_AT, project ? outputs * filter[abi.OC] * size : 0);
  take(abi.PROJECTED_AT, project && words[abi.RESIDUAL] ? outputs * project[abi.OC] * size : 0);
  take(abi.WIDE_AT, wide);
  take(abi.PANEL_AT, !float && expand ? filter[abi.W] * abi.PANEL : 0);
  return at;
}

/** Bytes of a detection's boxes, scores and lists (assembly/detection.ts). */
export const detectionBytes = (words: Int32Array): number =>
  words[abi.COUNT] * 24 + Math.max(words[abi.COUNT], words[abi.FOUND]) * 4 + words[abi.FOUND] * 8;

/** Bytes of a resize's places and weighed rows (assembly/resize.ts). */
export const resizeBytes = (words: Int32Array): number => (words[abi.OW] + 1) * 16 + words[abi.W] * words[abi.C] * 8;
