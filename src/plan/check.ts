// Knows what a plan must be before any of it runs: what it says about itself agrees with its records, and every record
// with the memory there is (assembly/check.ts). Plans from files go through here; that their description has the parts it
// should have was checked before (description.ts), and nothing else is trusted.
import * as abi from '../../assembly/abi.js';
import { check as checkRecords } from '../../assembly/check.js';
import { work } from '../../assembly/work.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements } from '../formats/graph.js';
import { align } from './plan.js';
import type { Plan, PlanInfo } from './plan.js';

/** Some are copied at every run. */
const MOST_OUTPUTS = 256;

const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This weights file is damaged or hostile: ${what}. Convert or download it again.`);

export function checkPlan(plan: Plan): void {
  const { info } = plan;
  const check = (ok: boolean, what: string): void => { if (!ok) throw broken(what); };
  for (const { name, shape, dtype, offset, bytes } of info.tensors) {
    const sound = bytes === elements(shape) * bytesPerElement[dtype] && offset + bytes <= plan.arenaBytes;
    if (!sound) throw broken(`tensor "${name}" lies outside of the arena or contradicts its shape`);
  }
  const index = (i: number): boolean => i < info.tensors.length;
  check([...info.inputs, ...info.outputs].every(index), 'an input or output is no tensor');
  check(info.outputs.length <= MOST_OUTPUTS, 'it has more outputs than any network');
  // Inputs are kept a second time, and all lie in the arena at once.
  check(info.inputs.reduce((sum, i) => sum + info.tensors[i].bytes, 0) <= plan.arenaBytes, 'its inputs lie over each other');
  check(info.steps.every((step) => index(step.output) && step.inputs.every(index)), 'a step names no tensor');
  const fault = faultOf(plan);
  if (fault) throw broken(fault);
  check(info.vote === undefined || canVote(info), 'its examples vote for classes that are not there');
}

/** One class an output value, and each one of the labels. */
function canVote({ vote, labels, outputs, tensors }: PlanInfo): boolean {
  const { k, classes } = vote ?? {};
  return Array.isArray(labels) && Array.isArray(classes) && Number.isInteger(k) && k! >= 1
    && classes.length === elements(tensors[outputs[0]]?.shape ?? []) && classes.every((c) => Number.isInteger(c) && c >= 0 && c < labels.length);
}

const wordsOf = ({ steps }: Plan) => (record: number, index: number): number => steps[record * abi.STEP_WORDS + index];

/**
 * By the records of a sound plan, whatever it says about itself.
 * @throws DepthwiseError TOO_MUCH_WORK
 */
export function checkWork(plan: Plan, maxMultiplyAdds?: number): void {
  if (maxMultiplyAdds === undefined) return;
  const sum = work(wordsOf(plan), plan.steps.length / abi.STEP_WORDS);
  if (sum > maxMultiplyAdds) throw new DepthwiseError('TOO_MUCH_WORK', `This net computes ${sum} multiply-adds a run, and maxMultiplyAdds allows ${maxMultiplyAdds}. Allow more, or use a smaller alpha or resolution.`);
}

/** What is wrong with the records, or nothing. */
function faultOf(plan: Plan): string | undefined {
  const { steps, weights, arenaBytes, scratchBytes, info } = plan, word = wordsOf(plan);
  const starts = [0]; // the first record of each step, and the end
  for (const [step, { parts }] of info.steps.entries()) {
    const record = starts[step], others = parts?.length ?? 0;
    if (others !== (word(record, abi.OP) === abi.OP_INVERTED_RESIDUAL ? word(record, abi.PARTS) : 0)) return `step ${step} has other parts than its description says`;
    starts.push(record + 1 + others);
  }
  const count = starts[info.steps.length];
  if (count * abi.STEP_WORDS !== steps.length) return 'the number of steps differs from its description';
  const code = checkRecords(word, count, weights.length, arenaBytes, scratchBytes, false), at = code >> 8, kind = code & 255;
  if (!code) return movedWeightsOverlap(word, count) ? 'two layers share weights' : undefined;
  const sentence = kind < abi.FAULT_WORD ? SENTENCES[kind] : `has ${word(at, kind - abi.FAULT_WORD)} in word ${kind - abi.FAULT_WORD}`;
  return kind <= abi.FAULT_MEMORY ? sentence : `step ${starts.findIndex((start) => start > at) - 1} ${sentence}`;
}

/** For each fault, in the order of their numbers (abi.ts). */
const SENTENCES = [
  '',
  `it has no steps, or more than ${abi.MOST_RECORDS}`,
  'it asks for more than 1 GiB of activations',
  'names no kernel of this release',
  'has an unknown type',
  'has no channels',
  'has no output channels, or no multiple of its input channels',
  'has an impossible window',
  'has an impossible dilation',
  'has an empty map or an impossible size',
  'has an impossible padding',
  'averages no cell',
  'has indices of an unknown size',
  'has sizes that contradict each other',
  'has sizes that no memory holds',
  'needs more scratch memory than the file asks for',
  'has its input outside of memory',
  'has its output outside of memory',
  'has its second operand outside of memory',
  'has its weights outside of memory',
  'has too few weights',
  'has its parameters outside of memory',
  'has an impossible block',
  'lacks a part of its block',
  'has parts that do not fit together',
  'lays out its scratch memory wrongly',
];

/**
 * The engine moves the int8 weights of convolutions where it widens them, and what is left of the constants moves up: so
 * no other constant may begin inside of such weights, up to the multiple of 16 where they end.
 */
function movedWeightsOverlap(word: (record: number, index: number) => number, count: number): boolean {
  const places: [number, number][] = [], place = (from: number, bytes = 0): void => { places.push([from, from + bytes]); };
  for (let record = 0; record < count; record++) {
    const op = word(record, abi.OP), convolves = op >= abi.OP_CONV && op <= abi.OP_DEPTHWISE;
    if (convolves) place(word(record, abi.PARAMS));
    if (convolves || op === abi.OP_TABLE || op === abi.OP_DETECTION) place(word(record, abi.WEIGHTS), convolves && word(record, abi.DTYPE) === abi.INT8 ? align(word(record, abi.WEIGHTS_BYTES)) : 0);
    if (word(record, abi.SRC2_CONSTANT)) place(word(record, abi.SRC2));
  }
  let end = 0; // of the moved weights so far
  return places.sort((a, b) => a[0] - b[0] || b[1] - a[1]).some(([from, to]) => {
    const inside = from < end;
    end = Math.max(end, to);
    return inside;
  });
}
