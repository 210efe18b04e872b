// Checks networks on Cortex-M4, M7 and M55 in QEMU, with their weights in flash: the bytes of TensorFlow Lite, what it takes
// of memory and flash, instructions a multiply-add, and that too little memory and damaged models are refused with a code.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { flashBytes } from '../src/cli/c-source.js';
import { CODE_BYTES, STACK_AND_STATIC_BYTES } from '../src/cli/fit.js';
import { compile } from '../src/compile/plan.js';
import { streamed } from '../src/compile/stream.js';
import type { Stream } from '../src/compile/stream.js';
import { loadGraph, readWeights } from '../src/load.js';
import { BOARDS, INSTALL, boot, bytesIn, layersIn, missingTools, sizes, writeModel } from './firmware.js';
import type { Board, Layer } from './firmware.js';
import { quantisedModel } from './quantised-model.js';
import { Random, randomValues } from './random-graph.js';
import { runStream } from './stream-device.js';

const missing = missingTools(), shared = path.resolve('../shared'), hasModels = existsSync(shared);
if (missing.length) console.log(`NOT RUN: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing. To run: ${INSTALL}`);
const tools = missing.length ? test.skip : test, both = missing.length || !hasModels ? test.skip : test;

const bytesAt = (...parts: string[]): Uint8Array => new Uint8Array(readFileSync(path.join(shared, ...parts)));
const streamOf = async (plan: 'small' | 'layers', ...parts: string[]): Promise<Stream> => streamed(await readWeights(bytesAt(...parts), { plan }));

interface Case { input: { file: string }; outputs: { file: string }[] }

/** Inputs and the outputs that TensorFlow Lite gave. */
function oracle(folder: string): { inputs: string[]; expected: Buffer[] } {
  const dir = path.join(shared, 'oracle', folder), { cases } = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as { cases: Case[] };
  return { inputs: cases.map(({ input }) => path.join(dir, input.file)), expected: cases.flatMap(({ outputs }) => outputs.map(({ file }) => readFileSync(path.join(dir, file)))) };
}

function keras(name: string): { inputs: string[]; expected: Buffer[] } {
  const file = (i: number, what: string): string => path.join(shared, 'fixtures', 'keras', `${name}.case${i}.${what}.bin`);
  return { inputs: [0, 1, 2].map((i) => file(i, 'input')), expected: [0, 1, 2].map((i) => readFileSync(file(i, 'output'))) };
}

const rows: string[] = [];
const column = (value: string | number): string => String(value).padStart(10);

/** A line of the table, from what the linker and the board say. */
function note(name: string, stream: Stream, out: string, board: Board, said: string): void {
  const { flash, ram } = sizes(out, board), [, used] = /stack (\d+) of/.exec(said) ?? [, '0'];
  const labels = (stream.info.labels ?? []).reduce((sum, label) => sum + label.length + 5, 0), code = flash - flashBytes(stream) - labels;
  assert.ok(code <= CODE_BYTES && ram + Number(used) <= STACK_AND_STATIC_BYTES, `${name} on ${board}: ${code} bytes of code, ${ram} static, ${used} of stack: more than src/cli/fit.ts says`);
  rows.push(`${name.padEnd(28)}${board.padEnd(5)}${[stream.arenaBytes, stream.memoryBytes, ram, used!, stream.memoryBytes + ram + Number(used), flash].map(column).join('')}`);
}

function answersOn(boards: readonly Board[], name: string, stream: Stream, inputs: string[], expected: Buffer[], variables: Record<string, string> = {}): string {
  const out = writeModel(stream, name);
  for (const board of boards) {
    const ran = boot(`run-${board}`, out, ['--bytes', ...inputs], variables), got = bytesIn(ran);
    assert.is(got.length, expected.length, `${name} on ${board}`);
    expected.forEach((bytes, i) => assert.ok(got[i].equals(bytes), `${name} on ${board}: output ${i} has other bytes`));
    note(name, stream, out, board, ran.said);
  }
  return out;
}

both('person_detect on three boards gives the bytes of TensorFlow Lite Micro, in 64 KiB of RAM and 350 kB of flash', async () => {
  const stream = await streamOf('small', 'models', 'person_detect.tflite'), { inputs, expected } = oracle('person_detect_int8');
  const out = answersOn(BOARDS, 'person_detect', stream, inputs, expected, { RAM: '64K', STACK: '2K' });
  assert.ok(stream.arenaBytes <= 54 * 1024 && stream.memoryBytes <= 65536, `${stream.arenaBytes}, ${stream.memoryBytes}`);
  for (const board of BOARDS) assert.ok(sizes(out, board).flash <= 350_000, `${sizes(out, board).flash} bytes of flash on ${board}`);
});

both('make run says who is in person_96.bmp and that nobody is in an empty picture', () => {
  const model = path.join(shared, 'models', 'person_detect.tflite');
  const { code, said } = boot('run-m4', path.resolve('build', 'mcu', 'example'), [path.join(shared, 'images', 'person_96.bmp'), 'empty'], { MODEL: model });
  assert.is(code, 0, said);
  assert.match(said, /person_96\.bmp\n {2}0\.941 {2}person\n {2}0\.059 {2}no person\nempty\n {2}0\.\d+ {2}no person/);
});

