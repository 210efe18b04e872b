// Knows how to run a whole plan one step at a time in the engine's own memory, with a pattern in every byte that the step may
// not read, and to tell what it wrote besides its output and its scratch memory. It does not know which plans there are.
import { SCRATCH_BYTES, TEMP_BYTES } from '../assembly/abi.js';
import type { Stream } from '../src/compile/stream.js';
import { Engine, layoutOf } from '../src/engine.js';
import type { Build, PlainKernels } from '../src/engine.js';
import { Team, asShared } from '../src/threads.js';
import { recordsOf } from '../src/plan/plan.js';
import type { Plan, PlanInfo } from '../src/plan/plan.js';
import { runStream } from './stream-device.js';

interface Span { from: number; to: number }
interface Range extends Span { what: string }

/** Not a number in float32, and two ordinary bytes; an answer that changes with them has read what is not its own. */
export const PATTERNS = [0xff, 0x5a];

/** Below: the module's own data, then the words that threads meet at. */
const STATIC_BYTES = 768;

/** What must lie in memory before a step, in order and without overlaps. */
function liveBefore(info: PlanInfo, step: number): Range[] {
  const { inputs = [] } = info.steps[step] ?? {};
  const live = info.tensors.filter(({ first, last }, i) => (first < step && last >= step) || inputs.includes(i) || (step === 0 && info.inputs.includes(i)));
  const ranges: Range[] = [];
  for (const { offset, bytes, name } of live.sort((a, b) => a.offset - b.offset)) {
    const before = ranges.at(-1);
    if (!before || before.to <= offset) ranges.push({ from: offset, to: offset + bytes, what: name });
    else before.to = Math.max(before.to, offset + bytes);
  }
  return ranges;
}

/** The rest of a section. */
function between(from: number, to: number, taken: Span[]): Span[] {
  const gaps: Span[] = [];
  for (const range of [...taken].sort((a, b) => a.from - b.from)) {
    if (range.from >= to) break;
    if (range.from > from) gaps.push({ from, to: range.from });
    from = Math.max(from, range.to);
  }
  return from < to ? [...gaps, { from, to }] : gaps;
}

const moved = (ranges: Range[], by: number): Range[] => ranges.map(({ from, to, what }) => ({ from: from + by, to: to + by, what }));
const firstDifference = (a: Uint8Array, b: Uint8Array): number => a.findIndex((byte, i) => byte !== b[i]);

export interface Stepped {
  /** What each step leaves in its output; of one that several steps write, the last. */
  outputs: (Buffer | undefined)[];
  answers: Buffer[];
}

/** A build, as bytes or as plain JavaScript. */
export interface On { build: Build; code: Uint8Array<ArrayBuffer> | PlainKernels; threads?: number }

async function engineOf(plan: Plan, { build, code, threads = 1 }: On): Promise<Engine> {
  if (typeof code === 'function') return new Engine(plan, build, code);
  const module = await WebAssembly.compile(threads > 1 ? asShared(code) : code), engine = new Engine(plan, build, module, threads);
  if (threads > 1) await engine.startThreads(Team, module);
  return engine;
}

/** Between the arena's last tensor and scratch memory, which would else hide what is written behind it. */
const GAP = 256;

/** Runs a plan, step by step. Throws what a step wrote that it may not. */
export async function runGuarded(given: Plan, inputs: Uint8Array[], pattern: number, on: On): Promise<Stepped> {
  const plan = { ...given, arenaBytes: given.arenaBytes + GAP }, engine = await engineOf(plan, on);
  try {
    return stepThrough(plan, inputs, pattern, engine, on.threads ?? 1);
  } finally {
    engine.dispose();
  }
}

