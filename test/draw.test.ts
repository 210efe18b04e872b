// Checks what commands draw onto photos: places, clipping, letters.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { canvasOf, colourOf, dot, frame, label, line } from '../src/cli/draw.js';
import type { Canvas, Colour } from '../src/cli/draw.js';
import { glyph } from '../src/cli/lettering.js';
import { shrinker } from './inputs.js';

const RED: Colour = [255, 0, 0];

const grey = (width: number, height: number) => ({ data: new Uint8ClampedArray(width * height * 3).fill(100), width, height });
const at = ({ data, width }: Canvas, x: number, y: number): number[] => [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)];
const drawn = (canvas: Canvas): number => canvas.data.filter((value, i) => i % 4 === 0 && value !== 100).length;

test('a large picture becomes a smaller canvas, a small one stays as it is', () => {
  const large = canvasOf(grey(300, 600), shrinker, 100), small = canvasOf(grey(30, 20), shrinker, 100);
  assert.equal([large.width, large.height, large.scale], [50, 100, 100 / 600]);
  assert.equal([small.width, small.height, small.scale], [30, 20, 1]);
  assert.ok(small.data.every((value, i) => value === (i % 4 === 3 ? 255 : 100)));
});

test('a line goes from end to end, and places are those of the picture', () => {
  const canvas = canvasOf(grey(200, 200), shrinker, 100);
  line(canvas, { x: 20, y: 40 }, { x: 180, y: 40 }, RED);
  for (const x of [10, 50, 89]) assert.ok(at(canvas, x, 20)[0] > 200, `pixel ${x}`);
  for (const [x, y] of [[5, 20], [95, 20], [50, 16], [50, 24]]) assert.equal(at(canvas, x, y), [100, 100, 100]);
});

test('what lies outside is left out', () => {
  const canvas = canvasOf(grey(40, 40), shrinker);
  frame(canvas, { x: -1000, y: -1000, width: 3000, height: 3000 }, RED);
  line(canvas, { x: -50, y: -50 }, { x: -20, y: 90 }, RED);
  dot(canvas, { x: 400, y: 10 }, RED);
  assert.is(drawn(canvas), 0);
  line(canvas, { x: Infinity, y: NaN }, { x: 0, y: 0 }, RED);
  assert.is(drawn(canvas), 0);
});

test('a label stays inside of the picture and can be read', () => {
  for (const place of [{ x: 30, y: 30 }, { x: 300, y: 0 }, { x: -9, y: 99 }]) {
    const canvas = canvasOf(grey(100, 60), shrinker);
    label(canvas, place, 'Hi', RED);
    const ink = [...canvas.data.keys()].filter((i) => i % 4 === 1 && canvas.data[i] === 255).length;
    assert.is(drawn(canvas), (2 * 6 + 3) * 11, 'the ground is whole');
    assert.is(ink, 17 + 9, 'the dots of both letters');
  }
});

test('each letter has a shape of its own', () => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-_%/()+\'&!?#=<>'];
  const shapes = letters.map((letter) => glyph(letter).join());
  assert.is(new Set(shapes).size, letters.length);
  assert.ok(letters.every((letter) => glyph(letter).length === 7 && glyph(letter).every((row) => row >= 0 && row < 32)));
  assert.equal(glyph('é'), glyph('e'));
});

test('the first twenty colours differ', () => {
  const colours = Array.from({ length: 20 }, (_, i) => colourOf(i));
  for (const [i, a] of colours.entries()) {
    for (const b of colours.slice(i + 1)) assert.ok(Math.hypot(...a.map((value, c) => value - b[c])) > 20, `${a} and ${b}`);
  }
});

test.run();
