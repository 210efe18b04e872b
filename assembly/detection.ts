// Knows how box encodings and class scores become detections: boxes decoded by anchors, then non-maximum suppression, as
// TensorFlow Lite's TFLite_Detection_PostProcess does both (lite/kernels/detection_postprocess.cc), ties included. It does
// not know what classes mean.
//
//   SRC     N encodings of OC values, the first four of them y, x, height, width
//   SRC2    N rows of C scores, the last CLASSES of which count (the one before them is the background)
//   WEIGHTS N anchors, float32: y and x of the centre, height, width
//   DST     float32: K boxes (ymin, xmin, ymax, xmax), K classes, K scores, how many detections there are; K = ROOM
//   scratch float32 boxes[N][4], ranks[N]; int32 heap[N or FOUND, the greater], chosen[N], found[FOUND]; float32 scores of them[FOUND]
import {
  C, CANDIDATES, CLASSES, CLIPPED, COUNT, DST, DTYPE, FLOAT32, FOUND, H_SCALE, MOST_DETECTIONS, MOST_OVERLAP, MOST_SIZE, LEAST_SCORE, OC, PER_CLASS,
  PER_DETECTION, REGULAR, ROOM, SCALE, SCORES_DTYPE, SCORES_SCALE, SRC, SRC2, W_SCALE, WEIGHTS, X_SCALE, Y_SCALE, ZERO_IN, ZERO_IN2,
} from './abi';
import { activation, constant, scratch, word, wordF32 } from './step';

export function detect(step: usize): void {
  const room = <usize>word(step, ROOM), dst = activation(step, DST);
  memory.fill(dst, 0, room * 24 + 4);
  decode(step);
  const count = word(step, REGULAR) ? regular(step) : fast(step);
  store<f32>(dst + room * 24, <f32>count);
}

// ---- places in scratch memory

// @ts-ignore: decorator
@inline
function boxes(): usize { return scratch(); }
// @ts-ignore: decorator
@inline
function ranks(step: usize): usize { return scratch() + <usize>word(step, COUNT) * 16; }
// @ts-ignore: decorator
@inline
function heapOf(step: usize): usize { return scratch() + <usize>word(step, COUNT) * 20; }
// @ts-ignore: decorator
@inline
function chosenOf(step: usize): usize { return heapOf(step) + <usize>max(word(step, COUNT), word(step, FOUND)) * 4; }
// @ts-ignore: decorator
@inline
function foundOf(step: usize): usize { return chosenOf(step) + <usize>word(step, COUNT) * 4; }

// ---- boxes

/** Worked out in float64 and stored as float32, as the reference does. */
function decode(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32, values = <usize>word(step, OC), count = word(step, COUNT), most = <f64>wordF32(step, MOST_SIZE);
  const scale = wordF32(step, SCALE), zero = word(step, ZERO_IN), size: usize = float ? 4 : 1;
  let src = activation(step, SRC), anchor = constant(step, WEIGHTS), box = boxes();
  for (let i = 0; i < count; i++, src += values * size, anchor += 16, box += 16) {
    for (let axis: usize = 0; axis < 8; axis += 4) { // height and y, then width and x
      const at = src + (axis >> 2) * size, side = at + 2 * size;
      const place: f64 = float ? load<f32>(at) : <f32>(<i32>load<i8>(at) - zero) * scale;
      const length: f64 = float ? load<f32>(side) : <f32>(<i32>load<i8>(side) - zero) * scale;
      const along: f64 = load<f32>(anchor + axis, 8);
      const centre = <f32>(place / <f64>wordF32(step, axis ? X_SCALE : Y_SCALE) * along + <f64>load<f32>(anchor + axis));
      const exponent = length / <f64>wordF32(step, axis ? W_SCALE : H_SCALE);
      const half = <f32>(0.5 * exponential(exponent > most ? most : exponent) * along);
      store<f32>(box + axis, bounded(step, centre - half));
      store<f32>(box + axis, bounded(step, centre + half), 8);
    }
  }
}

/** Inside of the picture, where the step asks for it. */
function bounded(step: usize, x: f32): f32 {
  if (!word(step, CLIPPED)) return x;
  return x < <f32>0 ? 0 : x > <f32>1 ? 1 : x;
}

/** e^x to about one unit in the last place of float64: 2^n times Taylor's series on [-ln2/2, ln2/2]. */
function exponential(x: f64): f64 {
  if (x != x || x > 709.0) return x != x ? x : Infinity;
  if (x < -708.0) return 0; // all that is smaller is 0 as float32
  const n = Math.floor(x * 1.4426950408889634 + 0.5), r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
  let p: f64 = 1.6059043836821613e-10; // 1 / 13!
  p = p * r + 2.08767569878681e-9;
  p = p * r + 2.505210838544172e-8;
  p = p * r + 2.755731922398589e-7;
  p = p * r + 2.7557319223985893e-6;
  p = p * r + 2.48015873015873e-5;
  p = p * r + 1.984126984126984e-4;
  p = p * r + 1.388888888888889e-3;
  p = p * r + 8.333333333333333e-3;
  p = p * r + 4.1666666666666664e-2;
  p = p * r + 1.6666666666666666e-1;
  p = p * r + 0.5;
  return (p * r * r + r + 1.0) * reinterpret<f64>(<i64>(<i32>n + 1023) << 52);
}

