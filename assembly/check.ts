// Knows what every step record must be before any of them runs: then no kernel of any build reaches outside of the arena,
// the scratch memory and the constants, divides by zero, or counts to a billion over nothing. It trusts no word. It does
// not know what a plan says about itself (src/plan/check.ts). Like scratch.ts it is compiled by asc, for hosts without
// JavaScript, and by tsc: sizes are float64, in which a product of words is at worst inexact, never small again.
import * as abi from './abi.ts';
import { dst, measure, params, scratch, src, src2, weights } from './extent.ts';
import { BLOCK_PARTS, blockPartBytes, paddedWidth, ringBytes, windowRows } from './scratch.ts';

/** Reads word `index` of record `record`. */
type Words = (record: i32, index: i32) => i32;

let word: Words = (_record, _index) => 0;
let constantBytes: f64 = 0;
let arenaBytes: f64 = 0;
let scratchBytes: f64 = 0;
let scalar: bool = false;

/**
 * `count` records: 0 where all may run, in the scalar build alone or in any, else which one may not and why, as abi.ts says
 * it. Sections must not overlap.
 */
export function check(words: Words, count: i32, constants: f64, arena: f64, scratchMemory: f64, inScalar: bool): i32 {
  word = words;
  constantBytes = constants;
  arenaBytes = arena;
  scratchBytes = scratchMemory;
  scalar = inScalar;
  if (count < 1 || count > abi.MOST_RECORDS) return abi.FAULT_RECORDS;
  if (arena > abi.MOST || scratchMemory > abi.MOST) return abi.FAULT_MEMORY;
  for (let step = 0; step < count; step++) {
    if (word(step, abi.OP) == abi.OP_INVERTED_RESIDUAL) {
      const parts = word(step, abi.PARTS);
      const fault = parts < 1 || parts >= count - step ? step * 256 + abi.FAULT_PARTS : blockFault(step, parts);
      if (fault) return fault;
      step += parts;
    } else {
      const fault = stepFault(step, -1);
      if (fault) return step * 256 + fault;
    }
  }
  return 0;
}

/** What is wrong with one record, or 0. Parts of a block touch the arena only in the `input` bytes of the first; -1: a step of its own. */
function stepFault(step: i32, input: f64): i32 {
  const op = word(step, abi.OP);
  for (let index = abi.H; index <= abi.COUNT; index = index == abi.KW ? abi.COUNT : index + 1) {
    const value = word(step, index);
    // Strides of a strided copy may be negative.
    if (value > abi.MOST || (value < 0 && (op != abi.OP_TRANSPOSE || index < abi.OH || index > abi.KH))) return abi.FAULT_WORD + index;
  }
  const constant = word(step, abi.SRC2_CONSTANT);
  if (constant != 0 && constant != 1) return abi.FAULT_WORD + abi.SRC2_CONSTANT;
  const fault = typeFault(op, word(step, abi.DTYPE)) || mapFault(step, op) || measure(word, step, op, scalar);
  if (fault) return fault;
  if (!(Math.max(Math.max(src, dst), Math.max(Math.max(weights, params), Math.max(scratch, src2))) <= abi.MOST)) return abi.FAULT_EXTENT;
  if (word(step, abi.SCRATCH_BYTES) > scratchBytes) return abi.FAULT_SCRATCH;
  if (!isInside(step, abi.SRC, input < 0 ? src : input, arenaBytes)) return abi.FAULT_SRC;
  if (input < 0) {
    if (scratch > scratchBytes) return abi.FAULT_SCRATCH;
    if (!isInside(step, abi.DST, dst, arenaBytes)) return abi.FAULT_DST;
    if (!isInside(step, abi.SRC2, src2, constant == 1 ? constantBytes : arenaBytes)) return abi.FAULT_SRC2;
  }
  if (weights > word(step, abi.WEIGHTS_BYTES)) return abi.FAULT_FEW_WEIGHTS;
  if (weights >= 0 && !isInside(step, abi.WEIGHTS, word(step, abi.WEIGHTS_BYTES), constantBytes)) return abi.FAULT_WEIGHTS;
  return isInside(step, abi.PARAMS, params, constantBytes) ? 0 : abi.FAULT_PARAMS;
}

