// Checks plans whose weights are copied in step by step: the same bytes as the engine gives, whatever the limit, for every
// kernel; every constant is copied by the record that reads it; and the memory that person_detect takes.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { constantsOf } from '../src/compile/constants.js';
import { compile } from '../src/compile/plan.js';
import { STATIC_BYTES, streamed, streamedBy } from '../src/compile/stream.js';
import type { Graph } from '../src/formats/graph.js';
import type { Output } from '../src/net.js';
import { load, loadGraph, readWeights } from '../src/load.js';
import { align, recordsOf } from '../src/plan/plan.js';
import type { Plan } from '../src/plan/plan.js';
import {
  Random, binaryGraph, blockGraph, concatenationGraph, convGraph, fullyConnectedGraph, moveGraph, poolGraph, quantizeGraph, randomValues, softmaxGraph, unaryGraph,
} from './random-graph.js';
import type { ActivationType } from './random-graph.js';
import { argMaxGraph, dilatedGraph, resizeGraph, tileGraph } from './random-maps.js';
import { arithmeticGraph, castGraph, pickGraph, rootGraph, spreadGraph } from './random-number-graph.js';
import { quantisedModel, withoutSoftmax } from './quantised-model.js';
import { runStream } from './stream-device.js';
import { randomModel } from '../bench/random-model.js';

const CASES = Number(process.env.CASES ?? 12);
const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: CASES }, (_, i) => i + 1);
/** From a panel at a time to everything at once. */
const LIMITS = [1, 700, 3000, Infinity];

const KINDS: Record<string, (random: Random, dtype: ActivationType) => Graph> = {
  conv: (random, dtype) => convGraph(random, dtype, false), depthwise: (random, dtype) => convGraph(random, dtype, true), block: blockGraph,
  'fully connected': fullyConnectedGraph, binary: binaryGraph, pool: poolGraph, unary: unaryGraph, move: moveGraph, concatenation: concatenationGraph, softmax: softmaxGraph,
  quantise: quantizeGraph, resize: resizeGraph, 'arg max': argMaxGraph, tile: tileGraph, dilated: dilatedGraph, arithmetic: arithmeticGraph, spread: spreadGraph,
  cast: castGraph, pick: pickGraph, root: rootGraph,
};

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength).slice();

/** Bytes of the engine's outputs; those of int64 come to it as their low halves. */
function same(got: Uint8Array[], expected: Output[], what: string): void {
  expected.forEach(({ data, dtype }, i) => {
    const bytes = dtype === 'int64' ? got[i].filter((_, at) => at % 8 < 4) : got[i];
    assert.ok(Buffer.compare(bytes, bytesOf(data)) === 0, `${what}: output ${i} has other bytes`);
  });
}

/** Kernels that some plan of these tests held; the last test wants all of them. */
const seen = new Set<number>(), withOperand = new Set<number>();

