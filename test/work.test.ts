// Checks the bound on work: small plans that would compute for hours are refused at once, whatever they say of themselves
// and whichever way they come in, and networks count what net.steps says.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { work } from '../assembly/work.js';
import { randomModel } from '../bench/random-model.js';
import type { Family } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { load as loadCore } from '../src/core.js';
import { DepthwiseError } from '../src/error.js';
import { readTflite } from '../src/formats/tflite.js';
import { load as loadPlain } from '../src/js.js';
import { load, memoryFor, readWeights } from '../src/load.js';
import { recordsOf } from '../src/plan/plan.js';
import type { Plan } from '../src/plan/plan.js';
import { writeTflite } from './fuzz/tflite-writer.js';
import { hashedSafetensors } from './hashed-weights.js';
import { floats, onnx } from './onnx-writer.js';

const shared = path.resolve('../shared'), there = existsSync(shared) ? test : test.skip;
const MIB = 2 ** 20;

const workOf = (steps: Int32Array): number => work((record, index) => steps[record * abi.STEP_WORDS + index], steps.length / abi.STEP_WORDS);
const sumOf = ({ info }: Plan): number => info.steps.reduce((sum, { macs }) => sum + macs, 0);

async function refuses(loading: Promise<unknown>, words = /computes [\de.+]+ multiply-adds a run, and maxMultiplyAdds allows \d+/): Promise<void> {
  const error = await loading.then(() => undefined, (cause: unknown) => cause);
  if (!(error instanceof DepthwiseError) || error.code !== 'TOO_MUCH_WORK') throw error ?? new Error('it was not refused');
  assert.match(error.message, words);
}

/** A plan of one record, again and again, which says that it computes nothing. */
function repeated(words: Record<number, number>, count: number, scratchBytes: number, weightsBytes: number): Plan {
  const steps = new Int32Array(abi.STEP_WORDS * count), arenaBytes = MIB;
  for (let i = 0; i < count; i++) for (const [word, value] of Object.entries({ [abi.SCRATCH_BYTES]: scratchBytes, [abi.WEIGHTS_BYTES]: weightsBytes, ...words })) steps[i * abi.STEP_WORDS + Number(word)] = value;
  const step = { kind: 'made', where: '', inputs: [0], output: 0, macs: 0 };
  const info: Plan['info'] = { purpose: 'fast', about: {}, inputs: [0], outputs: [0], tensors: [{ name: 'x', shape: [1], dtype: 'int8', offset: 0, bytes: 1, first: 0, last: 1 }], steps: Array.from({ length: count }, () => step), arenaLowerBound: 0 };
  return { steps, weights: new Uint8Array(weightsBytes * 2), arenaBytes, scratchBytes, info };
}

const WINDOW = { [abi.STRIDE_H]: 1, [abi.STRIDE_W]: 1, [abi.DILATION_H]: 1, [abi.DILATION_W]: 1 };
const INT8 = { [abi.DTYPE]: abi.INT8 }, N = MIB;
const maps = (h: number, w: number, c: number, oh: number, ow: number, oc: number): Record<number, number> => ({ [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.OC]: oc });
const windows = (kh: number, kw: number): Record<number, number> => ({ ...WINDOW, [abi.KH]: kh, [abi.KW]: kw });
const boxes = { [abi.COUNT]: 2500, [abi.C]: 80, [abi.CLASSES]: 80, [abi.OC]: 4, [abi.MOST_DETECTIONS]: 2500, [abi.PER_DETECTION]: 1, [abi.ROOM]: 2500, [abi.PER_CLASS]: 2500 };

