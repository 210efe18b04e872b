// Knows that the rows of the real zoo are true, as far as the real files are here, and what `load` and the command line make
// of them. How files come over a network is tested in zoo.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTflite } from '../src/formats/tflite.js';
import { load, memoryFor } from '../src/load.js';
import { ZOO, urlOf } from '../src/zoo/catalogue.js';
import type { Pinned } from '../src/zoo/catalogue.js';
import { misbehaving, status, stalled, whole } from './zoo-server.js';

const server = await misbehaving();
const temporary = mkdtempSync(path.join(os.tmpdir(), 'depthwise-zoo-rows-'));
let cache = '';
test.before.each(() => {
  cache = mkdtempSync(path.join(temporary, 'cache-'));
  server.answers(status(500));
});
test.after(async () => {
  await server.close();
  rmSync(temporary, { recursive: true, force: true });
});

const sha = (kind: string, ...parts: (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest('hex');

test('every row of the zoo is whole, pinned and unambiguous', () => {
  const names = ZOO.weights.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const each of [...ZOO.weights, ...Object.values(ZOO.labels)]) {
    assert.match(urlOf(ZOO, each), /^https:\/\/raw\.githubusercontent\.com\/[\w-]+\/[\w-]+\/[0-9a-f]{40}\/[\w./-]+\.(tflite|txt)$/);
    assert.match(each.blob, /^[0-9a-f]{40}$/);
    assert.match(each.sha256 ?? '0'.repeat(64), /^[0-9a-f]{64}$/);
    assert.is(each.bytes === undefined, each.sha256 === undefined, each.path);
    assert.ok(ZOO.repositories[each.from].licence);
  }
  for (const { name, labels, preprocessing: { fit, crop, mean, std } } of ZOO.weights) {
    assert.match(name, /^[\w.]+$/);
    assert.ok(labels === undefined || Array.isArray(labels) || labels in ZOO.labels);
    assert.ok((fit === 'centre' || (fit === 'stretch' && crop === 1)) && crop > 0 && crop <= 1 && mean.length === 1 && std[0] > 0);
  }
});

const shared = '../shared/models';
const local = existsSync(shared) ? readdirSync(shared).map((file) => ({ file, bytes: Uint8Array.from(readFileSync(path.join(shared, file))) })) : [];
const localOf = (wanted: Pinned) => local.find(({ bytes }) => sha('sha1', `blob ${bytes.length}\0`, bytes) === wanted.blob);
if (!local.length) console.log('NOT RUN: ../shared is absent, so no row of the zoo was held against the real file');

for (const each of ZOO.weights.filter((wanted) => localOf(wanted))) {
  test(`${each.name}: hash, size, classes, labels and preprocessing are those of the real file`, async () => {
    const { bytes } = localOf(each)!, { tensors, inputs, outputs } = readTflite(bytes);
    assert.equal([bytes.length, sha('sha256', bytes)], [each.bytes, each.sha256]);
    const input = tensors[inputs[0]], classes = tensors[outputs[0]].shape.at(-1);
    assert.equal(input.shape.slice(1, 3), [each.size, each.size]);
    const classifies = /^V\d/.test(each.family);
    if (classifies && each.classes === undefined) assert.is(each.labels, undefined);
    if (each.classes !== undefined) assert.is(each.classes, classes);
    if (typeof each.labels === 'string') {
      const list = localOf(ZOO.labels[each.labels])!;
      assert.is(sha('sha256', list.bytes), ZOO.labels[each.labels].sha256);
      if (classifies) assert.is(new TextDecoder().decode(list.bytes).trimEnd().split('\n').length, classes);
    }
    // What was trained on is one thing; 8-bit inputs take pixels as they are.
    const { mean: [mean], std: [std] } = each.preprocessing;
    if (!input.quantization) return assert.equal([mean, std], input.dtype === 'float32' ? [127.5, 127.5] : [0, 1]);
    const [scale] = input.quantization.scale, [zeroPoint] = input.quantization.zeroPoint, low = input.dtype === 'int8' ? -128 : 0;
    for (let pixel = 0; pixel < 256; pixel++) assert.is(Math.floor((pixel - mean) / std / scale + zeroPoint + 0.5), pixel + low);
  });
}

function fillCache(...names: string[]): void {
  for (const name of names) {
    const wanted = ZOO.weights.find((each) => each.name === name)!;
    copyFileSync(path.join(shared, localOf(wanted)!.file), path.join(cache, `${name}.tflite`));
    if (typeof wanted.labels === 'string') copyFileSync(path.join(shared, localOf(ZOO.labels[wanted.labels])!.file), path.join(cache, `${wanted.labels}_labels.txt`));
  }
}

/** Not spawnSync: the server of this test must go on answering. */
function depthwise(args: string[], env: Record<string, string> = {}): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/cli.js', ...args], { env: { ...process.env, DEPTHWISE_DEBUG: '', DEPTHWISE_CACHE: cache, DEPTHWISE_MIRROR: server.base, ...env } });
    let stdout = '', stderr = '';
    child.stdout.on('data', (part) => (stdout += part));
    child.stderr.on('data', (part) => (stderr += part));
    child.on('close', (code) => resolve({ status: code, stdout, stderr }));
  });
}

