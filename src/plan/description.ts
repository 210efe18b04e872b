// Knows what the description inside a .dw file must hold for those who read it: texts, lists and numbers in their places. Sizes
// and addresses are checked with the records (check.ts).
import { DepthwiseError } from '../error.js';
import { bytesPerElement } from '../formats/graph.js';
import { has, isCount, isNumber, isPreprocessing, isText, listOf, oneOf, orNone } from '../options.js';
import type { Test } from '../options.js';
import { PURPOSES } from './plan.js';
import type { PlannedTensor, PlanInfo } from './plan.js';

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