both('bounds checks left in give the same bytes', async () => {
  const stream = await streamOf('small', 'models', 'person_detect.tflite'), { inputs, expected } = oracle('person_detect_int8');
  assert.equal(bytesIn(boot('run-m4', writeModel(stream, 'person_detect'), ['--bytes', ...inputs], { CHECKS: '1' })), expected);
});

both('V1 0.25 at 128 pixels, uint8, gives the bytes of TensorFlow Lite', async () => {
  const { inputs, expected } = oracle('mobilenet_v1_0.25_128_quant');
  answersOn(['m4'], 'v1-0.25-128', await streamOf('small', 'models', 'mobilenet_v1_0.25_128_quant.tflite'), inputs, expected);
});

for (const name of ['keras_v1_96_int8', 'keras_v2_96_int8', 'keras_v3_small_96_int8']) {
  both(`${name} gives the bytes of TensorFlow Lite, in 128 KiB of RAM`, async () => {
    const { inputs, expected } = keras(name);
    answersOn(['m55'], name, await streamOf('small', 'fixtures', 'keras', `${name}.tflite`), inputs, expected, { RAM: '128K' });
  });
}

both('float32 gives the bits that WebAssembly gives', async () => {
  const stream = await streamOf('small', 'fixtures', 'keras', 'keras_v1_96_float.tflite'), { inputs } = keras('keras_v1_96_float');
  const expected = inputs.flatMap((file) => runStream(stream, [new Uint8Array(readFileSync(file))])).map((bytes) => Buffer.from(bytes));
  answersOn(['m4', 'm55'], 'keras_v1_96_float', stream, inputs, expected);
});

for (const [family, alpha] of [['v2', 0.35], ['v3-small', 0.75]] as const) {
  tools(`${family} ${alpha} at 96 pixels with 1,000 classes, random weights made int8, in 256 KiB of RAM`, async () => {
    const graph = await quantisedModel(family, alpha, 96, 1000), stream = streamed(compile(graph, { plan: 'small' })), name = `${family}-${alpha}-96-x-1000`;
    const input = randomValues(new Random(11), graph.tensors[graph.inputs[0]]), net = await loadGraph(graph, { build: 'scalar' }), out = writeModel(stream, name), file = path.join(out, 'input.bin');
    writeFileSync(file, new Uint8Array(input.buffer));
    const expected = net.run(input).map(({ data: { buffer, byteOffset, byteLength } }) => Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)));
    assert.ok(new Set(expected[0]).size > 50, 'answers that say something');
    answersOn(['m4', 'm55'], name, stream, [file], expected, { RAM: '256K' });
    net.dispose();
  });
}

both('AddressSanitizer sees nothing amiss on the development machine', async () => {
  const cases: [string, Stream, { inputs: string[]; expected: Buffer[] }][] = [
    ['person_detect', await streamOf('small', 'models', 'person_detect.tflite'), oracle('person_detect_int8')],
    ['keras_v3_small_96_int8', await streamOf('small', 'fixtures', 'keras', 'keras_v3_small_96_int8.tflite'), keras('keras_v3_small_96_int8')],
  ];
  for (const [name, stream, { inputs, expected }] of cases) assert.equal(bytesIn(boot('host', writeModel(stream, name), ['--bytes', ...inputs])), expected, name);
});

tools('hooks, runs that are ended, and two nets at once do what depthwise.h says', async () => {
  const stream = streamed(compile(await quantisedModel('v2', 0.35, 32, 20), { plan: 'small' }));
  const { code, said } = boot('host', writeModel(stream, 'hooks'), [], { PROGRAM: path.resolve('test', 'hooks.c') });
  assert.is(code, 0, said);
});

both('too little memory is refused with code 1', async () => {
  const out = writeModel(await streamOf('small', 'models', 'person_detect.tflite'), 'person_detect-60K');
  const { code, said } = boot('run-m4', out, ['empty'], { RAM: '60K', STACK: '2K' });
  assert.match(said, /^error 1 at unit 0: the memory is smaller/m);
  assert.not.equal(code, 0);
});

/** A model whose text or plan was changed ends with a code, on the board and under AddressSanitizer. */
function refuses(what: string, code: number, name: string, stream: Stream, { change, fault }: { change?: (text: string) => string; fault?: number } = {}): void {
  const out = writeModel(stream, name, change);
  for (const target of ['run-m4', 'host'] as const) {
    const ran = boot(target, out, ['empty']);
    assert.match(ran.said, new RegExp(`^error ${code} at unit \\d+: ${fault ? `.*fault ${fault} of` : ''}`, 'm'), `${what}, ${target}: ${ran.said.slice(-500)}`);
  }
}

