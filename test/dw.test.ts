// Checks the .dw file and net life: round trips, damage, hostile records, wrong inputs, disposal.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OH, OP, PERIOD, SRC, STEP_WORDS, WEIGHTS } from '../assembly/abi.js';
import { randomModel } from '../bench/random-model.js';
import { checkPlan } from '../src/plan/check.js';
import { compile } from '../src/compile/plan.js';
import { savePlan as save } from '../src/convert.js';
import { DepthwiseError } from '../src/error.js';
import { load as loadCore } from '../src/core.js';
import { convert, load, memoryFor } from '../src/load.js';
import { narrowed, widened } from '../src/formats/float16.js';
import { readWeights } from '../src/loader.js';
import type { Plan } from '../src/plan/plan.js';
import { testedBuilds } from './builds.js';

const model = (dtype: 'float32' | 'int8'): Plan => compile(randomModel('v3-small', dtype, 0.35, 32));

const isError = (code: string) => (error: unknown): boolean => {
  if (!(error instanceof DepthwiseError) || error.code !== code) throw error;
  return true;
};

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(() => undefined, (e: unknown) => e);
  assert.ok(error instanceof DepthwiseError, `expected ${code}, got ${error}`);
  assert.is((error as DepthwiseError).code, code);
}

for (const dtype of ['float32', 'int8'] as const) {
  test(`${dtype}: a saved plan gives the same bytes, and saving it again the same file`, async () => {
    const bytes = await save(model(dtype));
    assert.equal(await convert(bytes), bytes);
    const [a, b] = [await load(bytes), await load(bytes)];
    const input = Uint8Array.from({ length: 32 * 32 * 3 * (dtype === 'int8' ? 1 : 4) }, (_, i) => (dtype === 'int8' ? i * 31 : 0));
    assert.equal(a.run(input)[0].data.slice(), b.run(input)[0].data.slice());
    assert.is(a.memory.totalBytes % 65536, 0);
  });
}

test('float16 storage: about half the file, saved again the same file, and every weight the nearest float16', async () => {
  const plan = model('float32');
  const whole = await save(plan), half = await save({ ...plan, float16: true });
  assert.ok(half.length < whole.length * 0.6, `${half.length} of ${whole.length} bytes`);
  assert.equal(await convert(half), half);
  assert.equal(await convert(whole, { float16: true }), half);
  const stored = new Float32Array((await readWeights(half)).weights.slice().buffer), exact = new Float32Array(plan.weights.buffer, plan.weights.byteOffset, stored.length);
  assert.ok(exact.some((value, i) => value !== stored[i]));
  exact.forEach((value, i) => {
    const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1))) - 10); // between neighbouring float16 values
    if (!(Math.abs(value - stored[i]) <= step / 2) || stored[i] % 2 ** -24 !== 0) assert.is(stored[i], value);
  });
});

test('float16: ties go to the even neighbour, tiny values survive, and what is too large is refused', () => {
  const through = (...values: number[]): number[] => [...new Float32Array(widened(narrowed(new Uint8Array(Float32Array.from(values).buffer))).buffer)];
  const ulp = 2 ** -10;
  assert.equal(through(0, -0, 1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, 65504, -65519), [0, -0, 1, 1 + 2 * ulp, 1 + ulp, 65504, -65504]);
  assert.equal(through(2 ** -24, 1.5 * 2 ** -24, 2 ** -25, 2 ** -25 * 1.01, 1023.6 * 2 ** -24), [2 ** -24, 2 ** -23, 0, 2 ** -24, 2 ** -14]);
  for (const value of [65520, -1e9, Infinity, NaN]) assert.throws(() => through(value), (error: unknown) => error instanceof DepthwiseError && error.code === 'BAD_INPUT');
});

test('float16 storage of an 8-bit model is refused', () => rejects(convertPlan(), 'BAD_INPUT'));
const convertPlan = (): Promise<Uint8Array> => save({ ...model('int8'), float16: true });

test('a file of another version says which release reads it', async () => {
  const bytes = await save(model('int8'));
  const withVersion = (version: number): Uint8Array => {
    const other = bytes.slice();
    new DataView(other.buffer).setUint32(8, version, true);
    return other;
  };
  const message = async (version: number): Promise<string> => (await load(withVersion(version)).then(() => new Error('it was read'), (e: unknown) => e as Error)).message;
  assert.match(await message(1), /depthwise 0\.1/);
  assert.match(await message(9), /update depthwise/);
});

test('every truncation and every flipped byte is refused', async () => {
  const bytes = await save(model('int8'));
  for (let at = 0; at < bytes.length; at += 997) {
    const error = await load(bytes.slice(0, at)).catch((e: unknown) => e);
    assert.ok(error instanceof DepthwiseError, `${at} bytes: ${error}`);
    const flipped = bytes.slice();
    flipped[at] ^= 1 << (at % 8);
    const refused = await load(flipped).catch((e: unknown) => e);
    assert.ok(refused instanceof DepthwiseError, `byte ${at}: ${refused}`);
  }
});

