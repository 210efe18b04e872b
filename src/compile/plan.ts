// Knows how a graph becomes a plan: step records with addresses, packed weights, and what people may ask about them.
// It does not know builds or memory: a plan is the same for all of them.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements } from '../formats/graph.js';
import type { Graph } from '../formats/graph.js';
import { GUARD_BYTES, PURPOSES, align } from '../plan/plan.js';
import type { Plan, PlannedStep, PlannedTensor, PlanInfo, Purpose } from '../plan/plan.js';
import { lowerBound, planArena } from './arena.js';
import type { Life } from './arena.js';
import { fuse } from './fuse.js';
import { overwritable } from './in-place.js';
import { checkLimits } from './limits.js';
import { Lowering, lower } from './lower.js';
import type { Step } from './lower.js';
import { simplify } from './simplify.js';
import { mergeTables } from './tables.js';
import type { Simplified } from './simplify.js';

export interface CompileOptions {
  plan?: Purpose;
  /** Guard bytes after every buffer (tests). */
  guard?: boolean;
  /** Told the bytes of constants and activations before memory is taken for them; throws where they are too many. */
  fits?: (bytes: number) => void;
}

export function compile(graph: Graph, options: CompileOptions = {}): Plan {
  const purpose = options.plan ?? 'fast';
  if (!PURPOSES.includes(purpose)) throw new DepthwiseError('BAD_INPUT', `There is no plan "${purpose}"; there are ${PURPOSES.join(', ')}.`);
  checkLimits(graph);
  const simplified = simplify(graph, { apart: purpose === 'layers', separate: options.guard });
  const lowered = lower(simplified);
  const steps = withFlips(simplified, purpose === 'layers' ? lowered : fuse(simplified, mergeTables(simplified, lowered), purpose === 'small'));
  if (steps.length === 0) throw new DepthwiseError('BAD_FILE', 'The model has no operator that computes anything.');
  const lives = lifetimes(simplified, steps);
  const homes = options.guard ? new Map([...lives.keys()].map((root) => [root, root])) : shareHomes(simplified, steps, lives, purpose === 'small');
  const residents = [...new Set(homes.values())];
  const all = residents.map((home): Life => [...homes].filter(([, at]) => at === home).map(([root]) => lives.get(root)!).reduce(together));
  const end = steps.length;
  const buffers = options.guard ? all.map((life) => ({ ...life, first: 0, last: end })) : all;
  const arena = planArena(buffers, options.guard ? GUARD_BYTES : 0);
  const offsets = new Map([...homes].map(([root, home]) => [root, arena.offsets[residents.indexOf(home)]]));
  if (arena.bytes > abi.MOST) throw new DepthwiseError('OUT_OF_MEMORY', `This model has ${arena.bytes} bytes of activations at once, more than 1 GiB. Use a smaller resolution.`);
  options.fits?.(arena.bytes + constantBytes(steps));
  const { records, weights } = place(simplified, steps, offsets);
  return {
    steps: records,
    weights,
    arenaBytes: arena.bytes,
    scratchBytes: align(Math.max(64, ...steps.map((step) => step.words[abi.SCRATCH_BYTES]))),
    info: { purpose, ...describe(graph, simplified, steps, wholeLives(lives, homes), offsets), arenaLowerBound: lowerBound(all) },
  };
}

/** uint8 inputs become int8 where they lie; uint8 outputs are written as uint8 by a last step of their own. */
function withFlips(graph: Simplified, steps: Step[]): Step[] {
  const lowering = new Lowering(graph);
  const flip = (src: number, dst: number, where: string): Step => {
    const op = { attributes: { kind: 'quantize' as const }, inputs: [src], outputs: [dst], where };
    return { ...lowering.step(op, abi.OP_FLIP, { [abi.COUNT]: elements(graph.tensors[dst].shape) }), kind: 'flip' };
  };
  const isUnsigned = (i: number): boolean => graph.tensors[i].dtype === 'uint8';
  const before = graph.inputs.filter(isUnsigned).map((i) => flip(i, i, 'input'));
  const after = graph.outputs.filter(isUnsigned).map((i) => {
    const raw = graph.tensors.push({ ...graph.tensors[i] }) - 1;
    graph.alias[raw] = raw;
    return flip(i, raw, 'output');
  });
  graph.outputs = graph.outputs.map((i) => (isUnsigned(i) ? after.find((step) => step.src === i)!.dst : i));
  return [...before, ...steps, ...after];
}

const bytesOf = (graph: Simplified, i: number): number => elements(graph.tensors[i].shape) * bytesPerElement[graph.tensors[i].dtype];

/** Life of every buffer, keyed by the tensor whose bytes it holds. */
function lifetimes(graph: Simplified, steps: Step[]): Map<number, Life> {
  const lives = new Map<number, Life>();
  const touch = (tensor: number, step: number): void => {
    if (tensor < 0) return;
    const root = graph.alias[tensor];
    const life = lives.get(root) ?? { bytes: bytesOf(graph, root), first: step, last: step };
    lives.set(root, { ...life, first: Math.min(life.first, step), last: Math.max(life.last, step) });
  };
  for (const i of graph.inputs) touch(i, 0);
  steps.forEach((step, at) => [step.src, step.src2, step.dst].forEach((tensor) => touch(tensor, at)));
  for (const i of graph.outputs) touch(i, steps.length);
  return lives;
}