/** Whether `bytes` from where a word points lie below `limit`; a negative number: the step has no such operand. */
function isInside(step: i32, index: i32, bytes: f64, limit: f64): bool {
  if (bytes < 0) return true;
  const at: f64 = word(step, index);
  return at >= 0 && at + bytes <= limit;
}

function typeFault(op: i32, type: i32): i32 {
  switch (op) {
    case abi.OP_TRANSPOSE: case abi.OP_COPY: case abi.OP_GATHER: return type == abi.FLOAT32 || type == abi.INT8 || type == abi.INT32 ? 0 : abi.FAULT_TYPE;
    case abi.OP_ARITHMETIC: return type == abi.FLOAT32 || type == abi.INT32 ? 0 : abi.FAULT_TYPE;
    case abi.OP_ACTIVATION: case abi.OP_SQRT: case abi.OP_TO_FLOAT: return type == abi.FLOAT32 ? 0 : abi.FAULT_TYPE;
    default: return type == abi.FLOAT32 || type == abi.INT8 ? 0 : abi.FAULT_TYPE;
  }
}

/** Sizes that a kernel divides by or walks over must be at least one. */
function mapFault(step: i32, op: i32): i32 {
  switch (op) {
    case abi.OP_CONV: case abi.OP_DEPTHWISE: case abi.OP_AVERAGE_POOL: return windowFault(step, op);
    case abi.OP_POINTWISE: return channelFault(step, true);
    case abi.OP_SOFTMAX: return channelFault(step, false);
    case abi.OP_RESIZE:
      if (!(within(step, abi.H) && within(step, abi.W) && within(step, abi.OH) && within(step, abi.OW))) return abi.FAULT_MAP;
      return channelFault(step, false);
    case abi.OP_MEAN: case abi.OP_PAD: return word(step, abi.H) < 1 || word(step, abi.W) < 1 ? abi.FAULT_MAP : channelFault(step, false);
    case abi.OP_ARG_MAX:
      if (word(step, abi.INDEX_BYTES) != 4 && word(step, abi.INDEX_BYTES) != 8) return abi.FAULT_INDICES;
      return word(step, abi.W) < 1 ? abi.FAULT_MAP : channelFault(step, false);
    case abi.OP_COPY: return word(step, abi.W) < 1 ? abi.FAULT_MAP : 0;
    case abi.OP_GATHER: return word(step, abi.KW) < 1 ? abi.FAULT_MAP : 0;
    default: return 0;
  }
}

function channelFault(step: i32, out: bool): i32 {
  if (word(step, abi.C) < 1) return abi.FAULT_CHANNELS;
  return out && word(step, abi.OC) < 1 ? abi.FAULT_OUT_CHANNELS : 0;
}

function within(step: i32, index: i32): bool {
  return word(step, index) >= 1 && word(step, index) <= 65536;
}

