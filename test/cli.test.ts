// Knows the command line from outside: what it prints, where, with which exit code, and what it leaves on disk.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBmp } from '../src/cli/bmp.js';
import { readHeader } from '../src/cli/picture-file.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { colourNet } from './segment-net.js';
import { upright } from '../src/cli/upright.js';
import { depthwise, EVERYDAY, fails, SAMPLE } from './command-line.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-cli-'));
const inFolder = (name: string) => path.join(folder, name);

function put(name: string, bytes: Uint8Array | string): string {
  writeFileSync(inFolder(name), bytes);
  return inFolder(name);
}

test.after(() => rmSync(folder, { recursive: true, force: true }));

test('--help lists every command, and each command explains itself', () => {
  const { status, stdout } = depthwise('--help');
  assert.is(status, 0);
  for (const command of ['classify', 'embed', 'search', 'detect', 'segment', 'pose', 'run', 'inspect', 'bench', 'convert', 'quantise', 'train-head', 'cascade', 'list', 'pull']) {
    assert.match(stdout, `depthwise ${command}`);
    const help = depthwise(command, '--help');
    assert.is(help.status, 0);
    assert.match(help.stdout, `depthwise ${command}`);
    assert.is(depthwise('help', command).stdout, help.stdout);
  }
});

test('--version prints the version of package.json', () => {
  assert.is(depthwise('--version').stdout.trim(), JSON.parse(readFileSync('package.json', 'utf8')).version);
});

test('quantise: each refusal says what to do, and a folder of pictures gives int8 weights', () => {
  const out = inFolder('int8.dw');
  fails(['quantise', EVERYDAY, '-o', out], /--images DIR/, 2);
  fails(['quantise', EVERYDAY, '--images', folder], /-o OUT.dw/, 2);
  fails(['quantise', EVERYDAY, '--images', inFolder('nowhere'), '-o', out], /cannot read the folder .*nowhere/);
  fails(['quantise', EVERYDAY, '--images', folder, '-o', out], /no .jpg, .jpeg, .png or .bmp file under/);
  fails(['quantise', EVERYDAY, '--images', 'weights', '-o', out], /planned and packed already/);
  assert.not.ok(existsSync(out));
  const starter = '../shared/weights/everyday-v3-small.safetensors';
  if (!existsSync(starter)) return console.log('NOT RUN: ../shared is absent, so no file was quantised');
  const { status, stdout } = depthwise('quantise', starter, '--images', 'weights', '-o', out);
  assert.is(status, 0);
  assert.match(stdout, /int8\.dw .* 1 pictures\nranges: \d+ min-max/);
  assert.match(depthwise('inspect', out).stdout, /int8/);
});

test('wrong usage says what was wrong and exits with 2', () => {
  fails([], /give a command/, 2);
  fails(['clasify'], /no command "clasify"/, 2);
  fails(['classify'], /photo/, 2);
  fails(['classify', SAMPLE, '--colour'], /--colour/, 2);
  fails(['classify', SAMPLE, '--top', 'many'], /--top needs a number/, 2);
  fails(['classify', SAMPLE, '--top', '0'], /--top/, 2);
  fails(['classify', SAMPLE, '--build', 'fast'], /scalar, simd, relaxed or js/, 2);
  fails(['run', EVERYDAY, '--out', folder], /--input/, 2);
  fails(['run', EVERYDAY, '--input', SAMPLE], /--out/, 2);
  fails(['inspect'], /weights file/, 2);
  fails(['bench', EVERYDAY, '--runs', '1.5'], /whole number/, 2);
  fails(['convert', EVERYDAY], /-o OUT/, 2);
  fails(['convert', EVERYDAY, '-o', EVERYDAY], /overwrite/, 2);
});

test('the sample picture shows an orange', () => {
  const { status, stdout } = depthwise('classify', SAMPLE, '--json');
  assert.is(status, 0);
  const { photos } = JSON.parse(stdout);
  assert.is(photos[0].results[0].label, 'orange');
  assert.ok(photos[0].results[0].score > 0.3 && photos[0].results[0].score <= 1);
  assert.is(photos[0].results.length, 5);
});

