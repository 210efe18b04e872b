// Checks that nothing takes more memory than it may: maxMemory for every kind of source and for the net, maxImagePixels, and
// small files that would become large ones.
import { spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { DepthwiseError } from '../src/error.js';
import type { Graph, Tensor } from '../src/formats/graph.js';
import { isShape } from '../src/formats/graph.js';
import { readTflite } from '../src/formats/tflite.js';
import { load, memoryFor, readWeights } from '../src/load.js';
import { pictureFrom, pictureOf } from '../src/picture.js';
import type { Image } from '../src/picture.js';

const bytes = await savePlan(compile(randomModel('v3-small', 'int8', 0.35, 32, 10))) as Uint8Array<ArrayBuffer>;

const there = existsSync(path.resolve('../shared')) ? test : test.skip;

const refused = (code: string, words: RegExp) => (error: unknown): boolean => {
  if (!(error instanceof DepthwiseError) || error.code !== code || !words.test(error.message)) throw error;
  return true;
};

async function refuses(work: Promise<unknown>, code: string, words: RegExp): Promise<void> {
  const error = await work.then(() => undefined, (cause: unknown) => cause);
  assert.ok(refused(code, words)(error ?? new Error('it was not refused')));
}

test('maxMemory is the most that a net takes, to the byte, threads included', async () => {
  for (const build of ['scalar', 'simd'] as const) {
    const { totalBytes } = await memoryFor(bytes, { build });
    (await load(bytes, { build, maxMemory: totalBytes })).dispose();
    await refuses(load(bytes, { build, maxMemory: totalBytes - 1 }), 'OUT_OF_MEMORY', new RegExp(`takes ${totalBytes} bytes, and maxMemory allows ${totalBytes - 1}`));
    const threaded = await memoryFor(bytes, { build, threads: 60 });
    assert.ok(threaded.totalBytes > totalBytes, 'scratch memory for each thread');
    await refuses(load(bytes, { build, threads: 60, maxMemory: threaded.totalBytes - 1 }), 'OUT_OF_MEMORY', /takes/);
  }
  for (const maxMemory of [0, -1, NaN, 'much' as unknown as number]) await refuses(load(bytes, { maxMemory }), 'BAD_INPUT', /above 0/);
});

/** A body without an end, of which it counts what was taken. */
function endless(): { body: ReadableStream<Uint8Array>; taken: () => number; cancelled: () => boolean } {
  let count = 0, ended = false;
  const body = new ReadableStream<Uint8Array>({ pull: (to) => { to.enqueue(new Uint8Array(65536)); count += 65536; }, cancel: () => { ended = true; } });
  return { body, taken: () => count, cancelled: () => ended };
}

test('weights larger than maxMemory are refused before they are read, whatever they come from', async () => {
  const maxMemory = bytes.length - 1, folder = mkdtempSync(path.join(tmpdir(), 'dw-')), file = path.join(folder, 'net.dw');
  writeFileSync(file, bytes);
  const unread = new Blob([bytes]);
  unread.arrayBuffer = () => { throw new Error('the Blob was read'); };
  const stated = endless(), headers = { 'content-length': String(bytes.length) };
  for (const source of [bytes, bytes.slice().buffer, unread, file, new Response(stated.body, { headers })]) await refuses(load(source, { maxMemory }), 'OUT_OF_MEMORY', /maxMemory allows/);
  assert.ok(stated.taken() <= 2 * 65536 && stated.cancelled(), `${stated.taken()} bytes of a body that was too long were taken`);
  const { body, taken, cancelled } = endless();
  await refuses(load(new Response(body), { maxMemory }), 'OUT_OF_MEMORY', /has at least/);
  assert.ok(taken() < maxMemory + 5 * 65536 && cancelled(), `${taken()} bytes of an endless body were taken`);
  rmSync(folder, { recursive: true });
});

test('without maxMemory, what has more than 2 GiB is refused: before it is read where that is said, else when it has come', async () => {
  const most = /and maxMemory allows 2147483648 where it is not given/, part = new Uint8Array(2 ** 26), large = new Blob([]);
  let taken = 0, isCancelled = false;
  const body = new ReadableStream<Uint8Array>({ pull: (to) => { to.enqueue(part); taken += part.length; }, cancel: () => { isCancelled = true; } });
  await refuses(load(new Response(body)), 'OUT_OF_MEMORY', most);
  assert.ok(taken > 2 ** 31 && taken < 2 ** 31 + 3 * part.length && isCancelled, `${taken} bytes were taken`);
  const stated = endless();
  await refuses(load(new Response(stated.body, { headers: { 'content-length': String(2 ** 31 + 1) } })), 'OUT_OF_MEMORY', most);
  assert.ok(stated.taken() <= 2 * 65536 && stated.cancelled());
  Object.defineProperty(large, 'size', { value: 2 ** 31 + 1 });
  await refuses(load(large), 'OUT_OF_MEMORY', most);
  const folder = mkdtempSync(path.join(tmpdir(), 'dw-')), file = path.join(folder, 'net.dw');
  writeFileSync(file, '');
  truncateSync(file, 2 ** 31 + 1); // of nothing but holes
  await refuses(load(file), 'OUT_OF_MEMORY', most);
  rmSync(folder, { recursive: true });
});

(existsSync('/dev/zero') ? test : test.skip)('a path that leads to a device without an end is cut off, and one to a pipe is read', async () => {
  await refuses(load('/dev/zero', { maxMemory: 2 ** 20 }), 'OUT_OF_MEMORY', /dev.zero has at least \d+ bytes/);
  const folder = mkdtempSync(path.join(tmpdir(), 'dw-')), pipe = path.join(folder, 'pipe'), writer = (spawnSync('mkfifo', [pipe]), createWriteStream(pipe));
  writer.end(bytes);
  (await load(pipe)).dispose();
  rmSync(folder, { recursive: true });
});

test('a body that unpacks to more than maxMemory is cut off', async () => {
  const packed = gzipSync(new Uint8Array(2 ** 26));
  const server = createServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/net.dw`;
  assert.ok(packed.length < 2 ** 20);
  await refuses(load(url, { maxMemory: 2 ** 20 }), 'OUT_OF_MEMORY', /has at least/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a net of another file is refused before its plan is made', () => {
  const graph = randomModel('v3-small', 'int8', 0.35, 32, 10), { weights, arenaBytes } = compile(graph);
  const stop = new Error('too much');
  assert.throws(() => compile(graph, { fits: (count) => { assert.is(count, weights.length + arenaBytes); throw stop; } }), (error: unknown) => error === stop);
});

there('a .tflite file whose net takes more than maxMemory is refused, although the file has less', async () => {
  const file = readFileSync(path.resolve('../shared/models/person_detect.tflite')), { weights, arenaBytes } = await readWeights(file);
  assert.ok(file.length < weights.length + arenaBytes);
  await refuses(load(file, { maxMemory: weights.length + arenaBytes - 1 }), 'OUT_OF_MEMORY', /takes more than/);
});

// ---- small files that become large

const tensor = (name: string, shape: number[], data?: Uint8Array): Tensor => ({ name, shape, dtype: 'float32', ...(data && { data }) });

test('a constant that operators share without end is refused, and one shared by a few is not', () => {
  const shared = (uses: number): Graph => {
    const weights = new Uint8Array(512 * 512 * 4), chain = Array.from({ length: uses + 1 }, (_, i) => tensor(`x${i}`, [1, 512]));
    return {
      tensors: [...chain, tensor('weights', [512, 512], weights)], inputs: [0], outputs: [uses], about: {},
      operators: chain.slice(1).map((_, i) => ({ attributes: { kind: 'fullyConnected', activation: 'none', keepDims: false }, inputs: [i, uses + 1], outputs: [i + 1], where: `operator ${i}` })),
    };
  };
  assert.is(compile(shared(10)).weights.length, 10 * (2 ** 20 + 2048));
  assert.throws(() => compile(shared(100)), refused('UNSUPPORTED', /operator \d+ would make much more/));
});

test('a tensor, or all together, of more than a GiB are refused, and so are constants that are spread over much', () => {
  const sum = (shape: number[], other: Tensor): Graph => ({
    tensors: [tensor('x', shape), other, tensor('y', shape)], inputs: [0], outputs: [2], about: {},
    operators: [{ attributes: { kind: 'add', activation: 'none' }, inputs: [0, 1], outputs: [2], where: 'operator 0 (ADD)' }],
  });
  const column = (height: number): Tensor => tensor('a', [1, height, 1, 1], new Uint8Array(height * 4));
  compile(sum([1, 8, 8, 4], column(8)));
  assert.throws(() => compile(sum([1, 2 ** 15, 2 ** 15, 4], tensor('a', [4], new Uint8Array(16)))), refused('OUT_OF_MEMORY', /Tensor "x" \[1,32768,32768,4\] has more than 1 GiB/));
  assert.throws(() => compile(sum([1, 2 ** 14, 2 ** 13, 2], tensor('a', [2 ** 14 * 2 ** 13 * 2, 1]))), refused('UNSUPPORTED', /operands/));
  assert.throws(() => compile(sum([1, 2 ** 12, 2 ** 12, 8], column(2 ** 12))), refused('UNSUPPORTED', /operator 0 \(ADD\) would make much more/));
});

test('shapes whose sizes multiply past what counts exactly are none', () => {
  for (const shape of [[], [0], [1, 224, 224, 3], [2 ** 31 - 1], Array(32).fill(1), [0, 2 ** 31 - 1]]) assert.ok(isShape(shape), `[${shape}]`);
  const most = 2 ** 31 - 1;
  for (const shape of [[2 ** 31], [65536, 32768], [0, most, most], Array(40).fill(most).concat(0), Array(33).fill(1), [-1, -1], [1.5], [NaN], ['2'], [2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16]]) {
    assert.not(isShape(shape), `[${shape}]`);
  }
});

/** Writes FlatBuffers by hand: tables and vectors of four-byte fields, whose addresses are filled in afterwards. */
class Flat {
  readonly #words: number[] = [0, 0x334c4654]; // where the root is, TFL3
  table(fields: number[]): number {
    const count = Math.max(...fields) + 1, offsets = new Uint16Array(2 + count + (count & 1)), vtable = this.#words.length * 4;
    offsets.set([4 + count * 2, 4 + fields.length * 4]);
    fields.forEach((field, i) => { offsets[2 + field] = 4 + i * 4; });
    this.#words.push(...new Int32Array(offsets.buffer));
    const at = this.#words.length * 4;
    this.#words.push(at - vtable, ...fields.map(() => 0));
    return at;
  }
  vector(values: number[]): number { return (this.#words.push(values.length, ...values) - values.length - 1) * 4; }
  set(at: number, i: number, value: number): void { this.#words[at / 4 + 1 + i] = value; }
  point(at: number, i: number, target: number): void { this.set(at, i, target - at - 4 - i * 4); }
  bytes(root: number): Uint8Array {
    this.#words[0] = root;
    return new Uint8Array(Int32Array.from(this.#words).buffer);
  }
}

/** Some operators, each of some inputs: one table and one vector, told of again and again. */
function repetitive(operators: number, inputs: number, shape = [8]): Uint8Array {
  const flat = new Flat(), model = flat.table([0, 1, 2, 4]), list = (from: number, i: number, length = 1): number => {
    const at = flat.vector(Array(length).fill(0));
    flat.point(from, i, at);
    return at;
  };
  flat.set(model, 0, 3);
  const codes = list(model, 1), graphs = list(model, 2), buffers = list(model, 3), graph = flat.table([0, 1, 2, 3]), code = flat.table([0]), buffer = flat.table([1]);
  flat.set(code, 0, 19); // RELU
  flat.point(codes, 0, code), flat.point(graphs, 0, graph), flat.point(buffers, 0, buffer);
  const tensors = list(graph, 0, 2), ins = list(graph, 1), outs = list(graph, 2), steps = list(graph, 3, operators), one = flat.table([0, 1, 2]);
  flat.set(ins, 0, 0), flat.set(outs, 0, 1);
  for (let i = 0; i < operators; i++) flat.point(steps, i, one);
  list(one, 1, inputs);
  flat.set(list(one, 2), 0, 1);
  for (const i of [0, 1]) {
    const x = flat.table([0, 1]);
    flat.point(tensors, i, x);
    flat.point(x, 0, flat.vector(shape));
  }
  return flat.bytes(model);
}

test('a .tflite file whose tables and vectors are told of again and again is refused before they fill the memory', () => {
  assert.is(readTflite(repetitive(1, 5)).operators.length, 1);
  const bomb = repetitive(4000, 4000);
  assert.ok(bomb.length < 40_000, `${bomb.length} bytes, 64 megabytes of inputs`);
  assert.throws(() => readTflite(bomb), refused('BAD_FILE', /points to the same bytes again and again/));
});

test('a .tflite file whose shapes multiply past what counts exactly is refused', () => {
  for (const shape of [[65536, 65536], Array<number>(40).fill(2 ** 31 - 1).concat(0), [-8]]) assert.throws(() => readTflite(repetitive(1, 5, shape)), refused('BAD_FILE', /has shape/));
});

test('weights that were kept are measured as well', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'dw-')), before = process.env.DEPTHWISE_CACHE;
  const server = createServer((_, response) => response.end(bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/net.dw`;
  process.env.DEPTHWISE_CACHE = folder;
  (await load(url, { cache: true })).dispose();
  await new Promise((resolve) => server.close(resolve));
  (await load(url, { cache: true })).dispose();
  await refuses(load(url, { cache: true, maxMemory: bytes.length - 1 }), 'OUT_OF_MEMORY', /These weights have/);
  if (before === undefined) delete process.env.DEPTHWISE_CACHE;
  else process.env.DEPTHWISE_CACHE = before;
  rmSync(folder, { recursive: true });
});

// ---- pictures

test('a picture for which the host has no memory is refused in words about pictures, and the next one is not', async () => {
  const net = await load(bytes, { build: 'simd' }), real = WebAssembly.Memory, wide: Image = { data: new Uint8Array(65536 * 4 * 4), width: 65536, height: 4 };
  WebAssembly.Memory = class { constructor() { throw new RangeError('no memory'); } } as unknown as typeof WebAssembly.Memory;
  try {
    assert.throws(() => net.classify(wide), refused('OUT_OF_MEMORY', /^This picture needs \d+ MiB .*Make it smaller first\.$/));
  } finally {
    WebAssembly.Memory = real;
  }
  assert.ok(net.classify(wide).length > 0);
  net.dispose();
});

test('maxImagePixels: pictures with more are refused before they are drawn, whatever they are', async () => {
  const net = await load(bytes, { maxImagePixels: 32 * 31 }), plain = (width: number, height: number): Image => ({ data: new Uint8Array(width * height * 4), width, height });
  assert.is(net.classify(plain(31, 32)).length, 5);
  for (const task of ['classify', 'embed', 'features', 'detect', 'pose', 'segment'] as const) assert.throws(() => net[task](plain(32, 32)), refused('BAD_IMAGE', /32 x 32 pixels, more than the 992 of maxImagePixels/));
  const element = { naturalWidth: 40, naturalHeight: 40, complete: true };
  assert.throws(() => net.classify(element), refused('BAD_IMAGE', /This <img> is 40 x 40 pixels/));
  assert.throws(() => pictureOf(element, 1600), refused('UNSUPPORTED', /canvas/), 'there is none here to draw it on');
  await refuses(pictureFrom(plain(32, 32), { maxImagePixels: 1000 }), 'BAD_IMAGE', /more than the 1000/);
  await refuses(load(bytes, { maxImagePixels: 0 }), 'BAD_INPUT', /maxImagePixels/);
  net.dispose();
});

test.run();
