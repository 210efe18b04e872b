// Knows how much scratch memory the kernels take, in the words of a step. It mirrors the sizes that assembly/pointwise.ts
// and assembly/depthwise.ts work out, for whichever build needs most.
import * as abi from '../../assembly/abi.js';

/** Bytes of one gathered block of rows of `depth` values (assembly/pointwise.ts blockRows). */
export function gatherBytes(float: boolean, depth: number): number {
  const block = (row: number): number => Math.max(Math.floor(abi.GATHER_BYTES / (row * abi.BLOCK_ROWS)), 1) * abi.BLOCK_ROWS * row;
  const pairs = (depth + 1) & ~1;
  // The scalar build's int8 rows are half as long as the others' int16 rows, and a block holds more of them.
  return depth < 1 ? Infinity : float ? block(depth * 4) : Math.max(block(pairs), block(pairs * 2));
}

/** Bytes of a depthwise step's ring of padded rows and its table of taps (assembly/depthwise.ts). */
export function ringBytes(words: Int32Array): number {
  const rows = (words[abi.KH] - 1) * words[abi.DILATION_H] + 1;
  const width = (words[abi.OW] - 1) * words[abi.STRIDE_W] + (words[abi.KW] - 1) * words[abi.DILATION_W] + 1;
  return rows * width * words[abi.OC] * (words[abi.DTYPE] === abi.FLOAT32 ? 4 : 2) + (words[abi.KH] * words[abi.KW] + 1) * 4;
}
