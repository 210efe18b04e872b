// Knows what arrives over a bad network and what is kept where. The network is a server of this test, the zoo a toy; the
// real one is held against real files in zoo-rows.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { ZOO } from '../src/zoo/catalogue.js';
import type { Catalogue, Pinned } from '../src/zoo/catalogue.js';
import { knownFrom, listFrom, pullFrom } from '../src/zoo/pull.js';
import type { PullOptions } from '../src/zoo/pull.js';
import { cacheFolder, openStore } from '../src/zoo/store.js';
import { blobId, isPinned } from '../src/zoo/verify.js';
import { deafToIfRange, deafToRange, endless, misbehaving, redirect, serverAndCaches, shortened, silent, stalled, status, truncated, whole } from './zoo-server.js';
import type { Answer } from './zoo-server.js';

const sha = (kind: string, ...parts: (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest('hex');
const pinned = (file: string, bytes: Uint8Array, known = true): Pinned =>
  ({ from: 'owner/models', path: file, blob: sha('sha1', `blob ${bytes.length}\0`, bytes), ...(known && { bytes: bytes.length, sha256: sha('sha256', bytes) }) });

const BYTES = Uint8Array.from(randomBytes(300_000)), OTHER = Uint8Array.from(randomBytes(300_000));
const LABELS = new TextEncoder().encode('background\ncat\ndog\n');
const preprocessing = { fit: 'centre' as const, crop: 0.875, mean: [128], std: [128] };
const row = { family: 'V1', size: 128, preprocessing };
const TOYS: Catalogue = {
  repositories: { 'owner/models': { commit: 'c0ffee', licence: 'Apache-2.0' } },
  labels: { pets: pinned('pets.txt', LABELS) },
  weights: [
    { ...row, ...pinned('deep/toy.tflite', BYTES), name: 'toy' },
    { ...row, ...pinned('deep/blob.tflite', BYTES, false), name: 'blob' },
    { ...row, ...pinned('pets.tflite', BYTES), name: 'pets', classes: 3, labels: 'pets' },
    { ...row, ...pinned('misfit.tflite', BYTES), name: 'misfit', classes: 7, labels: 'pets' },
  ],
};

let cache = '';
const server = await serverAndCaches(test, (folder) => { cache = folder; });

const pull = (name: string, options: PullOptions = {}) => pullFrom(TOYS, name, { cache, mirror: server.base, pause: 1, timeout: 5000, ...options });
const files = () => readdirSync(cache).sort();
const ranges = () => server.asked.map(({ range }) => range);

async function refused(work: Promise<unknown>, code: string, says: RegExp): Promise<void> {
  const error = await work.then(() => assert.unreachable('should have been refused'), (cause) => cause);
  assert.instance(error, DepthwiseError);
  assert.is(error.code, code, error.message);
  assert.match(error.message, says);
}

test('a file comes from its pinned path, is kept, and is not fetched again', async () => {
  const progress: [number, number][] = [];
  server.answers(whole(BYTES));
  const { weights, path: place, licence, source, preprocessing: travelling } = await pull('toy', { onProgress: (...step) => progress.push(step) });
  assert.is(Buffer.compare(weights, BYTES), 0);
  assert.equal(server.asked, [{ url: '/owner/models/c0ffee/deep/toy.tflite' }]);
  assert.is(place, path.join(cache, 'toy.tflite'));
  assert.equal([licence, source, travelling], ['Apache-2.0', 'https://raw.githubusercontent.com/owner/models/c0ffee/deep/toy.tflite', preprocessing]);
  assert.equal(progress.at(-1), [300_000, 300_000]);
  assert.ok(progress.every(([done], i) => i === 0 || done > progress[i - 1][0]));
  assert.equal(files(), ['toy.tflite']);
  server.answers(status(500));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.is(server.asked.length, 0);
});

test('labels come along, are kept, and fit the classes or are left out', async () => {
  server.answers(whole(BYTES), whole(LABELS), status(500));
  const totals = new Set<number>();
  assert.equal((await pull('pets', { onProgress: (_, total) => totals.add(total) })).labels, ['background', 'cat', 'dog']);
  assert.equal([...totals], [300_000], 'progress is that of the weights');
  assert.equal(files(), ['pets.tflite', 'pets_labels.txt']);
  assert.equal((await pull('pets')).labels, ['background', 'cat', 'dog']);
  assert.is(server.asked.length, 2);
  server.answers(whole(BYTES));
  assert.is((await pull('misfit')).labels, undefined);
  server.answers(status(500));
  rmSync(path.join(cache, 'pets_labels.txt'));
  assert.equal((await pull('pets', { labels: ['mine'] })).labels, ['mine']);
  await refused(pull('pets'), 'NOT_FOUND', /pets\.txt.*500/);
});

test('a connection that breaks is taken up where it broke', async () => {
  server.answers(truncated(BYTES, 100_000, '"a"'), truncated(BYTES, 250_000, '"a"'), whole(BYTES, '"a"'));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-', 'bytes=250000-']);
  assert.equal(server.asked.map(({ ifRange }) => ifRange), [undefined, '"a"', '"a"']);
  assert.equal(files(), ['toy.tflite']);
});

test('a part outlives the process that fetched it', async () => {
  server.answers(truncated(BYTES, 100_000, '"a"'), status(503));
  await refused(pull('toy', { attempts: 2 }), 'NOT_FOUND', /503.*attempt 2/);
  assert.equal(files(), ['toy.tflite.part']);
  server.answers(whole(BYTES, '"a"'));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(server.asked, [{ url: '/owner/models/c0ffee/deep/toy.tflite', range: 'bytes=100000-', ifRange: '"a"' }]);
  assert.equal(files(), ['toy.tflite']);
});

test('parts are flushed while a long file comes, for processes that are killed', async () => {
  const long = Uint8Array.from(randomBytes(3_000_000)), zoo = { ...TOYS, weights: [{ ...row, ...pinned('long.tflite', long), name: 'long' }] };
  server.answers(stalled(long, 2_900_000));
  const stop = new AbortController();
  const pulling = pullFrom(zoo, 'long', { cache, mirror: server.base, signal: stop.signal, onProgress: (done) => { if (done >= 2_900_000) seen(); } });
  let seen = (): void => undefined;
  await new Promise<void>((resolve) => { seen = resolve; });
  assert.equal(files(), ['long.tflite.part']);
  assert.ok(statSync(path.join(cache, 'long.tflite.part')).size > 1 << 20);
  stop.abort();
  await refused(pulling, 'ABORTED', /cancelled/);
  server.answers(whole(long));
  assert.is(Buffer.compare((await pullFrom(zoo, 'long', { cache, mirror: server.base })).weights, long), 0);
  assert.equal(ranges(), ['bytes=2900000-']);
});

test('servers that ignore Range send everything again, and that is fine', async () => {
  server.answers(truncated(BYTES, 100_000), deafToRange(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-']);
});

test('a weak ETag vouches for no bytes, so none is sent back', async () => {
  server.answers(truncated(BYTES, 100_000, 'W/"a"'), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(server.asked[1], { url: '/owner/models/c0ffee/deep/toy.tflite', range: 'bytes=100000-' });
});

test('a file that changes between attempts is fetched anew', async () => {
  server.answers(truncated(OTHER, 100_000, '"old"'), whole(BYTES, '"new"'));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  server.answers(truncated(OTHER, 100_000, '"old"'), deafToIfRange(BYTES, '"new"'), whole(BYTES, '"new"'));
  assert.is(Buffer.compare((await pull('blob')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-', undefined]);
});

test('a kept part of something else is found out by the hash and thrown away', async () => {
  server.answers(truncated(OTHER, 100_000), whole(BYTES), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-', undefined]);
  assert.equal(files(), ['toy.tflite']);
  for (const [name, part, asked] of [['blob', OTHER.subarray(1), ['bytes=299999-', undefined]], ['misfit', OTHER, [undefined]]] as const) {
    writeFileSync(path.join(cache, `${name}.tflite.part`), Buffer.concat([Uint8Array.of(10), part]));
    server.answers(whole(BYTES));
    assert.is(Buffer.compare((await pull(name, { labels: [] })).weights, BYTES), 0);
    assert.equal(ranges(), asked);
  }
});

test('416 and other parts than asked for begin anew', async () => {
  server.answers(truncated(BYTES, 100_000), status(416), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-', undefined]);
  const elsewhere: Answer = (_, response) => void response.writeHead(206, { 'content-range': 'bytes 5-99/300000' }).end(BYTES.subarray(5, 100));
  server.answers(truncated(BYTES, 100_000), elsewhere, whole(BYTES));
  assert.is(Buffer.compare((await pull('blob')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-', undefined]);
  server.answers(status(416));
  await refused(pull('misfit'), 'NOT_FOUND', /answered 416/);
  assert.is(server.asked.length, 1);
});

test('wrong bytes are refused and nothing is kept', async () => {
  server.answers(whole(OTHER));
  await refused(pull('toy'), 'BAD_FILE', /300000 bytes that came do not have the hash [0-9a-f]{64}/);
  await refused(pull('blob'), 'BAD_FILE', /do not have the hash [0-9a-f]{40}/);
  assert.is(server.asked.length, 2);
  server.answers(whole(OTHER.subarray(1)));
  await refused(pull('toy'), 'BAD_FILE', /299999 bytes there, where the file that is meant has 300000/);
  server.answers(endless);
  await refused(pull('toy'), 'BAD_FILE', /more than the 300000 bytes/);
  const flipped = BYTES.slice();
  flipped[150_000] ^= 1;
  server.answers(truncated(flipped, 200_000), whole(BYTES.map((byte, i) => (i > 250_000 ? byte ^ 1 : byte))), whole(flipped));
  await refused(pull('toy'), 'BAD_FILE', /hash.*attempt 3/);
  assert.equal(files(), []);
});

test('without a known length, a short file shows by its hash', async () => {
  server.answers(shortened(BYTES, 1000));
  await refused(pull('blob'), 'BAD_FILE', /the 1000 bytes that came/);
  server.answers(shortened(BYTES, 1000), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=1000-']);
});

test('redirects are followed, with the range', async () => {
  const elsewhere = await misbehaving();
  elsewhere.answers(truncated(BYTES, 100_000), whole(BYTES));
  server.answers(redirect(`${elsewhere.base}/moved`));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(elsewhere.asked, [{ url: '/moved' }, { url: '/moved', range: 'bytes=100000-' }]);
  await elsewhere.close();
  server.answers(redirect('/round'));
  await refused(pull('blob', { attempts: 2 }), 'NOT_FOUND', /redirect/);
});

test('what cannot get better is asked for once, what can, a few times', async () => {
  for (const code of [400, 403, 404, 410]) {
    server.answers(status(code));
    await refused(pull('toy'), 'NOT_FOUND', new RegExp(`answered ${code}`));
    assert.is(server.asked.length, 1);
  }
  for (const code of [429, 500, 503]) {
    server.answers(status(code));
    await refused(pull('toy', { attempts: 3 }), 'NOT_FOUND', new RegExp(`answered ${code}.*attempt 3`));
    assert.is(server.asked.length, 3);
  }
  server.answers(status(500), status(502), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
});

test('a stall ends, is said, and what came is used', async () => {
  server.answers(silent);
  await refused(pull('toy', { timeout: 100, attempts: 2 }), 'NOT_FOUND', /nothing came for 0.1 seconds \(attempt 2\)/);
  server.answers(stalled(BYTES, 100_000), whole(BYTES));
  assert.is(Buffer.compare((await pull('toy', { timeout: 100 })).weights, BYTES), 0);
  assert.equal(ranges(), [undefined, 'bytes=100000-']);
});

test('cancelling keeps the part, at once, in a pause too', async () => {
  const stop = new AbortController();
  server.answers(stalled(BYTES, 100_000, '"a"'));
  await refused(pull('toy', { signal: stop.signal, timeout: 2 ** 30, onProgress: (done) => { if (done >= 100_000) stop.abort(); } }), 'ABORTED', /100000 bytes.*toy\.tflite\.part/);
  assert.equal(files(), ['toy.tflite.part']);
  await refused(pull('toy', { signal: stop.signal }), 'ABORTED', /cancelled/);
  const pausing = new AbortController();
  server.answers((request, response) => { status(500)(request, response); setTimeout(() => pausing.abort(), 50); });
  await refused(pull('toy', { signal: pausing.signal, pause: 2 ** 30 }), 'ABORTED', /cancelled/);
  server.answers(whole(BYTES, '"a"'));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.equal(ranges(), ['bytes=100000-']);
});

test('without a network, a cached file works and another says how to get it by hand', async () => {
  server.answers(whole(BYTES), whole(LABELS));
  await pull('pets');
  const nobody = await misbehaving();
  await nobody.close();
  assert.equal((await pull('pets', { mirror: nobody.base })).labels?.length, 3);
  await refused(pull('blob', { mirror: nobody.base, attempts: 1 }), 'NOT_FOUND', /ECONNREFUSED.*DEPTHWISE_MIRROR/);
  rmSync(path.join(cache, 'pets.tflite'));
  const { sha256 } = TOYS.weights[2];
  await refused(pull('pets', { mirror: nobody.base, attempts: 1 }), 'NOT_FOUND',
    new RegExp(`https://raw.githubusercontent.com/owner/models/c0ffee/pets.tflite\\s+SHA-256 ${sha256}\\s+to ${cache}/pets.tflite\\s+https.*/pets.txt\\s+SHA-256 .*\\s+to .*/pets_labels.txt`));
  writeFileSync(path.join(cache, 'blob.tflite'), BYTES); // as a person would
  assert.is(Buffer.compare((await pull('blob', { mirror: nobody.base })).weights, BYTES), 0);
});

test('a damaged file in the cache is not used but replaced', async () => {
  writeFileSync(path.join(cache, 'toy.tflite'), OTHER);
  server.answers(status(404));
  await refused(pull('toy'), 'NOT_FOUND', /404/);
  server.answers(whole(BYTES));
  assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
  assert.is(Buffer.compare(readFileSync(path.join(cache, 'toy.tflite')), BYTES), 0);
});

test('a cache that takes nothing is said and does no harm', async () => {
  const file = path.join(cache, 'file');
  writeFileSync(file, 'in the way');
  server.answers(whole(BYTES));
  const { weights, path: place, unsaved } = await pull('toy', { cache: path.join(file, 'below') });
  assert.is(Buffer.compare(weights, BYTES), 0);
  assert.is(place, undefined);
  assert.match(unsaved!, /cannot write .*below/);
});

test('many at once do not disturb each other', async () => {
  server.answers(truncated(BYTES, 100_000, '"a"'), whole(BYTES, '"a"'));
  const all = await Promise.all(Array.from({ length: 8 }, () => pull('toy')));
  assert.ok(all.every(({ weights }) => Buffer.compare(weights, BYTES) === 0));
  assert.equal(all.map(({ path: place, unsaved }) => [place, unsaved]), all.map(() => [path.join(cache, 'toy.tflite'), undefined]));
  assert.equal(files(), ['toy.tflite']);
});

test('unknown names get the nearest, and the list says what is cached', async () => {
  await refused(pullFrom(ZOO, 'mobilenet_v2_1.0_quant', { cache }), 'NOT_FOUND', /no "mobilenet_v2_1.0_quant".*mobilenet_v2_1.0_224/);
  server.answers(whole(BYTES));
  await pull('toy');
  writeFileSync(path.join(cache, 'pets.tflite'), 'half');
  const listed = await listFrom(TOYS, { cache });
  assert.equal(listed.map(({ name, cached }) => [name, cached]), [['toy', true], ['blob', false], ['pets', false], ['misfit', false]]);
  assert.equal(listed[0].path, path.join(cache, 'toy.tflite'));
});

test('files are known by their hash, and only those of a known length are hashed', async () => {
  const known = await knownFrom(TOYS, BYTES, { cache });
  assert.equal([known?.name, known?.licence, known?.preprocessing], ['toy', 'Apache-2.0', preprocessing]);
  assert.is(await knownFrom(TOYS, OTHER, { cache }), undefined);
  const digest = crypto.subtle.digest;
  let hashed = 0;
  crypto.subtle.digest = (...of) => (hashed++, digest.apply(crypto.subtle, of));
  assert.is(await knownFrom(TOYS, BYTES.subarray(1), { cache }), undefined);
  crypto.subtle.digest = digest;
  assert.is(hashed, 0);
});

test('hashes are those of Git and SHA-256', async () => {
  assert.is(await blobId(new TextEncoder().encode('hello world\n')), '3b18e512dba79e4c8300dd08aeb37f8e728b8dad'); // `git hash-object`
  assert.ok(await isPinned(BYTES, TOYS.weights[0]));
  assert.not(await isPinned(OTHER, TOYS.weights[0]));
  assert.not(await isPinned(OTHER, TOYS.weights[1]));
});

test('the cache lies where the platform keeps such things', () => {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  delete process.env.XDG_CACHE_HOME;
  delete process.env.LOCALAPPDATA;
  const join = path.posix.join;
  assert.is(cacheFolder('linux', '/home/me', join), '/home/me/.cache');
  assert.is(cacheFolder('darwin', '/home/me', join), '/home/me/Library/Caches');
  assert.is(cacheFolder('win32', '/home/me', join), '/home/me/AppData/Local');
  process.env.XDG_CACHE_HOME = '/x';
  process.env.LOCALAPPDATA = '/l';
  assert.equal([cacheFolder('linux', '/h', join), cacheFolder('win32', '/h', join)], ['/x', '/l']);
  Object.assign(process.env, { XDG_CACHE_HOME, LOCALAPPDATA });
  if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
  if (LOCALAPPDATA === undefined) delete process.env.LOCALAPPDATA;
});

/** What a browser has, as far as the store asks for it. */
function fakeCaches() {
  const held = new Map<string, Response>();
  const cacheOf = { match: async (key: string) => held.get(key)?.clone(), put: async (key: string, value: Response) => void held.set(key, value), delete: async (key: string) => held.delete(key) };
  return { held, caches: { open: async () => cacheOf } };
}

test('hosts without files keep things in the Cache API, else in memory', async () => {
  const { held, caches } = fakeCaches(), node = process.versions.node;
  const host = globalThis as { caches?: unknown };
  Object.defineProperty(process.versions, 'node', { value: undefined, configurable: true });
  try {
    for (const kind of [caches, undefined]) {
      host.caches = kind;
      server.answers(truncated(BYTES, 100_000, '"a"'), whole(BYTES));
      const { weights, path: place } = await pull('toy');
      assert.is(Buffer.compare(weights, BYTES), 0);
      assert.is(place, undefined);
      assert.equal(server.asked[1], { url: '/owner/models/c0ffee/deep/toy.tflite', range: 'bytes=100000-' }, 'If-Range would need the leave of the server');
      server.answers(status(500));
      assert.is(Buffer.compare((await pull('toy')).weights, BYTES), 0);
      assert.is(await (await openStore()).size('toy.tflite'), 300_000);
    }
    assert.equal([...held.keys()], ['https://depthwise.invalid/toy.tflite']);
  } finally {
    delete host.caches;
    Object.defineProperty(process.versions, 'node', { value: node, configurable: true });
  }
});

test.run();
