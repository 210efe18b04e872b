// Checks the commands that learn from folders of labelled pictures, from outside: train-head and cascade.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { depthwise, fails } from './command-line.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-labelled-'));
const inFolder = (...names: string[]): string => path.join(folder, ...names);
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A BMP of 16 x 16 pixels, 24 bits, in a colour with some noise. */
function bmp([r, g, b]: number[], seed: number): Uint8Array {
  const side = 16, bytes = new Uint8Array(54 + side * side * 3), view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  [[2, bytes.length], [10, 54], [14, 40], [18, side], [22, side], [34, side * side * 3]].forEach(([at, value]) => view.setUint32(at, value, true));
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let i = 54; i < bytes.length; i++) bytes[i] = [b, g, r][(i - 54) % 3] + ((Math.imul(i + seed * 977, 2654435761) >>> 24) % 40);
  return bytes;
}

/** Folders of the given labels with pictures in their colours. */
function labelled(name: string, counts: Record<string, number>, from = 0): string {
  const colours: Record<string, number[]> = { red: [190, 30, 30], green: [40, 170, 50], orange: [210, 120, 0], lemon: [200, 200, 20] };
  for (const [label, count] of Object.entries(counts)) {
    mkdirSync(inFolder(name, label), { recursive: true });
    for (let i = from; i < from + count; i++) writeFileSync(inFolder(name, label, `${i}.bmp`), bmp(colours[label] ?? [9, 9, 9], i));
  }
  return inFolder(name);
}

test('train-head makes a file that classify takes, and says how good it is', () => {
  const pictures = labelled('pets', { red: 5, green: 5 }), out = inFolder('pets.dw');
  const { status, stdout, stderr } = depthwise('train-head', pictures, '-o', out);
  assert.is(status, 0, stderr);
  assert.match(stdout, /pets\.dw .*linear head of 2 labels from 10 pictures, on the starter weights/);
  assert.match(stdout, /100\.0 % of 2 pictures kept back recognised/);
  assert.match(stdout, /is \/ taken for +green +red\ngreen +1 +0\nred +0 +1\n/);
  const seen = depthwise('classify', path.join(labelled('more', { red: 1, green: 1 }, 50), 'red', '50.bmp'), '--weights', out, '--json');
  assert.is(JSON.parse(seen.stdout).photos[0].results[0].label, 'red');
  assert.match(depthwise('inspect', out).stdout, /last layers replaced by a linear head of 2 labels from 10 pictures/);
  const again = inFolder('again.dw');
  depthwise('train-head', pictures, '-o', again);
  assert.equal(readFileSync(again), readFileSync(out), 'the same pictures give the same file');
});

test('train-head: nearest neighbours, another network and pictures to test with; --json is one document', () => {
  const tests = labelled('tests', { red: 2, green: 1 }, 20), out = inFolder('near.dw');
  const { status, stdout, stderr } = depthwise('train-head', inFolder('pets'), '-o', out, '--kind', 'nearest', '--k', '3', '--weights', 'weights/everyday-v1.dw', '--test', tests, '--json');
  assert.is(status, 0, stderr);
  const { kind, examples, evaluation, heldOut, weights, failed } = JSON.parse(stdout);
  assert.equal([kind, heldOut, weights, failed], ['nearest', 0, 'weights/everyday-v1.dw', []]);
  assert.equal(examples, [{ label: 'green', count: 5 }, { label: 'red', count: 5 }]);
  assert.equal(evaluation.confusion, [[1, 0], [0, 2]]);
  const seen = depthwise('classify', inFolder('tests', 'red', '20.bmp'), '--weights', out, '--json');
  assert.equal(JSON.parse(seen.stdout).photos[0].results[0], { index: 1, label: 'red', score: 1 });
});

