// Checks net.detect: boxes in pixels of the picture whatever part of it the network saw, order, limits, labels, and networks
// that detect nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { DepthwiseError } from '../src/error.js';
import type { Graph, Preprocessing, Tensor } from '../src/formats/graph.js';
import { load, loadGraph } from '../src/load.js';

/**
 * A detector of two boxes, one for each row of its 2 x 2 pixels: their six values are its scores, and also its encodings, which
 * are divided by so much that the anchors stay as they are.
 */
function detector(preprocessing?: Preprocessing, labels?: string[], outputs = [3, 4, 5, 6]): Graph {
  const tensor = (name: string, shape: number[], data?: Float32Array): Tensor => ({ name, shape, dtype: 'float32', ...(data && { data: new Uint8Array(data.buffer) }) });
  return {
    tensors: [
      tensor('input', [1, 2, 2, 3]), tensor('rows', [1, 2, 6]), tensor('anchors', [2, 4], Float32Array.of(0.5, 0.5, 0.5, 0.25, 0.25, 0.75, 1, 1)),
      tensor('boxes', [1, 5, 4]), tensor('classes', [1, 5]), tensor('likelihoods', [1, 5]), tensor('count', [1]),
    ],
    operators: [
      { attributes: { kind: 'reshape' }, inputs: [0], outputs: [1], where: 'reshape' },
      {
        attributes: {
          kind: 'detection', maxDetections: 5, maxClassesPerDetection: 1, regular: false, detectionsPerClass: 1, scoreThreshold: 0, iouThreshold: 0.9, classes: 6, scales: [1e9, 1e9, 1e9, 1e9],
        },
        inputs: [1, 1, 2], outputs: [3, 4, 5, 6], where: 'detection',
      },
    ],
    inputs: [0], outputs, about: {}, ...(preprocessing && { preprocessing }), ...(labels && { labels }),
  };
}

const AS_IS: Preprocessing = { fit: 'stretch', crop: 1, mean: [0], std: [255] };
/** The upper half shows the scores of the first box, the lower half those of the second. */
const picture = (first: number[], second: number[], width: number, height: number) => {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set((Math.floor(i / width) < height / 2 ? first : second).slice(i % width < width / 2 ? 0 : 3).slice(0, 3), i * 3);
  return { data, width, height };
};
const shown = picture([10, 51, 0, 0, 102, 7], [255, 0, 0, 0, 0, 0], 200, 100);

test('boxes are in pixels, the likeliest first, cut at the edges', async () => {
  const net = await loadGraph(detector(AS_IS, ['ant', 'bee', 'cat', 'dog', 'eel', 'fox']));
  const found = net.detect(shown, { scoreThreshold: 0.3 });
  assert.equal(found.map(({ label, index }) => [label, index]), [['ant', 0], ['eel', 4]]);
  assert.equal(found.map(({ box }) => box), [{ x: 50, y: 0, width: 150, height: 75 }, { x: 75, y: 25, width: 50, height: 50 }]);
  assert.ok(found[0].score > found[1].score && found[1].score > 0.3 && found[0].score <= 1);
  assert.is(net.detect(shown, { scoreThreshold: 0.3, maxResults: 1 }).length, 1);
  assert.is(net.detect(shown).length, 1, 'half is enough by default');
  assert.equal(net.detect(shown, { scoreThreshold: 0 }), found);
});

test('where only the centre of the picture was looked at, boxes lie there', async () => {
  const net = await loadGraph(detector({ ...AS_IS, fit: 'centre', crop: 0.5 }));
  const found = net.detect({ width: 200, height: 100, data: new Uint8Array(60000).fill(255) });
  assert.equal(found.map(({ box }) => box), [{ x: 93.75, y: 37.5, width: 12.5, height: 25 }, { x: 87.5, y: 12.5, width: 50, height: 50 }]);
  assert.ok(found.every(({ label }) => label === 'class 0'));
});

test('a list of labels may begin with the background, and outputs may come in any order', async () => {
  for (const [labels, outputs] of [[['background', 'ant', 'bee', 'cat', 'dog', 'eel', 'fox'], [6, 5, 3, 4]], [['???', 'ant'], [4, 3, 6, 5]]] as const) {
    const net = await loadGraph(detector(AS_IS, [...labels], [...outputs]));
    assert.equal(net.detect(shown).map(({ label, box }) => [label, box.width]), [['ant', 150]]);
  }
});