/** What each kernel does, by hand, and a record that does much of it in a MiB. */
const HOSTILE: [what: string, words: Record<number, number>, each: number, scratch?: number][] = [
  ['a product', { [abi.OP]: abi.OP_POINTWISE, ...maps(1, 600, 400, 1, 600, 300), [abi.COUNT]: 600 }, 600 * 400 * 300, MIB / 8],
  ['a product of one channel by one', { [abi.OP]: abi.OP_POINTWISE, ...maps(1, N / 4, 1, 1, N / 4, 1), [abi.COUNT]: N / 4 }, N * 8, MIB / 8],
  ['a product of one channel by nine', { [abi.OP]: abi.OP_POINTWISE, ...maps(1, N / 64, 1, 1, N / 64, 9), [abi.COUNT]: N / 64 }, N, MIB / 8],
  ['a convolution', { [abi.OP]: abi.OP_CONV, ...windows(20, 20), ...maps(64, 64, 8, 64, 64, 24) }, 64 * 64 * 24 * 20 * 20 * 8, MIB / 4],
  ['a convolution that only gathers', { [abi.OP]: abi.OP_CONV, ...windows(100, 100), ...maps(1, 1, 1, 500, 500, 1) }, 500 * 500 * 100 * 100 * 8],
  ['a convolution that widens rows and drops them', { [abi.OP]: abi.OP_CONV, ...windows(200, 1), ...maps(1, 500, 1, 60000, 1, 1) }, 60000 * 200 * 500],
  ['a depthwise convolution', { [abi.OP]: abi.OP_DEPTHWISE, ...windows(60, 60), ...maps(100, 100, 8, 100, 100, 8) }, 100 * 100 * 8 * 3600],
  ['a depthwise convolution of padding', { [abi.OP]: abi.OP_DEPTHWISE, ...windows(1, 1), ...maps(1, 1, 8, 4000, 8, 8), [abi.STRIDE_W]: 1000 }, 4000 * 7001 * 8],
  ['a depthwise convolution of rows between its dilated taps', { [abi.OP]: abi.OP_DEPTHWISE, ...windows(2, 1), ...maps(1, 1, 8, 1000, 4, 8), [abi.DILATION_H]: 500, [abi.STRIDE_H]: 501, [abi.STRIDE_W]: 10 }, (999 * 501 + 501) * 31 * 8],
  ['a pool', { ...INT8, [abi.OP]: abi.OP_AVERAGE_POOL, ...windows(100, 50), ...maps(400, 400, 1, 301, 351, 1) }, 301 * 351 * 5000 * 16],
  ['a pool of windows larger than the map', { ...INT8, [abi.OP]: abi.OP_AVERAGE_POOL, ...windows(65536, 65536), ...maps(40, 40, 1, 40, 40, 1) }, 1600 * 1600 * 16],
  ['a mean', { ...INT8, [abi.OP]: abi.OP_MEAN, ...maps(1000, 1000, 1, 0, 0, 0) }, 1e6 * 16],
  ['a resize', { ...INT8, [abi.OP]: abi.OP_RESIZE, ...maps(2, 60000, 1, 60000, 8, 1) }, 60000 * 60008 * 16, 2 * MIB],
  ['a softmax', { ...INT8, [abi.OP]: abi.OP_SOFTMAX, [abi.COUNT]: 1000, [abi.C]: 1000 }, 1e6 * 16],
  ['an activation', { [abi.OP]: abi.OP_ACTIVATION, [abi.COUNT]: N / 4 }, N * 4, 64],
  ['a table', { ...INT8, [abi.OP]: abi.OP_TABLE, [abi.COUNT]: N }, N * 16, 64],
  ['a sum', { ...INT8, [abi.OP]: abi.OP_ADD, [abi.COUNT]: N, [abi.PERIOD]: 1 }, N * 16, 64],
  ['a strided copy over itself', { ...INT8, [abi.OP]: abi.OP_TRANSPOSE, [abi.H]: 60, [abi.W]: 60, [abi.C]: 10, [abi.COUNT]: 20, [abi.KH]: 1 }, 720_000 * 16, 64],
  ['copies of a byte', { ...INT8, [abi.OP]: abi.OP_COPY, [abi.COUNT]: N, [abi.W]: 1, [abi.C]: 1 }, N * 16, 64],
  ['gathering by no index', { ...INT8, [abi.OP]: abi.OP_GATHER, [abi.COUNT]: N, [abi.KW]: 1 }, N * 16, 64],
  ['padding', { ...INT8, [abi.OP]: abi.OP_PAD, ...maps(1, 1, 1, 1000, 1000, 0) }, 1e6 * 16, 64],
  ['the greatest of a column', { ...INT8, [abi.OP]: abi.OP_ARG_MAX, [abi.COUNT]: 1, [abi.C]: 100, [abi.W]: 10_000, [abi.INDEX_BYTES]: 4 }, 1e6 * 16, 64],
  ['suppression, class by class', { ...boxes, [abi.OP]: abi.OP_DETECTION, [abi.REGULAR]: 1, [abi.FOUND]: 2500 }, 4 * (2500 * 80 + 80 * (2500 * 20 + 2500 * 2500 + 2500)), MIB / 2],
  ['suppression of a few candidates', { ...boxes, [abi.OP]: abi.OP_DETECTION, [abi.REGULAR]: 1, [abi.FOUND]: 2500, [abi.CANDIDATES]: 100 }, 4 * (2500 * 80 + 80 * (2500 * 20 + 100 * 2500 + 2500)), MIB / 2],
  ['suppression of all boxes at once', { ...boxes, [abi.OP]: abi.OP_DETECTION, [abi.FOUND]: 80 }, 4 * (2500 * 80 + 2500 * 20 + 2500 * 2500 + 2500 * 80 * 20), MIB / 2],
];
/** The others, which do one thing with each of COUNT values. */
const VALUE_BY_VALUE = [abi.OP_MUL, abi.OP_ARITHMETIC, abi.OP_FLIP, abi.OP_QUANTIZE, abi.OP_DEQUANTIZE, abi.OP_SQRT, abi.OP_TO_FLOAT];
const WEIGHTS = 500_000;