/** Constants lie one after another in a plan: each byte belongs to one range of one record, but for what fills up to 16. */
function checkRanges(plan: Plan, what: string): void {
  const ranges = recordsOf(plan.steps).flatMap((words) => {
    seen.add(words[abi.OP]);
    if (words[abi.SRC2_CONSTANT]) withOperand.add(words[abi.OP]);
    return constantsOf(words);
  }).sort((a, b) => a.from - b.from);
  const end = ranges.reduce((at, { from, bytes }) => {
    assert.is(from, at, `${what}: a constant begins at ${from}, the one before ends at ${at}`);
    return align(from + bytes);
  }, 0);
  assert.is(end, plan.weights.length, `${what}: constants that no record names`);
}

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind}: ${seeds.length} random cases of each type, at ${LIMITS.length} limits`, async () => {
    for (const dtype of ['float32', 'int8', 'uint8'] as const) for (const seed of seeds) {
      const random = new Random(seed * 7919), graph = make(random, dtype), inputs = graph.inputs.map((i) => randomValues(random, graph.tensors[i]));
      const net = await loadGraph(graph, { build: 'scalar', plan: 'small' }), expected = net.run(...inputs);
      const plan = compile(graph, { plan: 'small' }), what = `${kind}, ${dtype}, SEED=${seed}`;
      checkRanges(plan, what);
      for (const limit of LIMITS) same(runStream(streamedBy(plan, limit), inputs.map(bytesOf)), expected, `${what}, limit ${limit}`);
      net.dispose();
    }
  });
}

for (const family of ['v1', 'v2', 'v3-small', 'v3-large'] as const) for (const dtype of ['int8', 'float32'] as const) {
  test(`${family}, ${dtype}, 1,000 classes: the bytes of the engine, planned small, fast and by layers`, async () => {
    const graph = dtype === 'int8' ? await quantisedModel(family, 0.35, 64, 1000) : withoutSoftmax(randomModel(family, dtype, 0.35, 64, 1000));
    const random = new Random(3), input = randomValues(random, graph.tensors[graph.inputs[0]]);
    for (const purpose of ['small', 'fast', 'layers'] as const) {
      const net = await loadGraph(graph, { build: 'scalar', plan: purpose }), expected = net.run(input), plan = compile(graph, { plan: purpose });
      assert.ok(new Set(expected[0].data).size > 30, 'answers that say something');
      checkRanges(plan, family);
      for (const stream of [streamed(plan), streamedBy(plan, 1), streamedBy(plan, Infinity)]) same(runStream(stream, [bytesOf(input)]), expected, purpose);
      net.dispose();
    }
  });
}

interface Vector { name: string; model: string; inputs: string[] }

const fromText = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** A file's model, on inputs given or random. */
async function sameAsEngine(name: string, file: Uint8Array, given?: Uint8Array[]): Promise<void> {
  const plan = await readWeights(file, { plan: 'small' }), net = await load(file, { build: 'scalar', plan: 'small' }), random = new Random(5);
  const inputs = given ?? net.inputs.map((info) => bytesOf(randomValues(random, info)));
  checkRanges(plan, name);
  same(runStream(streamed(plan), inputs), net.run(...inputs), name);
  net.dispose();
}

const shared = path.resolve('../shared'), there = existsSync(shared) ? test : test.skip;
const model = (...parts: string[]): Uint8Array => new Uint8Array(readFileSync(path.join(shared, ...parts)));

test('operators on numbers and detections, in models of TensorFlow Lite: the bytes of the engine', async () => {
  const numbers = JSON.parse(readFileSync('test/vectors/number-operators.json', 'utf8')) as Vector[];
  const { cases } = JSON.parse(gunzipSync(readFileSync('test/vectors/detection.json.gz')).toString()) as { cases: Vector[] };
  for (const { name, model: text, inputs } of [...numbers, ...cases]) await sameAsEngine(name, fromText(text), inputs.map(fromText));
});

there('real models: the bytes of the engine', async () => {
  for (const name of ['person_detect', 'mobilenet_v1_0.25_128_quant', 'mobilenet_v3_small_1.0_224_uint8']) await sameAsEngine(name, model('models', `${name}.tflite`));
});

there('person_detect: 54 KiB of tensors, and less than one page of memory in all', async () => {
  const stream = streamed(await readWeights(model('models', 'person_detect.tflite'), { plan: 'small' }));
  assert.is(stream.arenaBytes, 54 * 1024);
  assert.ok(stream.memoryBytes < 65536, `${stream.memoryBytes} bytes`);
  const dir = path.join(shared, 'oracle', 'person_detect_int8'), { cases } = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as { cases: { name: string; input: { file: string }; outputs: { file: string }[] }[] };
  for (const { name, input, outputs } of cases) {
    const [got] = runStream(stream, [new Uint8Array(readFileSync(path.join(dir, input.file)))]);
    assert.equal(got, new Uint8Array(readFileSync(path.join(dir, outputs[0].file))), name);
  }
});

test('every kernel was among them, and every one whose second operand may be constant', () => {
  const ops = Object.entries(abi).filter(([name]) => name.startsWith('OP_')).map(([, code]) => code as number);
  assert.equal(ops.filter((op) => !seen.has(op)), []);
  assert.equal([...withOperand].sort((a, b) => a - b), [abi.OP_ADD, abi.OP_MUL, abi.OP_COPY, abi.OP_ARITHMETIC, abi.OP_GATHER].sort((a, b) => a - b));
});

test(`the module's own static data end below byte ${STATIC_BYTES}`, () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 }), bytes = new Uint8Array(memory.buffer).fill(0x77);
  new WebAssembly.Instance(new WebAssembly.Module(readFileSync('build/wasm/bare.wasm')), { env: { memory } });
  const last = bytes.findLastIndex((byte) => byte !== 0x77);
  assert.ok(last > 0 && last < STATIC_BYTES, `they end at ${last}`);
});

test.run();