test('train-head: a picture that is broken is named at the end, and the rest is learnt', () => {
  cpSync(inFolder('pets'), inFolder('broken'), { recursive: true });
  writeFileSync(inFolder('broken', 'red', 'note.jpg'), 'dear diary\n');
  const out = inFolder('broken.dw'), { status, stdout, stderr } = depthwise('train-head', inFolder('broken'), '-o', out, '--hold-out', '0');
  assert.is(status, 1);
  assert.match(stdout, /from 10 pictures/);
  assert.not.match(stdout, /recognised/);
  assert.match(stderr, /1 of 11 photos failed:\n.*note\.jpg/);
  assert.ok(existsSync(out));
});

test('train-head: wrong folders and options are refused before anything is written', () => {
  const pets = inFolder('pets'), out = inFolder('never.dw');
  fails(['train-head', pets], /-o OUT\.dw/, 2);
  fails(['train-head', '-o', out], /folder of labelled pictures/, 2);
  fails(['train-head', pets, '-o', out, '--kind', 'forest'], /linear or nearest/, 2);
  fails(['train-head', pets, '-o', out, '--hold-out', '2'], /0 to 1/, 2);
  fails(['train-head', pets, '-o', out, '--hold-out', '0.5', '--test', pets], /not both/, 2);
  fails(['train-head', pets, '-o', 'weights/everyday-v1.dw', '--weights', 'weights/everyday-v1.dw'], /overwrite/, 2);
  fails(['train-head', pets, '-o', out, '--test', labelled('strange', { lemon: 1 })], /folder "lemon", which/, 2);
  fails(['train-head', inFolder('nowhere'), '-o', out], /cannot read the folder .*nowhere/);
  fails(['train-head', inFolder('pets', 'red'), '-o', out], /no folder in .*folder of its own/);
  fails(['train-head', labelled('alone', { red: 3 }), '-o', out], /"red".*one class/);
  mkdirSync(inFolder('hollow', 'empty'), { recursive: true });
  fails(['train-head', inFolder('hollow'), '-o', out], /no \.jpg.* under .*empty/);
  assert.not.ok(readdirSync(folder).some((name) => name.startsWith('never') || name.endsWith('.tmp')));
});

const both = ['--small', 'weights/everyday.dw', '--large', 'weights/everyday-v1.dw'];

test('cascade prints what each threshold gives, and recommends one', () => {
  const pictures = labelled('fruit', { orange: 3, lemon: 3 }), { status, stdout, stderr } = depthwise('cascade', pictures, ...both);
  assert.is(status, 0, stderr);
  assert.match(stdout, /accept +right +small alone +mean\n *0\.00 .* 100\.0 % .*ms\n *0\.05/);
  assert.match(stdout, /everyday\.dw alone: .*everyday-v1\.dw alone: /);
  assert.match(stdout, /recommended accept: \d\.\d\d .*% right/);
  const { thresholds, chosen, alone, pictures: count } = JSON.parse(depthwise('cascade', pictures, ...both, '--json').stdout);
  assert.is(count, 6);
  assert.is(thresholds.length, 21);
  assert.is(thresholds[0].accuracy, alone.small.accuracy);
  assert.ok(thresholds.some(({ accept }: { accept: number }) => accept === chosen.accept));
  const one = JSON.parse(depthwise('cascade', pictures, ...both, '--accept', '0.37', '--json').stdout);
  assert.equal([one.thresholds.length, one.chosen.accept], [1, 0.37]);
});

test('cascade: wrong networks, labels and targets are refused', () => {
  const fruit = inFolder('fruit');
  fails(['cascade', fruit, '--small', 'weights/everyday.dw'], /both networks/, 2);
  fails(['cascade', ...both], /folder of labelled pictures/, 2);
  fails(['cascade', fruit, ...both, '--accept', '7'], /0 to 1/, 2);
  fails(['cascade', fruit, ...both, '--accept', '0.5', '--target-accuracy', '0.5'], /not both/, 2);
  fails(['cascade', inFolder('pets'), ...both], /folder "green", which neither network has/, 2);
  fails(['cascade', fruit, '--small', inFolder('pets.dw'), '--large', 'weights/everyday-v1.dw'], /no label in common/);
});

test.run();
