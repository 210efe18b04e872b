// Knows how much steps compute, from words that check.ts found sound: multiply-adds, and in their measure what kernels do
// beside or without any, so that no sizes make a step long and its number small. The weights below keep every kernel within
// a few nanoseconds a multiply-add, whatever its sizes; those of networks take a tenth of one. Like scratch.ts it is
// compiled by asc and by tsc, in float64: the greatest products lose digits, and none is small again.
import * as abi from './abi.ts';
import { paddedWidth, windowRows } from './scratch.ts';

type Words = (record: i32, index: i32) => i32;

/** A value that is moved or put through a function; one output pixel of a panel; one window cell that is gathered; one comparison of boxes or scores. */
const VALUE: f64 = 16;
const PIXEL: f64 = 32;
const CELL: f64 = 8;
const COMPARISON: f64 = 4;
/** A heap of up to a million boxes is 20 deep. */
const DEPTH: f64 = 20;

/** Of `count` records. A block does nothing itself: its parts follow it as records. */
export function work(word: Words, count: i32): f64 {
  let sum: f64 = 0;
  for (let step = 0; step < count; step++) sum += Math.max(multiplyAdds(word, step), others(word, step));
  return sum;
}

/** Of convolutions and products, whole windows counted. */
export function multiplyAdds(word: Words, step: i32): f64 {
  switch (word(step, abi.OP)) {
    case abi.OP_POINTWISE: return times(word(step, abi.COUNT), word(step, abi.C)) * word(step, abi.OC);
    case abi.OP_CONV: return area(word, step, abi.OH) * word(step, abi.OC) * area(word, step, abi.KH) * word(step, abi.C);
    case abi.OP_DEPTHWISE: return area(word, step, abi.OH) * word(step, abi.OC) * area(word, step, abi.KH);
    default: return 0;
  }
}

function times(a: f64, b: f64): f64 {
  return a * b;
}

/** Of a map or window whose height and width are words `height` and `height + 1`. */
function area(word: Words, step: i32, height: i32): f64 {
  return times(word(step, height), word(step, height + 1));
}

/** What a step does beside its multiply-adds, which is the larger part only where they are few. */
function others(word: Words, step: i32): f64 {
  const panels = Math.ceil(times(word(step, abi.OC), 1) / abi.PANEL), pixels = area(word, step, abi.OH), channels: f64 = word(step, abi.C);
  switch (word(step, abi.OP)) {
    case abi.OP_POINTWISE: return times(word(step, abi.COUNT), PIXEL) * panels;
    case abi.OP_CONV: return Math.max(times(word(step, abi.OH), word(step, abi.KH)) * word(step, abi.W) * channels, pixels * Math.max(panels * PIXEL, area(word, step, abi.KH) * CELL));
    case abi.OP_DEPTHWISE: return Math.max(ringRows(word, step) * paddedWidth(word, step) * word(step, abi.OC), pixels * panels * PIXEL);
    case abi.OP_DETECTION: return comparisons(word, step) * COMPARISON;
    default: return values(word, step) * VALUE;
  }
}

/** Rows that come into the ring of a depthwise step, each once. */
function ringRows(word: Words, step: i32): f64 {
  const rows: f64 = word(step, abi.OH), window = windowRows(word, step);
  return Math.min((rows - 1) * word(step, abi.STRIDE_H) + window, rows * window);
}

/** Values that a step without products writes, or reads where those are more. */
function values(word: Words, step: i32): f64 {
  const count: f64 = word(step, abi.COUNT), width: f64 = word(step, abi.W), channels: f64 = word(step, abi.C);
  switch (word(step, abi.OP)) {
    case abi.OP_INVERTED_RESIDUAL: return 0;
    case abi.OP_AVERAGE_POOL: return area(word, step, abi.OH) * channels * Math.min(word(step, abi.KH), word(step, abi.H)) * Math.min(word(step, abi.KW), width);
    case abi.OP_MEAN: return area(word, step, abi.H) * channels;
    case abi.OP_PAD: return area(word, step, abi.OH) * channels;
    case abi.OP_RESIZE: return channels * word(step, abi.OH) * (width + word(step, abi.OW));
    case abi.OP_SOFTMAX: return count * channels;
    case abi.OP_ARG_MAX: return count * channels * width;
    case abi.OP_TRANSPOSE: return count * channels * area(word, step, abi.H);
    case abi.OP_COPY: return count * width;
    case abi.OP_GATHER: return count * (times(word(step, abi.KW), 1) + word(step, abi.KH));
    default: return count;
  }
}

/** Every box that is tried meets all that were chosen before. */
function comparisons(word: Words, step: i32): f64 {
  const boxes: f64 = word(step, abi.COUNT), classes: f64 = word(step, abi.CLASSES), most: f64 = word(step, abi.MOST_DETECTIONS), candidates: f64 = word(step, abi.CANDIDATES);
  const regular = word(step, abi.REGULAR) != 0, chosen = Math.min(regular ? word(step, abi.PER_CLASS) : most, boxes), tried = candidates == 0 ? boxes : Math.min(candidates, boxes);
  const suppressed = boxes * DEPTH + tried * chosen;
  return boxes * classes + (regular ? classes * (suppressed + most) : suppressed + chosen * classes * DEPTH);
}
