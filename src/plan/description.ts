// Knows what the description inside a .dw file must hold for those who read it: texts, lists and numbers in their places. Sizes
// and addresses are checked with the records (check.ts).
import { DepthwiseError } from '../error.js';
import { bytesPerElement } from '../formats/graph.js';
import { PURPOSES } from './plan.js';
import type { PlannedTensor, PlanInfo } from './plan.js';

type Test = (value: unknown) => boolean;

const isText: Test = (value) => typeof value === 'string', isNumber: Test = (value) => Number.isFinite(value), isCount: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const listOf = (test: Test, least = 0): Test => (value) => Array.isArray(value) && value.length >= least && value.every(test);
const orNone = (test: Test): Test => (value) => value === undefined || test(value);
const has = (tests: Record<string, Test>): Test => (value) => typeof value === 'object' && value !== null && Object.entries(tests).every(([key, test]) => test((value as Record<string, unknown>)[key]));
const oneOf = (names: readonly string[]): Test => (value) => names.includes(value as string);

const isPreprocessing = has({ fit: oneOf(['centre', 'stretch']), crop: (value) => isNumber(value) && (value as number) > 0 && (value as number) <= 4, mean: listOf(isNumber, 1), std: listOf((value) => isNumber(value) && value !== 0, 1) });

const isTensor = has({ name: isText, shape: listOf(isCount), dtype: oneOf(Object.keys(bytesPerElement)), scale: orNone(isNumber), zeroPoint: orNone(isNumber), offset: isCount, bytes: isCount, first: isNumber, last: isNumber });
/** Views of numbers of four bytes must begin at a multiple of four; those of eight are read as such. */
const isAligned = ({ offset, dtype }: PlannedTensor): boolean => offset % Math.min(4, bytesPerElement[dtype]) === 0;

const PARTS: Record<string, Test> = {
  purpose: oneOf(PURPOSES),
  about: has({ name: orNone(isText), description: orNone(isText), licence: orNone(isText), source: orNone(isText) }),
  labels: orNone(listOf(isText)),
  preprocessing: orNone(isPreprocessing),
  inputs: listOf(isCount, 1),
  outputs: listOf(isCount, 1),
  tensors: listOf((tensor) => isTensor(tensor) && isAligned(tensor as PlannedTensor)),
  steps: listOf(has({ kind: isText, where: isText, macs: isNumber, output: isCount, inputs: listOf(isCount, 1), parts: orNone(listOf(isText)) }), 1),
  head: orNone(has({ kind: oneOf(['linear', 'nearest']), fingerprint: isText, backbone: isText, examples: listOf(isCount) })),
};

/** @throws DepthwiseError BAD_FILE where a part is missing or another kind of thing */
export function checkDescription(info: PlanInfo): void {
  const wrong = has({})(info) ? Object.entries(PARTS).find(([key, test]) => !test(info[key as keyof PlanInfo]))?.[0] : 'whole';
  if (wrong) throw new DepthwiseError('BAD_FILE', `The description inside this .dw file is damaged: its ${wrong} cannot be what a network has. Convert or download it again.`);
}