/** Windows of convolutions and of pooling. All rows and columns that they cover have numbers below MOST, padding included. */
function windowFault(step: i32, op: i32): i32 {
  const pooled = op == abi.OP_AVERAGE_POOL, top = word(step, abi.PAD_TOP), left = word(step, abi.PAD_LEFT);
  const channels = channelFault(step, !pooled);
  if (channels) return channels;
  if (op == abi.OP_DEPTHWISE && word(step, abi.OC) % word(step, abi.C) != 0) return abi.FAULT_OUT_CHANNELS;
  if (!(within(step, abi.KH) && within(step, abi.KW) && within(step, abi.STRIDE_H) && within(step, abi.STRIDE_W))) return abi.FAULT_WINDOW;
  if (!pooled && !(within(step, abi.DILATION_H) && within(step, abi.DILATION_W))) return abi.FAULT_DILATION;
  if (word(step, abi.H) < 1 || word(step, abi.W) < 1 || word(step, abi.OH) < 1 || word(step, abi.OW) < 1) return abi.FAULT_MAP;
  const rows: f64 = word(step, abi.OH), columns: f64 = word(step, abi.OW), lastRow = (rows - 1) * word(step, abi.STRIDE_H), lastColumn = (columns - 1) * word(step, abi.STRIDE_W);
  if (pooled) {
    if (top < 0 || left < 0) return abi.FAULT_PADDING;
    return top < word(step, abi.KH) && left < word(step, abi.KW) && lastRow - top < word(step, abi.H) && lastColumn - left < word(step, abi.W) ? 0 : abi.FAULT_AVERAGE;
  }
  if (lastRow + windowRows(word, step) > abi.MOST || paddedWidth(word, step) > abi.MOST) return abi.FAULT_WINDOW;
  return top >= 0 && top <= 65536 && left >= 0 && left <= 65536 && (op != abi.OP_DEPTHWISE || left <= paddedWidth(word, step)) ? 0 : abi.FAULT_PADDING;
}

/** A block's parts must fit together, and lie inside of its scratch memory. Returns record and fault. */
function blockFault(block: i32, parts: i32): i32 {
  const expand = word(block, abi.HAS_EXPAND), hasProject = word(block, abi.HAS_PROJECT), residual = word(block, abi.RESIDUAL), here = block * 256;
  if ((expand | hasProject) >>> 1 != 0 || (residual != 0 && residual != abi.SRC && residual != abi.SRC2) || (residual != 0 && hasProject == 0)) return here + abi.FAULT_BLOCK;
  const first = block + 1, filter = first + expand, project = filter + 1, add = project + 1, last = hasProject ? project : filter;
  if (parts != 1 + expand + hasProject + (residual ? 1 : 0)) return here + abi.FAULT_PARTS;
  for (let part = first; part <= block + parts; part++) {
    const op = part == filter ? abi.OP_DEPTHWISE : part == add ? abi.OP_ADD : abi.OP_POINTWISE;
    if (word(part, abi.OP) != op) return here + abi.FAULT_PARTS;
    if (word(part, abi.DTYPE) != word(block, abi.DTYPE)) return here + abi.FAULT_TYPE;
  }
  const height: f64 = word(filter, abi.H), rows: f64 = word(filter, abi.OH), inputs = height * word(filter, abi.W), outputs = rows * word(filter, abi.OW);
  const values = outputs * word(last, abi.OC), pixel: f64 = word(block, abi.DTYPE) == abi.FLOAT32 ? 4 : 1;
  const fits = word(filter, abi.C) == word(filter, abi.OC)
    && (!expand || (word(first, abi.OC) == word(filter, abi.C) && word(first, abi.COUNT) == inputs))
    && (!hasProject || (word(project, abi.C) == word(filter, abi.OC) && word(project, abi.COUNT) == outputs))
    && (!residual || (word(add, abi.COUNT) == values && word(add, abi.PERIOD) == values && word(add, abi.SRC2_CONSTANT) == 0));
  if (!fits) return here + abi.FAULT_FIT;
  for (let part = first; part <= block + parts; part++) {
    const fault = stepFault(part, part == first ? inputs * word(part, abi.C) * pixel : 0);
    if (fault) return part * 256 + fault;
  }
  const ring = ringBytes(word, filter, scalar);
  if (ring > scratchBytes) return here + abi.FAULT_SCRATCH;
  for (let i = 0; i < BLOCK_PARTS; i++) {
    const bytes = blockPartBytes(word, block, i, scalar), at: f64 = word(block, abi.FILTERED_AT + i);
    // The ring ends with a table of addresses, which nothing may write over.
    if (bytes > 0 && (at < ring || at + bytes > scratchBytes)) return here + abi.FAULT_PLACES;
  }
  if (!isInside(block, abi.DST, values * pixel, arenaBytes)) return here + abi.FAULT_DST;
  return residual && !isInside(add, residual, values * pixel, arenaBytes) ? here + abi.FAULT_SRC2 : 0;
}
