// Checks net.segment against interpolating every score at every pixel, and the overlay and its colours.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBmp } from '../src/cli/bmp.js';
import { maskPng } from '../src/cli/mask-png.js';
import { DepthwiseError, load } from '../src/index.js';
import { overlay } from '../src/overlay.js';
import type { Segmentation } from '../src/index.js';
import { regionOf } from '../src/image.js';
import { toInput } from './inputs.js';
import { loadGraph } from '../src/load.js';
import type { Net } from '../src/net.js';
import { colourOf } from '../src/tasks/colours.js';
import { Random } from './random-graph.js';
import { colourNet } from './segment-net.js';
import type { Shape } from './segment-net.js';

interface Photo { data: Uint8Array; width: number; height: number }

/** Patches of flat colour with a little noise, so that there are both insides and edges. */
function photo(random: Random, width: number, height: number): Photo {
  const patch = Array.from({ length: 9 }, () => [random.below(256), random.below(256), random.below(256)]), data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const x = i % width, y = Math.floor(i / width), [r, g, b] = patch[Math.floor((y * 3) / height) * 3 + Math.floor((x * 3) / width)];
    data.set([r ^ random.below(8), g ^ random.below(8), b ^ random.below(8), 255], i * 4);
  }
  return { data, width, height };
}

const netOf = (shape: Shape): Promise<Net> => loadGraph({ ...colourNet(shape) });

/** Where pixel i of a side lies among the network's places. */
const placeOf = (i: number, start: number, length: number, places: number): number => ((i + 0.5 - start) / length) * places;

function naive(net: Net, picture: Photo, smooth: boolean): Uint8Array {
  const [, h, w] = net.inputs[0].shape, region = regionOf(picture, net.preprocessing!), scores = toInput(picture, net.inputs[0], net.preprocessing);
  return Uint8Array.from({ length: picture.width * picture.height }, (_, i) => {
    const x = placeOf(i % picture.width, region.x, region.width, w), y = placeOf(Math.floor(i / picture.width), region.y, region.height, h);
    if (x < 0 || y < 0 || x >= w || y >= h) return 255;
    const sample = (c: number): number => {
      const at = (row: number, column: number): number => scores[(Math.max(0, Math.min(h - 1, row)) * w + Math.max(0, Math.min(w - 1, column))) * 3 + c];
      if (!smooth) return at(Math.floor(y), Math.floor(x));
      const left = Math.floor(x - 0.5), top = Math.floor(y - 0.5), u = x - 0.5 - left, v = y - 0.5 - top;
      return (at(top, left) * (1 - u) + at(top, left + 1) * u) * (1 - v) + (at(top + 1, left) * (1 - u) + at(top + 1, left + 1) * u) * v;
    };
    return [0, 1, 2].reduce((best, c) => (sample(c) > sample(best) ? c : best), 0);
  });
}

const CENTRE = { fit: 'centre', crop: 0.75, mean: [0], std: [1] } as const;

