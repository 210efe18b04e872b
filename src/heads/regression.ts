// Knows softmax regression: the loss of a linear layer over labelled vectors, its gradient, and how to find the least. It
// does not know pictures or files.
import { exp, log } from './elementary.js';
import { leastOf } from './lbfgs.js';
import type { Watch } from './lbfgs.js';

/** Vectors of `depth` values, one a row, and their classes. */
export interface Labelled {
  rows: Float32Array;
  depth: number;
  classes: Int32Array;
  /** How many classes there are. */
  labels: number;
}

/** A layer: logits = weights [labels, depth] * x + bias [labels]. */
export interface Linear {
  weights: Float32Array;
  bias: Float32Array;
}

/**
 * How much the squared weights count beside the mean cross entropy: DECAY / 2 / labels. Chosen on few-shot splits of
 * pictures (bench/heads.ts): ten times more or less loses up to a point. The gradient of one class shrinks with their
 * number, and so does what holds it back.
 */
const DECAY = 0.01;

/**
 * Full-batch softmax regression with L2-regularised weights (not biases) on vectors that are centred and scaled to mean
 * square length 1; centre and scale are folded into the layer. Starts from zero, so the same vectors give the same bytes.
 */
export async function trainLinear(data: Labelled, watch: Watch = {}): Promise<Linear> {
  const { depth, labels } = data, { centre, scale, rows } = centred(data);
  const found = await leastOf(crossEntropy(rows, data, DECAY / labels), new Float64Array(labels * (depth + 1)), DECAY / labels, watch);
  const weights = new Float32Array(labels * depth), bias = new Float32Array(labels);
  for (let c = 0; c < labels; c++) {
    let shift = found[labels * depth + c];
    for (let d = 0; d < depth; d++) {
      const w = found[c * depth + d] * scale;
      weights[c * depth + d] = w;
      shift -= w * centre[d];
    }
    bias[c] = shift;
  }
  return { weights, bias };
}

/** (row - centre) * scale, of mean square length 1. */
export function centred({ rows, depth }: Labelled): { rows: Float64Array; centre: Float64Array; scale: number } {
  const count = rows.length / depth, centre = new Float64Array(depth), out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) centre[i % depth] += rows[i] / count;
  let squares = 0;
  for (let i = 0; i < rows.length; i++) squares += (out[i] = rows[i] - centre[i % depth]) ** 2;
  const scale = squares > 0 ? Math.sqrt(count / squares) : 1;
  for (let i = 0; i < out.length; i++) out[i] *= scale;
  return { rows: out, centre, scale };
}

/** Loss and gradient at [weights, biases]. Exported for tests. */
export function crossEntropy(rows: Float64Array, { depth, classes, labels }: Labelled, decay: number): (at: Float64Array, gradient: Float64Array) => number {
  const count = classes.length, residuals = new Float64Array(count * labels);
  return (at, gradient) => {
    const bias = at.subarray(labels * depth);
    products(rows, at, residuals, count, labels, depth);
    let loss = 0;
    for (let n = 0; n < count; n++) loss += toResiduals(residuals.subarray(n * labels, (n + 1) * labels), bias, classes[n]);
    for (let i = 0; i < residuals.length; i++) residuals[i] /= count;
    let squares = 0;
    for (let i = 0; i < labels * depth; i++) squares += at[i] ** 2, gradient[i] = decay * at[i];
    addOuter(rows, residuals, gradient, count, labels, depth);
    for (let c = 0, i = labels * depth; c < labels; c++, i++) {
      gradient[i] = 0;
      for (let n = c; n < residuals.length; n += labels) gradient[i] += residuals[n];
    }
    return loss / count + (decay / 2) * squares;
  };
}

/** Products of one row become probabilities less the truth; returns its cross entropy. */
function toResiduals(row: Float64Array, bias: Float64Array, truth: number): number {
  let most = -Infinity, sum = 0;
  for (let c = 0; c < row.length; c++) most = Math.max(most, row[c] += bias[c]);
  const right = row[truth];
  for (let c = 0; c < row.length; c++) sum += row[c] = exp(row[c] - most);
  for (let c = 0; c < row.length; c++) row[c] /= sum;
  row[truth] -= 1;
  return log(sum) + most - right;
}

// Both products walk two classes at a time, so that each value that is read serves several products; beyond the last row or
// class the last one is walked again, and left out of the result.

/** out[n, c] = rows[n] . weights[c]. */
function products(rows: Float64Array, weights: Float64Array, out: Float64Array, count: number, labels: number, depth: number): void {
  for (let n = 0; n < count; n += 2) {
    const a = n * depth, b = Math.min(n + 1, count - 1) * depth;
    for (let c = 0; c < labels; c += 2) {
      const u = c * depth, v = Math.min(c + 1, labels - 1) * depth;
      let au = 0, av = 0, bu = 0, bv = 0;
      for (let d = 0; d < depth; d++) {
        const x = rows[a + d], y = rows[b + d], p = weights[u + d], q = weights[v + d];
        au += x * p;
        av += x * q;
        bu += y * p;
        bv += y * q;
      }
      out[n * labels + c] = au;
      if (c + 1 < labels) out[n * labels + c + 1] = av;
      if (n + 1 < count) out[(n + 1) * labels + c] = bu;
      if (n + 1 < count && c + 1 < labels) out[(n + 1) * labels + c + 1] = bv;
    }
  }
}

/** sum[c] += residuals[n, c] * rows[n] over all n, four rows at a time. */
function addOuter(rows: Float64Array, residuals: Float64Array, sum: Float64Array, count: number, labels: number, depth: number): void {
  const of = (n: number, c: number): number => (n < count && c < labels ? residuals[n * labels + c] : 0);
  for (let n = 0; n < count; n += 4) {
    const [i, j, k, l] = [n, n + 1, n + 2, n + 3].map((row) => Math.min(row, count - 1) * depth);
    for (let c = 0; c < labels; c += 2) {
      const p = of(n, c), q = of(n + 1, c), r = of(n + 2, c), s = of(n + 3, c), u = c * depth;
      const P = of(n, c + 1), Q = of(n + 1, c + 1), R = of(n + 2, c + 1), S = of(n + 3, c + 1), v = Math.min(c + 1, labels - 1) * depth;
      for (let d = 0; d < depth; d++) {
        const w = rows[i + d], x = rows[j + d], y = rows[k + d], z = rows[l + d];
        sum[u + d] += p * w + q * x + r * y + s * z;
        sum[v + d] += P * w + Q * x + R * y + S * z;
      }
    }
  }
}
