// Knows which steps may write their result over an input that nobody reads afterwards.
import * as abi from '../../assembly/abi.js';
import type { Step } from './lower.js';
import { windowRows } from '../plan/scratch.js';

const ELEMENTWISE = [abi.OP_ADD, abi.OP_MUL, abi.OP_TABLE, abi.OP_ACTIVATION, abi.OP_ARITHMETIC, abi.OP_SQRT, abi.OP_TO_FLOAT];

/**
 * Inputs of a step whose place its output may take, at the same address: tensors, the best first. Only with `windows`
 * those of steps that read a window: threads cannot share such a step, since one's rows are another's input.
 */
export function overwritable(step: Step, windows: boolean): number[] {
  const { words } = step;
  if (ELEMENTWISE.includes(step.op)) return [step.src, step.src2].filter((i, at) => i >= 0 && (at === 0 || words[abi.PERIOD] === words[abi.COUNT]));
  if (!windows) return [];
  if (step.op === abi.OP_DEPTHWISE) return rowsStayAhead(step, words, words[abi.OC]) ? [step.src] : [];
  if (step.parts) {
    const { words: last } = step.parts.filter((part) => part.op !== abi.OP_ADD).at(-1)!, filter = step.parts.find((part) => part.op === abi.OP_DEPTHWISE)!;
    // Another tensor added at the end would be read by a later row than it is written.
    if (step.src2 >= 0 && step.src2 !== step.src) return [];
    return rowsStayAhead(step, filter.words, last[abi.OC]) ? [step.src] : [];
  }
  return [];
}

/** Whether every output row ends before the first input row that is still to be read into the ring. */
function rowsStayAhead(step: Step, filter: Int32Array, outChannels: number): boolean {
  const inChannels = (step.parts?.[0].words ?? filter)[abi.C];
  const inRow = filter[abi.W] * inChannels, outRow = filter[abi.OW] * outChannels;
  for (let oy = 0; oy < filter[abi.OH]; oy++) {
    const read = Math.min(oy * filter[abi.STRIDE_H] - filter[abi.PAD_TOP] + windowRows(filter), filter[abi.H]);
    if ((oy + 1) * outRow > read * inRow) return false;
  }
  return true;
}
