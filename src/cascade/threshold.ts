// Knows how sure the small network must be for its answer to stand, from what both networks said of labelled pictures. It
// does not know pictures or networks.
import { DepthwiseError } from '../error.js';
import { isSure } from './cascade.js';

/** What two networks said of one picture whose label is known. */
export interface Asked {
  /** Best and second score of the small one. */
  score: number;
  second: number;
  smallRight: boolean;
  largeRight: boolean;
  smallMs: number;
  largeMs: number;
}

/** How a cascade does with one threshold. */
export interface Threshold {
  accept: number;
  /** Share of right answers, 0 to 1. */
  accuracy: number;
  /** Share of pictures that the small network answers alone. */
  small: number;
  /** Mean milliseconds a picture. */
  ms: number;
}

export interface ThresholdOptions {
  /** As in CascadeOptions. */
  margin?: number;
  /** Which thresholds; default: 0 (the small network alone) to 1 (the large one for all but certainty) by twentieths. */
  at?: readonly number[];
}

export interface ChooseOptions extends ThresholdOptions {
  /** The accuracy to reach, 0 to 1. Default: the best that any threshold reaches, less half a standard error. */
  targetAccuracy?: number;
}

/** The row of one threshold. */
function withThreshold(asked: readonly Asked[], accept: number, margin: number): Threshold {
  let right = 0, alone = 0, ms = 0;
  for (const { score, second, smallRight, largeRight, smallMs, largeMs } of asked) {
    const sure = isSure(score, second, accept, margin);
    right += Number(sure ? smallRight : largeRight);
    alone += Number(sure);
    ms += smallMs + (sure ? 0 : largeMs);
  }
  return { accept, accuracy: right / asked.length, small: alone / asked.length, ms: ms / asked.length };
}

const GRID = Array.from({ length: 21 }, (_, i) => i / 20);

/** What each threshold would have given. */
export function thresholds(asked: readonly Asked[], { margin = 0, at = GRID }: ThresholdOptions = {}): Threshold[] {
  if (!asked.length) throw new DepthwiseError('BAD_INPUT', 'There is no labelled picture to choose a threshold by.');
  return at.map((accept) => withThreshold(asked, accept, margin));
}

/**
 * The fastest threshold that reaches the accuracy.
 * @throws DepthwiseError BAD_INPUT without pictures, or where no threshold reaches the target
 */
export function chooseThreshold(asked: readonly Asked[], options: ChooseOptions = {}): Threshold {
  const rows = thresholds(asked, options), best = Math.max(...rows.map(({ accuracy }) => accuracy));
  const target = options.targetAccuracy ?? best - Math.sqrt((best * (1 - best)) / asked.length) / 2;
  const enough = rows.filter(({ accuracy }) => accuracy >= target);
  if (!enough.length) {
    throw new DepthwiseError('BAD_INPUT', `No threshold reaches an accuracy of ${target}; the best is ${best.toFixed(4)} on these ${asked.length} pictures. Ask for less, or use a better large network.`);
  }
  return enough.reduce((fastest, row) => (row.ms < fastest.ms ? row : fastest));
}
