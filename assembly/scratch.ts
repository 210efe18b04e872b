// Knows how much scratch memory the kernels take, in the words of a step record: the sizes that pointwise.ts, conv.ts,
// depthwise.ts, resize.ts and detection.ts work out, and how that of a block is laid out. `scalar`: of that build, which
// keeps int8 values as bytes, else of whichever needs most. It is written in what AssemblyScript and TypeScript have in
// common, since the compiler of plans and both validators ask it: numbers are float64, in which no product of sizes
// overflows, and `abi.ts` is named as both find it.
import {
  BLOCK_ROWS, C, COUNT, DEPTHWISE_COLUMNS, DILATION_H, DILATION_W, DTYPE, FLOAT32, FOUND, GATHER_BYTES, HAS_EXPAND, HAS_PROJECT, KH, KW, OC, OW, PANEL,
  RESIDUAL, STRIDE_W, W,
} from './abi.ts';

/** Reads word `index` of record `record`. */
type Words = (record: i32, index: i32) => i32;

function align16(bytes: f64): f64 {
  return Math.ceil(bytes / 16) * 16;
}

function even(n: f64): f64 {
  return Math.ceil(n / 2) * 2;
}

/** Bytes of gathered rows of `depth` values, of which there are at most `rows`: one block of them (assembly/pointwise.ts blockRows). */
export function gatherBytes(float: bool, depth: f64, rows: f64, scalar: bool): f64 {
  if (float) return blockBytes(depth * 4, rows);
  // The scalar build's int8 rows are half as long as the others' int16 rows, and a block may hold more of them.
  const bytes = blockBytes(even(depth), rows);
  return scalar ? bytes : Math.max(bytes, blockBytes(even(depth) * 2, rows));
}

function blockBytes(row: f64, rows: f64): f64 {
  return Math.min(Math.max(Math.floor(GATHER_BYTES / (row * BLOCK_ROWS)), 1) * BLOCK_ROWS, rows) * row;
}

/** Bytes of a convolution's gathered windows and, for int8 in SIMD builds, widened input rows (assembly/conv.ts). */
export function convBytes(word: Words, step: i32, scalar: bool): f64 {
  const float = word(step, DTYPE) == FLOAT32, height: f64 = word(step, KH), channels: f64 = word(step, C), segment = channels * word(step, KW);
  const widened = float || scalar ? 0 : height * even(channels * word(step, W)) * 2;
  return widened + gatherBytes(float, height * (float ? segment : even(segment)), word(step, OW), scalar);
}

/** Input rows that one window covers. */
export function windowRows(word: Words, step: i32): f64 {
  const rows: f64 = word(step, KH);
  return (rows - 1) * word(step, DILATION_H) + 1;
}

/** Columns of a padded input row: as many as the windows of an output row cover. */
export function paddedWidth(word: Words, step: i32): f64 {
  const columns: f64 = word(step, OW), width: f64 = word(step, KW);
  return (columns - 1) * word(step, STRIDE_W) + (width - 1) * word(step, DILATION_W) + 1;
}

/**
 * Bytes of a depthwise step's ring of padded rows and its table of taps (assembly/depthwise.ts). A tile may read as
 * far as a whole group of columns past the end, however long a stride is.
 */
export function ringBytes(word: Words, step: i32, scalar: bool): f64 {
  const channels: f64 = word(step, OC), stride: f64 = word(step, STRIDE_W), kernel: f64 = word(step, KH);
  const panels = Math.ceil(channels / PANEL), slack = stride * DEPTHWISE_COLUMNS, value: f64 = scalar && word(step, DTYPE) != FLOAT32 ? 1 : 4;
  return (windowRows(word, step) * paddedWidth(word, step) * panels + slack) * PANEL * value + kernel * word(step, KW) * 4;
}

/** Parts of a block's scratch memory after the ring, each with a word of the block from FILTERED_AT on that says where it begins. */
export const BLOCK_PARTS = 4;

/** Bytes of such a part: filtered row, projected row, wide rows, panel (assembly/inverted-residual.ts). The records of what the block runs follow it. */
export function blockPartBytes(word: Words, block: i32, part: i32, scalar: bool): f64 {
  const hasExpand = word(block, HAS_EXPAND) != 0, hasProject = word(block, HAS_PROJECT) != 0, float = word(block, DTYPE) == FLOAT32;
  const expand = block + 1, filter = expand + word(block, HAS_EXPAND), project = filter + 1, outputs: f64 = word(filter, OW), pixel: f64 = float ? 4 : 1;
  if (part == 0) return hasProject ? outputs * word(filter, OC) * pixel : 0;
  if (part == 1) return hasProject && word(block, RESIDUAL) != 0 ? outputs * word(project, OC) * pixel : 0;
  if (float) return 0;
  const width: f64 = word(filter, W);
  if (part == 3) return hasExpand && !scalar ? width * PANEL : 0;
  const expanded = hasExpand ? windowRows(word, filter) * width * even(word(expand, C)) : 0;
  return Math.max(expanded, hasProject ? outputs * even(word(project, C)) : 0) * (scalar ? 1 : 2);
}

/** Where the compiler places such a part; that of BLOCK_PARTS is where all of them end. */
export function blockPlace(word: Words, block: i32, part: i32, scalar: bool): f64 {
  let at = align16(ringBytes(word, block + 1 + word(block, HAS_EXPAND), scalar));
  for (let i = 0; i < part; i++) at += align16(blockPartBytes(word, block, i, scalar));
  return at;
}

/** Bytes of a detection's boxes, scores and lists (assembly/detection.ts). */
export function detectionBytes(word: Words, step: i32): f64 {
  const boxes: f64 = word(step, COUNT), found: f64 = word(step, FOUND);
  return boxes * 24 + Math.max(boxes, found) * 4 + found * 8;
}

/** Bytes of a resize's places and weighed rows (assembly/resize.ts). */
export function resizeBytes(word: Words, step: i32): f64 {
  const columns: f64 = word(step, OW), width: f64 = word(step, W);
  return (columns + 1) * 16 + width * word(step, C) * 8;
}
