// Checks the check of plans: every word of every record is broken, in plans that hold every kernel, and what is not refused
// runs without a trap, without writing outside of its memory, and without an answer that depends on anything outside of it.
// Both checks, in TypeScript and in WebAssembly, say the same, also of how much there is to do. SWEEP=all breaks each word in every way (minutes); SEED=n chooses others.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { check } from '../assembly/check.js';
import { work } from '../assembly/work.js';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { Engine, layoutOf } from '../src/engine.js';
import { DepthwiseError } from '../src/error.js';
import { readTflite } from '../src/formats/tflite.js';
import { checkPlan } from '../src/plan/check.js';
import { align, recordsOf } from '../src/plan/plan.js';
import type { Plan } from '../src/plan/plan.js';
import { placeScratch } from '../src/plan/scratch.js';
import { GuardedSteps } from './guarded-steps.js';
import {
  Random, binaryGraph, blockGraph, concatenationGraph, convGraph, fullyConnectedGraph, moveGraph, poolGraph, quantizeGraph, softmaxGraph, unaryGraph,
} from './random-graph.js';
import { argMaxGraph, dilatedGraph, resizeGraph, tileGraph } from './random-maps.js';
import { arithmeticGraph, castGraph, pickGraph, rootGraph, spreadGraph } from './random-number-graph.js';

const seed = Number(process.env.SEED ?? 1), all = process.env.SWEEP === 'all';
const shared = path.resolve('../shared');

const KINDS = [
  (random: Random, dtype: 'float32' | 'int8' | 'uint8') => convGraph(random, dtype, false), (random: Random, dtype: 'float32' | 'int8' | 'uint8') => convGraph(random, dtype, true), blockGraph,
  fullyConnectedGraph, binaryGraph, poolGraph, unaryGraph, moveGraph, concatenationGraph, softmaxGraph, quantizeGraph, resizeGraph, argMaxGraph, tileGraph, dilatedGraph,
  arithmeticGraph, spreadGraph, castGraph, pickGraph, rootGraph,
];

/** Plans that hold every kernel: single operators, whole networks by blocks, detections. */
function plansOf(): { name: string; plan: Plan }[] {
  const cases = all ? 12 : 1;
  const single = KINDS.flatMap((make, kind) => (['float32', 'int8', 'uint8'] as const).flatMap((dtype) => Array.from({ length: make === pickGraph ? 6 * cases : make === blockGraph ? 3 * cases : cases }, (_, i) => {
    const graph = make(new Random(seed * 1000 + kind * 50 + i), dtype);
    return { name: `${make.name || 'convGraph'} ${kind}, ${dtype}, case ${i}`, plan: compile(graph, { plan: 'small' }) };
  })));
  const networks = (['float32', 'int8'] as const).map((dtype) => ({ name: `v3-small, ${dtype}`, plan: compile(randomModel('v3-small', dtype, 0.25, 32, 10), { plan: 'small' }) }));
  const { cases: detections } = JSON.parse(gunzipSync(readFileSync('test/vectors/detection.json.gz')).toString()) as { cases: { name: string; model: string }[] };
  const detecting = detections.map(({ name, model }) => ({ name, plan: compile(readTflite(new Uint8Array(Buffer.from(model, 'base64')))) })).filter(({ plan }) => plan.arenaBytes < 100_000);
  const people = existsSync(shared) ? [{ name: 'person_detect', plan: compile(readTflite(new Uint8Array(readFileSync(path.join(shared, 'models/person_detect.tflite')))), { plan: 'small' }) }] : [];
  return [...single, ...networks, ...detecting.slice(0, all ? undefined : 6), ...people];
}

const wordsOf = (steps: Int32Array) => (record: number, index: number): number => steps[record * abi.STEP_WORDS + index];
const codeOf = ({ steps, weights, arenaBytes, scratchBytes }: Plan, scalar: boolean): number => check(wordsOf(steps), steps.length / abi.STEP_WORDS, weights.length, arenaBytes, scratchBytes, scalar);
const told = (code: number): string => `record ${code >> 8}, fault ${code & 255}`;

/** The plan with as little scratch memory as the check allows, in one build or in any. */
function tight(plan: Plan, scalar: boolean): Plan {
  const steps = plan.steps.slice(), records = recordsOf(steps);
  records.forEach((words, i) => {
    if (scalar && words[abi.OP] === abi.OP_INVERTED_RESIDUAL) placeScratch(words, records.slice(i + 1, i + 1 + words[abi.PARTS]), true);
    words[abi.SCRATCH_BYTES] = 0;
  });
  let low = -1, high = plan.scratchBytes;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (codeOf({ ...plan, steps, scratchBytes: middle }, scalar) === 0) high = middle;
    else low = middle;
  }
  return { ...plan, steps, scratchBytes: high };
}