const PHOTO = '../shared/images/pizza.jpg';
const answers = (stdout: string) => JSON.parse(stdout).photos[0].results as { index: number; label: string; score: number }[];

test('help, list and wrong usage', async () => {
  assert.match((await depthwise(['--help'])).stdout, /depthwise list .*\n.*depthwise pull/);
  assert.match((await depthwise(['pull', '--help'])).stdout, /DEPTHWISE_MIRROR/);
  const { stdout, status: code } = await depthwise(['list']);
  assert.is(code, 0);
  for (const { name } of ZOO.weights) assert.match(stdout, `\n${name} `);
  const listed = JSON.parse((await depthwise(['list', '--json'])).stdout);
  assert.equal(listed.map(({ name, cached }: { name: string; cached: boolean }) => [name, cached]), ZOO.weights.map(({ name }) => [name, false]));
  for (const [args, says, exit] of [[['pull'], /name of a checkpoint/, 2], [['list', 'x'], /takes no names/, 2], [['pull', 'mobilnet'], /no "mobilnet".*mobilenet_v/, 1]] as const) {
    const { status: found, stderr, stdout: nothing } = await depthwise([...args]);
    assert.equal([found, nothing], [exit, '']);
    assert.match(stderr, says);
    assert.not.match(stderr, /a bug/);
  }
});

test('pull refuses wrong bytes and says how to fetch by hand', async () => {
  server.answers(whole(new Uint8Array(300_568)));
  const { status: code, stdout, stderr } = await depthwise(['pull', 'person_detect']);
  assert.equal([code, stdout], [1, '']);
  assert.match(stderr, /^depthwise: Cannot fetch http:\/\/127.*hash 808cfdfc.*thrown away/);
  assert.match(stderr, /Or fetch by hand:\s+https:\/\/raw.githubusercontent.com\/tensorflow\/tflite-micro\/.*\s+SHA-256 808cfdfc.*\s+to .*person_detect.tflite/);
  assert.equal(readdirSync(cache), []);
});

/** The built entries, each in its own file. */
function program(lines: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', lines], { encoding: 'utf8', env: { ...process.env, DEPTHWISE_CACHE: cache } });
  return stdout + stderr;
}

test('dist: load fetches zoo.js, whose errors are of every entry\'s class; the bundles hold no zoo', () => {
  for (const entry of ['index', 'core']) {
    assert.is(program(`
      const { load, DepthwiseError } = await import('./dist/${entry}.js'), zoo = await import('./dist/zoo.js');
      const error = await load('zoo:none').catch((cause) => cause);
      console.log(error instanceof DepthwiseError, error instanceof zoo.DepthwiseError, new Error('') instanceof DepthwiseError, undefined instanceof DepthwiseError, error.code);
    `), 'true true false false NOT_FOUND\n');
  }
  for (const entry of ['index', 'core', 'cli']) assert.not.match(readFileSync(`dist/${entry}.js`, 'utf8'), 'inat_bird');
});

test('dist/zoo.js asks nothing of the host when it is imported', () => {
  assert.is(program(`
    delete globalThis.process;
    const { list } = await import('./dist/zoo.js');
    console.log((await list()).filter(({ cached, path }) => cached || path).length);
  `), '0\n');
});