test('plans of a MiB that would compute for minutes or hours are refused before a step runs, by every kernel', async () => {
  const kernels = new Set<number>();
  for (const [what, words, each, scratch = MIB] of HOSTILE) {
    const count = Math.min(Math.ceil(1e12 / each), 4_000), plan = repeated(words, count, scratch, WEIGHTS), file = await savePlan(plan);
    assert.is(workOf(plan.steps), each * count, what);
    assert.ok(sumOf(plan) === 0 && each * count > 4e9, `${what}: ${each * count}`);
    await readWeights(file); // every record is one that may run
    await refuses(load(file, { maxMultiplyAdds: 4e9 }));
    kernels.add(words[abi.OP]);
  }
  for (const op of VALUE_BY_VALUE) {
    assert.is(workOf(repeated({ [abi.OP]: op, [abi.COUNT]: N }, 2, 64, 64).steps), 2 * N * 16);
    kernels.add(op);
  }
  const all = Object.entries(abi).filter(([name]) => name.startsWith('OP_')).map(([, op]) => op as number);
  assert.equal(all.filter((op) => !kernels.has(op)), [abi.OP_INVERTED_RESIDUAL], 'whose parts are records of their own');
});

test('the largest sizes there are count as much, not less', () => {
  const words = { ...maps(2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30), ...windows(2 ** 30, 2 ** 30), [abi.COUNT]: 2 ** 30 };
  for (const [name, op] of Object.entries(abi)) if (name.startsWith('OP_') && op !== abi.OP_INVERTED_RESIDUAL) {
    const { steps } = repeated({ ...words, [abi.OP]: op as number }, 3, 64, 64);
    assert.ok(workOf(steps) > 1e9 && Number.isFinite(workOf(steps)), `${name}: ${workOf(steps)}`);
  }
});

/** Shapes of a MobileNetV1 of timm with 8 channels, where it has 32. */
function narrowV1(): Record<string, number[]> {
  const shapes: Record<string, number[]> = { 'conv_stem.weight': [8, 3, 3, 3] }, outs = [16, 32, 32, 64, 64, ...Array<number>(6).fill(128), 256, 256];
  const norm = (name: string, channels: number): void => ['weight', 'bias', 'running_mean', 'running_var'].forEach((part) => { shapes[`${name}.${part}`] = [channels]; });
  norm('bn1', 8);
  [1, 2, 2, 6, 2].flatMap((repeats, stage) => Array.from({ length: repeats }, (_, b) => `blocks.${stage}.${b}`)).forEach((name, i) => {
    const channels = outs[i - 1] ?? 8;
    shapes[`${name}.conv_dw.weight`] = [channels, 1, 3, 3];
    norm(`${name}.bn1`, channels);
    shapes[`${name}.conv_pw.weight`] = [outs[i], channels, 1, 1];
    norm(`${name}.bn2`, outs[i]);
  });
  return { ...shapes, 'classifier.weight': [10, 256], 'classifier.bias': [10] };
}

