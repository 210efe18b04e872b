// Checks how pictures become input tensors, against values worked out by hand.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { toInput } from '../src/image.js';
import type { InputFormat, Picture } from '../src/image.js';

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
  ['too many pixels', { data: new Uint8Array(4), width: 100_000, height: 100_000 }, 'BAD_IMAGE'],
  ['wrong length', { data: new Uint8Array(5), width: 1, height: 1 }, 'BAD_IMAGE'],
  ['no picture', undefined as unknown as Picture, 'BAD_IMAGE'],
];
for (const [name, bad, code] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(() => toInput(bad, input(2, 'float32')), (error: unknown) => error instanceof DepthwiseError && error.code === code);
  });
}

test.run();
