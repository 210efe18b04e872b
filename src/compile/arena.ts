// Knows sizes and lifetimes; it does not know what a tensor means. Gives each buffer a place in one block of memory so
// that buffers alive at the same time never overlap.
//
// Greedy by size (largest first, the lowest gap that fits among the neighbours in time), as in "Efficient Memory
// Management for Deep Neural Net Inference" (Pisarchyk and Lee, 2020), algorithm 3; then, while the plan is above its
// lower bound, again with the buffer that reaches highest placed first.
import { align } from '../plan/plan.js';

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

const ATTEMPTS = 64;

/** Deterministic: ties go by index. `gap` bytes stay free after every buffer (guards in tests). */
export function planArena(buffers: readonly Life[], gap = 0): Arena {
  let order = buffers.map((_, i) => i).sort((a, b) => buffers[b].bytes - buffers[a].bytes || a - b);
  let best = placeInOrder(buffers, order, gap);
  const bound = lowerBound(buffers);
  for (let attempt = 0, last = best; attempt < ATTEMPTS && best.bytes > bound; attempt++) {
    const { offsets, bytes } = last;
    const highest = order.find((i) => offsets[i] + align(buffers[i].bytes) + gap === bytes)!;
    order = [highest, ...order.filter((i) => i !== highest)];
    last = placeInOrder(buffers, order, gap);
    if (last.bytes < best.bytes) best = last;
  }
  return best;
}

function placeInOrder(buffers: readonly Life[], order: number[], gap: number): Arena {
  const offsets = new Array<number>(buffers.length).fill(0);
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

/** The lowest place for `need` bytes among the neighbours. */
export function lowestGap(neighbours: number[], offsets: number[], buffers: readonly Life[], need: number, gap: number): number {
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
