// Knows how long work shares a thread with all else that runs there: step by step, with turns for the host in between, one
// piece of work after another, stopped by a signal. It does not know what the work is. It is loaded only where `runAsync` is called.
import { inWorkerd, now } from './builtin.js';
import { DepthwiseError } from './error.js';

/** Each step says how much it did, in multiply-adds; what is returned is the answer. */
export type Steps<T> = Generator<number, T>;

/** The host gets a turn before a step as long as the longest so far would make it wait for longer than this, of 5 ms that are promised. */
const MOST_MS = 4, LIKELY_STEP_MS = 2;
/** Or when this much was done: clocks of browsers may be coarse, and some stand still. */
const MOST_MACS = 50e6;

interface Job {
  steps: Steps<unknown>;
  begun: boolean;
  /** Milliseconds. */
  longestStep: number;
  /** Whether the signal says so; then the caller has heard it. */
  stopped(): boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Work that is done in the order in which it was asked for. */
export class Queue {
  #jobs: Job[] = [];
  #working = false;

  /** The first steps are done at once where nothing else is under way. Rejects with ABORTED as soon as the signal says so. */
  add<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject: (error: unknown) => void) => {
      const stopped = (): boolean => {
        if (signal?.aborted) job.reject(new DepthwiseError('ABORTED', 'The run was cancelled.', { cause: signal.reason }));
        return !this.#jobs.includes(job);
      };
      const once = <V>(tell: (what: V) => void) => (what: V): void => {
        signal?.removeEventListener?.('abort', stopped);
        this.#jobs = this.#jobs.filter((one) => one !== job);
        tell(what);
      };
      const job: Job = { steps, stopped, begun: false, longestStep: LIKELY_STEP_MS, resolve: once(resolve as (value: unknown) => void), reject: once(reject) };
      this.#jobs.push(job);
      signal?.addEventListener?.('abort', stopped);
      if (!stopped() && !this.#working) void this.#work();
    });
  }

  /** Does what is left of the work under way, for a caller who cannot wait and would come in between. */
  finish(): void {
    const [job] = this.#jobs;
    if (job?.begun) advance(job, () => true);
  }

  /** Rejects what is under way and what waits. */
  end(error: DepthwiseError): void {
    for (const job of this.#jobs) job.reject(error);
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      const start = now();
      let before = start, macs = 0;
      advance(job, (done) => {
        const time = now();
        job.longestStep = Math.max(job.longestStep, time - before);
        before = time;
        return (macs += done) < MOST_MACS && time - start + job.longestStep < MOST_MS;
      });
      await turn(); // behind the last step as well: whoever waited for the answer comes before the next piece of work
    }
    this.#working = false;
  }
}

function advance(job: Job, goesOn: (done: number) => boolean): void {
  job.begun = true;
  try {
    while (!job.stopped()) { // engines on their own have signals without events
      const { value, done } = job.steps.next();
      if (done) return job.resolve(value);
      if (!goesOn(value)) return;
    }
  } catch (error) {
    job.reject(error);
  }
}

let channel: MessageChannel | undefined;

/**
 * Ends in a later task of the host: timers, messages and clicks come in between. Not by scheduler.yield, after which Chromium
 * goes on before any timer or message, nor by setTimeout, which browsers make last 4 ms. In workerd a task belongs to a
 * request and ends with it, and others may wait for the same net: there, as where nothing of this is, the work goes on at once.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (inWorkerd()) resolve();
    else if (typeof setImmediate === 'function') setImmediate(resolve);
    else if (typeof MessageChannel === 'function') {
      if (!channel) (channel = new MessageChannel()).port1.start();
      channel.port1.addEventListener('message', () => resolve(), { once: true });
      channel.port2.postMessage(0);
    } else resolve();
  });
}
