// Knows every kind of random graph of one operator (or of one block), by name: what tests and the page of errors go through.
import type { Graph } from '../src/formats/graph.js';
import {
  binaryGraph, blockGraph, concatenationGraph, convGraph, fullyConnectedGraph, moveGraph, poolGraph, quantizeGraph, softmaxGraph, unaryGraph,
} from './random-graph.js';
import type { ActivationType, Random } from './random-graph.js';
import { argMaxGraph, dilatedGraph, resizeGraph, tileGraph } from './random-maps.js';
import { arithmeticGraph, castGraph, pickGraph, rootGraph, spreadGraph } from './random-number-graph.js';

export type Make = (random: Random, dtype: ActivationType) => Graph;
export const KINDS: Record<string, Make> = {
  conv: (random, dtype) => convGraph(random, dtype, false),
  depthwise: (random, dtype) => convGraph(random, dtype, true),
  block: blockGraph,
  'fully connected': fullyConnectedGraph, 'add, sub, mul': binaryGraph, pool: poolGraph, activation: unaryGraph, 'pad, transpose': moveGraph, concatenation: concatenationGraph,
  softmax: softmaxGraph, 'quantise, dequantise': quantizeGraph, resize: resizeGraph, 'arg max': argMaxGraph, tile: tileGraph, 'dilated, by batches': dilatedGraph,
  'whole numbers, quotients': arithmeticGraph, 'add, sub, mul spread': spreadGraph, cast: castGraph, 'gather, pack, unpack, slice': pickGraph, root: rootGraph,
};
