// Checks heads: a few pictures are learnt, answers and files agree on every build, the same examples give the same bytes,
// and each refusal says what to do.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel, type Family } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError } from '../src/error.js';
import { isDw, readDw, writeDw } from '../src/formats/dw.js';
import type { Graph, Tensor } from '../src/formats/graph.js';
import { createHead, loadHead } from '../src/heads.js';
import type { Head, TrainOptions } from '../src/heads.js';
import { toInput } from './inputs.js';
import type { Picture } from '../src/image.js';
import { load } from '../src/load.js';
import { savePlan } from '../src/convert.js';
import type { Net } from '../src/net.js';
import { fromUtf8, toUtf8 } from '../src/text.js';
import { testedBuilds } from './builds.js';

const weights = new Uint8Array(readFileSync('weights/everyday.dw'));
const float16 = new Uint8Array(readFileSync('weights/everyday-v3-small.float16.dw'));

/** A colour with a little noise: pictures of one colour are one class. */
function picture(colour: number[], seed: number, side = 40): Picture {
  let state = seed * 2654435761 + 1;
  const noise = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24) % 60 - 30;
  return { width: side, height: side, data: Uint8ClampedArray.from({ length: side * side * 4 }, (_, i) => ((i & 3) === 3 ? 255 : colour[i & 3] + noise())) };
}

const COLOURS: [string, number[]][] = [['red', [200, 40, 40]], ['green', [40, 180, 60]], ['blue', [50, 70, 210]]];

async function trained(net: Net, options: TrainOptions = {}, shots = 4): Promise<Head> {
  const head = createHead(net);
  for (let i = 0; i < shots; i++) for (const [label, colour] of COLOURS) head.add(picture(colour, i), label);
  await head.train(options);
  return head;
}

/** The same network with all of its 8-bit values 128 higher. */
function unsigned(graph: Graph): Graph {
  const higher = (tensor: Tensor): Tensor => (tensor.dtype !== 'int8' ? tensor : {
    ...tensor, dtype: 'uint8', ...(tensor.data && { data: tensor.data.map((byte) => byte ^ 128) }),
    ...(tensor.quantization && { quantization: { ...tensor.quantization, zeroPoint: tensor.quantization.zeroPoint.map((zero) => zero + 128) } }),
  });
  return { ...graph, tensors: graph.tensors.map(higher) };
}

const model = (family: Family, type: string): Graph => {
  const graph = randomModel(family, type === 'float32' ? 'float32' : 'int8', 0.25, 32);
  return type === 'uint8' ? unsigned(graph) : graph;
};

/** Answers of a classifier in one file against those of the network and the head's file, run by the same kernels. */
async function checkGrafted(bytes: Uint8Array, net: Net, head: Head, { build } = net): Promise<void> {
  const whole = await load(await head.graft(bytes, { float16: false }), { build }), alone = await load(await head.save(), { build });
  for (let seed = 30; seed < 33; seed++) {
    const seen = picture(COLOURS[seed % 3][1], seed);
    const [direct] = whole.run(toInput(seen, whole.inputs[0], whole.preprocessing)), direct8 = new Uint8Array(direct.data.slice().buffer);
    const [parted] = alone.run(net.embed(seen));
    assert.equal(direct8, new Uint8Array(parted.data.slice().buffer));
    const answers = whole.classify(seen), wanted = head.classify(seen);
    assert.equal(answers.map(({ label }) => label), wanted.map(({ label }) => label));
    answers.forEach(({ score }, i) => assert.ok(Math.abs(score - wanted[i].score) < 1e-5, `${score} ${wanted[i].score}`));
  }
  assert.equal(whole.embed(picture([1, 2, 3], 9)), net.embed(picture([1, 2, 3], 9)), 'the classifier has the same embedding');
}

