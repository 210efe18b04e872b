// Knows how a network's map of scores, or of classes, becomes the class of every pixel of a picture. It does not know
// colours or files.
import { DepthwiseError } from '../error.js';
import { elements } from '../formats/graph.js';
import { checkPicture, regionOf } from '../image.js';
import type { Picture } from '../image.js';
import { checkOptions } from '../options.js';
import type { Net, Output, TensorData } from '../net.js';
import { endsInSoftmax, labelOf } from './classify.js';

export interface SegmentOptions {
  /** Also says how sure the network is at each pixel. Networks that end in classes instead of scores do not tell. */
  confidence?: boolean;
}

export interface Segmentation {
  /** Pixels, as the picture has. */
  width: number;
  height: number;
  /** The class of each pixel, row by row; UNSEEN where the network did not look. */
  mask: Uint8Array;
  /** Names of the classes: labels[mask[y * width + x]]. */
  labels: string[];
  /** Classes that occur, the largest first, and what share of the pixels looked at is theirs. */
  classes: { index: number; label: string; share: number }[];
  /** The likeliest class's probability at each pixel, 0 to 255, if asked for and the network gives scores. */
  confidence?: Uint8Array;
}

/** Pixels outside the part of the picture that the weights' preprocessing takes; the ignore label of PASCAL VOC. */
export const UNSEEN = 255;

/**
 * Looks at the whole picture, stretched, unless the weights say otherwise. Scores are interpolated between the network's
 * pixels, so that edges are smooth at any size; classes are those of the nearest.
 */
export function segment(net: Net, picture: Picture, options: SegmentOptions = {}): Segmentation {
  checkOptions(options, {});
  if (net.inputs.length !== 1) throw new DepthwiseError('UNSUPPORTED', `This model has ${net.inputs.length} inputs; segment takes one picture. Use net.run().`);
  const places = mapOf(net);
  checkPicture(picture);
  const region = regionOf(picture, net.preprocessing ?? WHOLE);
  const [output] = net.run(net.shrinker.toInput(picture, net.inputs[0], net.preprocessing, region));
  const { width, height } = picture, across = along(width, region.x, region.width, places.width), down = along(height, region.y, region.height, places.height);
  const winners = places.hasScores ? winnersOf(output.data, places.classes) : new Uint8Array(output.data);
  const mask = new Uint8Array(width * height).fill(UNSEEN);
  if (places.hasScores) paintSmooth(mask, width, across, down, places, winners, output.data);
  else paintNearest(mask, width, across, down, places, winners);
  const labels = Array.from({ length: places.classes }, (_, index) => labelOf(net.labels, index, places.classes));
  const sureness = options.confidence && places.hasScores ? interpolated(probabilities(output, places.classes, endsInSoftmax(net)), width, across, down, places) : undefined;
  return { width, height, mask, labels, classes: sharesOf(mask, labels), ...(sureness && { confidence: sureness }) };
}

const WHOLE = { fit: 'stretch', crop: 1 } as const;

/** What the network puts out: a map of scores or of classes. */
interface Places {
  width: number;
  height: number;
  classes: number;
  hasScores: boolean;
}

function mapOf({ outputs, steps }: Net): Places {
  const { shape, dtype } = outputs[0], isIndex = dtype === 'int32' || dtype === 'int64';
  const sizes = isIndex && shape.length === 4 && shape[3] === 1 ? shape.slice(0, 3) : shape;
  const [batch, height, width, scores = 0] = sizes, last = steps.at(-1)!;
  const classes = isIndex ? (last.op === 'argMax' ? elements(last.input) / elements(last.output) : UNSEEN) : scores;
  if (batch !== 1 || sizes.length !== (isIndex ? 3 : 4) || height * width < 1 || classes < 2 || classes > UNSEEN) {
    throw new DepthwiseError('UNSUPPORTED', `This network puts out ${dtype} [${shape}]; segment needs the scores of 2 to ${UNSEEN} classes at each place, [1, height, width, classes], or the classes themselves. Use net.classify() for one answer a picture, net.run() for anything else.`);
  }
  return { width, height, classes, hasScores: !isIndex };
}

/** Along one side: which pixels lie in the region, and where between the network's pixels. */
interface Along {
  from: number;
  to: number;
  /** For each pixel in turn: the network's pixel before its middle, and how far it is to the next, 0 to 1. */
  before: Uint16Array;
  beyond: Float32Array;
  nearest: Uint16Array;
}

function along(pixels: number, start: number, length: number, places: number): Along {
  const from = Math.max(0, Math.ceil(start - 0.5)), to = Math.max(from, Math.min(pixels, Math.ceil(start + length - 0.5)));
  const all: Along = { from, to, before: new Uint16Array(pixels), beyond: new Float32Array(pixels), nearest: new Uint16Array(pixels) };
  for (let i = from; i < to; i++) {
    const at = ((i + 0.5 - start) / length) * places, middle = Math.min(places - 1, Math.max(0, at - 0.5));
    all.before[i] = Math.min(Math.floor(middle), Math.max(0, places - 2));
    all.beyond[i] = middle - all.before[i];
    all.nearest[i] = Math.min(places - 1, Math.floor(at));
  }
  return all;
}

