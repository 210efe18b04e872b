// Knows step records as arrays of words, and asks assembly/scratch.ts how much scratch memory they take; it fills in how
// that of a block is laid out. What runs on one build alone (`scalar`) may take less.
import * as abi from '../../assembly/abi.js';
import * as sizes from '../../assembly/scratch.js';

/** Reads words of records that are arrays of their own. */
const wordsOf = (...records: Int32Array[]) => (record: number, index: number): number => records[record][index];

/** Of a whole block of rows, however few there are. */
export const gatherBytes = (float: boolean, depth: number): number => sizes.gatherBytes(float, depth, Infinity, false);
export const convBytes = (words: Int32Array): number => sizes.convBytes(wordsOf(words), 0, false);
export const windowRows = (words: Int32Array): number => sizes.windowRows(wordsOf(words), 0);
export const ringBytes = (words: Int32Array): number => sizes.ringBytes(wordsOf(words), 0, false);
export const detectionBytes = (words: Int32Array): number => sizes.detectionBytes(wordsOf(words), 0);
export const resizeBytes = (words: Int32Array): number => sizes.resizeBytes(wordsOf(words), 0);

/** Fills in where the parts of a block's scratch memory begin; returns all its bytes. `parts` are the records that follow it. */
export function placeScratch(words: Int32Array, parts: Int32Array[], scalar = false): number {
  const word = wordsOf(words, ...parts);
  for (let part = 0; part < sizes.BLOCK_PARTS; part++) words[abi.FILTERED_AT + part] = sizes.blockPlace(word, 0, part, scalar);
  return sizes.blockPlace(word, 0, sizes.BLOCK_PARTS, scalar);
}
