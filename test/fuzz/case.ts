// Knows what one execution of the fuzzer is: a seed and what was changed in it, small enough to keep as a line of JSON. It
// does not know any format.
import type { Build } from '../../src/engine.js';
import type { ErrorCode } from '../../src/error.js';
import type { Random } from '../random-graph.js';

/** One change. The first word names it, and the target that made it knows the rest. */
export type Edit = [string, ...unknown[]];

export interface Case {
  target: string;
  seed: string;
  edits: Edit[];
  /** How it is loaded. */
  build?: Build;
  plan?: 'fast' | 'small' | 'layers';
  /** What it is asked when it has run. */
  ask?: number;
  /** Only read, planned and checked: no engine, no run. */
  only?: 'read';
  /** Also with guard bytes around every buffer, or saved and loaded again. */
  also?: 'guard' | 'again';
}

/** How an execution ended. A fault is a bug of the library; `key` tells it from others. */
export type Verdict =
  | { end: 'ran' }
  | { end: 'read' } // and planned
  | { end: 'refused'; code: ErrorCode }
  | { end: 'fault'; key: string; what: string };

export interface Target {
  /** Groups of names, from which `run` makes a seed again anywhere, and how often each group is chosen. */
  seeds(): [number, string[]][];
  /** One more change to a case. */
  mutate(random: Random, from: Case): Edit;
  run(fuzzed: Case): Promise<Verdict>;
}

/** Numbers at which sizes, offsets and counts go wrong. */
export const NUMBERS = [0, 1, -1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 127, 128, 255, 256, 1000, 4096, 65535, 65536, 2 ** 20, 2 ** 24, 2 ** 30, 2 ** 31 - 1, -(2 ** 31), -8];

export const nearby = (random: Random, value: number): number =>
  random.of([value + 1, value - 1, value * 2, value >> 1, -value, value + 8, value ^ (1 << random.below(31)), random.of(NUMBERS), random.of(NUMBERS), random.of(NUMBERS), random.of(NUMBERS)]) | 0;
