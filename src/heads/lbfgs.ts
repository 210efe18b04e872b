// Knows how to find the least value of a smooth function from its gradients: L-BFGS with the two-loop recursion (Nocedal
// and Wright, Numerical Optimization, algorithm 7.4) and halved steps. It does not know what is minimised.
import { DepthwiseError } from '../error.js';

export interface Watch {
  signal?: AbortSignal;
  /** Per cent done, and 100. */
  onProgress?: (done: number, total: number) => void;
}

/** Fills the gradient at a point and returns the value there. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

const PAIRS = 10;
const MOST_STEPS = 300;
/** Stops where the value is surely less than this above its least, as far as strong convexity tells. */
const GAP = 1e-4;

/**
 * @param curvature the function's strong convexity: within |gradient|^2 / (2 curvature) of the least value
 * @throws DepthwiseError ABORTED
 */
export async function leastOf(objective: Objective, start: Float64Array, curvature: number, { signal, onProgress }: Watch): Promise<Float64Array> {
  let at = start.slice(), gradient = new Float64Array(at.length), value = objective(at, gradient), shown = 0;
  const target = 2 * curvature * GAP, first = dot(gradient, gradient), pairs: Pair[] = [];
  const breathe = breather();
  for (let step = 0; step < MOST_STEPS && dot(gradient, gradient) > target; step++) {
    await breathe();
    if (signal?.aborted) throw new DepthwiseError('ABORTED', 'Training was cancelled.', { cause: signal.reason });
    onProgress?.(shown = Math.max(shown, Math.min(99, Math.round((100 * Math.log(first / dot(gradient, gradient))) / Math.log(first / target)))), 100);
    const direction = descent(gradient, pairs), slope = dot(gradient, direction);
    const next = new Float64Array(at.length), nextGradient = new Float64Array(at.length);
    let nextValue = Infinity;
    for (let length = 1; length > 1e-10; length /= 2) {
      for (let i = 0; i < at.length; i++) next[i] = at[i] + length * direction[i];
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + 1e-4 * length * slope) break;
      nextValue = Infinity;
    }
    if (nextValue === Infinity) break; // no step goes down: the least that these numbers tell apart
    remember(pairs, at, next, gradient, nextGradient);
    [at, gradient, value] = [next, nextGradient, nextValue];
  }
  onProgress?.(100, 100);
  return at;
}

/** A step taken, how the gradient changed over it, and 1 / (step . change). */
interface Pair {
  step: Float64Array;
  change: Float64Array;
  rho: number;
}

function remember(pairs: Pair[], from: Float64Array, to: Float64Array, before: Float64Array, after: Float64Array): void {
  const step = to.map((x, i) => x - from[i]), change = after.map((x, i) => x - before[i]), curve = dot(step, change);
  if (curve <= 1e-14) return;
  pairs.push({ step, change, rho: 1 / curve });
  if (pairs.length > PAIRS) pairs.shift();
}

/** Minus the gradient times an estimate of the inverse Hessian; at first a step of length 1. */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const q = gradient.map((x) => -x), last = pairs.at(-1);
  const alphas = pairs.map(() => 0);
  for (let i = pairs.length - 1; i >= 0; i--) add(q, pairs[i].change, -(alphas[i] = pairs[i].rho * dot(pairs[i].step, q)));
  const scale = last ? 1 / (last.rho * dot(last.change, last.change)) : 1 / Math.sqrt(dot(gradient, gradient));
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  pairs.forEach(({ step, change, rho }, i) => add(q, step, alphas[i] - rho * dot(change, q)));
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let i = 0; i < to.length; i++) to[i] += what[i] * times;
}

/** Lets the host do something else now and then, so that a page stays alive and a signal is heard. */
function breather(): () => Promise<void> | void {
  let last = Date.now();
  return () => {
    if (Date.now() - last < 20 || typeof setTimeout !== 'function') return;
    return new Promise((resolve) => setTimeout(() => (last = Date.now(), resolve()), 0));
  };
}
