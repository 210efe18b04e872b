// Checks the command line for microcontrollers: the C file that convert writes, the table of what fits, and what they refuse.
// Whether compilers take the file, test/mcu.test.ts knows.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { savePlan } from '../src/convert.js';
import { compile } from '../src/compile/plan.js';
import { streamed } from '../src/compile/stream.js';
import { checksum, cSource, identifier } from '../src/cli/c-source.js';
import { EVERYDAY, depthwise, fails } from './command-line.js';

const place = mkdtempSync(path.join(os.tmpdir(), 'depthwise-mcu-')), inPlace = (name: string): string => path.join(place, name);
test.after(() => rmSync(place, { recursive: true, force: true }));

const graph = randomModel('v1', 'int8', 0.25, 32, 10), plan = compile(graph, { plan: 'small' });
writeFileSync(inPlace('small.dw'), await savePlan(plan));
writeFileSync(inPlace('fast.dw'), await savePlan(compile(graph)));

test('convert --target mcu writes the model as C, named after the file, and says what it takes', () => {
  const out = inPlace('my-model.2.c'), { status, stdout, stderr } = depthwise('convert', inPlace('small.dw'), '--target', 'mcu', '-o', out);
  assert.is(status, 0, stderr);
  const stream = streamed(plan);
  assert.match(stdout, new RegExp(`dw_model my_model_2: ${stream.memoryBytes} bytes of memory \\(tensors ${stream.arenaBytes}\\), \\d+ of flash`));
  const text = readFileSync(out, 'utf8');
  assert.is(text, cSource(stream, 'my_model_2', 'small.dw'));
  assert.match(text, `linear memory   ${stream.memoryBytes} bytes`);
  assert.match(text, /input {11}t0: int8 1x32x32x3, real value = 0\.0078\d+ \* \(q - 0\)/);
  const words = [...text.slice(text.indexOf('weights[]'), text.indexOf('/* from, bytes, to */')).matchAll(/0x([0-9a-f]{8})/g)].map(([, hex]) => parseInt(hex, 16));
  assert.equal(Uint32Array.from(words), new Uint32Array(plan.weights.slice().buffer), 'weights, word by word');
  assert.match(text, `0x${checksum(words).toString(16).padStart(8, '0')}`);
});

test('a file planned to be fast is taken, with a hint', () => {
  const { status, stderr } = depthwise('convert', inPlace('fast.dw'), '--target', 'mcu', '-o', inPlace('fast.c'));
  assert.is(status, 0, stderr);
  assert.match(stderr, /planned to be fast.*--plan small/);
});

test('names and labels that C would not take are changed', () => {
  assert.equal(['a-b', '3d', '', 'ok_1'].map(identifier), ['a_b', '_3d', '_', 'ok_1']);
  const stream = streamed(plan), text = cSource({ ...stream, info: { ...stream.info, labels: ['a "b" \\ c', 'naïve */'], about: { description: 'ends here */ int x;' } } }, 'm', 'x */ y');
  assert.match(text, '"a \\"b\\" \\\\ c"');
  assert.match(text, '"na?ve */"');
  assert.is(text.slice(0, text.indexOf('#include')).split('*/').length, 2, 'the comment ends once');
});

test('what makes no sense is refused', () => {
  fails(['convert', EVERYDAY, '--target', 'avr', '-o', inPlace('x.c')], /--target is dw or mcu, not "avr"/, 2);
  fails(['convert', EVERYDAY, '--target', 'mcu', '--float16', '-o', inPlace('x.c')], /--float16 is a form of the \.dw file/, 2);
  fails(['convert', EVERYDAY, '--target', 'mcu'], /-o OUT/, 2);
  for (const amount of ['lots', '0', '-1K', '1.5M']) fails(['inspect', `--fit=${amount}`], /--fit needs an amount of memory such as 256K/, 2);
});

interface Fits { limit: number; memoryBytes?: number; fits?: boolean; networks: { family: string; alpha: number; size: number; memoryBytes: number; flashBytes: number; fits: boolean }[] }

test('inspect --fit tells what fits, with and without a model', () => {
  const { status, stdout, stderr } = depthwise('inspect', inPlace('small.dw'), '--fit', '128K', '--json');
  assert.is(status, 0, stderr);
  const said = JSON.parse(stdout) as Fits;
  assert.is(said.limit, 128 * 1024);
  assert.is(said.memoryBytes, streamed(plan).memoryBytes);
  assert.is(said.fits, true);
  const find = (family: string, alpha: number, size: number) => said.networks.find((fit) => fit.family === family && fit.alpha === alpha && fit.size === size)!;
  assert.is(find('v2', 0.35, 96).memoryBytes, streamed(compile(randomModel('v2', 'int8', 0.35, 96, 1000), { plan: 'small' })).memoryBytes, 'weights do not matter');
  for (const fit of said.networks) {
    assert.is(fit.fits, fit.memoryBytes + 4096 <= said.limit);
    const larger = find(fit.family, fit.alpha, fit.size + 32);
    if (larger) assert.ok(larger.memoryBytes > fit.memoryBytes, `${fit.family} ${fit.alpha} ${fit.size}`);
  }
  assert.ok(find('v2', 0.35, 96).fits && find('v3-small', 0.75, 96).fits && !find('v1', 1, 224).fits);
  const shown = depthwise('inspect', '--fit', '1m');
  assert.is(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /fits 1024 KiB has a \*/);
  assert.match(shown.stdout, /^v3-small +0\.75 +\d+ \*/m);
});

test.run();