// @ts-ignore: decorator
@inline
function greater(a: f32, b: f32): f32 { return a < b ? b : a; }
// @ts-ignore: decorator
@inline
function smaller(a: f32, b: f32): f32 { return b < a ? b : a; }

/** Intersection over union of two boxes; 0 where one has no area. */
function overlap(a: usize, b: usize): f32 {
  const areaA = (load<f32>(a, 8) - load<f32>(a)) * (load<f32>(a, 12) - load<f32>(a, 4));
  const areaB = (load<f32>(b, 8) - load<f32>(b)) * (load<f32>(b, 12) - load<f32>(b, 4));
  if (areaA <= 0 || areaB <= 0) return 0;
  const high = greater(smaller(load<f32>(a, 8), load<f32>(b, 8)) - greater(load<f32>(a), load<f32>(b)), 0);
  const wide = greater(smaller(load<f32>(a, 12), load<f32>(b, 12)) - greater(load<f32>(a, 4), load<f32>(b, 4)), 0);
  return high * wide / (areaA + areaB - high * wide);
}

// ---- scores

// @ts-ignore: decorator
@inline
function scoreAt(step: usize, index: i32): f32 {
  const scores = activation(step, SRC2);
  if (word(step, SCORES_DTYPE) == FLOAT32) return load<f32>(scores + (<usize>index << 2));
  return <f32>(<f64>wordF32(step, SCORES_SCALE) * <f64>(<i32>load<i8>(scores + index) - word(step, ZERO_IN2)));
}

