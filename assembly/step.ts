// Knows where a step's words, constants and activations lie in memory. It does not know what any of them means.

let arena: usize = 0;
let weights: usize = 0;
let scratchStart: usize = 0;

export function place(weightsAt: usize, arenaAt: usize, scratchAt: usize): void {
  weights = weightsAt;
  arena = arenaAt;
  scratchStart = scratchAt;
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

// @ts-ignore: decorator
@inline
export function scratch(): usize {
  return scratchStart;
}
