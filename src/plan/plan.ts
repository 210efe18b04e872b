// Knows what a plan is: step records, weights, what people may ask about them, and how its parts lie. It does not know
// what a plan is made from (compile/) nor what runs it (the engine).
import * as abi from '../../assembly/abi.js';
import type { DType, Graph, Preprocessing } from '../formats/graph.js';
import type { Vote } from '../tasks/votes.js';

const ALIGNMENT = 16;
/** Everything in a plan begins at a multiple of 16 bytes. */
export const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

export interface PlannedTensor {
  name: string;
  shape: number[];
  dtype: DType;
  scale?: number;
  zeroPoint?: number;
  /** Place in the arena, and the first and last step after which it lies there whole. */
  offset: number;
  bytes: number;
  first: number;
  last: number;
  /** uint8 values that lie in memory as int8, 128 lower. */
  flipped?: boolean;
}

export interface PlannedStep {
  kind: string;
  where: string;
  /** Tensors read and written, as indices into `tensors`. */
  inputs: number[];
  output: number;
  macs: number;
  /** Kinds of the steps that this one runs row by row; each has a record of its own after it. */
  parts?: string[];
}

/** What a plan says about itself; saved as JSON in a .dw file. */
export interface PlanInfo {
  purpose: Purpose;
  about: Graph['about'];
  labels?: string[];
  preprocessing?: Preprocessing;
  inputs: number[];
  outputs: number[];
  tensors: PlannedTensor[];
  steps: PlannedStep[];
  /** Least bytes that any arena for these steps could have. */
  arenaLowerBound: number;
  /** Where the outputs are similarities to examples, which vote for the labels. */
  vote?: Vote;
  /** What a trained head says about itself (src/heads/). */
  head?: HeadInfo;
}

export interface HeadInfo {
  kind: 'linear' | 'nearest';
  /** Which weights its embeddings came from. */
  fingerprint: string;
  backbone: string;
  /** How many each label was trained with. */
  examples: number[];
}

/** What an engine needs of a plan. */
export interface Program {
  steps: Int32Array;
  weights: Uint8Array;
  arenaBytes: number;
  scratchBytes: number;
}

export interface Plan extends Program {
  info: PlanInfo;
  /** Saved with its weights, all of them float32, as float16. */
  float16?: boolean;
}

/** Views of the records that lie one after another in `steps`. */
export const recordsOf = (steps: Int32Array): Int32Array[] =>
  Array.from({ length: steps.length / abi.STEP_WORDS }, (_, i) => steps.subarray(i * abi.STEP_WORDS, (i + 1) * abi.STEP_WORDS));

/** Bytes that stay free after each buffer of a guarded plan; no two of its buffers share memory. */
export const GUARD_BYTES = 64;

/**
 * What a plan is for. fast: blocks run row by row where that saves time. small: every block does, for the least memory.
 * layers: none does, so that every tensor of the model lies in memory at some step (net.layer).
 */
export type Purpose = 'fast' | 'small' | 'layers';
export const PURPOSES: readonly Purpose[] = ['fast', 'small', 'layers'];
