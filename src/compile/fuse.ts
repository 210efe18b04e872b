// Knows which neighbouring steps can run as one, row by row: expand, depthwise filter, project, add
// (assembly/inverted-residual.ts). It changes no answer, only what lies in memory between the parts.
import * as abi from '../../assembly/abi.js';
import { placeScratch } from '../plan/scratch.js';
import type { Step } from './lower.js';
import type { Simplified } from './simplify.js';

interface Block {
  expand?: Step;
  filter: Step;
  project?: Step;
  add?: Step;
}

/**
 * Steps with blocks in place of their parts. By default only blocks whose expanded map is too large for a level-2 cache,
 * where that saves time; with `every` all of them.
 */
export function fuse(graph: Simplified, steps: Step[], every: boolean): Step[] {
  const readers = new Map<number, number>(), shared = new Set([...graph.inside.keys()].map((i) => graph.alias[i]));
  const count = (tensor: number): void => { if (tensor >= 0) readers.set(graph.alias[tensor], (readers.get(graph.alias[tensor]) ?? 0) + 1); };
  for (const step of steps) [step.src, step.src2].forEach(count);
  graph.outputs.forEach(count);
  /** Whether `next` is the only reader of what `step` writes. */
  const feeds = (step: Step | undefined, next: Step | undefined): boolean =>
    step !== undefined && next !== undefined && [next.src, next.src2].some((i) => i >= 0 && graph.alias[i] === graph.alias[step.dst])
    && readers.get(graph.alias[step.dst]) === 1 && !shared.has(graph.alias[step.dst]);
  const fused: Step[] = [];
  for (let i = 0; i < steps.length;) {
    const block = blockAt(steps, i, feeds);
    const parts = block ? partsOf(block) : [];
    if (block && parts.length > 1 && (every || isLarge(block))) {
      fused.push(blockStep(graph, block));
      i += parts.length;
    } else fused.push(steps[i++]);
  }
  return fused;
}

const partsOf = ({ expand, filter, project, add }: Block): Step[] => [expand, filter, project, add].filter((step) => step !== undefined);

function blockAt(steps: Step[], i: number, feeds: (step?: Step, next?: Step) => boolean): Block | undefined {
  const first = steps[i], second = steps[i + 1];
  const expand = first.op === abi.OP_POINTWISE && second?.op === abi.OP_DEPTHWISE && feeds(first, second) && first.words[abi.COUNT] === second.words[abi.H] * second.words[abi.W] ? first : undefined;
  const at = expand ? i + 1 : i, filter = steps[at];
  if (filter.op !== abi.OP_DEPTHWISE || filter.words[abi.C] !== filter.words[abi.OC]) return undefined;
  const after = steps[at + 1], sum = steps[at + 2];
  const project = after?.op === abi.OP_POINTWISE && feeds(filter, after) && after.words[abi.COUNT] === filter.words[abi.OH] * filter.words[abi.OW] ? after : undefined;
  const isFull = (step: Step): boolean => step.src2 >= 0 && step.src !== step.src2 && step.words[abi.PERIOD] === step.words[abi.COUNT];
  const add = project && sum?.op === abi.OP_ADD && feeds(project, sum) && isFull(sum) ? sum : undefined;
  return { expand, filter, project, add };
}

/** About half a level-2 cache: below that the map between two steps is read back fast. */
const LARGE_BYTES = 600_000;

function isLarge({ filter: { words } }: Block): boolean {
  return words[abi.H] * words[abi.W] * words[abi.C] * (words[abi.DTYPE] === abi.FLOAT32 ? 4 : 1) >= LARGE_BYTES;
}

function blockStep(graph: Simplified, block: Block): Step {
  const { expand, filter, project, add } = block, parts = partsOf(block), last = parts[parts.length - 1];
  const words = new Int32Array(abi.STEP_WORDS);
  const residual = add && (graph.alias[add.src] === graph.alias[project!.dst] ? abi.SRC2 : abi.SRC);
  words[abi.OP] = abi.OP_INVERTED_RESIDUAL;
  words[abi.DTYPE] = filter.words[abi.DTYPE];
  words[abi.PARTS] = parts.length;
  words[abi.HAS_EXPAND] = Number(expand !== undefined);
  words[abi.HAS_PROJECT] = Number(project !== undefined);
  words[abi.RESIDUAL] = residual ?? 0;
  for (const part of parts) part.words[abi.SCRATCH_BYTES] = 0; // the block's own serves them all
  words[abi.SCRATCH_BYTES] = placeScratch(words, parts.map((part) => part.words));
  return {
    op: abi.OP_INVERTED_RESIDUAL, kind: expand ? 'invertedResidual' : 'separable', where: parts[0].where, words, parts,
    src: parts[0].src, src2: residual === undefined ? -1 : residual === abi.SRC ? add!.src : add!.src2, dst: last.dst,
    macs: parts.reduce((sum, part) => sum + part.macs, 0),
  };
}