const together = (a: Life, b: Life): Life => ({ bytes: Math.max(a.bytes, b.bytes), first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) });

/** The buffer in whose place each buffer lies: its own, or that of an input which the step making it is the last to read. */
function shareHomes(graph: Simplified, steps: Step[], lives: Map<number, Life>, windows: boolean): Map<number, number> {
  const homes = new Map([...lives.keys()].map((root) => [root, root])), shared = new Set([...graph.inside.keys()].map((i) => graph.alias[i]));
  steps.forEach((step, at) => {
    const dst = graph.alias[step.dst];
    if (shared.has(dst)) return;
    const src = overwritable(step, windows).map((i) => graph.alias[i]).find((root) => root !== dst && !shared.has(root) && lives.get(root)!.last === at && lives.get(root)!.bytes >= lives.get(dst)!.bytes);
    if (src !== undefined && lives.get(dst)!.first === at) homes.set(dst, homes.get(src)!);
  });
  return homes;
}

/** Lives as readers of layers see them: a buffer that is written over ends one step earlier. */
function wholeLives(lives: Map<number, Life>, homes: Map<number, number>): Map<number, Life> {
  return new Map([...lives].map(([root, life]) => {
    const isOverwritten = [...homes].some(([other, home]) => other !== root && home === homes.get(root) && lives.get(other)!.first === life.last);
    return [root, isOverwritten ? { ...life, last: life.last - 1 } : life];
  }));
}

const withParts = (steps: Step[]): Step[] => steps.flatMap((step) => [step, ...(step.parts ?? [])]);

const constantBytes = (steps: Step[]): number =>
  withParts(steps).flatMap((step) => [step.weights, step.params, step.operand]).reduce((sum, constant) => sum + align(constant?.bytes ?? 0), 0);

/** Step records with addresses, and the weights section. */
function place(graph: Simplified, steps: Step[], offsets: Map<number, number>): { records: Int32Array; weights: Uint8Array } {
  const all = withParts(steps), weights = new Uint8Array(constantBytes(steps));
  const records = new Int32Array(all.length * abi.STEP_WORDS);
  let at = 0;
  const write = (words: Int32Array, index: number, constant: Step['weights']): void => {
    if (!constant) return;
    words[index] = at;
    constant.write(weights.subarray(at, at + constant.bytes));
    at += align(constant.bytes);
  };
  all.forEach((step, i) => {
    const { words } = step;
    write(words, abi.WEIGHTS, step.weights);
    words[abi.WEIGHTS_BYTES] = step.weights?.bytes ?? 0;
    write(words, abi.PARAMS, step.params);
    write(words, abi.SRC2, step.operand);
    // What lies between the parts of a block has no place in the arena, and nobody reads its address.
    const address = (tensor: number): number => (offsets.get(graph.alias[tensor]) ?? 0) + (graph.inside.get(tensor) ?? 0);
    words[abi.SRC] = address(step.src);
    words[abi.DST] = address(step.dst);
    if (step.src2 >= 0) words[abi.SRC2] = address(step.src2);
    records.set(words, i * abi.STEP_WORDS);
  });
  return { records, weights };
}

function describe(
  graph: Graph, simplified: Simplified, steps: Step[], lives: Map<number, Life>, offsets: Map<number, number>,
): Omit<PlanInfo, 'arenaLowerBound' | 'purpose'> {
  const shown = simplified.tensors.map((_, i) => i).filter((i) => lives.has(simplified.alias[i]));
  const index = new Map(shown.map((tensor, i) => [tensor, i]));
  const raw = new Set(steps.filter((step) => step.op === abi.OP_FLIP && step.src !== step.dst).map((step) => step.dst));
  const tensors = shown.map((i): PlannedTensor => {
    const { name, shape, dtype, quantization } = simplified.tensors[i];
    const root = simplified.alias[i], life = lives.get(root)!;
    return {
      name, shape, dtype,
      ...(quantization && { scale: quantization.scale[0], zeroPoint: quantization.zeroPoint[0] }),
      offset: offsets.get(root)! + (simplified.inside.get(i) ?? 0), bytes: bytesOf(simplified, i), first: life.first, last: life.last,
      ...(dtype === 'uint8' && !raw.has(i) && { flipped: true }),
    };
  });
  return {
    about: graph.about,
    ...(graph.labels && { labels: graph.labels }),
    ...(graph.preprocessing && { preprocessing: graph.preprocessing }),
    inputs: simplified.inputs.map((i) => index.get(i)!),
    outputs: simplified.outputs.map((i) => index.get(i)!),
    tensors,
    steps: steps.map((step): PlannedStep => ({
      kind: step.kind, where: step.where, macs: step.macs, output: index.get(step.dst)!, ...(step.parts && { parts: step.parts.map(({ kind }) => kind) }),
      inputs: [step.src, step.src2].filter((i) => i >= 0).map((i) => index.get(i)!),
    })),
  };
}