test('the bound is the number itself, for every way in', async () => {
  const plan = compile(randomModel('v2', 'float32', 0.35, 32, 10)), dw = await savePlan(plan), module = new WebAssembly.Module(readFileSync('build/wasm/simd.wasm')), own = workOf(plan.steps);
  assert.ok(own > sumOf(plan) && own < sumOf(plan) * 1.5, `${own} and ${sumOf(plan)}`);
  const dimension = [1, 3, 64, 64], conv = { op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], name: 'Conv', attributes: { kernel_shape: [3, 3] } };
  const files: [string, Uint8Array][] = [
    ['dw', dw], ['tflite', writeTflite(randomModel('v2', 'float32', 0.35, 32, 10))], ['onnx', onnx({ nodes: [conv], constants: { w: floats([4, 3, 3, 3], Array(108).fill(0.5)) }, input: { shape: dimension } })], ['safetensors', hashedSafetensors(narrowV1())],
  ];
  for (const [name, file] of files) {
    const sum = workOf((await readWeights(file)).steps);
    assert.ok(sum > 100_000, name);
    (await load(file, { maxMultiplyAdds: sum })).dispose();
    await refuses(load(file, { maxMultiplyAdds: sum - 1 }), new RegExp(`computes ${sum} multiply-adds a run, and maxMultiplyAdds allows ${sum - 1}`));
  }
  await refuses(loadCore(dw, { wasm: module, maxMultiplyAdds: own - 1 }));
  await refuses(loadPlain(dw, { maxMultiplyAdds: own - 1 }));
  await refuses(memoryFor(dw, { maxMultiplyAdds: own - 1 }));
  (await loadCore(dw, { wasm: module, maxMultiplyAdds: own })).dispose();
  for (const wrong of [0, -1, NaN, '1']) assert.is(await load(dw, { maxMultiplyAdds: wrong as number }).then(() => '', (error: DepthwiseError) => error.code), 'BAD_INPUT');
});

test('networks count the multiply-adds that their steps say, and little beside them', () => {
  for (const family of ['v1', 'v2', 'v3-small', 'v3-large'] as Family[]) for (const dtype of ['float32', 'int8'] as const) for (const purpose of ['fast', 'small', 'layers'] as const) {
    counts(`${family} ${dtype} ${purpose}`, compile(randomModel(family, dtype, 1, 96, 10), { plan: purpose }));
  }
});

there('so do real files', () => {
  const files = readdirSync(path.join(shared, 'models')).filter((name) => name.endsWith('.tflite'));
  assert.ok(files.length > 3);
  for (const name of files) counts(name, compile(readTflite(new Uint8Array(readFileSync(path.join(shared, 'models', name))))));
});

/** Each step with multiply-adds has as many by its records; what is beside them is less than a third of the whole. */
function counts(name: string, plan: Plan): void {
  const records = recordsOf(plan.steps);
  let at = 0;
  for (const { macs, parts = [], where } of plan.info.steps) {
    const own = records.slice(at, at + 1 + parts.length), sums = own.map((words) => workOf(words));
    at += own.length;
    const additions = own.slice(1).reduce((sum, words, i) => sum + (words[abi.OP] === abi.OP_ADD ? sums[i + 1] : 0), 0);
    if (macs) assert.is(sums.reduce((sum, each) => sum + each, 0) - additions, macs, `${name}: ${where}`);
  }
  assert.ok(workOf(plan.steps) < sumOf(plan) * 1.5, `${name}: ${workOf(plan.steps)} for ${sumOf(plan)} multiply-adds`);
}

test.run();
