// Checks what stands in on hosts that lack it: SHA-256, UTF-8 and base64 of our own give what Node's give.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromBase64, plainFromBase64, toBase64 } from '../src/base64.js';
import { plainSha256, sha256 } from '../src/sha256.js';
import { fromAnyUtf8, fromUtf8, toUtf8 } from '../src/text.js';
import { readSafetensors } from '../src/formats/safetensors.js';
import { convert } from '../src/load.js';
import { fetchBytes } from '../src/source.js';
import { DepthwiseError } from '../src/error.js';

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
/** Every place of an end inside a block, and some blocks. */
const LENGTHS = [...Array.from({ length: 131 }, (_, i) => i), 1000, 65536];

test('SHA-256 of our own is that of Node', async () => {
  for (const length of LENGTHS) {
    const bytes = bytesOf(length), wanted = new Uint8Array(createHash('sha256').update(bytes).digest());
    assert.equal(plainSha256(bytes), wanted, `${length} bytes`);
    if (length < 3) assert.equal(await sha256(bytes), wanted);
  }
});

test('base64 of our own, there and back, is that of Node', () => {
  for (const length of LENGTHS) {
    const bytes = bytesOf(length), text = Buffer.from(bytes).toString('base64');
    assert.is(toBase64(bytes), text, `${length} bytes`);
    assert.equal(plainFromBase64(text), bytes, `${length} bytes`);
    assert.equal(fromBase64(text), bytes);
  }
});

test('UTF-8 without TextDecoder and TextEncoder is the same', () => {
  const text = 'a é 鯨 🐋 % \0', { TextDecoder, TextEncoder } = globalThis, bytes = new TextEncoder().encode(text);
  try {
    Object.assign(globalThis, { TextDecoder: undefined, TextEncoder: undefined });
    assert.is(fromUtf8(bytes), text);
    assert.equal(toUtf8(text), bytes);
    assert.throws(() => fromUtf8(Uint8Array.of(0xff)));
  } finally {
    Object.assign(globalThis, { TextDecoder, TextEncoder });
  }
  assert.is(fromUtf8(bytes), text);
  assert.throws(() => fromUtf8(Uint8Array.of(0xff)));
});

test('weights of other formats are read without TextDecoder and TextEncoder', async () => {
  const { cases } = JSON.parse(gunzipSync(readFileSync('test/vectors/detection.json.gz')).toString()) as { cases: { model: string }[] };
  const { TextDecoder, TextEncoder } = globalThis, entries = Float32Array.of(1), json = JSON.stringify({ weight: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }), head = new TextEncoder().encode(json);
  const safetensors = Uint8Array.from([...new Uint8Array(BigUint64Array.of(BigInt(head.length)).buffer), ...head, ...new Uint8Array(entries.buffer)]);
  const tflite = new Uint8Array(Buffer.from(cases[0].model, 'base64')), wanted = await convert(tflite);
  try {
    Object.assign(globalThis, { TextDecoder: undefined, TextEncoder: undefined });
    assert.equal(await convert(tflite), wanted);
    assert.equal([...readSafetensors(safetensors).tensors.keys()], ['weight']);
    assert.is(fromAnyUtf8(Uint8Array.of(0x61, 0xff)), 'a\ufffd');
  } finally {
    Object.assign(globalThis, { TextDecoder, TextEncoder });
  }
  assert.is(fromAnyUtf8(Uint8Array.of(0x61, 0xff)), 'a\ufffd');
});

test('what is no source is told so where there is no URL', async () => {
  const { URL } = globalThis;
  try {
    Object.assign(globalThis, { URL: undefined });
    await fetchBytes({} as never).then(() => assert.unreachable(), (error: unknown) => assert.ok(error instanceof DepthwiseError && error.code === 'BAD_INPUT', String(error)));
  } finally {
    Object.assign(globalThis, { URL });
  }
});

test.run();
