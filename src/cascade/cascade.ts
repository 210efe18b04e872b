// Knows when a second classifier is asked, and counts what that saves; how either of them classifies it does not know.
import { now } from '../builtin.js';
import { DepthwiseError } from '../error.js';
import type { Net } from '../net.js';
import type { Image } from '../picture.js';
import type { Classification, ClassifyOptions } from '../tasks/classify.js';

/** Asks elsewhere. Best answers first; its labels go out as they come. */
export type Escalation<I = Image> = (image: I, call: { signal?: AbortSignal; small: Classification[] }) => Promise<Classification[]> | Classification[];

export type Large<I = Image> = Net | Escalation<I>;

export interface CascadeOptions {
  /** The small network's answer stands where its best score is this or more, 0 to 1. `depthwise cascade` finds it. */
  accept: number;
  /** And leads the second by this or more (default 0). */
  margin?: number;
  /** When the large one fails: 'small' (default) answers with what there is and says so, 'throw' passes the error on. */
  onFailure?: 'small' | 'throw';
}

export interface CascadedOptions extends ClassifyOptions {
  /** Cancels the question to the large one; is handed to an escalation. */
  signal?: AbortSignal;
}

export interface Cascaded {
  results: Classification[];
  answeredBy: 'small' | 'large';
  /** Whether the large one was asked. */
  escalated: boolean;
  /** Why the large one, which was asked, did not answer. */
  failure?: unknown;
}

export interface Counters {
  asked: number;
  accepted: number;
  /** Questions to the large one; those it did not answer are `failed` as well, unless they were cancelled. */
  escalated: number;
  failed: number;
  /** Milliseconds spent in each, in all. */
  smallMs: number;
  largeMs: number;
  /** Multiply-adds that asking the large net every time would have taken more; negative where asking it alone is cheaper. */
  macsSaved: number;
}

/** Made by `cascade`. */
export class Cascade {
  readonly #small: Net;
  readonly #large: Large;
  readonly #accept: number;
  readonly #margin: number;
  readonly #throws: boolean;
  readonly #counters: Counters = { asked: 0, accepted: 0, escalated: 0, failed: 0, smallMs: 0, largeMs: 0, macsSaved: 0 };

  constructor(small: Net, large: Large, { accept, margin = 0, onFailure = 'small' }: CascadeOptions) {
    for (const [name, value] of [['accept', accept], ['margin', margin]] as const) {
      if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new DepthwiseError('BAD_INPUT', `${name} is a score from 0 to 1, not ${value}. \`depthwise cascade\` finds one.`);
    }
    if (onFailure !== 'small' && onFailure !== 'throw') throw new DepthwiseError('BAD_INPUT', `onFailure is 'small' or 'throw', not '${String(onFailure)}'.`);
    if (typeof large !== 'function') checkShared(small, large);
    this.#small = small;
    this.#large = large;
    this.#accept = accept;
    this.#margin = margin;
    this.#throws = onFailure === 'throw';
  }

  /** What was asked so far, a copy. */
  get counters(): Counters { return { ...this.#counters }; }

  /**
   * @throws DepthwiseError what classify throws, of the small net always, of the large one where onFailure is 'throw';
   *   ABORTED when the signal says so
   */
  async classify(image: Image, { signal, ...options }: CascadedOptions = {}): Promise<Cascaded> {
    stopIf(signal);
    const counters = this.#counters, { topK = 5 } = options, start = now();
    const [first, second, ...more] = this.#small.classify(image, { ...options, scoreThreshold: 0, topK: Math.max(2, topK) });
    counters.asked++;
    counters.smallMs += now() - start;
    const small = [first, second, ...more].filter((answer) => answer && answer.score >= (options.scoreThreshold ?? 0)).slice(0, topK);
    if (isSure(first.score, second?.score ?? 0, this.#accept, this.#margin)) {
      counters.accepted++;
      counters.macsSaved += macsOf(this.#large) - macsOf(this.#small);
      return { results: small, answeredBy: 'small', escalated: false };
    }
    return this.#escalate(image, small, options, signal);
  }

  async #escalate(image: Image, small: Classification[], options: ClassifyOptions, signal?: AbortSignal): Promise<Cascaded> {
    const counters = this.#counters, start = now();
    counters.escalated++;
    counters.macsSaved -= macsOf(this.#small);
    try {
      const results = typeof this.#large === 'function' ? checked(await unlessAborted(this.#large(image, { signal, small }), signal)) : this.#large.classify(image, options);
      return { results, answeredBy: 'large', escalated: true };
    } catch (failure) {
      stopIf(signal);
      counters.failed++;
      if (this.#throws) throw failure;
      return { results: small, answeredBy: 'small', escalated: true, failure };
    } finally {
      counters.largeMs += now() - start;
    }
  }
}

/** Whether the small answer stands; a score that equals the threshold is enough. */
export const isSure = (first: number, second: number, accept: number, margin: number): boolean => first >= accept && first - second >= margin;

/** What asking a net takes; of a server nothing is known. */
const macsOf = (asked: Large): number => (typeof asked === 'function' ? 0 : asked.info.steps.reduce((sum, { macs }) => sum + macs, 0));

function stopIf(signal?: AbortSignal): void {
  if (signal?.aborted) throw new DepthwiseError('ABORTED', 'The question was cancelled.', { cause: signal.reason });
}

/** An escalation that does not listen to its signal is left alone. */
function unlessAborted<T>(work: Promise<T> | T, signal?: AbortSignal): Promise<T> | T {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener?.('abort', stop, { once: true });
    Promise.resolve(work).then(resolve, reject).finally(() => signal.removeEventListener?.('abort', stop));
  });
}

function checked(results: Classification[]): Classification[] {
  const sound = Array.isArray(results) && results.every((answer) => typeof answer?.label === 'string' && typeof answer.score === 'number');
  if (!sound) throw new DepthwiseError('BAD_INPUT', 'An escalation answers with a list of { index, label, score }, best first; this one gave something else.');
  return results;
}

/** Nets may know different things, but not nothing in common: that is a mistake. */
export function checkShared(small: Net, large: Net): void {
  if (!small.labels || !large.labels) throw new DepthwiseError('BAD_INPUT', 'Both networks of a cascade need labels, by which their answers are compared. Load them with the labels option.');
  const known = new Set(large.labels);
  if (!small.labels.some((label) => known.has(label))) {
    throw new DepthwiseError('BAD_INPUT', `The networks of this cascade have no label in common (${small.labels.slice(0, 3).join(', ')}, … and ${large.labels.slice(0, 3).join(', ')}, …), so one cannot stand in for the other.`);
  }
}
