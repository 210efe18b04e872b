// Checks classify and embed on the embedded weights: labels, order, limits, and that they read the tensors they say.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { toInput } from '../src/image.js';
import { load, loadGraph } from '../src/load.js';
import type { Graph } from '../src/formats/graph.js';
import { testedBuilds } from './builds.js';

const weights = new Uint8Array(readFileSync('weights/everyday.dw'));
const picture = { width: 120, height: 100, data: Uint8Array.from({ length: 120 * 100 * 4 }, (_, i) => (i * 2654435761) >>> 24) };

for (const build of await testedBuilds()) {
  test(`${build}: labels come best first, as many as asked for, and their scores are probabilities`, async () => {
    const net = await load(weights, { build });
    const all = net.classify(picture, { topK: 1000 });
    assert.is(all.length, 100);
    assert.ok(Math.abs(all.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-5);
    all.forEach(({ label, index, score }, i) => {
      assert.is(label, net.labels![index]);
      assert.ok(i === 0 || score <= all[i - 1].score);
    });
    assert.equal(net.classify(picture, { topK: 3 }), all.slice(0, 3));
    assert.equal(net.classify(picture, { topK: 100, scoreThreshold: all[4].score }), all.slice(0, 5));
    assert.equal(net.classify(picture), all.slice(0, 5), 'the same picture gives the same answer again');
  });

  test(`${build}: an embedding is the last pooled features`, async () => {
    const net = await load(weights, { build });
    const vector = net.embed(picture);
    net.run(toInput(picture, net.inputs[0], net.preprocessing));
    const { data, scale, zeroPoint } = net.layer('pool');
    assert.equal(vector, Float32Array.from(data, (q) => (q - zeroPoint!) * scale!), 'real values, not the int8 ones');
    assert.is(vector.length, 576);
    const unit = net.embed(picture, { l2Normalize: true });
    assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-5);
  });
}

test('labels without a background class start at index 1 of a network that has one', async () => {
  const graph: Graph = {
    tensors: [
      { name: 'x', shape: [1, 1, 1, 3], dtype: 'float32' },
      { name: 'y', shape: [1, 1, 1, 3], dtype: 'float32' },
    ],
    operators: [{ attributes: { kind: 'relu' }, inputs: [0], outputs: [1], where: 'relu' }],
    inputs: [0], outputs: [1], about: {}, labels: ['cat', 'dog'], preprocessing: { fit: 'stretch', crop: 1, mean: [0], std: [10] },
  };
  const net = await loadGraph(graph);
  const found = net.classify({ width: 1, height: 1, data: Uint8Array.of(10, 20, 60, 255) });
  assert.equal(found.map(({ label, index }) => [label, index]), [['dog', 2], ['cat', 1], ['background', 0]]);
  assert.throws(() => net.classify(picture, { topK: 0 }), (error: unknown) => error instanceof DepthwiseError && error.code === 'BAD_INPUT');
  assert.throws(() => net.embed(picture), (error: unknown) => error instanceof DepthwiseError && error.code === 'UNSUPPORTED');
});

test.run();
