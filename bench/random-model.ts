// Knows the seed of the random weights that benches and tests share: the same networks, bit for bit, wherever they are made.
import type { Graph } from '../src/formats/graph.js';
import { madeUpModel } from '../src/models/made-up.js';
import type { Family } from '../src/models/made-up.js';

export type { Family };

/** @param alpha width multiplier @param size height and width of the input */
export function randomModel(family: Family, dtype: 'float32' | 'int8', alpha = 1, size = 224, classes = 1001): Graph {
  let state = 1;
  return madeUpModel(family, dtype, alpha, size, classes, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}
