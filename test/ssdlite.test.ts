// Checks SSDLite from .safetensors against torchvision: heads and detections of weights that follow from their names
// (test/vectors/ssdlite.py), and what a file says that lacks a part.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { convert, load } from '../src/load.js';
import { testedBuilds } from './builds.js';

interface Vector {
  shapes: Record<string, number[]>; variances: Record<string, number>; boxes: number; rows: number[]; cls_logits: string; bbox_regression: string;
  found: { boxes: string; scores: string; labels: string };
}

const vector = JSON.parse(readFileSync('test/vectors/ssdlite.json', 'utf8')) as Vector;
const buffer = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text, 'base64')).buffer;

/** FNV-1a of the name, then a multiply-xorshift of each index: numbers from low to high, as the script makes them. */
function hashed(name: string, count: number, low: number, high: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const c of Buffer.from(name)) seed = Math.imul(seed ^ c, 0x01000193) >>> 0;
  return Float32Array.from({ length: count }, (_, i) => {
    let h = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    return low + (high - low) * ((h >>> 8) / 2 ** 24);
  });
}

function picture(): Float32Array {
  const coarse = hashed('coarse', 20 * 20 * 3, -0.7, 0.7), fine = hashed('fine', 320 * 320 * 3, -0.3, 0.3);
  return fine.map((value, i) => value + coarse[(Math.floor(i / 3 / 320 / 16) * 20 + Math.floor((Math.floor(i / 3) % 320) / 16)) * 3 + (i % 3)]);
}

function bounds(name: string, shape: number[]): [number, number] {
  if (name.endsWith('running_var')) return [0.7, 1.3];
  if (name.endsWith('running_mean')) return [-0.2, 0.2];
  if (shape.length === 4) {
    const side = (name.includes('head') && name.endsWith('.1.weight') ? 1.5 : 1) * Math.sqrt(3 / (shape[1] * shape[2] * shape[3]));
    return [-side, side];
  }
  return name.endsWith('weight') ? [0.8, 1.2] : [-0.2, 0.2];
}

const sizeOf = (shape: number[]): number => shape.reduce((n, d) => n * d, 1);

function weights(names = Object.keys(vector.shapes)): Uint8Array {
  const header: Record<string, object> = {}, parts: Float32Array[] = [];
  let at = 0;
  for (const name of names) {
    const shape = vector.shapes[name], values = hashed(name, sizeOf(shape), ...bounds(name, shape)), variance = vector.variances[name];
    parts.push(variance === undefined ? values : values.map((value) => Math.fround(value * Math.fround(variance))));
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at += values.byteLength] };
  }
  const text = JSON.stringify(header), padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8)), bytes = new Uint8Array(8 + padded.length + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded.length), true);
  bytes.set(padded, 8);
  parts.reduce((offset, part) => (bytes.set(new Uint8Array(part.buffer), offset), offset + part.byteLength), 8 + padded.length);
  return bytes;
}

/** Columns of ours in the order of torchvision's: x, y, width, height. */
const ORDER = [1, 0, 3, 2];

const file = weights();

for (const build of await testedBuilds()) {
  test(`${build}: heads and detections as torchvision gives them`, async () => {
    const net = await load(file, { build });
    assert.equal([net.inputs[0].shape, net.outputs.map(({ shape }) => shape)], [[1, 320, 320, 3], [[1, 300, 4], [1, 300], [1, 300], [1]]]);
    const [boxes, labels, scores, count] = net.run(picture()).map(({ data }) => data.slice());
    for (const [name, columns] of [['cls_logits', 11], ['bbox_regression', 4]] as const) {
      const { data, shape } = net.layer(name), expected = new Float32Array(buffer(vector[name])), range = Math.max(...expected.map(Math.abs));
      assert.equal(shape, [1, vector.boxes, columns]);
      vector.rows.forEach((row, i) => {
        for (let c = 0; c < columns; c++) {
          const got = data[row * columns + (columns === 4 ? ORDER[c] : c)], wanted = expected[i * columns + c];
          if (!(Math.abs(got - wanted) <= 1e-4 * range)) assert.unreachable(`${name}, box ${row}, ${c}: ${got}, expected ${wanted}`);
        }
      });
    }
    const wanted = { boxes: new Float32Array(buffer(vector.found.boxes)), scores: new Float32Array(buffer(vector.found.scores)), labels: new Int32Array(buffer(vector.found.labels)) };
    assert.is(count[0], wanted.scores.length);
    assert.equal([...labels], [...wanted.labels].map((label) => label - 1), 'without the background');
    scores.forEach((score, i) => assert.ok(Math.abs(score - wanted.scores[i]) < 1e-4, `score ${i}: ${score}, expected ${wanted.scores[i]}`));
    boxes.forEach((side, i) => assert.ok(Math.abs(side * 320 - wanted.boxes[(i & ~3) + ORDER[i & 3]]) < 0.01, `box ${i >> 2}: ${side * 320}, expected ${wanted.boxes[(i & ~3) + ORDER[i & 3]]}`));
    net.dispose();
  });

  test(`${build}: saved as .dw it finds the same, in pixels of any picture`, async () => {
    const [whole, saved] = [await load(file, { build }), await load(await convert(file), { build })];
    const photo = { width: 200, height: 100, data: Uint8Array.from({ length: 80000 }, (_, i) => (i * 2654435761) >>> 24) };
    const found = whole.detect(photo, { scoreThreshold: 0.2, maxResults: 20 });
    assert.ok(found.length > 3 && found.every(({ box }) => box.x >= 0 && box.y >= 0 && box.x + box.width <= 200.001 && box.y + box.height <= 100.001));
    assert.equal(saved.detect(photo, { scoreThreshold: 0.2, maxResults: 20 }), found);
    [whole, saved].forEach((net) => net.dispose());
  });
}

test('a file that lacks a head, and a wrong alpha, are refused in words', async () => {
  const refusal = (bytes: Uint8Array, options = {}): Promise<unknown> => load(bytes, options).then(() => undefined, (error: unknown) => error);
  const lacking = await refusal(weights(Object.keys(vector.shapes).filter((name) => !name.includes('classification_head.module_list.3.1'))));
  assert.ok(lacking instanceof DepthwiseError && lacking.code === 'BAD_FILE' && lacking.message.includes('classification_head.module_list.3.1.weight'), String(lacking));
  const alpha = await refusal(file, { alpha: 0.5 });
  assert.ok(alpha instanceof DepthwiseError && alpha.code === 'BAD_INPUT', String(alpha));
});

test.run();