/** The plan with constants to spare behind each record's own: then no lack of them hides that sizes do not fit together. */
function rich(plan: Plan): Plan {
  const steps = plan.steps.slice(), weights = new Uint8Array(plan.weights.length + 20_000);
  weights.set(plan.weights);
  for (const words of recordsOf(steps)) if (words[abi.WEIGHTS_BYTES]) words[abi.WEIGHTS_BYTES] = weights.length - words[abi.WEIGHTS];
  return { ...plan, steps, weights };
}

/** What a word is broken to. */
function values(random: Random, steps: Int32Array, at: number, some: number): number[] {
  const was = steps[at], any = (random.next() * 2 ** 32) | 0, other = steps[at - (at % abi.STEP_WORDS) + random.below(abi.STEP_WORDS)];
  const most = [0, -1, 1, was + 1, was - 1, was * 2, was + 16, was - 16, 2, 3, 7, 8, 255, 65535, 65536, 65537, 2 ** 20, 2 ** 28, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 1, -(2 ** 31), -was, other, any, any >>> 12, any >> 20];
  return all ? most : [...(some > 1 ? [was + 1, was - 1] : []), ...Array.from({ length: some }, () => random.of(most))];
}

interface Broken { steps: Int32Array; first: number; last: number; what: string }

/** The plan with one word broken, word by word, and with several of a step. */
function* breakages(plan: Plan, random: Random): Generator<Broken> {
  const some = plan.info.steps.length < 10 ? 3 : 1; // networks repeat themselves
  let record = 0;
  for (const { parts = [] } of plan.info.steps) {
    const first = record, last = (record += 1 + parts.length), from = first * abi.STEP_WORDS, count = (last - first) * abi.STEP_WORDS;
    for (let word = 0; word < count; word++) {
      for (const value of values(random, plan.steps, from + word, some)) {
        const steps = plan.steps.slice();
        steps[from + word] = value;
        yield { steps, first, last, what: `record ${first + Math.floor(word / abi.STEP_WORDS)}, word ${word % abi.STEP_WORDS} is ${value | 0}` };
      }
    }
    for (let round = 0; round < (all ? 2000 : some * 5); round++) {
      const steps = plan.steps.slice();
      const changes = Array.from({ length: 2 + random.below(3) }, () => {
        const at = from + random.below(count), value = random.of(values(random, steps, at, 1));
        steps[at] = value;
        return `record ${Math.floor(at / abi.STEP_WORDS)}, word ${at % abi.STEP_WORDS} is ${value | 0}`;
      });
      yield { steps, first, last, what: changes.join(', ') };
    }
  }
}

const modules = { bare: new WebAssembly.Module(readFileSync('build/wasm/bare.wasm')), simd: new WebAssembly.Module(readFileSync('build/wasm/simd.wasm')) };
const plans = plansOf();

test('plans of every kernel are sound, in TypeScript and in WebAssembly', () => {
  const kernels = new Set<number>();
  for (const { name, plan } of plans) {
    checkPlan(plan);
    assert.is(codeOf(plan, true), 0, `${name}: ${told(codeOf(plan, true))}`);
    assert.is(new GuardedSteps(modules.bare, plan).code(plan.steps), 0, name);
    recordsOf(plan.steps).forEach((words) => kernels.add(words[abi.OP]));
  }
  const named = Object.entries(abi).filter(([name]) => name.startsWith('OP_')).map(([, code]) => code as number);
  assert.equal([...kernels].sort((a, b) => a - b), named.sort((a, b) => a - b));
});