for (const [what, shape] of Object.entries<Shape>({
  'float scores': {}, 'uint8 scores': { dtype: 'uint8' }, 'int64 classes': { indices: 'int64' }, 'int32 classes': { indices: 'int32', dtype: 'uint8' },
  'scores of a centre square': { preprocessing: { ...CENTRE, mean: [0], std: [1] } }, 'scores of a single row': { size: [1, 7] }, 'scores of a single column': { size: [4, 1] },
})) {
  test(`${what}: each pixel's class as if all scores were interpolated, at any size of picture`, async () => {
    const random = new Random(7), net = await netOf(shape);
    for (const [width, height] of [[5, 6], [40, 31], [31, 64], [3, 2], [1, 1], [97, 7]]) {
      const picture = photo(random, width, height), { mask, ...found } = net.segment(picture);
      assert.is(mask.length, width * height);
      assert.equal([found.width, found.height, found.labels], [width, height, ['background', 'leaf', 'sky']]);
      assert.equal(mask, naive(net, picture, !shape.indices), `${what}, ${width} x ${height}`);
      const seen = mask.filter((index) => index !== 255);
      for (const { index, label, share } of found.classes) {
        assert.is(label, found.labels[index]);
        assert.ok(Math.abs(share - seen.filter((one) => one === index).length / seen.length) < 1e-9);
      }
      assert.ok(Math.abs(found.classes.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
      assert.equal(found.classes, [...found.classes].sort((a, b) => b.share - a.share));
    }
    net.dispose();
  });
}

test('confidence is the probability of the likeliest class, and absent where a network does not tell', async () => {
  const net = await netOf({ size: [1, 2], preprocessing: { fit: 'stretch', crop: 1, mean: [0], std: [100] } });
  const picture = { width: 2, height: 1, data: Uint8Array.of(200, 100, 0, 255, 0, 0, 50, 255) };
  const probability = (...scores: number[]): number => Math.exp(Math.max(...scores)) / scores.reduce((sum, score) => sum + Math.exp(score), 0);
  assert.equal([...net.segment(picture, { confidence: true }).confidence!], [probability(2, 1, 0), probability(0, 0, 0.5)].map((p) => Math.round(p * 255)));
  assert.is(net.segment(picture).confidence, undefined);
  assert.is((await netOf({ indices: 'int32' })).segment(picture, { confidence: true }).confidence, undefined);
});

test('a photo of 12 megapixels takes little memory beside its mask', async () => {
  const net = await netOf({ size: [65, 65] }), picture = photo(new Random(3), 400, 300), large = { width: 4000, height: 3000, data: new Uint8Array(4000 * 3000 * 3) };
  for (let i = 0; i < 12e6; i++) large.data.set(picture.data.subarray((Math.floor(i / 40_000) * 400 + Math.floor((i % 4000) / 10)) * 4).subarray(0, 3), i * 3);
  const before = process.memoryUsage().arrayBuffers, { mask, classes } = net.segment(large), taken = process.memoryUsage().arrayBuffers - before;
  assert.is(mask.length, 12e6);
  assert.ok(classes.length > 1);
  assert.ok(taken < 40e6, `${taken} bytes`);
});

test('what is no segmentation network, no picture or no option is refused in words', async () => {
  const refuses = (work: () => unknown, code: string, words: RegExp): void => assert.throws(work, (error: Error) => error instanceof DepthwiseError && error.code === code && words.test(error.message));
  const classifier = await load(new Uint8Array(readFileSync('weights/everyday.dw'))), picture = photo(new Random(1), 8, 8), net = await netOf({});
  refuses(() => classifier.segment(picture), 'UNSUPPORTED', /puts out int8 \[1,100\]; segment needs the scores/);
  refuses(() => net.segment({ ...picture, width: 9 }), 'BAD_IMAGE', /9 x 8/);
  refuses(() => net.segment(undefined as never), 'BAD_IMAGE', /picture/);
  refuses(() => overlay(picture, net.segment(picture), { opacity: 2 }), 'BAD_INPUT', /opacity/);
  refuses(() => overlay({ ...picture, data: picture.data.subarray(5) }, net.segment(picture)), 'BAD_IMAGE', /251 were given/);
});

const found: Segmentation = { width: 2, height: 2, mask: Uint8Array.of(0, 1, 2, 255), labels: ['background', 'leaf', 'sky'], classes: [] };
const grey = { width: 2, height: 2, data: Uint8Array.from({ length: 16 }, (_, i) => (i % 4 === 3 ? 200 : 100)) };

test('an overlay colours all but the background, and keeps alpha', () => {
  const [leaf, sky] = [colourOf(1), colourOf(2)];
  assert.equal([...overlay(grey, found, { opacity: 1 }).data], [100, 100, 100, 200, ...leaf, 200, ...sky, 200, 100, 100, 100, 200]);
  assert.equal([...overlay(grey, found, { opacity: 0 }).data], [...grey.data]);
  assert.equal([...overlay(grey, found, { palette: [[0, 0, 0], undefined, [200, 0, 100]], opacity: 0.5 }).data], [50, 50, 50, 200, 100, 100, 100, 200, 150, 50, 100, 200, 100, 100, 100, 200]);
  const rgb = overlay({ width: 4, height: 1, data: new Uint8Array(12) }, found, { palette: [undefined, [9, 9, 9], [7, 7, 7]], opacity: 1 });
  assert.equal([rgb.width, rgb.height, ...rgb.data], [4, 1, 7, 7, 7, 255, 7, 7, 7, 255, 0, 0, 0, 255, 0, 0, 0, 255], 'a picture of another size');
});

test('the palette stays apart for eyes with full sight and without red or green cones', () => {
  const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const times = (m: number[][], v: number[]): number[] => m.map((row) => row.reduce((sum, x, i) => sum + x * v[i], 0));
  const oklab = (rgb: number[]): number[] => times([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]],
    times([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]], rgb).map(Math.cbrt));
  const eyes = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  ];
  for (const eye of eyes) {
    const colours = Array.from({ length: 24 }, (_, i) => oklab(times(eye, colourOf(i).map((value) => linear(value / 255))).map((v) => Math.min(1, Math.max(0, v)))));
    colours.forEach((a, i) => colours.slice(i + 1).forEach((b, j) => assert.ok(Math.hypot(...a.map((v, c) => v - b[c])) > 0.05, `${i} and ${i + 1 + j}`)));
  }
  assert.equal(colourOf(24), colourOf(0));
});

test('a mask file is an indexed PNG whose pixels are the classes', async () => {
  const bytes = maskPng(found), text = (from: number): string => String.fromCharCode(...bytes.subarray(from, from + 4));
  assert.equal([text(12), ...bytes.subarray(16, 29), text(37)], ['IHDR', 0, 0, 0, 2, 0, 0, 0, 2, 8, 3, 0, 0, 0, 'PLTE']);
  assert.equal([...bytes.subarray(29, 33)], [0x45, 0x68, 0xfd, 0x16], 'the check sum of this header');
  const { inflateSync } = await import('node:zlib'), at = 33 + 12 + 768;
  assert.is(text(at + 4), 'IDAT');
  assert.equal([...inflateSync(bytes.subarray(at + 8))], [0, 0, 1, 0, 2, 255]);
});

if (existsSync('../shared')) {
  for (const [file, least, most] of [['deeplabv3_mnv2_float', 0.33, 0.4], ['deeplabv3_mnv2_dm05_pascal_quant', 0.38, 0.46]] as const) {
    test(`${file} sees the cat`, async () => {
      const labels = readFileSync('../shared/models/pascal_voc_segmentation_labels.txt', 'utf8').split('\n');
      const net = await load(new Uint8Array(readFileSync(`../shared/models/${file}.tflite`)), { labels });
      const { width, height, mask, classes } = net.segment(decodeBmp(new Uint8Array(readFileSync('../shared/images/cat.bmp')), 'cat.bmp'), { confidence: true });
      assert.equal(classes.slice(0, 2).map(({ label }) => label), ['background', 'cat']);
      assert.ok(classes[1].share > least && classes[1].share < most, `${classes[1].share}`);
      assert.equal([mask[Math.floor(height * 0.6) * width + (width >> 1)], mask[5]], [8, 0], 'the middle of the cat, and the wall');
      net.dispose();
    });
  }
} else console.log('NOT RUN: ../shared is absent, so no real network segmented a photo');

test.run();