test('without --json a person reads label, per cent, time and build, and no colour goes into a pipe', () => {
  const { status, stdout } = depthwise('classify', SAMPLE, '--top', '2');
  assert.is(status, 0);
  assert.match(stdout, /orange.*%/);
  assert.match(stdout, /ms, (scalar|simd|relaxed) build/);
  assert.not.match(stdout, /\x1b/);
  assert.is(stdout.trim().split('\n').length, 3);
});

test('files that are no picture are named for what they look like', () => {
  fails(['classify', inFolder('missing.jpg')], /cannot read the photo .*missing\.jpg: there is no such file/);
  fails(['classify', folder], /folder/);
  fails(['classify', put('note.jpg', 'dear diary\n')], /note\.jpg.*text file/);
  fails(['classify', put('empty.jpg', '')], /empty/);
  fails(['classify', put('page.png', '<!DOCTYPE html><html></html>')], /web page/);
  fails(['classify', put('moving.jpg', 'GIF89a\x01\x00')], /GIF/);
  const sample = readFileSync(SAMPLE);
  fails(['classify', put('half.png', sample.subarray(0, sample.length >> 1))], /ends too early/);
  fails(['classify', put('stub.jpg', Uint8Array.of(0xff, 0xd8, 0xff))], /ends too early/);
});

test('a picture of absurd size is refused by its header', () => {
  const bomb = Buffer.from(readFileSync(SAMPLE));
  bomb.writeUInt32BE(100_000, 16);
  bomb.writeUInt32BE(100_000, 20);
  fails(['classify', put('bomb.png', bomb)], /100000 x 100000 pixels.*limit is 100/);
});

test('a picture damaged inside is refused, not guessed', () => {
  const damaged = Uint8Array.from(readFileSync(SAMPLE));
  damaged.fill(0x55, 1000, 4000);
  fails(['classify', put('damaged.png', damaged)], /cannot be decoded/);
});

/** The smallest JPEG a header reader can walk: start, EXIF, a frame of 3 x 2 pixels, an empty scan, end. */
function tinyJpeg(orientation: number, little: boolean): Uint8Array {
  const exif = new Uint8Array(36);
  exif.set([0xff, 0xe1, 0, 34, 69, 120, 105, 102, 0, 0]);
  const tiff = new DataView(exif.buffer, 10);
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 1, little);
  tiff.setUint16(10, 0x0112, little);
  tiff.setUint16(12, 3, little);
  tiff.setUint32(14, 1, little);
  tiff.setUint16(18, orientation, little);
  return Uint8Array.of(0xff, 0xd8, ...exif, 0xff, 0xc0, 0, 8, 8, 0, 2, 0, 3, 1, 0xff, 0xda, 0, 2, 1, 2, 0xff, 0, 3, 0xff, 0xd9);
}

test('EXIF orientation is read in both byte orders', () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    for (const little of [true, false]) {
      assert.equal(readHeader(tinyJpeg(orientation, little), 'tiny.jpg'), { kind: 'JPEG', width: 3, height: 2, orientation });
    }
  }
  assert.is(readHeader(tinyJpeg(9, true), 'tiny.jpg').orientation, 1);
  assert.throws(() => readHeader(tinyJpeg(1, true).slice(0, -2), 'tiny.jpg'), /ends too early/);
});

test('a JPEG of a second, huge frame or of thousands of scans is refused before it is decoded', () => {
  const [start, end] = [Uint8Array.of(0xff, 0xd8), Uint8Array.of(0xff, 0xd9)], scan = [0xff, 0xda, 0, 2, 1, 2];
  const frame = (height: number, width: number): number[] => [0xff, 0xc2, 0, 8, 8, height >> 8, height & 255, width >> 8, width & 255, 1];
  const jpeg = (...parts: number[][]): Uint8Array => Uint8Array.of(...start, ...parts.flat(), ...end);
  assert.is(readHeader(jpeg(frame(2, 3), ...Array(100).fill(scan)), 'tiny.jpg').width, 3);
  assert.throws(() => readHeader(jpeg(frame(2, 3), ...Array(101).fill(scan)), 'tiny.jpg'), /more than 100 scans/);
  assert.throws(() => readHeader(jpeg(frame(65535, 65535), frame(2, 3), scan), 'tiny.jpg'), /65535 x 65535 pixels.*limit is 100/);
});