test('every word of every record, broken: refused by both checks alike, or run within its memory', () => {
  const random = new Random(seed), refusals = new Map<number, number>();
  let runs = 0, refused = 0;
  for (const { name, plan } of plans) for (const least of plan.info.steps.length < 10 ? [tight(plan, true), rich(tight(plan, true))] : [tight(plan, true)]) {
    const memory = new GuardedSteps(modules.bare, least);
    for (const { steps, first, last, what } of breakages(least, random)) {
      const code = codeOf({ ...least, steps }, true);
      assert.is(memory.code(steps), code, `${name}: ${what}: in WebAssembly`);
      if (code) {
        refused++;
        refusals.set(code & 255, (refusals.get(code & 255) ?? 0) + 1);
        continue;
      }
      runs++;
      assert.is(memory.work(), work(wordsOf(steps), steps.length / abi.STEP_WORDS), `${name}: ${what}: its work in WebAssembly`);
      const fault = memory.fault(steps, first, last);
      if (fault) assert.unreachable(`${name}: ${what}: ${fault}`);
    }
  }
  const faults = Object.entries(abi).filter(([fault]) => fault.startsWith('FAULT_') && fault !== 'FAULT_WORD').map(([, code]) => code as number);
  console.log(`${runs + refused} broken plans: ${refused} refused, ${runs} run`);
  assert.equal(faults.filter((fault) => !refusals.has(fault) && fault > abi.FAULT_MEMORY), [], 'faults that were never found');
});

/** Whether the engine's memory outside of arena and scratch memory is what it was. */
function runInEngine(plan: Plan, first: number, last: number): string | undefined {
  const engine = new Engine(plan, 'simd', modules.simd), { arena, scratches: [scratch] } = layoutOf(plan, 'simd'), memory = new Uint8Array(engine.buffer);
  const outside = (): Uint8Array[] => [memory.subarray(0, arena), memory.subarray(arena + align(plan.arenaBytes), scratch - abi.TEMP_BYTES), memory.subarray(scratch + plan.scratchBytes)];
  const before = outside().map((part) => Buffer.from(part));
  engine.run(first, last);
  return outside().every((part, i) => before[i].compare(part) === 0) ? undefined : 'wrote outside of its memory';
}

test('broken plans that any build may run are of the scalar build\'s, and run within the engine\'s memory, weights widened', () => {
  const random = new Random(seed + 1);
  let runs = 0, refused = 0;
  for (const { name, plan } of plans) {
    const least = tight(plan, false);
    for (const { steps, first, last, what } of breakages(least, random)) {
      const broken = { ...least, steps };
      if (random.below(all ? 10 : 3)) continue;
      try {
        checkPlan(broken);
      } catch (error) {
        assert.ok(error instanceof DepthwiseError && error.code === 'BAD_FILE', `${name}: ${what}: ${error}`);
        refused++;
        continue;
      }
      runs++;
      assert.is(codeOf(broken, true), 0, `${name}: ${what}`);
      const fault = runInEngine(broken, first, last);
      if (fault) assert.unreachable(`${name}: ${what}: ${fault}`);
    }
  }
  console.log(`${runs + refused} broken plans of any build: ${refused} refused, ${runs} run`);
  assert.ok(refused > 1000 && runs > 1000);
});

/** One float32 record, in a plan of its own. */
function made(words: Record<number, number>, arenaBytes: number, scratchBytes = 64, weightsBytes = 0): Plan {
  const steps = new Int32Array(abi.STEP_WORDS), tensors = [{ name: 'x', shape: [1], dtype: 'int8' as const, offset: 0, bytes: 1, first: 0, last: 1 }];
  Object.entries(words).forEach(([word, value]) => { steps[Number(word)] = value; });
  const info: Plan['info'] = { purpose: 'fast', about: {}, inputs: [0], outputs: [0], tensors, steps: [{ kind: 'made', where: '', inputs: [0], output: 0, macs: 0 }], arenaLowerBound: 0 };
  return { steps, weights: new Uint8Array(weightsBytes), arenaBytes, scratchBytes, info };
}

const refuses = (plan: Plan, words: RegExp): void => assert.throws(() => checkPlan(plan), (error: unknown) => error instanceof DepthwiseError && error.code === 'BAD_FILE' && words.test(error.message));
const WINDOW = { [abi.H]: 1, [abi.W]: 1, [abi.C]: 1, [abi.OH]: 1, [abi.OW]: 1, [abi.OC]: 1, [abi.KH]: 1, [abi.KW]: 1, [abi.STRIDE_H]: 1, [abi.STRIDE_W]: 1, [abi.DILATION_H]: 1, [abi.DILATION_W]: 1 };

test('a window whose rows overflow 32 bits is refused: it seemed to lie inside of the picture', () => {
  const tall = { ...WINDOW, [abi.OP]: abi.OP_CONV, [abi.KH]: 65536, [abi.DILATION_H]: 65536, [abi.WEIGHTS_BYTES]: 65536 * 32 };
  refuses(made(tall, 64, 2 ** 24, 2 ** 22), /impossible window/);
  checkPlan(made({ ...tall, [abi.DILATION_H]: 8192 }, 64, 2 ** 24, 2 ** 22));
  const many = { ...WINDOW, [abi.OP]: abi.OP_DEPTHWISE, [abi.OH]: 40000, [abi.STRIDE_H]: 65536, [abi.WEIGHTS_BYTES]: 32 };
  refuses(made(many, 200_000, 1024, 64), /impossible window/);
  checkPlan(made({ ...many, [abi.STRIDE_H]: 16384 }, 200_000, 1024, 64));
});

