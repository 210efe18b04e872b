// Checks classify, embed and features on the starter weights and random networks: labels, order, limits, and that they read the tensors they say.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { Engine } from '../src/engine.js';
import { DepthwiseError } from '../src/error.js';
import { toInput } from './inputs.js';
import { load, loadGraph } from '../src/load.js';
import { savePlan } from '../src/convert.js';
import { realValues } from '../src/tasks/classify.js';
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

  test(`${build}: an embedding is what the classifier reads`, async () => {
    const net = await load(weights, { build });
    const vector = net.embed(picture);
    net.run(toInput(picture, net.inputs[0], net.preprocessing));
    const { data, scale, zeroPoint } = net.layer('conv_head');
    assert.equal(vector, Float32Array.from(data, (q) => (q - zeroPoint!) * scale!), 'real values, not the int8 ones');
    assert.is(vector.length, 1024);
    const unit = net.embed(picture, { l2Normalize: true });
    assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-5);
  });

  test(`${build}: features are copies of layers in the order asked for, and each step ran once`, async () => {
    const net = await load(weights, { build }), names = net.steps.map(({ name }) => name).filter((_, i) => i % 7 === 3), { run } = Engine.prototype;
    const input = toInput(picture, net.inputs[0], net.preprocessing), asked = [names[3], names[0], names[2], names[0], names[1]];
    net.run(input);
    const expected = asked.map((name) => net.layer(name)), ran: number[] = [];
    Engine.prototype.run = function (first, last) {
      for (let step = first; step < last; step++) ran.push(step);
      run.call(this, first, last);
    };
    try {
      assert.equal(net.features(picture, asked), expected);
    } finally {
      Engine.prototype.run = run;
    }
    assert.equal(ran, Array.from({ length: ran.length }, (_, i) => i), 'in order, none twice');
    assert.is(ran.length, net.steps.findIndex(({ name }) => name === names[3]) + 1, 'and none after the last that was asked for');
    const kept = net.features(picture, asked.slice(0, 1));
    net.features({ ...picture, data: picture.data.map((value) => 255 - value) }, asked);
    assert.equal(kept, expected.slice(0, 1), 'another picture does not change them');
    assert.throws(() => net.features(picture, [names[0], 'nowhere']), (error: unknown) => error instanceof DepthwiseError && error.code === 'NOT_FOUND' && /plan: 'layers'/.test(error.message));
  });
}

const FAMILIES = ['v1', 'v2', 'v3-small', 'v3-large'] as const;
for (const family of FAMILIES) {
  test(`${family}: embeddings are the same in every plan and out of its .dw, and without names features are the last of each stride`, async () => {
    const graph = randomModel(family, 'int8', 0.25, 64, 7), answers: Float32Array[] = [];
    const reads = graph.tensors[graph.operators.filter(({ attributes: { kind } }) => kind === 'conv2d' || kind === 'fullyConnected').at(-1)!.inputs[0]];
    for (const plan of ['layers', 'fast', 'small'] as const) {
      const net = await loadGraph(graph, { plan });
      answers.push(net.embed(picture));
      answers.push((await load(await savePlan(compile(graph, { plan })))).embed(picture));
      if (plan !== 'layers') continue;
      const found = net.features(picture), strides = found.map(({ shape }) => 64 / shape[1]);
      assert.equal(strides, [2, 4, 8, 16, 32]);
      found.forEach(({ name, shape }, i) => {
        const at = net.steps.findIndex((step) => step.name === name), later = net.steps.slice(at + 1).filter(({ output }) => output.length === 4 && output[1] > 1);
        assert.ok(later.every(({ output }) => output[1] < shape[1]), `${name} is the last of stride ${strides[i]}`);
      });
    }
    assert.is(answers[0].length, reads.shape.at(-1));
    answers.forEach((answer) => assert.equal(answer, answers[0]));
  });
}

const extractor = '../shared/models/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite', v3 = '../shared/models/mobilenet_v3_small_1.0_224_uint8.tflite';
if (existsSync(extractor)) {
  test('a network that ends in its embedding gives its output, and one with a second pool the layer before its classifier', async () => {
    const net = await load(extractor), output = realValues(net.run(toInput(picture, net.inputs[0], net.preprocessing))[0]);
    assert.equal(net.embed(picture), output);
    assert.is(net.embed(picture).length, 1024);
    const small = await load(v3), vector = small.embed(picture);
    assert.equal(vector, realValues(small.layer('MobilenetV3/Logits/AvgPool')));
    assert.is(vector.length, 1024);
  });
} else console.log('NOT RUN: ../shared is absent, so no official file was embedded');

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
