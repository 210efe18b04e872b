// Knows how many bytes of each section a step touches, by its kernel and its sizes; a change of a kernel's reach belongs
// here too. It does not know where they lie. Like scratch.ts it is compiled by asc and by tsc.
import * as abi from './abi.ts';
import { convBytes, detectionBytes, gatherBytes, resizeBytes, ringBytes } from './scratch.ts';

type Words = (record: i32, index: i32) => i32;

/** The step has no such operand. */
const NONE: f64 = -1;

/** Bytes that the measured step reads and writes from where SRC, SRC2, DST, WEIGHTS and PARAMS point, and its scratch memory. */
export let src: f64 = 0;
export let src2: f64 = NONE;
export let dst: f64 = 0;
export let weights: f64 = NONE;
export let params: f64 = NONE;
export let scratch: f64 = NONE;

/**
 * Measures a step of kernel `op`, whose sizes are not negative (but for strides), in the scalar build or in whichever takes
 * most. Returns a fault where they mean nothing to the kernel.
 */
export function measure(word: Words, step: i32, op: i32, scalar: bool): i32 {
  const float = word(step, abi.DTYPE) == abi.FLOAT32, bytes: f64 = word(step, abi.DTYPE) == abi.INT8 ? 1 : 4, count: f64 = word(step, abi.COUNT);
  src2 = weights = params = scratch = NONE;
  switch (op) {
    case abi.OP_POINTWISE: {
      const depth: f64 = word(step, abi.C);
      if (!float) scratch = gatherBytes(false, depth, count, scalar);
      return packed(float, word(step, abi.OC), depth, 1, 2) || moves(count * depth * bytes, count * word(step, abi.OC) * bytes);
    }
    case abi.OP_CONV:
      scratch = convBytes(word, step, scalar);
      return packed(float, word(step, abi.OC), product(word(step, abi.KW), word(step, abi.C)), word(step, abi.KH), 2) || moves(cells(word, step, abi.H, abi.C) * bytes, cells(word, step, abi.OH, abi.OC) * bytes);
    case abi.OP_DEPTHWISE:
      scratch = ringBytes(word, step, scalar);
      return packed(float, word(step, abi.OC), product(word(step, abi.KH), word(step, abi.KW)), 1, 1) || moves(cells(word, step, abi.H, abi.C) * bytes, cells(word, step, abi.OH, abi.OC) * bytes);
    case abi.OP_ADD: case abi.OP_MUL: case abi.OP_ARITHMETIC:
      src2 = Math.min(word(step, abi.PERIOD), count) * bytes;
      return word(step, abi.PERIOD) < 1 || (op == abi.OP_ARITHMETIC && word(step, abi.FUNCTION) > abi.FLOOR_QUOTIENT) ? abi.FAULT_SIZES : moves(count * bytes, count * bytes);
    case abi.OP_TABLE:
      weights = 256;
      return moves(count, count);
    case abi.OP_AVERAGE_POOL: case abi.OP_MEAN:
      scratch = product(word(step, abi.C), 4);
      return moves(cells(word, step, abi.H, abi.C) * bytes, (op == abi.OP_MEAN ? word(step, abi.C) : cells(word, step, abi.OH, abi.C)) * bytes);
    case abi.OP_ACTIVATION: case abi.OP_SQRT: case abi.OP_TO_FLOAT: return moves(count * 4, count * 4);
    case abi.OP_FLIP: return moves(count, count);
    case abi.OP_QUANTIZE: return moves(count * 4, count);
    case abi.OP_DEQUANTIZE: return moves(count, count * 4);
    case abi.OP_SOFTMAX:
      scratch = product(word(step, abi.C), 4);
      return moves(count * word(step, abi.C) * bytes, count * word(step, abi.C) * bytes);
    case abi.OP_PAD: return padded(word, step, abi.PAD_TOP, abi.H, abi.OH) || padded(word, step, abi.PAD_LEFT, abi.W, abi.OW) || moves(cells(word, step, abi.H, abi.C) * bytes, cells(word, step, abi.OH, abi.C) * bytes);
    case abi.OP_TRANSPOSE: return transposed(word, step, bytes);
    case abi.OP_COPY: return copied(word, step, count);
    case abi.OP_GATHER: return gathered(word, step);
    case abi.OP_RESIZE:
      scratch = resizeBytes(word, step);
      return moves(cells(word, step, abi.H, abi.C) * bytes, cells(word, step, abi.OH, abi.C) * bytes);
    case abi.OP_ARG_MAX: return moves(count * word(step, abi.C) * word(step, abi.W) * bytes, count * word(step, abi.W) * word(step, abi.INDEX_BYTES));
    case abi.OP_DETECTION: return detected(word, step);
    default: return abi.FAULT_KERNEL;
  }
}