test('what cannot be is refused in words', async () => {
  const net = await loadGraph(detector(AS_IS)), classifier = await load(new Uint8Array(readFileSync('weights/everyday.dw')));
  const refusal = (work: () => unknown, code: string): void => assert.throws(work, (error: unknown) => error instanceof DepthwiseError && error.code === code);
  refusal(() => net.detect(shown, { maxResults: 0 }), 'BAD_INPUT');
  refusal(() => net.detect(shown, { scoreThreshold: NaN }), 'BAD_INPUT');
  refusal(() => net.detect({ ...shown, width: 3 }), 'BAD_IMAGE');
  refusal(() => classifier.detect(shown), 'UNSUPPORTED');
  const partly = await loadGraph(detector(AS_IS, undefined, [3, 4]));
  refusal(() => partly.detect(shown), 'UNSUPPORTED');
});

test('a worker finds the same', async () => {
  const remote = await import(pathToFileURL('dist/worker.js').href) as typeof import('../src/worker.js');
  const weights = await savePlan(compile(detector(AS_IS))), [here, there] = [await load(weights), await remote.load(weights)];
  assert.equal(await there.detect(shown, { scoreThreshold: 0.3 }), here.detect(shown, { scoreThreshold: 0.3 }));
  there.dispose();
});

test('coco-ssd: the interface of @tensorflow-models/coco-ssd', async () => {
  const coco = await import(pathToFileURL('dist/compat/coco-ssd.js').href) as typeof import('../src/compat/coco-ssd.js');
  const model = await coco.load({ weights: await savePlan(compile(detector(AS_IS))), labels: ['ant', 'bee', 'cat', 'dog', 'eel', 'fox'] });
  const found = await model.detect(shown, 20, 0.3);
  assert.equal(found.map(({ bbox, class: name }) => [bbox, name]), [[[50, 0, 150, 75], 'ant'], [[75, 25, 50, 50], 'eel']]);
  assert.equal([await model.detect(shown), await model.detect(shown, 1, 0)], [found.slice(0, 1), found.slice(0, 1)]);
  assert.equal(found.map(({ score }) => score), model.net.detect(shown, { scoreThreshold: 0.3 }).map(({ score }) => score));
  const refusal = (config: object): Promise<unknown> => coco.load(config).then(() => undefined, (error: { code: string }) => error.code);
  assert.equal([await refusal({}), await refusal({ modelUrl: 'https://x.test/model.json' })], ['BAD_INPUT', 'UNSUPPORTED']);
  model.dispose();
});

const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-detect-')), file = (name: string): string => path.join(folder, name);
test.after(() => rmSync(folder, { recursive: true, force: true }));
const SAMPLE = 'weights/sample.png';

function command(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'detect', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('depthwise detect tells boxes, draws them, and prints one JSON document', async () => {
  writeFileSync(file('detector.dw'), await savePlan(compile(detector(AS_IS, ['ant', 'bee', 'cat', 'dog', 'eel', 'fox']))));
  const told = command(SAMPLE, '--weights', file('detector.dw'), '--threshold', '0.01', '--out', file('one.png'));
  assert.is(told.status, 0, told.stderr);
  assert.match(told.stdout, /sample\.png .*drawn into .*one\.png\n  (ant|bee|cat|dog|eel|fox) .* %  at +\d+, +\d+ +\d+ x +\d+/);
  command(SAMPLE, '--weights', file('detector.dw'), '--threshold', '1', '--out', file('none.png'));
  const [one, none, sample] = [file('one.png'), file('none.png'), SAMPLE].map((name) => readFileSync(name)), size = (png: Buffer): number[] => [png.readUInt32BE(16), png.readUInt32BE(20)];
  assert.equal([size(one), size(none)], [size(sample), size(sample)]);
  assert.not.equal(one, none, 'something was drawn');
  const told2 = command(SAMPLE, SAMPLE, '--weights', file('detector.dw'), '--threshold', '0.01', '--top', '1', '--json', '--out', file('many'));
  const { photos } = JSON.parse(told2.stdout);
  assert.equal(readdirSync(file('many')).sort(), ['sample-2.png', 'sample.png']);
  assert.equal(photos.map(({ results }: { results: unknown[] }) => results.length), [1, 1]);
  assert.equal(Object.keys(photos[0].results[0]), ['box', 'index', 'label', 'score']);
});

test('depthwise detect says what it needs', async () => {
  const fails = (args: string[], says: RegExp, status: number): void => {
    const result = command(...args);
    assert.is(result.status, status, result.stderr);
    assert.match(result.stderr, says);
    assert.is(result.stdout, '');
  };
  fails([SAMPLE], /--weights FILE/, 2);
  fails([SAMPLE, '--weights', file('detector.dw'), '--threshold', '2'], /--threshold needs a number from 0 to 1/, 2);
  fails([SAMPLE, SAMPLE, '--weights', file('detector.dw'), '--out', file('one.png')], /one file, and there are 2 photos/, 2);
  fails([SAMPLE, '--weights', 'weights/everyday.dw'], /detects nothing/, 1);
});

test.run();