test('pixels stored in any of the eight ways come out the same way up', () => {
  const seen = (orientation: number, width: number, height: number, stored: number[]) => {
    const picture = upright({ data: new Uint8ClampedArray(Uint32Array.from(stored).buffer), width, height }, orientation);
    return [picture.width, picture.height, ...new Uint32Array(picture.data.buffer)];
  };
  // Upright: 1 2 3 over 4 5 6. Each line is how a camera held that way stores it (EXIF 2.32, tag 0x0112).
  const answer = [3, 2, 1, 2, 3, 4, 5, 6];
  assert.equal(seen(1, 3, 2, [1, 2, 3, 4, 5, 6]), answer);
  assert.equal(seen(2, 3, 2, [3, 2, 1, 6, 5, 4]), answer);
  assert.equal(seen(3, 3, 2, [6, 5, 4, 3, 2, 1]), answer);
  assert.equal(seen(4, 3, 2, [4, 5, 6, 1, 2, 3]), answer);
  assert.equal(seen(5, 2, 3, [1, 4, 2, 5, 3, 6]), answer);
  assert.equal(seen(6, 2, 3, [3, 6, 2, 5, 1, 4]), answer);
  assert.equal(seen(7, 2, 3, [6, 3, 5, 2, 4, 1]), answer);
  assert.equal(seen(8, 2, 3, [4, 1, 5, 2, 6, 3]), answer);
});

/** A BMP of 3 x 2 pixels, red green blue over white black grey, rows padded to 4 bytes. `extra` goes between header and pixels. */
function tinyBmp({ bits = 24, topDown = false, compression = 0, extra = [] as number[] } = {}): Uint8Array {
  const red = [0, 0, 255], green = [0, 255, 0], blue = [255, 0, 0], white = [255, 255, 255], black = [0, 0, 0], grey = [9, 9, 9];
  const palette = bits === 8 ? [red, green, blue, white, black, grey].flatMap((colour) => [...colour, 0]) : extra;
  const row = (...colours: number[][]) => (bits === 24 ? [...colours.flat(), 7, 7, 7] : colours.flatMap((colour) => [...colour, 0]));
  const rows = bits === 8 ? [[0, 1, 2, 7], [3, 4, 5, 7]] : [row(red, green, blue), row(white, black, grey)];
  const pixels = (topDown ? rows : rows.reverse()).flat(), bytes = new Uint8Array(54 + palette.length + pixels.length), view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54 + palette.length, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, 3, true);
  view.setInt32(22, topDown ? -2 : 2, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(30, compression, true);
  if (bits === 8) view.setUint32(46, 6, true);
  bytes.set([...palette, ...pixels], 54);
  return bytes;
}

test('BMP files of 8, 24 and 32 bits, from the bottom up or the top down, give the same opaque pixels', () => {
  const answer = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0, 255, 9, 9, 9, 255];
  const masks = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0];
  for (const kind of [{}, { topDown: true }, { bits: 32 }, { bits: 32, topDown: true }, { bits: 8 }, { bits: 32, compression: 3, extra: masks }]) {
    const bytes = tinyBmp(kind);
    assert.equal(readHeader(bytes, 'tiny.bmp'), { kind: 'BMP', width: 3, height: 2, orientation: 1 });
    assert.equal({ ...decodeBmp(bytes, 'tiny.bmp'), data: [...decodeBmp(bytes, 'tiny.bmp').data] }, { data: answer, width: 3, height: 2 });
    assert.throws(() => readHeader(bytes.slice(0, -1), 'tiny.bmp'), /tiny.bmp is a BMP that ends too early/);
  }
  assert.throws(() => readHeader(tinyBmp({ bits: 16 }), 'tiny.bmp'), /16 bits a pixel, compression 0.*Save it as PNG/);
  assert.throws(() => readHeader(tinyBmp({ bits: 8, compression: 1 }), 'tiny.bmp'), /compression 1/);
  assert.throws(() => readHeader(tinyBmp({ bits: 32, compression: 3, extra: masks.toReversed() }), 'tiny.bmp'), /compression 3/);
  const bomb = tinyBmp();
  new DataView(bomb.buffer).setInt32(18, 1e9, true);
  assert.throws(() => readHeader(bomb, 'tiny.bmp'), /1000000000 x 2 pixels/);
  assert.throws(() => readHeader(tinyBmp().fill(0, 18, 22), 'tiny.bmp'), /without a size/);
  assert.throws(() => readHeader(new TextEncoder().encode('BMW and others, a text of more than fifty-four characters'), 'tiny.bmp'), /a text file/);
});

