// Knows how tests make inputs of pictures without a net at hand; the kernels are those of the fastest build here.
import { load } from '../src/index.js';
import type { Shrinker } from '../src/shrinker.js';
import everyday from '../src/weights/everyday.js';

export const { shrinker } = await load(everyday);
export const toInput: Shrinker['toInput'] = (...picture) => shrinker.toInput(...picture);