for (const build of await testedBuilds()) {
  test(`${build}: a few pictures a class are learnt, and others of the classes recognised`, async () => {
    const net = await load(weights, { build });
    for (const kind of ['linear', 'nearest'] as const) {
      const head = await trained(net, { kind });
      const { accuracy, confusion } = head.evaluate(COLOURS.flatMap(([label, colour]) => [20, 21, 22].map((seed) => ({ example: picture(colour, seed), label }))));
      assert.is(accuracy, 1, kind);
      assert.equal(confusion, [[3, 0, 0], [0, 3, 0], [0, 0, 3]]);
      const answers = head.classify(picture(COLOURS[1][1], 50));
      assert.is(answers[0].label, 'green');
      assert.is(answers[0].index, 1);
      assert.ok(Math.abs(answers.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6);
      assert.equal(head.classify(picture(COLOURS[1][1], 50), { topK: 1 }), answers.slice(0, 1));
    }
  });

  for (const family of ['v1', 'v2', 'v3-small'] as Family[]) for (const type of ['float32', 'int8', 'uint8']) {
    test(`${build}: ${family} ${type}: the classifier in one file is the network, then the head's file, to the bit`, async () => {
      const bytes = await savePlan(compile(model(family, type))), net = await load(bytes, { build });
      for (const kind of ['linear', 'nearest'] as const) await checkGrafted(bytes, net, await trained(net, { kind }));
    });
  }
}

test('plain JavaScript, threads and the smallest plan give the same classifier', async () => {
  const bytes = await savePlan(compile(model('v2', 'int8'), { plan: 'small' }));
  const [small, plain] = [await load(bytes), await load(bytes, { build: 'js' })];
  const head = await trained(small), whole = await head.graft(bytes);
  await checkGrafted(bytes, plain, await loadHead(plain, await head.save()));
  const several = await load(whole, { threads: 2 }), one = await load(whole);
  assert.equal(several.classify(picture([9, 99, 199], 3)), one.classify(picture([9, 99, 199], 3)));
  several.dispose();
  assert.equal(await (await trained(await load(weights, { plan: 'fast' }))).graft(weights), await (await trained(await load(weights))).graft(weights));
});

for (const [name, file] of [['uint8 embedding extractor', 'mobilenet_v1_1.0_224_quant_embedding_extractor'], ['uint8 V3 with softmax', 'mobilenet_v3_small_1.0_224_uint8'], ['float32 V1', 'mobilenet_v1_0.25_224_float']]) {
  const place = `../shared/models/${file}.tflite`;
  if (!existsSync(place)) console.log(`NOT RUN: ../shared is absent, so no head was grafted onto a ${name}`);
  else {
    test(`a head grafts onto Google's ${name}`, async () => {
      const bytes = new Uint8Array(readFileSync(place)), net = await load(bytes);
      await checkGrafted(bytes, net, await trained(net));
    });
  }
}

test('a classifier in one file leaves the old last layers out, and says what it is', async () => {
  const net = await load(weights), head = await trained(net), bytes = await head.graft(weights), whole = await load(bytes);
  assert.ok(bytes.length < weights.length - 50_000, `${bytes.length} bytes: the layer of 100 outputs is gone`);
  assert.ok(whole.memory.totalBytes <= net.memory.totalBytes);
  assert.ok(!whole.steps.some(({ output }) => output.at(-1) === 100));
  assert.equal(whole.labels, ['red', 'green', 'blue']);
  assert.match(whole.about.description!, /last layers replaced by a linear head of 3 labels from 12 pictures/);
  assert.is(whole.about.licence, net.about.licence, 'terms travel along');
  assert.equal(whole.preprocessing, net.preprocessing);
  assert.equal(whole.info.head, { kind: 'linear', fingerprint: net.fingerprint, backbone: net.about.name, examples: [4, 4, 4] });
  for (const { name } of whole.tensors) assert.ok(whole.layer(name, new Int8Array(128 * 128 * 3)).data.length, name);
  for (const tensor of whole.tensors) assert.equal(whole.layer(tensor.name).data, (whole.run(new Int8Array(128 * 128 * 3)), whole.layer(tensor.name).data), `${tensor.name} can be read at any time`);
});

test('weights stored as float16 stay so in a classifier, unless it is said otherwise', async () => {
  const net = await load(float16), head = await trained(net), half = await head.graft(float16), full = await head.graft(float16, { float16: false });
  assert.ok(half.length < full.length * 0.55);
  const seen = picture([120, 90, 60], 4), [a, b] = [(await load(half)).classify(seen), (await load(full)).classify(seen)];
  a.forEach(({ label, score }, i) => (assert.is(label, b[i].label), assert.ok(Math.abs(score - b[i].score) < 2e-3)));
});

test('how the network was loaded goes into the classifier: preprocessing that the file does not hold', async () => {
  const bytes = await savePlan(compile(model('v1', 'float32'))), preprocessing = { fit: 'stretch' as const, crop: 1, mean: [10, 20, 30], std: [40, 50, 60] };
  const net = await load(bytes, { preprocessing }), head = await trained(net);
  assert.equal((await load(await head.graft(bytes))).preprocessing, preprocessing);
  await checkGrafted(bytes, net, head);
});

for (const kind of ['linear', 'nearest'] as const) {
  test(`${kind}: saved and loaded, it answers the same, from its own file and from the classifier's`, async () => {
    const net = await load(weights), head = await trained(net, { kind }), saved = await head.save();
    for (const bytes of [saved, await head.graft(weights)]) {
      const again = await loadHead(net, bytes);
      assert.is(again.kind, kind);
      assert.equal(again.labels, head.labels);
      assert.equal(again.classify(picture([70, 80, 90], 1)), head.classify(picture([70, 80, 90], 1)));
      assert.equal(await again.save(), saved);
    }
  });

  test(`${kind}: the same examples in the same order give the same bytes`, async () => {
    const net = await load(weights);
    assert.equal(await (await trained(net, { kind })).save(), await (await trained(net, { kind })).save());
  });
}

test('what is learnt now is not changed by examples that come later, until it is trained again', async () => {
  const net = await load(weights), head = await trained(net), seen = picture(COLOURS[0][1], 77), before = head.classify(seen);
  head.add(seen, 'grey');
  assert.equal(head.classify(seen), before);
  assert.equal(head.examples, [{ label: 'red', count: 4 }, { label: 'green', count: 4 }, { label: 'blue', count: 4 }, { label: 'grey', count: 1 }]);
  const training = head.train();
  head.add(seen, 'white');
  await training;
  assert.is(head.classify(seen, { topK: 9 }).length, 4, 'an example that comes while it trains belongs to the next time');
  await head.train({ kind: 'nearest', k: 1 });
  assert.is(head.classify(seen)[0].score, 1);
});

test('embeddings are as good as pictures, and a buffer that is reused does no harm', async () => {
  const net = await load(weights), a = await trained(net), b = createHead(net), vector = new Float32Array(net.embed(picture([0, 0, 0], 1)).length);
  for (let i = 0; i < 4; i++) for (const [label, colour] of COLOURS) vector.set(net.embed(picture(colour, i))), b.add(vector, label);
  await b.train();
  assert.equal(await a.save(), await b.save());
});

const refused = async (work: () => unknown, code: string, says: RegExp): Promise<void> => {
  const error = await (async () => work())().then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(error instanceof DepthwiseError, `not refused, or by ${String(error)}`);
  assert.is((error as DepthwiseError).code, code);
  assert.match((error as DepthwiseError).message, says);
};

test('too few examples, one class, strange labels and strange embeddings are refused, and change nothing', async () => {
  const net = await load(weights), head = createHead(net), seen = picture([1, 2, 3], 1), nan = net.embed(seen);
  await refused(() => head.train(), 'BAD_INPUT', /no example to learn from/);
  await refused(() => head.classify(seen), 'BAD_INPUT', /not been trained/);
  await refused(() => head.save(), 'BAD_INPUT', /not been trained/);
  await refused(() => head.graft(weights), 'BAD_INPUT', /not been trained/);
  await refused(() => head.add(seen, ''), 'BAD_INPUT', /label/);
  await refused(() => head.add(seen, 7 as unknown as string), 'BAD_INPUT', /label/);
  await refused(() => head.add(new Float32Array(1023), 'cat'), 'BAD_INPUT', /1024 values, not 1023/);
  nan[12] = NaN;
  await refused(() => head.add(nan, 'cat'), 'BAD_INPUT', /NaN at 12/);
  await refused(() => head.add({ width: 0, height: 0, data: new Uint8Array(0) }, 'cat'), 'BAD_IMAGE', /nothing/);
  assert.equal(head.examples, []);
  head.add(seen, 'cat');
  await refused(() => head.train(), 'BAD_INPUT', /"cat".*one class/);
  head.add(picture([200, 2, 3], 1), 'dog');
  await refused(() => head.train({ kind: 'forest' as 'linear' }), 'BAD_INPUT', /linear and nearest/);
  await refused(() => head.train({ kind: 'nearest', k: 0 }), 'BAD_INPUT', /k is a whole number/);
  await head.train();
  await refused(() => head.classify(nan), 'BAD_INPUT', /NaN at 12/);
  await refused(() => head.evaluate([{ example: seen, label: 'horse' }]), 'BAD_INPUT', /no label "horse"; it has cat, dog/);
  await refused(() => createHead(net, { labels: ['cat', 'cat'] }), 'BAD_INPUT', /same/);
  const fixed = createHead(net, { labels: ['cat', 'dog'] });
  await refused(() => fixed.add(seen, 'horse'), 'BAD_INPUT', /no label "horse"/);
  fixed.add(seen, 'dog');
  await refused(() => fixed.train(), 'BAD_INPUT', /no example of "cat"/);
});

test('a network without an embedding gets no head', async () => {
  const graph: Graph = {
    tensors: [{ name: 'x', shape: [1, 1, 1, 3], dtype: 'float32' }, { name: 'y', shape: [1, 1, 1, 3], dtype: 'float32' }],
    operators: [{ attributes: { kind: 'relu' }, inputs: [0], outputs: [1], where: 'relu' }], inputs: [0], outputs: [1], about: {},
  };
  const net = await load(await savePlan(compile(graph)));
  await refused(() => createHead(net), 'UNSUPPORTED', /does not end in pooled features/);
});

test('a head of other weights is refused, be they of the same architecture', async () => {
  const net = await load(weights), other = await load(float16), head = await trained(net);
  await refused(async () => loadHead(other, await head.save()), 'BAD_INPUT', /trained on embeddings of other weights: .*Use the very weights/);
  await refused(() => head.graft(float16), 'BAD_INPUT', /other weights/);
  assert.is((await load(weights.slice(), { build: 'scalar' })).fingerprint, net.fingerprint);
});

test('training can be cancelled, and then nothing has changed', async () => {
  const net = await load(weights), head = await trained(net), before = await head.save(), controller = new AbortController();
  const seen: number[] = [];
  head.add(picture([9, 9, 9], 1), 'black');
  await refused(() => head.train({ signal: AbortSignal.abort() }), 'ABORTED', /cancelled/);
  await refused(() => head.train({ signal: controller.signal, onProgress: (done) => { if (seen.push(done) === 3) controller.abort(); } }), 'ABORTED', /cancelled/);
  assert.is(seen.length, 3);
  assert.equal(await head.save(), before);
  await head.train({ onProgress: (done, total) => { seen.push(done); assert.is(total, 100); } });
  assert.is(seen.at(-1), 100);
  assert.ok(seen.slice(3).every((done, i, all) => i === 0 || done >= all[i - 1]), 'never goes back');
});

/** The file with another description, its hash right again. */
async function redescribed(bytes: Uint8Array, change: (info: Record<string, unknown>) => void): Promise<Uint8Array> {
  const { intact: _intact, ...sections } = readDw(bytes), info = JSON.parse(fromUtf8(sections.info)) as Record<string, unknown>;
  change(info);
  return writeDw({ ...sections, info: toUtf8(JSON.stringify(info)) });
}

test('files that are damaged, or hold no head, are refused', async () => {
  const net = await load(weights), saved = await (await trained(net)).save(), voting = await (await trained(net, { kind: 'nearest' })).save();
  assert.ok(isDw(saved));
  await refused(() => loadHead(net, new Uint8Array(10)), 'BAD_FILE', /no .dw file/);
  await refused(() => loadHead(net, weights), 'BAD_FILE', /holds no head/);
  for (const length of [100, saved.length >> 1, saved.length - 1]) await refused(() => loadHead(net, saved.slice(0, length)), 'BAD_FILE', /./);
  const flipped = saved.slice();
  flipped[flipped.length >> 1] ^= 1;
  await refused(() => loadHead(net, flipped), 'BAD_FILE', /SHA-256/);
  type Info = { head: { kind: string; examples: number[] }; labels: unknown[]; vote: { k: number; classes: number[] } };
  const wrong: [Uint8Array, (info: Info) => void][] = [
    [saved, (info) => { info.labels.pop(); }], [saved, (info) => { info.head.kind = 'nearest'; }], [saved, (info) => { info.head.examples = []; }], [saved, (info) => { info.labels[1] = 5; }],
    [voting, (info) => { info.vote.classes.pop(); }], [voting, (info) => { info.vote.classes[0] = 3; }], [voting, (info) => { info.vote.k = 0.5; }], [voting, (info) => { info.labels = []; }],
  ];
  for (const [bytes, change] of wrong) await refused(async () => loadHead(net, await redescribed(bytes, change as (info: Record<string, unknown>) => void)), 'BAD_FILE', /damaged/);
});

test.run();