test('a folder is every picture under it, one bad photo does not stop the others, and all failures are told at the end', () => {
  const album = inFolder('album');
  mkdirSync(path.join(album, 'deep'), { recursive: true });
  writeFileSync(path.join(album, 'b.bmp'), tinyBmp());
  writeFileSync(path.join(album, 'deep', 'a.png'), readFileSync(SAMPLE));
  writeFileSync(path.join(album, 'deep', '._a.png'), 'what some computers leave');
  writeFileSync(path.join(album, 'notes.txt'), 'no picture');
  const whole = depthwise('classify', album, SAMPLE, '--json');
  assert.is(whole.status, 0, whole.stderr);
  const { photos, failed } = JSON.parse(whole.stdout);
  assert.equal(photos.map(({ photo }: { photo: string }) => photo), [path.join(album, 'b.bmp'), path.join(album, 'deep', 'a.png'), SAMPLE]);
  assert.equal(failed, []);
  writeFileSync(path.join(album, 'c.jpg'), 'dear diary');
  const some = depthwise('classify', album, inFolder('nowhere.png'), '--json');
  assert.is(some.status, 1);
  assert.match(some.stderr, /^depthwise: 2 of 4 photos failed:\n {2}.*c\.jpg is not a JPEG.*\n {2}cannot read the photo .*nowhere\.png.*\n$/);
  assert.is(JSON.parse(some.stdout).photos.length, 2);
  assert.equal(JSON.parse(some.stdout).failed.map(({ photo, code }: { photo: string; code: string }) => [path.basename(photo), code]), [['c.jpg', 'BAD_IMAGE'], ['nowhere.png', 'NOT_FOUND']]);
  fails(['classify', inFolder('nowhere.png'), path.join(album, 'c.jpg'), '--json'], /2 of 2 photos failed/);
});

test('Ctrl-C between photos stops with a sentence that says how far it came', async () => {
  const child = spawn(process.execPath, ['dist/cli.js', 'classify', ...Array.from({ length: 2000 }, () => SAMPLE)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.once('data', () => child.kill('SIGINT'));
  child.stderr.on('data', (part) => (said += part));
  const status = await new Promise((resolve) => child.on('close', resolve));
  assert.is(status, 1);
  assert.match(said, /^depthwise: stopped after \d+ of 2000 photos, as asked\.\n$/);
});

test('weights that are missing, cut short or something else', () => {
  fails(['inspect', inFolder('missing.dw')], /cannot read the weights .*no such file/);
  fails(['inspect', put('note.dw', 'dear diary\n')], /./);
  fails(['inspect', put('empty.tflite', '')], /./);
  const weights = readFileSync(EVERYDAY);
  for (const length of [1, 10, 100, weights.length >> 1, weights.length - 1]) {
    fails(['inspect', put('cut.dw', weights.subarray(0, length))], /./);
  }
});

const ssd = '../shared/models/ssd_mobilenet_v1_coco_quant.tflite';
if (existsSync(ssd)) {
  test('an operator that is not supported is named, one of somebody\'s own as well', () => {
    const bytes = Buffer.from(readFileSync(ssd, 'latin1').replaceAll('TFLite_Detection_PostProcess', 'Acmete_Detection_PostProcess'), 'latin1');
    for (const command of ['inspect', 'convert']) {
      fails([command, put('own.tflite', bytes), ...(command === 'convert' ? ['-o', inFolder('own.dw')] : [])], /own\.tflite: operator 63 \(Acmete_Detection_PostProcess\) is not one .*leave the operator out/);
    }
  });
}

test('a tensor of the wrong size is refused, with both sizes, and no output is written', () => {
  const out = inFolder('out-wrong');
  fails(['run', EVERYDAY, '--input', put('short.bin', new Uint8Array(12)), '--out', out], /12.*49152|49152.*12/);
  assert.not.ok(existsSync(out));
  fails(['run', EVERYDAY, '--input', inFolder('missing.bin'), '--out', out], /cannot read the input/);
});

test('run writes outputs and layers whose places add up', () => {
  const out = inFolder('out');
  const input = put('zeros.bin', new Uint8Array(128 * 128 * 3));
  const { status, stderr } = depthwise('run', EVERYDAY, '--input', input, '--out', out, '--layers', '--build', 'scalar');
  assert.is(status, 0, stderr);
  assert.is(readFileSync(path.join(out, 'output0.bin')).length, 100);
  const layers: { offset: number; bytes: number; shape: number[] }[] = JSON.parse(readFileSync(path.join(out, 'layers.json'), 'utf8'));
  const end = layers.reduce((at, layer) => (assert.is(layer.offset, at), at + layer.bytes), 0);
  assert.is(readFileSync(path.join(out, 'layers.bin')).length, end);
  assert.equal(readdirSync(out).sort(), ['layers.bin', 'layers.json', 'output0.bin']);
});

test('--json prints one document and nothing else', () => {
  const inspected = JSON.parse(depthwise('inspect', EVERYDAY, '--json').stdout);
  assert.is(inspected.labels.length, 100);
  assert.ok(inspected.macs > 5e6 && inspected.steps.length > 20 && inspected.memory.arenaBytes > 0);
  const timed = JSON.parse(depthwise('bench', EVERYDAY, '--runs', '3', '--json').stdout);
  assert.ok(timed.ms.min > 0 && timed.ms.min <= timed.ms.median && timed.ms.median <= timed.ms.p90);
  assert.is(timed.steps.length, inspected.steps.length);
});

test('inspect and bench print tables', () => {
  const inspected = depthwise('inspect', EVERYDAY);
  assert.is(inspected.status, 0, inspected.stderr);
  assert.match(inspected.stdout, /M MACs/);
  assert.match(inspected.stdout, /\|[A-Za-z.]+\|/);
  assert.match(depthwise('bench', EVERYDAY, '--runs', '2').stdout, /GMAC\/s/);
});

test('convert leaves the old file alone when it fails, and nothing half-written', () => {
  const out = put('precious.dw', 'old');
  fails(['convert', put('broken.tflite', readFileSync(EVERYDAY).subarray(0, 1000)), '-o', out], /./);
  assert.is(readFileSync(out, 'utf8'), 'old');
  fails(['convert', EVERYDAY, '-o', path.join(folder, 'no', 'such', 'folder.dw')], /cannot write/);
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('.tmp')), []);
});