test('an activation function of int8 is refused: its kernel writes four bytes a value', () => {
  checkPlan(made({ [abi.OP]: abi.OP_ACTIVATION, [abi.COUNT]: 16 }, 64));
  refuses(made({ [abi.OP]: abi.OP_ACTIVATION, [abi.DTYPE]: abi.INT8, [abi.COUNT]: 64 }, 64), /unknown type/);
});

test('a window of pooling that meets no cell is refused: the kernel would divide by their number', () => {
  const pool = { ...WINDOW, [abi.OP]: abi.OP_AVERAGE_POOL, [abi.DTYPE]: abi.INT8, [abi.H]: 4, [abi.W]: 4, [abi.KH]: 2, [abi.KW]: 2, [abi.OH]: 4, [abi.OW]: 4, [abi.PAD_TOP]: 1, [abi.PAD_LEFT]: 1 };
  checkPlan(made(pool, 64));
  for (const more of [{ [abi.OH]: 6 }, { [abi.OW]: 6 }, { [abi.PAD_TOP]: 2 }, { [abi.PAD_LEFT]: 2 }, { [abi.STRIDE_W]: 2 }]) refuses(made({ ...pool, ...more }, 64), /averages no cell/);
  checkPlan(made({ ...pool, [abi.OH]: 5, [abi.OW]: 5 }, 64));
});

test('indices of a gathering lie inside of the constants', () => {
  const gather = { [abi.OP]: abi.OP_GATHER, [abi.SIZES]: 4, [abi.KH]: 1, [abi.KW]: 4, [abi.COUNT]: 8, [abi.SRC2_CONSTANT]: 1 };
  checkPlan(made(gather, 64, 64, 32));
  refuses(made(gather, 64, 64, 31), /second operand outside/);
  refuses(made({ ...gather, [abi.SIZES]: 0 }, 64, 64, 32), /contradict/);
});

test('a table has 256 entries', () => {
  const table = { [abi.OP]: abi.OP_TABLE, [abi.DTYPE]: abi.INT8, [abi.COUNT]: 8, [abi.WEIGHTS_BYTES]: 256 };
  checkPlan(made(table, 64, 64, 256));
  refuses(made({ ...table, [abi.WEIGHTS_BYTES]: 255 }, 64, 64, 256), /too few weights/);
  refuses(made({ ...table, [abi.WEIGHTS]: 16 }, 64, 64, 256), /weights outside/);
});

test('a detection of more classes than scores, lists or room is refused', () => {
  const sizes = { [abi.COUNT]: 2, [abi.C]: 3, [abi.CLASSES]: 3, [abi.OC]: 4, [abi.MOST_DETECTIONS]: 2, [abi.PER_DETECTION]: 1, [abi.ROOM]: 2, [abi.PER_CLASS]: 2, [abi.FOUND]: 2, [abi.REGULAR]: 1 };
  const detection = { ...sizes, [abi.OP]: abi.OP_DETECTION, [abi.WEIGHTS_BYTES]: 32 };
  checkPlan(made(detection, 64, 96, 32));
  for (const more of [{ [abi.CLASSES]: 4 }, { [abi.CLASSES]: 0 }, { [abi.FOUND]: 3 }, { [abi.ROOM]: 1 }, { [abi.PER_DETECTION]: 2 }, { [abi.OC]: 3 }, { [abi.COUNT]: 0 }]) refuses(made({ ...detection, ...more }, 64, 96, 32), /contradict each other/);
  refuses(made({ ...detection, [abi.SCORES_DTYPE]: abi.INT32 }, 64, 96, 32), /unknown type/);
  refuses(made(detection, 51, 96, 32), /output outside/);
  refuses(made(detection, 64, 71, 32), /scratch/);
});

test('counting over nothing is refused', () => {
  for (const op of [abi.OP_COPY, abi.OP_GATHER, abi.OP_ARG_MAX]) refuses(made({ [abi.OP]: op, [abi.C]: 1, [abi.KH]: 4, [abi.COUNT]: 2 ** 30 }, 64), /empty map/);
  refuses(made({ [abi.OP]: abi.OP_MEAN, [abi.H]: 2 ** 30, [abi.C]: 1 }, 64), /empty map/);
});

