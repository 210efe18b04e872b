// Checks the readers: real files, files cut short, files with flipped bytes, operators that are not there.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { compile } from '../src/compile/plan.js';
import type { Graph } from '../src/formats/graph.js';
import { readSafetensors } from '../src/formats/safetensors.js';
import { readTflite } from '../src/formats/tflite.js';
import { Random } from './random-graph.js';

const shared = path.resolve('../shared'), has = existsSync(shared);
const bytesAt = (...parts: string[]): Uint8Array => new Uint8Array(readFileSync(path.join(shared, ...parts)));
if (!has) console.log('NOT RUN: ../shared is absent, so no real .tflite file was read');

function safetensors(header: unknown, data: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** Only a DepthwiseError may come out; anything else is a bug. */
function survives(read: () => unknown, what: string): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof DepthwiseError)) throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
    return false;
  }
}

const COUNTS: [file: string, kind: string, count: number][] = [
  ['mobilenet_v1_0.25_128_quant.tflite', 'conv2d', 15], ['mobilenet_v1_0.25_128_quant.tflite', 'depthwiseConv2d', 13],
  ['mobilenet_v2_1.0_224_quant.tflite', 'conv2d', 36], ['mobilenet_v2_1.0_224_quant.tflite', 'add', 10],
  ['mobilenet_v3_small_1.0_224_uint8.tflite', 'hardSwish', 19], ['mobilenet_v3_small_1.0_224_uint8.tflite', 'mul', 18],
  ['tf2_mobilenet_v2_1.0_224_ptq.tflite', 'mean', 1], ['tf2_mobilenet_v2_1.0_224_ptq.tflite', 'quantize', 2],
];

if (has) {
  for (const [file, kind, count] of COUNTS) {
    test(`${file} has ${count} ${kind}`, () => {
      assert.is(readTflite(bytesAt('models', file)).operators.filter(({ attributes }) => attributes.kind === kind).length, count);
    });
  }

  test('every model is read, or refused with the operator that is missing', () => {
    const files = readdirSync(path.join(shared, 'models')).filter((file) => file.endsWith('.tflite'));
    assert.ok(files.length > 5);
    for (const file of files) {
      try {
        compile(readTflite(bytesAt('models', file)));
      } catch (error) {
        assert.ok(error instanceof DepthwiseError && error.code === 'UNSUPPORTED' && /operator \d+ \([A-Za-z_0-9]+\)/.test(error.message), `${file}: ${error}`);
      }
    }
  });

  test('a .tflite file cut anywhere is refused', () => {
    const bytes = bytesAt('models/person_detect.tflite');
    for (let at = 0; at < bytes.length; at += 1009) assert.not(survives(() => compile(readTflite(bytes.subarray(0, at))), `${at} bytes`), `${at} bytes`);
  });

  test('2,000 .tflite files with flipped bytes are read or refused, never crash', () => {
    const bytes = bytesAt('models/person_detect.tflite'), random = new Random(5);
    const structure = [...Array.from({ length: bytes.length }, (_, i) => i).slice(-40000), ...Array.from({ length: 2000 }, (_, i) => i)];
    for (let round = 0; round < 2000; round++) {
      const changed = bytes.slice();
      for (let n = 0; n <= random.below(4); n++) changed[random.of(structure)] = random.of([0, 255, 128, random.below(256)]);
      survives(() => compile(readTflite(changed)), `round ${round}`);
    }
  });
}

test('.safetensors headers that lie are refused', () => {
  const tensor = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  assert.ok(survives(() => readSafetensors(safetensors({ a: tensor }, 8)), 'a sound file'));
  const lies: [string, Uint8Array][] = [
    ['empty', new Uint8Array(0)], ['only a length', new Uint8Array(8).fill(255)], ['no JSON', safetensors('{"a":', 8)], ['a list', safetensors([1], 0)],
    ['past the end', safetensors({ a: { ...tensor, data_offsets: [0, 12], shape: [3] } }, 8)], ['size against shape', safetensors({ a: { ...tensor, shape: [3] } }, 8)],
    ['backwards', safetensors({ a: { ...tensor, data_offsets: [8, 0] } }, 8)], ['overlap', safetensors({ a: tensor, b: { ...tensor, data_offsets: [4, 12] } }, 12)],
    ['negative shape', safetensors({ a: { ...tensor, shape: [-2] } }, 8)], ['null', safetensors({ a: null }, 8)], ['not whole', safetensors({ a: { ...tensor, shape: [1.5] } }, 8)],
  ];
  for (const [name, bytes] of lies) assert.not(survives(() => readSafetensors(bytes), name), name);
});

test('bfloat16 becomes float32', () => {
  const bytes = safetensors({ a: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, 4);
  bytes.set([0x80, 0x3f, 0x40, 0xc0], bytes.length - 4);
  const { data } = readSafetensors(bytes).tensors.get('a')!;
  assert.equal(Array.from(new Float32Array(data!.slice().buffer)), [1, -3]);
});

test('an operator of a graph that no kernel does is named', () => {
  const graph: Graph = {
    tensors: [{ name: 'x', shape: [1, 4, 4, 1], dtype: 'float32' }, { name: 'y', shape: [1, 2, 2, 1], dtype: 'float32' }],
    operators: [{ attributes: { kind: 'maxPool', window: [2, 2], stride: [2, 2], padding: 'valid', activation: 'none' }, inputs: [0], outputs: [1], where: 'operator 0 (MAX_POOL_2D)' }],
    inputs: [0], outputs: [1], about: {},
  };
  assert.throws(() => compile(graph), (error: unknown) => error instanceof DepthwiseError && error.code === 'UNSUPPORTED' && error.message.includes('operator 0 (MAX_POOL_2D)'));
});

test.run();