function stepThrough(plan: Plan, inputs: Uint8Array[], pattern: number, engine: Engine, threads: number): Stepped {
  const layout = layoutOf(plan, engine.build, threads), { arena, scratches, totalBytes } = layout, meeting = threads > 1 ? [{ from: STATIC_BYTES, to: STATIC_BYTES + 32 }] : [];
  const memory = Buffer.from(engine.buffer), { info } = plan, records = recordsOf(plan.steps), outputs: Stepped['outputs'] = [];
  const placeIn = (i: number): Span => ({ from: arena + info.tensors[i].offset, to: arena + info.tensors[i].offset + info.tensors[i].bytes });
  const tensorAt = (i: number): Buffer => memory.subarray(placeIn(i).from, placeIn(i).to);
  info.inputs.forEach((tensor, i) => tensorAt(tensor).set(inputs[i]));
  let record = 0;
  for (const [at, { kind, output, parts = [] }] of info.steps.entries()) {
    for (const { from, to } of between(arena, totalBytes, moved(liveBefore(info, at), arena))) memory.fill(pattern, from, to);
    const before = Buffer.from(memory), last = record + 1 + parts.length, own = Math.max(...records.slice(record, last).map((words) => words[SCRATCH_BYTES]));
    engine.run(record, last);
    const mayWrite = [placeIn(output), ...scratches.map((from) => ({ from: from - TEMP_BYTES, to: from + own })), ...meeting];
    for (const { from, to } of between(0, totalBytes, mayWrite)) {
      if (memory.compare(before, from, to, from, to) === 0) continue;
      const byte = from + firstDifference(memory.subarray(from, to), before.subarray(from, to));
      throw new Error(`step ${at} (${kind}, "${info.tensors[output].name}") wrote byte ${byte}, ${placeOf(byte, plan, at, layout)}`);
    }
    outputs.push(info.steps.slice(at + 1).some((later) => later.output === output) ? undefined : Buffer.from(tensorAt(output)));
    record = last;
  }
  return { outputs, answers: info.outputs.map((i) => Buffer.from(tensorAt(i))) };
}

/** Where a byte lies, for people. */
function placeOf(byte: number, { info, arenaBytes }: Plan, step: number, { steps, weights, arena, scratches }: ReturnType<typeof layoutOf>): string {
  if (byte < steps) return 'in the module\'s own data';
  if (byte < weights) return 'in the records';
  if (byte < arena) return `in the constants (byte ${byte - weights})`;
  if (byte >= arena + arenaBytes - GAP) return `${byte - arena - arenaBytes + GAP} behind the arena's end, ${byte - scratches[0]} from the first scratch memory`;
  const at = byte - arena, live = liveBefore(info, step).find(({ from, to }) => at >= from && at < to), { offset, bytes } = info.tensors[info.steps[step].output];
  return `${at - offset - bytes} behind its output's end, ${live ? `in "${live.what}", which lives` : 'where nothing lives'}`;
}

/** The same on a device, whose weights come step by step: what lies around the living tensors holds copies, scratch and maps. */
export function runStreamGuarded(stream: Stream, inputs: Uint8Array[], pattern: number): Buffer[] {
  const { info, units, base, memoryBytes } = stream;
  let before: Buffer | undefined;
  const prepared = (memory: Uint8Array, step: number): void => {
    for (const { from, to } of between(base, memoryBytes, moved(liveBefore(info, step), base))) memory.fill(pattern, from, to);
    before = Buffer.from(memory);
  };
  return runStream(stream, inputs, (unit, memory) => {
    const next = units[units.indexOf(unit) + 1], { offset, bytes, name } = info.tensors[info.steps[unit.step].output];
    for (const live of before ? moved(liveBefore(info, unit.step), base) : []) {
      for (const { from, to } of between(live.from, live.to, [{ from: base + offset, to: base + offset + bytes }])) {
        if (Buffer.compare(memory.subarray(from, to), before!.subarray(from, to))) throw new Error(`step ${unit.step} (${unit.kind}, "${name}") wrote into "${live.what}", which lives`);
      }
    }
    if (next?.step !== unit.step && next) prepared(memory, next.step);
  }).map((answer) => Buffer.from(answer));
}

/** The plan run as nets run it. */
export async function runPlain(plan: Plan, inputs: Uint8Array[], { build, code }: On): Promise<Buffer[]> {
  const engine = await engineOf(plan, { build, code }), tensorAt = (i: number): Uint8Array => engine.bytes(plan.info.tensors[i].offset, plan.info.tensors[i].bytes);
  plan.info.inputs.forEach((tensor, i) => tensorAt(tensor).set(inputs[i]));
  engine.run(0, recordsOf(plan.steps).length);
  return plan.info.outputs.map((i) => Buffer.from(tensorAt(i)));
}
