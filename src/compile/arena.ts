// Knows sizes and lifetimes; it does not know what a tensor means. Gives each buffer a place in one block of memory so
// that buffers alive at the same time never overlap.
//
// Greedy by size (largest first, the lowest gap that fits among the neighbours in time), as in "Efficient Memory
// Management for Deep Neural Net Inference" (Pisarchyk and Lee, 2020), algorithm 3.

export interface Life {
  bytes: number;
  /** First and last step that touches the buffer, both included. */
  first: number;
  last: number;
}

export interface Arena {
  offsets: number[];
  bytes: number;
}

const ALIGNMENT = 16;
export const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** Deterministic: ties go by index. `gap` bytes stay free after every buffer (guards in tests). */
export function planArena(buffers: readonly Life[], gap = 0): Arena {
  const offsets = new Array<number>(buffers.length).fill(0);
  const order = buffers.map((_, i) => i).sort((a, b) => buffers[b].bytes - buffers[a].bytes || a - b);
  const placed: number[] = [];
  let bytes = 0;
  for (const i of order) {
    const need = align(buffers[i].bytes) + gap;
    offsets[i] = lowestGap(placed.filter((j) => overlaps(buffers[i], buffers[j])), offsets, buffers, need, gap);
    bytes = Math.max(bytes, offsets[i] + need);
    placed.push(i);
  }
  return { offsets, bytes };
}

export const overlaps = (a: Life, b: Life): boolean => a.first <= b.last && b.first <= a.last;

function lowestGap(neighbours: number[], offsets: number[], buffers: readonly Life[], need: number, gap: number): number {
  let at = 0;
  for (const j of neighbours.sort((a, b) => offsets[a] - offsets[b])) {
    if (offsets[j] - at >= need) return at;
    at = Math.max(at, offsets[j] + align(buffers[j].bytes) + gap);
  }
  return at;
}

/** The greatest sum of bytes alive at one step: no plan can be smaller. */
export function lowerBound(buffers: readonly Life[]): number {
  const steps = Math.max(0, ...buffers.map((b) => b.last + 1));
  let most = 0;
  for (let step = 0; step < steps; step++) {
    most = Math.max(most, buffers.reduce((sum, b) => sum + (b.first <= step && step <= b.last ? align(b.bytes) : 0), 0));
  }
  return most;
}
