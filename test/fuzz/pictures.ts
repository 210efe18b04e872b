// Knows pictures as they may come: sizes and lengths that do not agree, views into the middle of buffers, any preprocessing;
// and what an answer must then be. It does not know what odd objects do (calls.ts).
import type { Preprocessing } from '../../src/formats/graph.js';
import { toInput } from '../inputs.js';
import type { InputFormat, Picture } from '../../src/image.js';
import { isPreprocessing } from '../../src/options.js';
import type { Random } from '../random-graph.js';
import type { Case, Edit, Target, Verdict } from './case.js';
import { judged } from './verdict.js';

const SIZES = [0, 1, 2, 3, 5, 9, 16, 33, 100, 257, 1000, 65536, 1e6, 1e8, 2 ** 31, -1, 0.5, NaN];
const LENGTHS = ['rgba', 'rgb', 'grey', 'one less', 'one more', 'twice', 'none'] as const;
const REAL = [0, 1, -1, 0.5, 127.5, 255, 1e-30, 1e30, NaN, Infinity, 0.875, 1.5];
const INPUT_SIZES = [1, 2, 3, 7, 16, 32];
const MOST_VALUES = 2e5, PATTERN = Uint8Array.from({ length: MOST_VALUES + 20 }, (_, i) => i * 31);

interface Values { width: number; height: number; length: (typeof LENGTHS)[number]; offset: number; input: InputFormat; preprocessing?: Preprocessing; clamped: boolean }

const START: Values = { width: 9, height: 7, length: 'rgba', offset: 0, clamped: false, input: { shape: [1, 8, 8, 3], dtype: 'uint8' } };

/** Numbers that JSON does not have travel as texts. */
const sent = (n: number): number | string => (Number.isFinite(n) ? n : String(n));

const EDITS: ((random: Random) => [string, unknown])[] = [
  (random) => ['width', sent(random.below(3) ? 1 + random.below(40) : random.of(SIZES))], (random) => ['height', sent(random.below(3) ? 1 + random.below(40) : random.of(SIZES))], (random) => ['length', random.of(LENGTHS)], (random) => ['offset', random.below(20)],
  (random) => ['clamped', random.below(2) === 1],
  (random) => ['input', { shape: random.of([[1, random.of(INPUT_SIZES), random.of(INPUT_SIZES), random.of([1, 3, 3, 3, 2])], [1, 8, 8], [8, 8, 3, 1]]), dtype: random.of(['float32', 'int8', 'uint8', 'int32']), ...(random.below(2) && { scale: sent(random.of(REAL)), zeroPoint: random.of([0, 128, -128, 1e9]) }) }],
  (random) => ['preprocessing', { fit: random.of(['centre', 'stretch']), crop: sent(random.of(REAL)), mean: [sent(random.of(REAL)), 0, 1].slice(0, random.of([1, 3])), std: [sent(random.of(REAL)), 1, 2].slice(0, random.of([1, 3])) }],
];

function valuesOf(edits: readonly Edit[]): Values {
  const number = (_: string, v: unknown): unknown => (typeof v === 'string' && /^(NaN|-?Infinity)$/.test(v) ? Number(v) : v);
  return Object.assign({ ...START }, ...edits.map(([key, v]) => JSON.parse(JSON.stringify({ [key]: v }), number) as object)) as Values;
}

function pictureOf({ width, height, length, offset, clamped }: Values): Picture {
  const pixels = width * height, bytes = { rgba: pixels * 4, rgb: pixels * 3, grey: pixels, 'one less': pixels * 4 - 1, 'one more': pixels * 4 + 1, twice: pixels * 8, none: 0 }[length];
  const whole = PATTERN.slice(0, Math.min(MOST_VALUES, Math.max(0, Math.floor(bytes) || 0)) + offset);
  return { data: clamped ? new Uint8ClampedArray(whole.buffer, offset) : whole.subarray(offset), width, height };
}

export const pictures: Target = {
  seeds: () => [[1, ['picture']]],
  mutate: (random: Random): Edit => random.of(EDITS)(random),
  run({ edits }: Case): Promise<Verdict> {
    const values = valuesOf(edits), picture = pictureOf(values), before = picture.data.slice();
    if (values.preprocessing && !isPreprocessing(values.preprocessing)) return Promise.resolve({ end: 'refused', code: 'BAD_INPUT' }); // no file and no option may say it
    return judged(async () => {
      const input = toInput(picture, values.input, values.preprocessing);
      if (input.length !== values.input.shape.reduce((n, d) => n * d, 1)) throw new Error(`gave ${input.length} values`);
      if (!before.every((byte, i) => byte === picture.data[i])) throw new Error('changed the picture');
      return { end: 'ran' };
    }, before.length, () => values.width * 50); // a filter over a row keeps its rows
  },
};