test('a record that points outside is refused even where the hash is right', () => {
  for (const [word, value] of [[SRC, 2 ** 30], [SRC, -16], [WEIGHTS, 2 ** 29], [OP, 99], [OH, 40000]]) {
    const plan = model('int8');
    plan.steps[word] = value; // of the first step, a convolution
    assert.throws(() => checkPlan(plan), isError('BAD_FILE'));
  }
});

test('a period of zero, which would loop for ever, is refused', () => {
  const plan = model('int8');
  const add = Array.from({ length: plan.steps.length / STEP_WORDS }, (_, i) => i).find((i) => plan.info.steps[i].kind === 'add')!;
  plan.steps[add * STEP_WORDS + PERIOD] = 0;
  assert.throws(() => checkPlan(plan), isError('BAD_FILE'));
});

test('says what is wrong with sources and options', async () => {
  await rejects(load(new TextEncoder().encode('hello, this is a text file')), 'BAD_FILE');
  await rejects(load(new Uint8Array(0)), 'BAD_FILE');
  await rejects(load('no/such/file.dw'), 'NOT_FOUND');
  await rejects(load(42 as unknown as string), 'BAD_INPUT');
  const bytes = await save(model('int8'));
  await rejects(load(bytes, { integrity: 'sha256-AAAA' }), 'BAD_FILE');
  await rejects(load(bytes, { build: 'fast' as 'simd' }), 'BAD_INPUT');
  await rejects(load(bytes, { signal: AbortSignal.abort() }), 'ABORTED');
});

test('loads from every kind of source', async () => {
  const bytes = await save(model('int8')), input = new Uint8Array(32 * 32 * 3);
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'dw-')), 'net.dw');
  writeFileSync(file, bytes);
  const expected = (await load(bytes)).run(input)[0].data.slice();
  let seen = 0;
  const response = new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-length': String(bytes.length) } });
  const sources = [bytes.slice().buffer, Buffer.from(bytes), new Blob([bytes as Uint8Array<ArrayBuffer>]), file, pathToFileURL(file), pathToFileURL(file).href, response];
  for (const source of sources) {
    const net = await load(source, { onProgress: (done) => { seen = done; } });
    assert.equal(net.run(input)[0].data.slice(), expected, String(source));
  }
  assert.is(seen, bytes.length, 'progress of the response');
  rmSync(path.dirname(file), { recursive: true });
});

test('labels, licence and source given at conversion travel with the file', async () => {
  const labels = Array.from({ length: 1001 }, (_, i) => `label ${i}`);
  const net = await load(await convert(await save(model('int8')), { labels, licence: 'CC0', source: 'made here' }));
  assert.equal(net.labels, labels);
  assert.is(net.about.licence, 'CC0');
  assert.is(net.about.source, 'made here');
});

test('the memory is known before it is taken', async () => {
  const bytes = await save(model('int8'));
  for (const build of await testedBuilds()) {
    const net = await load(bytes, { build });
    assert.equal(await memoryFor(bytes, { build }), net.memory);
    assert.ok(net.memory.totalBytes >= net.memory.weightsBytes + net.memory.arenaBytes + net.memory.scratchBytes);
  }
});

test('depthwise/core runs on a module that the host compiled, and says what it lacks without one', async () => {
  const bytes = await save(model('int8')), input = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => i * 31);
  const expected = (await load(bytes)).run(input)[0].data.slice();
  const wasm = new WebAssembly.Module(readFileSync('build/wasm/simd.wasm'));
  const net = await loadCore(bytes, { wasm });
  assert.is(net.build, 'simd');
  assert.equal(net.run(input)[0].data.slice(), expected);
  await rejects(loadCore(bytes), 'NO_BUILD');
  await rejects(loadCore(bytes, { wasm: new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)) }), 'BAD_INPUT');
});

test('a wrong input, an unknown layer and a disposed net say so', async () => {
  const net = await load(await save(model('int8')));
  assert.throws(() => net.layer('t0'), isError('BAD_INPUT'));
  assert.throws(() => net.run(new Uint8Array(7)), isError('BAD_INPUT'));
  assert.throws(() => net.run(), isError('BAD_INPUT'));
  net.run(new Uint8Array(32 * 32 * 3));
  assert.throws(() => net.layer('nowhere'), isError('NOT_FOUND'));
  net.dispose();
  net.dispose();
  assert.throws(() => net.run(new Uint8Array(32 * 32 * 3)), isError('DISPOSED'));
});

test('layer() gives the same tensor whenever it is asked for', async () => {
  const net = await load(await save(model('int8')));
  net.run(Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => i * 7));
  const names = net.steps.map((step) => step.name);
  const inOrder = names.map((name) => net.layer(name).data);
  names.toReversed().forEach((name, i) => assert.equal(net.layer(name).data, inOrder[names.length - 1 - i], name));
  assert.is(net.profile().length, names.length);
});

test.run();
