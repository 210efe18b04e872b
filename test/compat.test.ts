// Checks depthwise/compat/tfjs from its built file: the shapes and names of @tensorflow-models/mobilenet, official
// checkpoints by version and alpha (from a local mirror of ../shared/models), own weights, and its refusals.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type * as Tfjs from '../src/compat/tfjs.js';
import { DepthwiseError } from '../src/error.js';
import { load as loadNet } from '../src/load.js';
import zoo from '../weights/zoo.json';
import { misbehaving, whole } from './zoo-server.js';

const { CHECKPOINTS, load } = await import(pathToFileURL('dist/compat/tfjs.js').href) as typeof Tfjs;
const everyday = new Uint8Array(readFileSync('weights/everyday.dw'));
const noise = { width: 120, height: 100, data: Uint8Array.from({ length: 120 * 100 * 4 }, (_, i) => (i * 2654435761) >>> 24) };
const fails = (code: string, pattern: RegExp) => (error: unknown) => error instanceof DepthwiseError && error.code === code && pattern.test(error.message);

async function rejects(work: Promise<unknown>, expected: (error: unknown) => boolean): Promise<void> {
  const error = await work.then(() => undefined, (cause: unknown) => cause);
  assert.ok(expected(error), String(error));
}

test('classify gives className and probability, three by default, like net.classify', async () => {
  const model = await load({ weights: everyday }), net = await loadNet(everyday);
  const found = await model.classify(noise), all = await model.classify(noise, 100);
  assert.is(found.length, 3);
  assert.equal(found, all.slice(0, 3));
  assert.equal(Object.keys(found[0]), ['className', 'probability']);
  assert.is(found[0].className, net.classify(noise)[0].label);
  assert.ok(Math.abs(all.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-5);
  await rejects(model.classify(noise, 0), fails('BAD_INPUT', /topk/));
});

test('infer gives logits or the embedding, with the properties of a tensor that are used', async () => {
  const model = await load({ weights: everyday }), net = await loadNet(everyday);
  const features = model.infer(noise, true);
  assert.equal(Float32Array.from(features), net.embed(noise));
  assert.equal(features.shape, [1, 1024]);
  const logits = model.infer(noise), [best] = await model.classify(noise, 1);
  assert.equal(logits.shape, [1, 100]);
  assert.is(logits.indexOf(Math.max(...logits)), net.labels!.indexOf(best.className));
  assert.is(logits.dataSync(), await logits.data());
  logits.dispose();
  model.dispose();
  assert.throws(() => model.infer(noise), fails('DISPOSED', /Load/));
});

test('every checkpoint it promises is in the zoo, for ImageNet', () => {
  const names = Object.values(CHECKPOINTS).flatMap((alphas) => Object.values(alphas));
  assert.is(names.length, 6);
  for (const [version, alphas] of Object.entries(CHECKPOINTS)) {
    for (const [alpha, name] of Object.entries(alphas)) {
      const row = zoo.weights.find((each) => each.name === name);
      assert.is(row?.family, `V${version}`, name);
      assert.is(row?.labels, 'imagenet', name);
      assert.match(name, new RegExp(`_(small_)?${Number(alpha).toFixed(alpha.length > 3 ? 2 : 1)}_`));
    }
  }
});

test('what nobody published, models of TensorFlow.js and impossible ranges are refused with a way on', async () => {
  await rejects(load({ version: 2, alpha: 0.5 }), fails('UNSUPPORTED', /version 2 with alpha 0\.5.*version 1 with alpha 0\.25, 0\.5, 0\.75, 1; version 2 with alpha 1;.*load\(\{ weights \}\)/s));
  await rejects(load({ modelUrl: 'https://example.com/model.json' }), fails('UNSUPPORTED', /\.tflite/));
  await rejects(load({ weights: everyday, inputRange: [1, 1] }), fails('BAD_INPUT', /inputRange/));
});

test('inputRange says what own weights take for black and white', async () => {
  const { net } = await load({ weights: everyday, inputRange: [0, 1] });
  assert.equal(net.preprocessing, { fit: 'stretch', crop: 1, mean: [-0], std: [255] });
  const { net: own } = await load({ weights: everyday });
  assert.equal(own.preprocessing, (await loadNet(everyday)).preprocessing);
});

/** A 24-bit BMP file, which stands upside down and in the order blue, green, red. */
function readBmp(file: string): { width: number; height: number; data: Uint8Array } {
  const bytes = readFileSync(file), width = bytes.readInt32LE(18), height = bytes.readInt32LE(22), row = Math.ceil(width * 3 / 4) * 4;
  const at = (x: number, y: number, c: number): number => bytes[bytes.readUInt32LE(10) + (height - 1 - y) * row + x * 3 + 2 - c];
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => at(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3)) };
}

const models = '../shared/models', official = `${models}/mobilenet_v2_1.0_224_quant.tflite`;
if (!existsSync(official)) console.log(`NOT RUN: official checkpoints, since ${official} is absent`);
else {
  test('version 2 with alpha 1 is the official checkpoint, its background class left out', async () => {
    const server = await misbehaving(), cache = mkdtempSync(path.join(os.tmpdir(), 'depthwise-'));
    server.answers((request, response) => whole(readFileSync(request.url!.endsWith('.txt') ? `${models}/imagenet_labels.txt` : official))(request, response));
    Object.assign(process.env, { DEPTHWISE_MIRROR: server.base, DEPTHWISE_CACHE: cache });
    try {
      const model = await load({ version: 2, alpha: 1 });
      const cat = readBmp('../shared/images/cat.bmp');
      const [best] = await model.classify(cat);
      assert.match(best.className, /\bcat\b/);
      assert.ok(best.probability > 0.25 && best.probability <= 1, String(best.probability));
      assert.equal(model.infer(cat).shape, [1, 1000]);
      assert.equal(model.infer(cat, true).shape, [1, 1280]);
      assert.not.ok((await model.classify(cat, 1000)).some(({ className }) => className === 'background'));
    } finally {
      delete process.env.DEPTHWISE_MIRROR, delete process.env.DEPTHWISE_CACHE;
      rmSync(cache, { recursive: true, force: true });
      await server.close();
    }
  });
}

test.run();
