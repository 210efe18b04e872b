// Checks the arithmetic of heads against independent ways to the same numbers: gradients by differences, the optimum by
// plain gradient descent, votes and confusions by hand, exp and log by Math.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exp, log } from '../src/heads/elementary.js';
import { judged } from '../src/heads/evaluation.js';
import { leastOf } from '../src/heads/lbfgs.js';
import { centred, crossEntropy, trainLinear } from '../src/heads/regression.js';
import type { Labelled } from '../src/heads/regression.js';
import { votes } from '../src/tasks/votes.js';

let state = 7;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;

/** Overlapping clouds, so that the optimum is no matter of course; odd counts meet the ends of every tile. */
function clouds(labels: number, depth: number, each: number): Labelled {
  const centres = Array.from({ length: labels }, () => Array.from({ length: depth }, () => random() * 2 + 3));
  const classes = Int32Array.from({ length: labels * each + 1 }, (_, i) => i % labels);
  return { rows: Float32Array.from({ length: classes.length * depth }, (_, i) => centres[classes[Math.floor(i / depth)]][i % depth] + (random() - 0.5) * 4), depth, classes, labels };
}

/** Mean cross entropy and its regularisation as the textbook writes them, in the layer's own terms. */
function textbook({ rows, depth, classes, labels }: Labelled, w: ArrayLike<number>, b: ArrayLike<number>, x: ArrayLike<number> = rows): number {
  let loss = 0;
  classes.forEach((truth, n) => {
    const logits = Array.from({ length: labels }, (_, c) => b[c] + Array.from({ length: depth }, (_, d) => w[c * depth + d] * x[n * depth + d]).reduce((sum, v) => sum + v, 0));
    loss -= Math.log(Math.exp(logits[truth]) / logits.reduce((sum, z) => sum + Math.exp(z), 0));
  });
  return loss / classes.length;
}

for (const [labels, depth, each] of [[2, 1, 3], [3, 5, 4], [5, 8, 7]]) {
  test(`${labels} classes of ${depth} values: loss and gradient are the textbook's`, () => {
    const data = clouds(labels, depth, each), { rows } = centred(data), objective = crossEntropy(rows, data, 0.3);
    const at = Float64Array.from({ length: labels * (depth + 1) }, () => random() - 0.5), gradient = new Float64Array(at.length), unused = new Float64Array(at.length);
    const value = objective(at, gradient), w = at.subarray(0, labels * depth);
    assert.ok(Math.abs(value - textbook(data, w, at.subarray(labels * depth), rows) - 0.15 * w.reduce((sum, v) => sum + v * v, 0)) < 1e-12);
    at.forEach((x, i) => {
      const difference = [1e-5, -1e-5].map((step) => objective(at.map((y, j) => (j === i ? x + step : y)), unused));
      assert.ok(Math.abs((difference[0] - difference[1]) / 2e-5 - gradient[i]) < 1e-8, `${i}`);
    });
  });

  test(`${labels} classes of ${depth} values: nothing that plain gradient descent finds is better`, async () => {
    const data = clouds(labels, depth, each), { weights, bias } = await trainLinear(data), { rows, centre, scale } = centred(data), decay = 0.01 / labels;
    // Back to centred vectors of mean square length 1, where the weights are regularised.
    const w = Float64Array.from(weights, (x) => x / scale), b = Float64Array.from(bias, (x, c) => x + centre.reduce((sum, m, d) => sum + m * weights[c * depth + d], 0));
    const found = textbook(data, w, b, rows) + (decay / 2) * w.reduce((sum, v) => sum + v * v, 0);
    let at = new Float64Array(labels * (depth + 1));
    const gradient = new Float64Array(at.length), objective = crossEntropy(rows, data, decay);
    let slow = 0;
    for (let step = 0; step < 60_000; step++) slow = objective(at, gradient), at = at.map((x, i) => x - 0.5 * gradient[i]);
    assert.ok(Math.abs(found - slow) < 1e-4, `${found} against ${slow}`); // the gap that training stops at
    assert.ok(slow < Math.log(labels), 'and both are better than guessing');
  });
}

