// Knows which blocks of the library an execution reached, where the bundle counts them (instrument.ts); else nothing is
// new, and fuzzing is blind. It does not know where blocks are.

/** Bytes that the bundle sets to 1. */
const reached = (globalThis as { __blocks?: Uint8Array }).__blocks;
const seen = new Uint8Array(reached?.length ?? 0);
/** Four bytes at a time. */
const reachedWords = new Int32Array(reached?.buffer ?? seen.buffer), seenWords = new Int32Array(seen.buffer);

export const coverage = {
  begin(): void { reached?.fill(0); },
  /** Whether a block was reached for the first time in this process. */
  isNew(): boolean {
    let isNew = false;
    for (let i = 0; i < seenWords.length; i++) if (reachedWords[i] & ~seenWords[i]) {
      seenWords[i] |= reachedWords[i];
      isNew = true;
    }
    return isNew;
  },
  blocks: (): number => seen.reduce((sum, each) => sum + each, 0),
};
