// Knows how a head takes the place of a network's last layers: the steps up to the embedding stay as they are, the head's
// come after them. It does not know what a head has learnt.
import * as abi from '../../assembly/abi.js';
import { lowerBound } from '../compile/arena.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import { align, recordsOf } from '../plan/plan.js';
import type { HeadInfo, Plan, PlanInfo, PlannedStep, PlannedTensor } from '../plan/plan.js';
import { DepthwiseError } from '../error.js';
import { embeddingStep } from '../tasks/embed.js';
import { describe, headPlan } from './head-plan.js';
import type { Layer, Quantised } from './head-plan.js';

/**
 * A whole classifier.
 * @throws DepthwiseError BAD_INPUT where the head was trained on other weights
 */
export async function grafted(backbone: Plan, layer: Layer, head: HeadInfo): Promise<Plan> {
  checkBackbone(head, fingerprintOf(backbone), backbone.info.about.name);
  const stem = stemOf(backbone), { info } = stem;
  const embedding = info.tensors[info.steps.at(-1)!.output], kept = info.steps.length;
  const top = await headPlan(layer, head, quantised(embedding));
  const base = align(Math.max(...info.tensors.map(({ offset, bytes }) => offset + bytes)));
  const input = top.info.inputs[0], life = top.info.tensors[input].last + kept;
  const tensors = [
    ...info.tensors.map((tensor) => (sameBuffer(tensor, embedding) ? { ...tensor, last: life } : tensor)),
    ...top.info.tensors.filter((_, i) => i !== input).map((tensor) => ({ ...tensor, offset: base + tensor.offset, first: tensor.first + kept, last: tensor.last + kept })),
  ];
  /** Where a tensor of the head's plan is in the whole's. */
  const moved = (i: number): number => (i === input ? info.steps.at(-1)!.output : info.tensors.length + i - Number(i > input));
  const steps = top.info.steps.map((step): PlannedStep => ({ ...step, inputs: step.inputs.map(moved), output: moved(step.output) }));
  const records = recordsOf(top.steps.slice());
  records.forEach((words, i) => relocate(words, steps[i], tensors, align(stem.weights.length)));
  const { about } = info;
  return {
    ...stem,
    steps: Int32Array.from([...stem.steps, ...records.flatMap((words) => [...words])]),
    weights: joined(stem.weights, top.weights),
    arenaBytes: base + top.arenaBytes,
    scratchBytes: Math.max(stem.scratchBytes, top.scratchBytes),
    info: {
      ...info, tensors, steps: [...info.steps, ...steps], outputs: top.info.outputs.map(moved), labels: layer.labels, head, ...(layer.vote && { vote: layer.vote }),
      arenaLowerBound: lowerBound(distinct(tensors)),
      about: { ...about, description: [about.description, `last layers replaced by a ${describe(layer, head)}`].filter(Boolean).join('; ') },
    },
  };
}

/** @throws DepthwiseError BAD_INPUT where a head belongs to other weights */
export function checkBackbone(head: HeadInfo, fingerprint: string, name = 'unnamed'): void {
  if (head.fingerprint !== fingerprint) {
    throw new DepthwiseError('BAD_INPUT', `This head was trained on embeddings of other weights: ${head.backbone} (${head.fingerprint}), not ${name} (${fingerprint}). Use the very weights it was trained with, or train it again.`);
  }
}

/** A network as far as its embedding, without the weights of what came after. */
function stemOf({ steps, weights, info, ...rest }: Plan): Plan {
  const last = embeddingStep(info), kept = info.steps.slice(0, last + 1);
  const records = recordsOf(steps), count = kept.reduce((sum, { parts }) => sum + 1 + (parts?.length ?? 0), 0);
  const indices = info.tensors.map((_, i) => i).filter((i) => info.tensors[i].first <= last), place = new Map(indices.map((i, at) => [i, at]));
  const moved = (i: number): number => place.get(i)!;
  const { vote: _vote, head: _head, ...others } = info;
  return {
    ...rest,
    steps: steps.slice(0, count * abi.STEP_WORDS),
    weights: weights.subarray(0, endOfWeights(records.slice(0, count), records.slice(count), weights.length)),
    info: {
      ...others,
      inputs: info.inputs.map(moved),
      outputs: [moved(kept[last].output)],
      tensors: indices.map((i) => ({ ...info.tensors[i], last: Math.min(info.tensors[i].last, last) })),
      steps: kept.map((step) => ({ ...step, inputs: step.inputs.map(moved), output: moved(step.output) })),
    },
  };
}

const HAVE_PARAMS = [abi.OP_CONV, abi.OP_POINTWISE, abi.OP_DEPTHWISE];

/** Where the constants of a step begin in the weights. */
function constantsOf(words: Int32Array): number[] {
  return [
    ...(words[abi.WEIGHTS_BYTES] > 0 ? [words[abi.WEIGHTS]] : []),
    ...(HAVE_PARAMS.includes(words[abi.OP]) ? [words[abi.PARAMS]] : []),
    ...(words[abi.SRC2_CONSTANT] === 1 ? [words[abi.SRC2]] : []),
  ];
}

/** The planner writes constants in the order of the steps, so those of the last steps are at the end; else all stay. */
function endOfWeights(kept: Int32Array[], dropped: Int32Array[], length: number): number {
  const end = Math.min(length, ...dropped.flatMap(constantsOf));
  return kept.flatMap(constantsOf).every((at) => at < end) ? end : length;
}

/** How the head reads an 8-bit embedding; uint8 lies in memory as int8, 128 lower. */
function quantised({ dtype, scale, zeroPoint, flipped }: PlannedTensor): Quantised | undefined {
  return dtype === 'float32' ? undefined : { dtype: 'int8', scale: scale!, zeroPoint: zeroPoint! - (flipped ? 128 : 0) };
}

/** Gives a record of the head the addresses of the whole: its tensors' places, and its constants after the others. */
function relocate(words: Int32Array, { inputs, output }: PlannedStep, tensors: PlannedTensor[], weights: number): void {
  if (words[abi.WEIGHTS_BYTES] > 0) words[abi.WEIGHTS] += weights;
  if (HAVE_PARAMS.includes(words[abi.OP])) words[abi.PARAMS] += weights;
  words[abi.SRC] = tensors[inputs[0]].offset;
  words[abi.DST] = tensors[output].offset;
}

const sameBuffer = (a: PlannedTensor, b: PlannedTensor): boolean => a.offset === b.offset && a.first === b.first && a.last === b.last;

/** One tensor a buffer: names for the same bytes count once. */
const distinct = (tensors: PlanInfo['tensors']): PlannedTensor[] => tensors.filter((tensor, i) => tensors.findIndex((other) => sameBuffer(other, tensor)) === i);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const at = align(a.length), both = new Uint8Array(at + b.length);
  both.set(a);
  both.set(b, at);
  return both;
}