test('centred vectors have mean 0 and mean square length 1; vectors that are all the same stay finite', async () => {
  const data = clouds(3, 4, 5), { rows } = centred(data);
  assert.ok(Math.abs(rows.reduce((sum, x) => sum + x * x, 0) / data.classes.length - 1) < 1e-12);
  const same: Labelled = { rows: new Float32Array(8).fill(3), depth: 2, classes: Int32Array.of(0, 1, 0, 0), labels: 2 };
  const { weights, bias } = await trainLinear(same);
  assert.equal(weights, new Float32Array(4));
  assert.ok(Math.abs(bias[0] - bias[1] - Math.log(3)) < 1e-2, 'what cannot be told apart is answered as often as it comes');
});

test('the least of a narrow valley is found', async () => {
  const least = await leastOf(([x, y], gradient) => {
    gradient.set([2 * (x - 3), 2000 * (y + 1)]);
    return (x - 3) ** 2 + 1000 * (y + 1) ** 2;
  }, new Float64Array(2), 2, {});
  assert.ok(Math.abs(least[0] - 3) < 1e-2 && Math.abs(least[1] + 1) < 1e-3, String(least));
});

test('exp and log are those of Math to a few units in the last place', () => {
  for (let i = 0; i < 100_000; i++) {
    const x = random() * 1400 - 700;
    assert.ok(Math.abs(exp(x) / Math.exp(x) - 1) < 1e-15, `exp ${x}`);
    const y = Math.exp(random() * 1400 - 700);
    assert.ok(Math.abs(log(y) - Math.log(y)) <= 1e-15 * Math.max(1, Math.abs(Math.log(y))), `log ${y}`);
  }
  assert.equal([exp(0), exp(-Infinity), exp(-1000), log(1)], [1, 0, 0, 0]);
  assert.ok(Number.isNaN(exp(NaN)));
});

test('the nearest vote by their similarity', () => {
  const classes = [0, 1, 1, 2, 0];
  assert.equal(votes([0.5, 1, 0.5, 0.75, 0.1], { k: 3, classes }, 3), Float32Array.of(0.5 / 2.25, 1 / 2.25, 0.75 / 2.25), 'of two as near as each other the first');
  assert.equal(votes([0.5, 1, 0.5, 0.75, 0.1], { k: 1, classes }, 3), Float32Array.of(0, 1, 0));
  assert.equal(votes([5, 10, 5, 7.5, 1], { k: 3, classes }, 3), votes([0.5, 1, 0.5, 0.75, 0.1], { k: 3, classes }, 3), 'in any unit');
  assert.equal(votes([-1, -2, -3, -4, -5], { k: 2, classes }, 3), Float32Array.of(0.5, 0.5, 0), 'what is unlike counts as much as the rest that is');
  assert.equal(votes([1, 2, 1, 1, 3], { k: 99, classes }, 3), Float32Array.of(0.5, 0.375, 0.125), 'more than there are is all');
});

test('accuracy and confusion, counted by hand', () => {
  const { count, accuracy, classes, confusion } = judged(['a', 'b', 'c'], [[0, 0], [0, 1], [1, 1], [1, 1], [0, 1], [0, 0], [1, 0]]);
  assert.equal([count, accuracy], [7, 4 / 7]);
  assert.equal(confusion, [[2, 2, 0], [1, 2, 0], [0, 0, 0]]);
  assert.equal(classes.slice(0, 2), [{ label: 'a', count: 4, correct: 2, accuracy: 2 / 4 }, { label: 'b', count: 3, correct: 2, accuracy: 2 / 3 }]);
  assert.ok(Number.isNaN(classes[2].accuracy));
  assert.ok(Number.isNaN(judged(['a'], []).accuracy));
});

test.run();