function moves(from: f64, to: f64): i32 {
  src = from;
  dst = to;
  return 0;
}

function product(a: f64, b: f64): f64 {
  return a * b;
}

/** Values of a map whose height and width are words `height` and `height + 1`. */
function cells(word: Words, step: i32, height: i32, channels: i32): f64 {
  return product(word(step, height), word(step, height + 1)) * word(step, channels);
}

function padded(word: Words, step: i32, pad: i32, length: i32, all: i32): i32 {
  const before: f64 = word(step, pad);
  return before < 0 || before + word(step, length) > word(step, all) ? abi.FAULT_PADDING : 0;
}

function copied(word: Words, step: i32, rows: f64): i32 {
  const bytes: f64 = rows * word(step, abi.W), constant = word(step, abi.SRC2_CONSTANT) == 1, end: f64 = word(step, abi.OW);
  if (constant) src2 = bytes;
  return moves(constant ? 0 : bytes, rows > 0 ? (rows - 1) * word(step, abi.C) + end + word(step, abi.W) : 0);
}

/** Panels of weights and their parameters, as drawn in abi.ts; int8 depths are whole multiples of `pairs`. */
function packed(float: bool, channels: f64, depth: f64, segments: f64, pairs: f64): i32 {
  const panels = Math.ceil(channels / abi.PANEL);
  weights = panels * abi.PANEL * segments * (float ? depth * 4 : Math.ceil(depth / pairs) * pairs);
  params = panels * (float ? abi.PARAMS_FLOAT32 : abi.PARAMS_INT8);
  return 0;
}

/** A strided copy: whatever the signs of its strides, no value before the first of SRC is read. */
function transposed(word: Words, step: i32, bytes: f64): i32 {
  let values: f64 = 1, least: f64 = word(step, abi.KW), most = least;
  for (let i = 0; i < 4; i++) {
    const length: f64 = word(step, i < 3 ? abi.H + i : abi.COUNT), reach = (length - 1) * word(step, abi.OH + i);
    if (length < 1) return abi.FAULT_MAP;
    values *= length;
    least += Math.min(reach, 0);
    most += Math.max(reach, 0);
  }
  return least < 0 ? abi.FAULT_SIZES : moves((most + 1) * bytes, values * bytes);
}

function gathered(word: Words, step: i32): i32 {
  const depth = word(step, abi.KH), piece: f64 = word(step, abi.KW), count: f64 = word(step, abi.COUNT);
  let pieces: f64 = 1;
  if (depth > abi.MOST_INDICES) return abi.FAULT_SIZES;
  for (let i = 0; i < depth; i++) {
    if (word(step, abi.SIZES + i) < 1) return abi.FAULT_SIZES;
    pieces *= word(step, abi.SIZES + i);
  }
  src2 = count * depth * 4;
  return moves(pieces * piece, count * piece);
}

/** Every count that the kernel loops to, and every list that it fills, inside of its place. */
function detected(word: Words, step: i32): i32 {
  const boxes: f64 = word(step, abi.COUNT), columns = word(step, abi.C), classes = word(step, abi.CLASSES), values = word(step, abi.OC);
  const most = word(step, abi.MOST_DETECTIONS), each = word(step, abi.PER_DETECTION), room: f64 = word(step, abi.ROOM), found = word(step, abi.FOUND);
  const sound = boxes >= 1 && boxes <= 1048576 && classes >= 1 && classes <= columns && columns <= 65536 && values >= 4 && values <= 65536
    && most >= 1 && each >= 1 && room <= 65536 && product(most, each) == room && word(step, abi.PER_CLASS) >= 1 && word(step, abi.CANDIDATES) >= 0
    && found == (word(step, abi.REGULAR) ? most : classes) && boxes * columns <= abi.MOST;
  if (!sound) return abi.FAULT_SIZES;
  const scores = word(step, abi.SCORES_DTYPE);
  if (scores != abi.FLOAT32 && scores != abi.INT8) return abi.FAULT_TYPE;
  src2 = boxes * columns * (scores == abi.FLOAT32 ? 4 : 1);
  weights = boxes * 16;
  scratch = detectionBytes(word, step);
  return moves(boxes * values * (word(step, abi.DTYPE) == abi.FLOAT32 ? 4 : 1), room * 24 + 4);
}
