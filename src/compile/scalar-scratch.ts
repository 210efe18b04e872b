// Knows how much scratch memory the scalar build takes, which keeps int8 values as bytes and gathers no more rows than there
// are: on a microcontroller that is most of what can be saved. plan/scratch.ts knows what the hungriest build takes.
import * as abi from '../../assembly/abi.js';
import { align } from '../plan/plan.js';
import { even, windowRows } from '../plan/scratch.js';

const isFloat = (words: Int32Array): boolean => words[abi.DTYPE] === abi.FLOAT32;

/** `most` gathered rows of `row` bytes, or as many as one block has. */
function gathered(row: number, most: number): number {
  return Math.min(Math.max(Math.floor(abi.GATHER_BYTES / (row * abi.BLOCK_ROWS)), 1) * abi.BLOCK_ROWS, most) * row;
}

/** A ring of padded rows and the table of taps (assembly/depthwise.ts). */
function ringBytes(words: Int32Array): number {
  const width = (words[abi.OW] - 1) * words[abi.STRIDE_W] + (words[abi.KW] - 1) * words[abi.DILATION_W] + 1;
  const panels = Math.ceil(words[abi.OC] / abi.PANEL), value = isFloat(words) ? 4 : 1;
  return windowRows(words) * width * panels * abi.PANEL * value + words[abi.KH] * words[abi.KW] * 4;
}

/** Bytes that a step takes which stands alone. */
export function scratchOf(words: Int32Array): number {
  const segment = words[abi.KW] * words[abi.C];
  switch (words[abi.OP]) {
    case abi.OP_POINTWISE: return isFloat(words) ? 0 : gathered(even(words[abi.C]), words[abi.COUNT]);
    case abi.OP_CONV: return gathered(words[abi.KH] * (isFloat(words) ? segment * 4 : even(segment)), words[abi.OW]);
    case abi.OP_DEPTHWISE: return ringBytes(words);
    default: return words[abi.SCRATCH_BYTES];
  }
}

/** Fills in where the parts of a block's scratch memory begin; returns all its bytes. `parts` are the records that follow it. */
export function placeBlock(words: Int32Array, parts: Int32Array[]): number {
  const expand = words[abi.HAS_EXPAND] ? parts[0] : undefined, filter = parts[words[abi.HAS_EXPAND]];
  const project = words[abi.HAS_PROJECT] ? parts[words[abi.HAS_EXPAND] + 1] : undefined;
  const size = isFloat(words) ? 4 : 1, outputs = filter[abi.OW];
  let at = align(ringBytes(filter));
  const take = (word: number, bytes: number): void => {
    words[word] = at;
    at += align(bytes);
  };
  take(abi.FILTERED_AT, project ? outputs * filter[abi.OC] * size : 0);
  take(abi.PROJECTED_AT, project && words[abi.RESIDUAL] ? outputs * project[abi.OC] * size : 0);
  take(abi.WIDE_AT, isFloat(words) ? 0 : Math.max(expand ? windowRows(filter) * filter[abi.W] * even(expand[abi.C]) : 0, project ? outputs * even(project[abi.C]) : 0));
  words[abi.PANEL_AT] = at; // only SIMD builds write there
  return at;
}
