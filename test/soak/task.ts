// Knows what a soak's process is asked and what it answers.
import type { Loaded } from './cycles.js';
import type { Ran } from './inferences.js';

/** Leaks that tests plant, to see that each is told. */
export type Leak = 'a kilobyte' | 'nets' | 'listeners';

export type Task =
  | { kind: 'answers' }
  | { kind: 'inferences'; count: number; points: number; leak?: Leak }
  | { kind: 'cycles'; count: number; points: number; leak?: Leak; /** Loading on the spot only. */ plain?: boolean };

export type Result<T extends Task['kind']> = T extends 'answers' ? string : T extends 'inferences' ? Ran : Loaded;

export type Message = { done: number } | { result: unknown } | { failed: string };

export interface Progress {
  told(done: number): void;
  /** Whether to end early. */
  stopped(): boolean;
  /** How many samples to take, evenly. */
  points: number;
}