both('one changed bit of the weights, a record or a copy is refused with code 3', async () => {
  const stream = await streamOf('small', 'models', 'person_detect.tflite');
  const inSection = (start: string, from: RegExp, to: (found: string) => string) => (text: string): string => {
    const at = text.indexOf(start), rest = text.slice(at), changed = rest.replace(from, to);
    assert.not.equal(changed, rest);
    return text.slice(0, at) + changed;
  };
  refuses('weights', 3, 'damaged', stream, { change: inSection('weights[]', /0x\w{8}/, (word) => `0x${((Number(word) ^ 1) >>> 0).toString(16).padStart(8, '0')}`) });
  refuses('record', 3, 'damaged', stream, { change: inSection('records[]', /36864/, () => '36865') });
  refuses('copy', 3, 'damaged', stream, { change: inSection('copies[]', /, 160, /, () => ', 161, ') });
});

both('plans that would leave their memory are refused with code 4, whatever their checksum says', async () => {
  const good = await streamOf('small', 'models', 'person_detect.tflite');
  const hostile = (change: (stream: Stream) => void): Stream => {
    const stream = structuredClone(good);
    change(stream);
    return stream;
  };
  refuses('a copy beyond the memory', 4, 'hostile', hostile(({ units, memoryBytes }) => { units[3].copies[0].to = memoryBytes - 8; }));
  refuses('a copy of more than there is', 4, 'hostile', hostile(({ units, constants }) => { units[3].copies[0].from = constants.length; }));
  refuses('an output outside', 4, 'hostile', hostile(({ info, memoryBytes }) => { info.tensors[info.outputs[0]].offset = memoryBytes; }));
  refuses('an unknown kernel', 4, 'hostile', hostile(({ records }) => { records[abi.OP] = 99; }), { fault: abi.FAULT_KERNEL });
  refuses('an input beyond the memory', 4, 'hostile', hostile(({ records, memoryBytes }) => { records[abi.SRC] = memoryBytes; }), { fault: abi.FAULT_SRC });
  refuses('a row too long for the ring', 4, 'hostile', hostile(({ records }) => { records[abi.OW] *= 100; }));
  refuses('scratch memory that a step writes over', 4, 'hostile', hostile(({ units, base }) => { units[0].scratchAt = base + 40000; }), { fault: abi.FAULT_DST });
});

const ROUNDS = process.env.CASES ?? '4000', SEED = process.env.SEED ?? '1';

tools(`${ROUNDS} broken plans with right checksums are refused or run under AddressSanitizer without a complaint (CASES=, SEED=)`, async () => {
  const stream = streamed(compile(await quantisedModel('v3-small', 0.35, 32, 20), { plan: 'small' }));
  const { code, said } = boot('host', writeModel(stream, 'broken'), [ROUNDS, SEED], { PROGRAM: path.resolve('test', 'hostile.c') });
  assert.is(code, 0, said.slice(-3000));
  const count = (of: number): number => Number(new RegExp(`^code ${of}: (\\d+)$`, 'm').exec(said)?.[1] ?? 0);
  assert.is(count(0) + count(4) + count(5), Number(ROUNDS), said);
  assert.ok(count(0) > 0 && count(4) > Number(ROUNDS) / 10, `some ran, some were refused: ${said}`);
});

/** Instructions a multiply-add of the layers of one kind, all together. */
function perMac(layers: Layer[], isWanted: (layer: Layer) => boolean): number {
  const wanted = layers.filter((layer) => layer.macs > 0 && isWanted(layer));
  return wanted.reduce((sum, { instructions }) => sum + instructions, 0) / wanted.reduce((sum, { macs }) => sum + macs, 0);
}

both('instructions of each layer on the Cortex-M4, with and without bounds checks', async () => {
  const apart = writeModel(await streamOf('layers', 'models', 'person_detect.tflite'), 'person_detect-layers'), macs = 7_157_888;
  console.log(`\n${'instructions a multiply-add, person_detect, Cortex-M4'.padEnd(56)}${['pointwise', 'depthwise', 'all'].map(column).join('')}   (QEMU counts instructions, not cycles)`);
  for (const checks of ['', '1']) {
    const layers = layersIn(boot('layers-m4', apart, ['empty'], { CHECKS: checks }));
    assert.is(layers.reduce((sum, layer) => sum + layer.macs, 0), macs);
    assert.ok(layers.every(({ instructions }) => instructions > 0));
    const [pointwise, depthwise] = ['conv2d', 'depthwiseConv2d'].map((kind) => perMac(layers, (layer) => layer.kind === kind && layer !== layers[0]));
    const all = layers.reduce((sum, { instructions }) => sum + instructions, 0) / macs;
    console.log(`${(checks ? '  bounds checks in' : '  bounds checks out').padEnd(56)}${[pointwise, depthwise, all].map((x) => column(x.toFixed(2))).join('')}`);
    assert.ok(pointwise > 1 && depthwise > 1, 'a multiply-add takes at least an instruction');
    assert.ok(pointwise <= (checks ? 10 : 3.5), `${pointwise} instructions a multiply-add of pointwise layers: counts do not vary from run to run`);
  }
});

test('what a device needs', () => {
  if (rows.length) console.log(`\n${'bytes'.padEnd(33)}${['tensors', 'memory', 'static', 'stack', 'RAM', 'flash'].map(column).join('')}\n${rows.join('\n')}`);
  assert.ok(missing.length || !hasModels || rows.length >= 12, 'networks that ran');
});

test.run();