test('a converted file answers as the original', () => {
  const out = inFolder('copy.dw');
  assert.is(depthwise('convert', EVERYDAY, '-o', out).status, 0);
  const labels = (weights: string) => JSON.parse(depthwise('classify', SAMPLE, '--weights', weights, '--json').stdout).photos[0].results;
  assert.equal(labels(out), labels(EVERYDAY));
});

test('npm start names what the sample picture shows', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/start.mjs'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.match(stdout, /orange/);
});

test('segment: shares, drawings and masks; each refusal says what to do', async () => {
  const weights = put('colours.dw', await savePlan(compile(colourNet()))), out = inFolder('drawn.png'), masks = inFolder('masks');
  const told = depthwise('segment', SAMPLE, '--weights', weights, '--out', out);
  assert.is(told.status, 0, told.stderr);
  assert.match(told.stdout, /drawn into .*drawn\.png/);
  assert.match(told.stdout, /(background|leaf|sky) .* \d+\.\d %/);
  const { width, height } = readHeader(readFileSync(SAMPLE), SAMPLE);
  assert.is(readHeader(readFileSync(out), out).kind, 'PNG');
  const json = JSON.parse(depthwise('segment', SAMPLE, SAMPLE, '--weights', weights, '--out', masks, '--mask', '--json').stdout);
  assert.is(json.photos.length, 2);
  assert.ok(Math.abs(json.photos[0].results.reduce((sum: number, { share }: { share: number }) => sum + share, 0) - 1) < 1e-9);
  assert.equal(readdirSync(masks).sort(), ['sample-2.png', 'sample.png']);
  assert.equal(readHeader(readFileSync(json.photos[0].drawing), 'mask'), { kind: 'PNG', width, height, orientation: 1 });
  fails(['segment', SAMPLE], /--weights FILE/, 2);
  fails(['segment', SAMPLE, '--weights', weights, '--mask'], /--out FILE.png/, 2);
  fails(['segment', SAMPLE, SAMPLE, '--weights', weights, '--out', out], /one file, and there are 2 photos/, 2);
  fails(['segment', SAMPLE, '--weights', EVERYDAY], /segment needs the scores/);
});

test.run();