/** Index of the first of the greatest of `count` values. */
function greatestOf<T>(values: usize, count: i32): i32 {
  let best = 0, most = load<T>(values);
  for (let i = 1; i < count; i++) {
    const value = load<T>(values + <usize>i * sizeof<T>());
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}

function likeliestClass(step: usize, row: i32): i32 {
  const at = <usize>(row * word(step, C) + word(step, C) - word(step, CLASSES)), scores = activation(step, SRC2);
  return word(step, SCORES_DTYPE) == FLOAT32 ? greatestOf<f32>(scores + (at << 2), word(step, CLASSES)) : greatestOf<i8>(scores + at, word(step, CLASSES));
}

// ---- heaps of indices into float32 values, as the C++ library keeps them: which of two equal values comes first depends on it

// @ts-ignore: decorator
@inline
function index(heap: usize, at: i32): i32 { return load<i32>(heap + (<usize>at << 2)); }
// @ts-ignore: decorator
@inline
function put(heap: usize, at: i32, value: i32): void { store<i32>(heap + (<usize>at << 2), value); }

/** Whether b belongs nearer to the top than a. `best`: the greatest value on top, of equals the lowest index; else the least value. */
// @ts-ignore: decorator
@inline
function below(values: usize, a: i32, b: i32, best: bool): bool {
  const x = load<f32>(values + (<usize>a << 2)), y = load<f32>(values + (<usize>b << 2));
  return best ? x < y || (x == y && a > b) : x > y;
}

/** Lets the hole at `hole` sink to the bottom, then `value` rise from there. */
function sift(heap: usize, hole: i32, length: i32, value: i32, values: usize, best: bool): void {
  const top = hole;
  let child = hole;
  while (child < (length - 1) >> 1) {
    child = 2 * child + 2;
    if (below(values, index(heap, child), index(heap, child - 1), best)) child--;
    put(heap, hole, index(heap, child));
    hole = child;
  }
  if (!(length & 1) && child == (length - 2) >> 1) {
    put(heap, hole, index(heap, 2 * child + 1));
    hole = 2 * child + 1;
  }
  for (let parent = (hole - 1) >> 1; hole > top && below(values, index(heap, parent), value, best); parent = (hole - 1) >> 1) {
    put(heap, hole, index(heap, parent));
    hole = parent;
  }
  put(heap, hole, value);
}

function makeHeap(heap: usize, length: i32, values: usize, best: bool): void {
  for (let parent = ((length - 2) >> 1); parent >= 0 && length > 1; parent--) sift(heap, parent, length, index(heap, parent), values, best);
}

/** Takes the top off a heap: it goes behind the others. */
function pop(heap: usize, length: i32, values: usize, best: bool): i32 {
  const top = index(heap, 0), last = index(heap, length - 1);
  put(heap, length - 1, top);
  sift(heap, 0, length - 1, last, values, best);
  return top;
}

/** The indices of the `wanted` greatest of `count` values, greatest first (std::partial_sort). */
function partialSort(heap: usize, values: usize, count: i32, wanted: i32): void {
  if (wanted == 1) return put(heap, 0, greatestOf<f32>(values, count));
  for (let i = 0; i < wanted; i++) put(heap, i, i);
  makeHeap(heap, wanted, values, false);
  for (let i = wanted; i < count && wanted > 0; i++) {
    if (below(values, i, index(heap, 0), false)) sift(heap, 0, wanted, i, values, false);
  }
  for (let length = wanted; length > 1; length--) pop(heap, length, values, false);
}

// ---- suppression

/**
 * Chooses at most `most` of the boxes with enough of a score (`ranks`), best first, leaving out those that overlap a
 * chosen one too much. A box whose corners are the wrong way round, for which the reference gives up, is never chosen, nor
 * is one whose score is not above `floor`.
 */
function choose(step: usize, most: i32, floor: f32): i32 {
  const values = ranks(step), heap = heapOf(step), chosen = chosenOf(step), limit = word(step, CANDIDATES);
  const least = wordF32(step, LEAST_SCORE), overlapping = wordF32(step, MOST_OVERLAP);
  let left = 0, count = 0;
  for (let i = 0; i < word(step, COUNT); i++) {
    const box = boxes() + (<usize>i << 4), score = load<f32>(values + (<usize>i << 2));
    if (!(score >= least) || score <= floor || load<f32>(box) > load<f32>(box, 8) || load<f32>(box, 4) > load<f32>(box, 12)) continue;
    put(heap, left++, i);
  }
  makeHeap(heap, left, values, true);
  for (let tried = 0; left > 0 && count < most && (limit == 0 || tried < limit); tried++) {
    const next = pop(heap, left--, values, true);
    let at = 0;
    while (at < count && !(overlap(boxes() + (<usize>index(chosen, at) << 4), boxes() + (<usize>next << 4)) > overlapping)) at++;
    if (at == count) put(chosen, count++, next);
  }
  return count;
}

function write(step: usize, at: i32, box: i32, kind: i32, score: f32): void {
  const room = <usize>word(step, ROOM), dst = activation(step, DST);
  memory.copy(dst + (<usize>at << 4), boxes() + (<usize>box << 4), 16);
  store<f32>(dst + room * 16 + (<usize>at << 2), <f32>kind);
  store<f32>(dst + room * 20 + (<usize>at << 2), score);
}

/** Each box by its likeliest class; the likeliest PER_DETECTION classes of those that are chosen. */
function fast(step: usize): i32 {
  const each = word(step, PER_DETECTION), classes = word(step, CLASSES), columns = word(step, C), background = columns - classes;
  const values = ranks(step), heap = heapOf(step), chosen = chosenOf(step);
  for (let i = 0; i < word(step, COUNT); i++) store<f32>(values + (<usize>i << 2), scoreAt(step, i * columns + background + likeliestClass(step, i)));
  const count = choose(step, word(step, MOST_DETECTIONS), -Infinity);
  for (let i = 0; i < count; i++) {
    const box = index(chosen, i), row = box * columns + background;
    if (each == 1) {
      write(step, i, box, likeliestClass(step, box), load<f32>(values + (<usize>box << 2)));
      continue;
    }
    const rowScores = foundOf(step);
    for (let kind = 0; kind < classes; kind++) store<f32>(rowScores + (<usize>kind << 2), scoreAt(step, row + kind));
    partialSort(heap, rowScores, classes, min(each, classes));
    for (let k = 0; k < min(each, classes); k++) write(step, i * each + k, box, index(heap, k), load<f32>(rowScores + (<usize>index(heap, k) << 2)));
  }
  return count;
}

/** Each class by itself; of all that is found so far the best MOST_DETECTIONS are kept, of equals those of the earlier class first. */
function regular(step: usize): i32 {
  const classes = word(step, CLASSES), columns = word(step, C), background = columns - classes, most = word(step, MOST_DETECTIONS);
  const values = ranks(step), chosen = chosenOf(step), found = foundOf(step), scores = found + (<usize>word(step, FOUND) << 2);
  let kept = 0;
  for (let kind = 0; kind < classes; kind++) {
    for (let i = 0; i < word(step, COUNT); i++) store<f32>(values + (<usize>i << 2), scoreAt(step, i * columns + background + kind));
    // Once there are enough, what is no better than the last of them can be left out before it is sorted.
    const floor: f32 = kept == most ? load<f32>(scores + (<usize>(most - 1) << 2)) : -Infinity;
    let fresh = choose(step, word(step, PER_CLASS), floor) - 1, old = kept - 1;
    kept = min(fresh + 1 + kept, most);
    for (let at = fresh + old + 1; fresh >= 0; at--) { // merges from the end, where there is room
      const box = index(chosen, fresh), score = load<f32>(values + (<usize>box << 2));
      const takesOld = old >= 0 && load<f32>(scores + (<usize>old << 2)) < score;
      if (at < most) {
        put(found, at, takesOld ? index(found, old) : box * classes + kind);
        store<f32>(scores + (<usize>at << 2), takesOld ? load<f32>(scores + (<usize>old << 2)) : score);
      }
      if (takesOld) old--;
      else fresh--;
    }
  }
  for (let i = 0; i < kept; i++) write(step, i, index(found, i) / classes, index(found, i) % classes, load<f32>(scores + (<usize>i << 2)));
  return kept;
}
