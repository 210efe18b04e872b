// Knows where a step's words, constants and activations lie in memory, and which share of a step this thread does. It
// does not know what any of them means.
import { SRC2, SRC2_CONSTANT, TEMP_BYTES } from './abi';

let arena: usize = 0;
let weights: usize = 0;
let scratchStart: usize = 0;
let part = 0;
let parts = 1;

export function place(weightsAt: usize, arenaAt: usize, scratchAt: usize): void {
  weights = weightsAt;
  arena = arenaAt;
  scratchStart = scratchAt;
}

/** This instance does share `own` of `all` of every step, together with instances on other threads. */
export function setShare(own: i32, all: i32): void {
  part = own;
  parts = all;
}

// @ts-ignore: decorator
@inline
export function isFirstPart(): bool {
  return part == 0;
}

// @ts-ignore: decorator
@inline
export function partCount(): i32 {
  return parts;
}

/** Where this thread's share of `total` begins, in whole units. */
export function shareStart(total: i32, unit: i32): i32 {
  return cut(total, unit, part);
}

export function shareEnd(total: i32, unit: i32): i32 {
  return cut(total, unit, part + 1);
}

// @ts-ignore: decorator
@inline
function cut(total: i32, unit: i32, at: i32): i32 {
  if (parts == 1) return at ? total : 0;
  const units = (total + unit - 1) / unit;
  return min(<i32>(<i64>units * at / parts) * unit, total);
}

// @ts-ignore: decorator
@inline
export function word(step: usize, index: i32): i32 {
  return load<i32>(step + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
export function wordF32(step: usize, index: i32): f32 {
  return load<f32>(step + (<usize>index << 2));
}

/** Address of the activation that word `index` points to. */
// @ts-ignore: decorator
@inline
export function activation(step: usize, index: i32): usize {
  return arena + <usize>word(step, index);
}

/** Address of the constant that word `index` points to. */
// @ts-ignore: decorator
@inline
export function constant(step: usize, index: i32): usize {
  return weights + <usize>word(step, index);
}

/** Address of the second operand, constant or not. */
// @ts-ignore: decorator
@inline
export function second(step: usize): usize {
  return word(step, SRC2_CONSTANT) ? constant(step, SRC2) : activation(step, SRC2);
}

/** TEMP_BYTES of this thread's own, before its scratch memory: rows of a tail, sums that need settling. */
// @ts-ignore: decorator
@inline
export function temporary(): usize {
  return scratchStart - TEMP_BYTES;
}

// @ts-ignore: decorator
@inline
export function scratch(): usize {
  return scratchStart;
}