test('whether an operand is constant is yes or no', () => {
  const sum = { [abi.OP]: abi.OP_ADD, [abi.COUNT]: 4, [abi.PERIOD]: 4 };
  for (const constant of [0, 1]) checkPlan(made({ ...sum, [abi.SRC2_CONSTANT]: constant }, 64, 64, 16));
  refuses(made({ ...sum, [abi.SRC2_CONSTANT]: 2 }, 64, 64, 16), /has 2 in word 33/);
});

test('no constant lies inside of weights that the engine moves', () => {
  const plan = compile(randomModel('v3-small', 'int8', 0.25, 32, 10), { plan: 'layers' }), records = recordsOf(plan.steps);
  const moved = records.filter((words) => words[abi.OP] === abi.OP_DEPTHWISE), tables = records.find((words) => words[abi.OP] === abi.OP_TABLE)!, whole = plan.steps.slice();
  const breaks = (change: () => void): void => {
    change();
    refuses(plan, /share weights/);
    plan.steps.set(whole);
    checkPlan(plan);
  };
  breaks(() => { moved[1][abi.WEIGHTS] = moved[0][abi.WEIGHTS]; });
  breaks(() => { moved[1][abi.PARAMS] = moved[0][abi.WEIGHTS] + 16; });
  breaks(() => { tables[abi.WEIGHTS] = moved[0][abi.WEIGHTS]; });
});

test('a description of other parts, other tensors or more of them, and sections of other sizes are refused', () => {
  const plan = compile(randomModel('v3-small', 'float32', 0.25, 32, 10), { plan: 'small' }), { info } = plan;
  const block = info.steps.findIndex(({ parts }) => parts), steps = info.steps.map((step) => ({ ...step, ...(step.parts && { parts: [...step.parts] }) }));
  steps[block + 1].parts = [...(steps[block + 1].parts ?? []), steps[block].parts!.pop()!];
  refuses({ ...plan, info: { ...info, steps } }, /step \d+ has other parts than its description says/);
  for (const change of [{ offset: plan.arenaBytes }, { bytes: 4 }, { shape: [0, 2 ** 31, ...Array<number>(40).fill(2 ** 31)] }]) {
    refuses({ ...plan, info: { ...info, tensors: info.tensors.map((tensor) => ({ ...tensor, ...change })) } }, /tensor .* lies outside/);
  }
  refuses({ ...plan, info: { ...info, inputs: Array<number>(1000).fill(info.inputs[0]) } }, /inputs lie over each other/);
  refuses({ ...plan, info: { ...info, outputs: Array<number>(1000).fill(info.outputs[0]) } }, /more outputs/);
  for (const [what, bytes] of [['arenaBytes', 2 ** 30 + 1], ['arenaBytes', 2 ** 32 - 1], ['scratchBytes', 2 ** 31]] as const) refuses({ ...plan, [what]: bytes }, /more than 1 GiB/);
  for (const less of ['arenaBytes', 'scratchBytes'] as const) refuses({ ...plan, [less]: 0 }, /memory|arena/);
  refuses({ ...plan, weights: plan.weights.subarray(0, plan.weights.length - 16) }, /outside of memory/);
});

test('in WebAssembly, records that do not lie in memory and other counts are refused', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 }), { exports } = new WebAssembly.Instance(modules.bare, { env: { memory } });
  const ask = exports.check as (...sizes: number[]) => number;
  new Int32Array(memory.buffer).set(made({ [abi.OP]: abi.OP_FLIP, [abi.COUNT]: 64 }, 64).steps, 1024 / 4);
  assert.is(ask(1024, 1, 0, 64, 0), 0);
  assert.is(ask(1024, 1, 0, 63, 0), abi.FAULT_SRC);
  for (const count of [0, -1, abi.MOST_RECORDS + 1, 2 ** 31 - 1, 337]) assert.is(ask(1024, count, 0, 64, 0), abi.FAULT_RECORDS, `${count} records`);
  for (const at of [65536 - 191, -192, 2 ** 31 - 4]) assert.is(ask(at, 1, 0, 64, 0), abi.FAULT_RECORDS, `at ${at}`);
  for (const bytes of [2 ** 30 + 1, -1]) assert.is(ask(1024, 1, 0, bytes, 0), abi.FAULT_MEMORY);
});

test.run();
