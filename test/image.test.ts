// Checks how pictures become input tensors: against values worked out by hand, and on every build against plain loops.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { toInput } from './inputs.js';
import { Random } from './random-graph.js';
import type { InputFormat, Picture } from '../src/image.js';
import { load } from '../src/index.js';
import everyday from '../src/weights/everyday.js';
import { testedBuilds } from './builds.js';
import { pixelByPixel } from './reference-picture.js';

const input = (size: number, dtype: InputFormat['dtype'], channels = 3): InputFormat => ({ shape: [1, size, size, channels], dtype, scale: 1 / 127.5, zeroPoint: -1 });
const plain = { fit: 'stretch' as const, crop: 1, mean: [0], std: [1] };

/** A picture of the given red values; green is 0, blue is 255 - red. */
function picture(width: number, reds: number[], alpha = true): Picture {
  return { width, height: reds.length / width, data: Uint8Array.from(reds.flatMap((r) => (alpha ? [r, 0, 255 - r, 255] : [r, 0, 255 - r]))) };
}

const reds = (data: ArrayLike<number>): number[] => Array.from(data).filter((_, i) => i % 3 === 0);

test('the same size changes nothing', () => {
  const pixels = [1, 2, 3, 250];
  for (const alpha of [true, false]) assert.equal(reds(toInput(picture(2, pixels, alpha), input(2, 'float32'), plain)), pixels);
});

test('shrinking by two is a triangle over four pixels (Pillow: 1/8 3/8 3/8 1/8)', () => {
  const row = [0, 80, 160, 240, 0, 80, 160, 240];
  const four = [...row, ...row, ...row, ...row, ...row, ...row, ...row, ...row];
  const out = reds(toInput(picture(8, four), input(4, 'float32'), plain)).slice(0, 4);
  // The first output reads pixels 0 to 2 with weights 3, 3, 1 (what falls outside is left out), the second 1 to 4.
  assert.ok(Math.abs(out[0] - (3 * 0 + 3 * 80 + 160) / 7) < 1e-4);
  assert.ok(Math.abs(out[1] - (80 + 3 * 160 + 3 * 240 + 0) / 8) < 1e-4);
});

test('enlarging is bilinear between pixel centres', () => {
  const out = reds(toInput(picture(2, [0, 100, 0, 100]), input(4, 'float32'), plain)).slice(0, 4);
  assert.equal(out, [0, 25, 75, 100]);
});

test('the centre square is cut from a wide picture', () => {
  const out = toInput(picture(4, [9, 1, 2, 9, 9, 3, 4, 9]), input(2, 'float32'), { ...plain, fit: 'centre' });
  assert.equal(reds(out), [1, 2, 3, 4]);
});

test('8-bit inputs take pixels as they are unless the weights say otherwise', () => {
  const source = picture(1, [200]);
  assert.equal(Array.from(toInput(source, input(1, 'uint8'))), [200, 0, 55]);
  assert.equal(Array.from(toInput(source, input(1, 'int8'))), [72, -128, -73]);
  assert.equal(Array.from(toInput(source, input(1, 'int8'), { ...plain, mean: [127.5], std: [127.5] })), [72, -128, -73]);
});

test('one channel is luma', () => {
  const [value] = toInput(picture(1, [100]), input(1, 'float32', 1), plain);
  assert.ok(Math.abs(value - (0.299 * 100 + 0.114 * 155)) < 1e-4);
});

const refused: [string, Picture, string][] = [
  ['zero width', { data: new Uint8Array(0), width: 0, height: 4 }, 'BAD_IMAGE'],
  ['too long a side', { data: new Uint8Array(4_000_004), width: 1_000_001, height: 1 }, 'BAD_IMAGE'],
  ['too many pixels', { data: new Uint8Array(4), width: 100_000, height: 100_000 }, 'BAD_IMAGE'],
  ['wrong length', { data: new Uint8Array(5), width: 1, height: 1 }, 'BAD_IMAGE'],
  ['no picture', undefined as unknown as Picture, 'BAD_IMAGE'],
];
for (const [name, bad, code] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(() => toInput(bad, input(2, 'float32')), (error: unknown) => error instanceof DepthwiseError && error.code === code);
  });
}

const shrinkers = await Promise.all([...await testedBuilds(), 'js' as const].map(async (build) => (await load(everyday, { build })).shrinker));

test('random pictures, parts, sizes and formats: the definition, and the same bits on every build', () => {
  for (let seed = 1; seed <= Number(process.env.CASES ?? 60); seed++) {
    const random = new Random(seed), size = (): number => random.of([1, 2, 3, 5, 8, 17, 40, 63]);
    const w = size(), h = size(), bytes = random.of([3, 4]), data = Uint8Array.from({ length: w * h * bytes }, () => random.below(256));
    const dtype = random.of(['float32', 'int8', 'uint8'] as const), channels = random.of([3, 3, 1]);
    const format: InputFormat = { shape: [1, random.of([1, 4, 7, 32]), random.of([1, 4, 7, 32]), channels], dtype, scale: 1 / 100, zeroPoint: random.of([-1, 0, 100]) };
    const preprocessing = random.below(3) ? { fit: 'stretch' as const, crop: 1, mean: random.of([[127.5], [123.675, 116.28, 103.53]]), std: random.of([[127.5], [58.395, 57.12, 57.375]]) } : undefined;
    const region = random.of([{ x: 0, y: 0, width: w, height: h }, { x: w / 4, y: h / 8, width: w / 2, height: h * 0.75 }, { x: -w / 3, y: -1.5, width: w * 1.5, height: h + 4 }]);
    const want = pixelByPixel({ data, width: w, height: h }, format, preprocessing, region), what = `SEED ${seed}: ${w} x ${h} to ${JSON.stringify(format)}`;
    const [first, ...others] = shrinkers.map((shrinker) => shrinker.toInput({ data, width: w, height: h }, format, preprocessing, region));
    assert.is(first.length, want.length, what);
    const reach = dtype === 'float32' ? 1e-5 : 0.5 + 1e-6;
    first.forEach((value, i) => assert.ok(Math.abs(value - want[i]) <= reach * (dtype === 'float32' ? 1 + Math.abs(want[i]) : 1), `${what}: value ${i} is ${value}, not ${want[i]}`));
    for (const other of others) assert.equal(other, first, what);
  }
});

test('a large picture after a small one, and the other way round, leave nothing behind', () => {
  const format = input(8, 'uint8');
  for (const shrinker of shrinkers) {
    const small = picture(3, [1, 2, 3, 4, 5, 6]), large = picture(700, Array.from({ length: 700 * 90 }, (_, i) => i % 251));
    const [a, b] = [shrinker.toInput(small, format), shrinker.toInput(large, format)];
    assert.equal([shrinker.toInput(small, format), shrinker.toInput(large, format)], [a, b]);
  }
});

test.run();