/** The index of the greatest of each `classes` scores, the first of equals. */
function winnersOf(scores: TensorData, classes: number): Uint8Array {
  const winners = new Uint8Array(scores.length / classes);
  for (let i = 0, at = 0; i < winners.length; i++, at += classes) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (scores[at + c] > scores[at + best]) best = c;
    winners[i] = best;
  }
  return winners;
}

function paintNearest(mask: Uint8Array, width: number, across: Along, down: Along, places: Places, winners: Uint8Array): void {
  for (let y = down.from; y < down.to; y++) {
    const row = down.nearest[y] * places.width;
    for (let x = across.from; x < across.to; x++) mask[y * width + x] = winners[row + across.nearest[x]];
  }
}

/**
 * Between four of the network's pixels that have one winner, no other class can win: a score that is less at all of them is
 * less everywhere between. So only pixels at edges need their scores interpolated.
 */
function paintSmooth(mask: Uint8Array, width: number, across: Along, down: Along, places: Places, winners: Uint8Array, scores: TensorData): void {
  const { classes } = places, left = new Float32Array(classes), right = new Float32Array(classes);
  const stepX = places.width > 1 ? 1 : 0, stepY = places.height > 1 ? places.width : 0;
  for (let y = down.from; y < down.to; y++) {
    const row = down.before[y] * places.width, weight = down.beyond[y];
    for (let x = across.from, next = x; x < across.to; x = next) {
      const before = across.before[x], at = row + before, winner = winners[at];
      while (next < across.to && across.before[next] === before) next++;
      if (winners[at + stepX] === winner && winners[at + stepY] === winner && winners[at + stepX + stepY] === winner) {
        mask.fill(winner, y * width + x, y * width + next);
        continue;
      }
      mix(scores, at * classes, (at + stepY) * classes, weight, left);
      mix(scores, (at + stepX) * classes, (at + stepX + stepY) * classes, weight, right);
      for (let i = x; i < next; i++) mask[y * width + i] = winnerBetween(left, right, across.beyond[i]);
    }
  }
}

/** Scores of one place and of the one below, weighed. */
function mix(scores: TensorData, upper: number, lower: number, weight: number, out: Float32Array): void {
  for (let c = 0; c < out.length; c++) out[c] = scores[upper + c] * (1 - weight) + scores[lower + c] * weight;
}

function winnerBetween(left: Float32Array, right: Float32Array, weight: number): number {
  let best = 0, most = -Infinity;
  for (let c = 0; c < left.length; c++) {
    const score = left[c] * (1 - weight) + right[c] * weight;
    if (score > most) [best, most] = [c, score];
  }
  return best;
}

/** The winner's probability at each of the network's pixels. */
function probabilities({ data, scale = 1, zeroPoint = 0 }: Output, classes: number, areProbabilities: boolean): Float32Array {
  const all = new Float32Array(data.length / classes);
  for (let i = 0, at = 0; i < all.length; i++, at += classes) {
    let most = data[at], sum = 0;
    for (let c = 1; c < classes; c++) if (data[at + c] > most) most = data[at + c];
    if (areProbabilities) {
      all[i] = (most - zeroPoint) * scale;
      continue;
    }
    for (let c = 0; c < classes; c++) sum += Math.exp((data[at + c] - most) * scale);
    all[i] = 1 / sum;
  }
  return all;
}

function interpolated(values: Float32Array, width: number, across: Along, down: Along, places: Places): Uint8Array {
  const out = new Uint8Array(width * down.before.length), stepX = places.width > 1 ? 1 : 0, stepY = places.height > 1 ? places.width : 0;
  for (let y = down.from; y < down.to; y++) {
    const v = down.beyond[y];
    for (let x = across.from; x < across.to; x++) {
      const at = down.before[y] * places.width + across.before[x], u = across.beyond[x];
      const upper = values[at] * (1 - u) + values[at + stepX] * u, lower = values[at + stepY] * (1 - u) + values[at + stepX + stepY] * u;
      out[y * width + x] = Math.round(255 * Math.min(1, Math.max(0, upper * (1 - v) + lower * v)));
    }
  }
  return out;
}

function sharesOf(mask: Uint8Array, labels: string[]): Segmentation['classes'] {
  const counts = new Array<number>(256).fill(0);
  for (let i = 0; i < mask.length; i++) counts[mask[i]]++;
  const seen = mask.length - counts[UNSEEN];
  return labels.map((label, index) => ({ index, label, share: counts[index] / seen }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || a.index - b.index);
}
