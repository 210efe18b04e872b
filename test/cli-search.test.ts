// Knows the commands embed and search from outside: what they write, find, refuse, and leave alone.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { createIndex, loadIndex } from '../src/search.js';
import { depthwise, EVERYDAY, fails, SAMPLE } from './command-line.js';
import { jpegOf, photo, pixelsOf, pngOf } from './photos.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-cli-search-')), inFolder = (name: string): string => path.join(folder, name);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const album = inFolder('album'), index = inFolder('photos.dwi');
mkdirSync(path.join(album, 'deep'), { recursive: true });
const pictures = { 'a.png': await pngOf(photo(90, 60, 3)), 'deep/b.jpg': await jpegOf(photo(120, 90, 11)), 'deep/c.png': readFileSync(SAMPLE) };
for (const [name, bytes] of Object.entries(pictures)) writeFileSync(path.join(album, name), bytes);
const files = Object.keys(pictures).map((name) => path.join(album, name));
const net = await load(EVERYDAY), expected = await Promise.all(Object.values(pictures).map(async (bytes) => net.embed(await pixelsOf(Uint8Array.from(bytes)))));

test('embed gives the vectors of net.embed: shown, as a document, as lines and as a file', () => {
  const shown = depthwise('embed', album);
  assert.is(shown.status, 0, shown.stderr);
  assert.is(shown.stdout.trim().split('\n').length, 3);
  assert.match(shown.stdout, /a\.png {2}[\d.]+ ms, 1024 values: -?\d\.\d{3} /);
  const document = JSON.parse(depthwise('embed', album, '--json').stdout);
  assert.equal(document.photos.map((one: { photo: string }) => one.photo), files);
  document.photos.forEach(({ embedding }: { embedding: number[] }, i: number) => assert.equal(Float32Array.from(embedding), expected[i]));
  assert.equal([document.dimensions, document.failed], [1024, []]);
  assert.match(depthwise('embed', album, '--out', inFolder('all.jsonl')).stdout, /all\.jsonl {2}.* kB, 3 photos\n$/);
  const lines = readFileSync(inFolder('all.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.map(({ photo: name, embedding }) => [name, embedding]), document.photos.map(({ photo: name, embedding }: { photo: string; embedding: number[] }) => [name, embedding]));
  depthwise('embed', album, '--out', inFolder('all.json'));
  assert.equal(JSON.parse(readFileSync(inFolder('all.json'), 'utf8')).photos.length, 3);
});

test('a folder becomes an index, and search finds in it what the library finds', async () => {
  const made = depthwise('embed', album, '--out', index, '--json');
  assert.is(made.status, 0, made.stderr);
  assert.equal(JSON.parse(made.stdout), { out: index, build: JSON.parse(made.stdout).build, photos: 3, failed: [], size: 3, dimensions: 1024, dtype: 'int8' });
  const own = createIndex({ dimensions: 1024 });
  files.forEach((file, i) => own.add(file, expected[i]));
  const { photos, size } = JSON.parse(depthwise('search', index, album, '--json').stdout);
  assert.is(size, 3);
  photos.forEach(({ photo: name, results }: { photo: string; results: unknown[] }, i: number) => {
    assert.is(name, files[i]);
    assert.equal(results, own.search(expected[i]));
  });
  const shown = depthwise('search', index, files[2], '--top', '2').stdout.split('\n');
  assert.match(shown[0], /c\.png {2}.* to embed, .* among 3$/);
  assert.match(shown[1], /^ {2}(0\.999\d|1\.0000) .*c\.png$/);
  assert.is(shown.length, 4);
  assert.equal([...(await loadIndex(readFileSync(index))).keys()], files);
});

test('--add keeps what is there, replaces photos of the same name, and refuses other weights', async () => {
  const grown = inFolder('grown.dwi');
  assert.match(depthwise('embed', files[0], '--out', grown, '--add', '--dtype', 'float32').stdout, /1 photos, 1 vectors of 1024 float32/);
  assert.match(depthwise('embed', files[1], files[0], '--out', grown, '--add').stdout, /2 photos, 2 vectors of 1024 float32/);
  assert.equal([...(await loadIndex(readFileSync(grown))).keys()], [files[0], files[1]]);
  fails(['embed', files[2], '--out', grown, '--add', '--dtype', 'int8'], /holds float32 values/, 2);
  const before = readFileSync(grown);
  fails(['embed', files[2], '--out', grown, '--add', '--weights', 'weights/everyday-v1.dw'], /made with other weights \(the starter weights\).*--weights/);
  fails(['search', grown, files[2], '--weights', 'weights/everyday-v2.dw'], /other weights/);
  assert.equal(readFileSync(grown), before);
  const v2 = inFolder('v2.dwi');
  assert.match(depthwise('embed', files[0], '--out', v2, '--weights', 'weights/everyday-v2.dw').stdout, /1280 int8/);
  assert.is(depthwise('search', v2, files[0]).status, 0, 'search takes the weights that the index names');
});

test('photos that fail are told at the end, and the rest is written', async () => {
  const out = inFolder('some.dwi'), bad = inFolder('bad.jpg');
  writeFileSync(bad, 'dear diary');
  const { status, stdout, stderr } = depthwise('embed', files[0], bad, files[1], '--out', out);
  assert.is(status, 1);
  assert.match(stderr, /^depthwise: 1 of 3 photos failed:\n {2}.*bad\.jpg is not a JPEG/);
  assert.match(stdout, /2 photos, 2 vectors/);
  assert.equal([...(await loadIndex(readFileSync(out))).keys()], [files[0], files[1]]);
  fails(['embed', bad, '--out', inFolder('none.dwi')], /bad\.jpg is not a JPEG/);
  assert.not.ok(readdirSync(folder).includes('none.dwi'));
});

test('wrong usage, and files that are no index', () => {
  fails(['embed'], /at least one photo/, 2);
  fails(['embed', SAMPLE, '--out', 'vectors.csv'], /ends in .dwi, .jsonl or .json; vectors.csv does not/, 2);
  fails(['embed', SAMPLE, '--add'], /--add is for an index/, 2);
  fails(['embed', SAMPLE, '--out', 'a.jsonl', '--dtype', 'int8'], /--dtype is for an index/, 2);
  fails(['embed', SAMPLE, '--out', 'a.dwi', '--dtype', 'int4'], /int8 or float32/, 2);
  fails(['search'], /an index and a photo/, 2);
  fails(['search', index], /at least one photo/, 2);
  fails(['search', inFolder('nowhere.dwi'), SAMPLE], /no index .*nowhere\.dwi.*depthwise embed FOLDER --out .*nowhere\.dwi/);
  fails(['search', SAMPLE, SAMPLE], /sample\.png: These \d+ bytes are no index/);
  const damaged = readFileSync(index);
  damaged[damaged.length - 1] ^= 1;
  writeFileSync(inFolder('damaged.dwi'), damaged);
  fails(['search', inFolder('damaged.dwi'), SAMPLE], /damaged\.dwi: .*SHA-256/);
  fails(['embed', SAMPLE, '--add', '--out', inFolder('damaged.dwi')], /damaged\.dwi: .*SHA-256/);
});

test('Ctrl-C leaves the file as it was, and nothing half-written', async () => {
  const out = inFolder('precious.dwi');
  writeFileSync(out, 'old');
  // Before the program listens, Ctrl-C ends it as it ends any; on a busy machine that takes a while.
  for (const wait of [1500, 6000, 20_000, 60_000]) {
    const child = spawn(process.execPath, ['dist/cli.js', 'embed', ...Array.from({ length: 3000 }, () => files[1]), '--out', out], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part) => (said += part));
    setTimeout(() => child.kill('SIGINT'), wait);
    const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
    assert.is(readFileSync(out, 'utf8'), 'old');
    assert.equal(readdirSync(folder).filter((name) => name.includes('.tmp')), []);
    if (ended === 'SIGINT') continue;
    assert.is(ended, 1, said);
    return assert.match(said, /^depthwise: stopped after \d+ of 3000 photos, as asked\.\n$/);
  }
  assert.unreachable('the program never listened');
});

test.run();
