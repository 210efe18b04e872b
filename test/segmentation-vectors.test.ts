// Checks the operators of segmentation networks, one a file, against TensorFlow Lite's reference kernels: 8-bit values and
// indices byte for byte, float32 to its last bits. test/vectors/segmentation.py made the files.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import type { Output } from '../src/net.js';
import { testedBuilds } from './builds.js';

interface Case { name: string; model: string; input: string; outputs: string[] }

const { cases } = JSON.parse(gunzipSync(readFileSync('test/vectors/segmentation.json.gz')).toString()) as { cases: Case[] };
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** int64 comes as int32: the low halves are all there is to an index. */
const halves = (bytes: Uint8Array): Uint8Array => new Uint8Array(new Int32Array(bytes.slice().buffer).filter((_, i) => i % 2 === 0).buffer);

function compare({ data, dtype }: Output, bytes: Uint8Array, what: string): void {
  const expected = dtype === 'int64' ? halves(bytes) : bytes;
  if (dtype !== 'float32') return assert.equal(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), expected, what);
  const values = new Float32Array(expected.slice().buffer);
  assert.is(data.length, values.length, what);
  for (let i = 0; i < values.length; i++) assert.ok(Math.abs(data[i] - values[i]) <= 2e-6 * Math.max(1, Math.abs(values[i])), `${what}: value ${i} is ${data[i]}, not ${values[i]}`);
}

for (const build of [...await testedBuilds(), 'js' as const]) {
  test(`${build}: ${cases.length} operators of segmentation networks as TensorFlow Lite's reference does them`, async () => {
    for (const { name, model, input, outputs } of cases) {
      const net = await load(bytesOf(model), { build });
      const results = net.run(bytesOf(input));
      assert.is(results.length, outputs.length, name);
      results.forEach((result, i) => compare(result, bytesOf(outputs[i]), `${name}, output ${i}`));
      net.dispose();
    }
  });
}

test.run();