if (local.length) {
  const person = Uint8Array.from(readFileSync(path.join(shared, 'person_detect.tflite')));

  test('pull fetches, says where, and the name stands for the weights everywhere', async () => {
    server.answers(whole(person));
    const { status: code, stdout, stderr } = await depthwise(['pull', 'zoo:person_detect']);
    assert.is(code, 0, stderr);
    assert.is(stdout, `${path.join(cache, 'person_detect.tflite')}  300.6 kB, 2 labels, Apache-2.0\n`);
    assert.equal(server.asked.map(({ url }) => url), [`/${urlOf(ZOO, ZOO.weights.find(({ name }) => name === 'person_detect')!).split('/').slice(3).join('/')}`]);
    server.answers(status(500));
    const inspected = JSON.parse((await depthwise(['inspect', 'zoo:person_detect', '--json'])).stdout);
    assert.equal([inspected.labels, inspected.about.licence, inspected.preprocessing.mean], [['no person', 'person'], 'Apache-2.0', [127]]);
    assert.match((await depthwise(['bench', 'zoo:person_detect', '--runs', '1'])).stdout, /zoo:person_detect/);
    const input = path.join(cache, 'in.bin'), out = path.join(cache, 'out'), dw = path.join(cache, 'person.dw');
    writeFileSync(input, new Uint8Array(96 * 96));
    assert.match((await depthwise(['run', 'zoo:person_detect', '--input', input, '--out', out])).stdout, /output0\.bin/);
    assert.match((await depthwise(['convert', 'zoo:person_detect', '-o', dw])).stdout, /person\.dw/);
    const converted = JSON.parse((await depthwise(['inspect', dw, '--json'])).stdout);
    assert.equal([converted.labels, converted.about, converted.preprocessing], [inspected.labels, inspected.about, inspected.preprocessing]);
    assert.is(server.asked.length, 0);
  });

  test('Ctrl-C keeps what came', async () => {
    server.answers(stalled(person, 200_000, '"a"'));
    const child = spawn(process.execPath, ['dist/cli.js', 'pull', 'person_detect'], { env: { ...process.env, DEPTHWISE_CACHE: cache, DEPTHWISE_MIRROR: server.base } });
    let stderr = '';
    child.stderr.on('data', (part) => (stderr += part));
    while (!server.asked.length) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 500)); // so that the bytes have arrived
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.is(code, 1);
    assert.match(stderr, /cancelled.*200000 bytes/);
    server.answers(whole(person, '"a"'));
    assert.is((await depthwise(['pull', 'person_detect'])).status, 0);
    assert.equal(server.asked.map(({ range }) => range), ['bytes=200000-']);
  });

  test('two processes pull the same file at the same time', async () => {
    server.answers(whole(person));
    const results = await Promise.all(Array.from({ length: 3 }, () => depthwise(['pull', 'person_detect'])));
    assert.equal(results.map(({ status: code, stderr }) => [code, stderr]), [[0, ''], [0, ''], [0, '']]);
    assert.equal(readdirSync(cache), ['person_detect.tflite']);
  });

  test('offline, from files placed by hand: load and classify with labels', async () => {
    fillCache('mobilenet_v3_small_1.0_224_quant', 'mobilenet_v1_0.25_224');
    for (const name of ['mobilenet_v3_small_1.0_224_quant', 'mobilenet_v1_0.25_224']) {
      const { status: code, stdout, stderr } = await depthwise(['classify', PHOTO, '--weights', `zoo:${name}`, '--json']);
      assert.is(code, 0, stderr);
      assert.is(answers(stdout)[0].label, 'pizza, pizza pie');
    }
    process.env.DEPTHWISE_CACHE = cache;
    const net = await load('zoo:mobilenet_v3_small_1.0_224_quant'), own = await load('zoo:mobilenet_v3_small_1.0_224_quant', { labels: ['only'] });
    assert.equal([net.labels?.length, net.labels?.[0], own.labels, net.preprocessing?.std, net.about.licence], [1001, 'background', ['only'], [127], 'MIT']);
    assert.ok((await memoryFor('zoo:mobilenet_v3_small_1.0_224_quant')).totalBytes > 0);
    delete process.env.DEPTHWISE_CACHE;
    assert.is(server.asked.length, 0);
  });

  test('a known file has its preprocessing, and its labels once they are cached', async () => {
    const file = path.join(shared, 'mobilenet_v3_small_1.0_224_uint8.tflite');
    const without = await depthwise(['classify', PHOTO, '--weights', file, '--json']);
    assert.is(without.stderr, 'labels: depthwise pull mobilenet_v3_small_1.0_224_quant\n');
    assert.is(answers(without.stdout)[0].label, 'class 964');
    assert.equal(JSON.parse((await depthwise(['inspect', file, '--json'])).stdout).preprocessing.std, [127]);
    const given = await depthwise(['classify', PHOTO, '--weights', file, '--labels', path.join(shared, 'imagenet_labels.txt'), '--json']);
    assert.equal([given.stderr, answers(given.stdout)[0].label], ['', 'pizza, pizza pie']);
    fillCache('mobilenet_v3_small_1.0_224_quant');
    const cached = await depthwise(['classify', PHOTO, '--weights', file, '--json']);
    assert.equal([cached.stderr, answers(cached.stdout)[0].label], ['', 'pizza, pizza pie']);
    const inside = await depthwise(['classify', PHOTO, '--weights', path.join(shared, 'mobilenet_v2_1.0_224_quant.tflite'), '--json'], { DEPTHWISE_CACHE: path.join(cache, 'none') });
    assert.equal([inside.stderr, answers(inside.stdout)[0].label], ['', 'pizza, pizza pie']);
    assert.is(server.asked.length, 0);
  });
}

test.run();
