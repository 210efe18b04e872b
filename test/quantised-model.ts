// Knows how to make int8 networks of random weights whose answers differ from input to input, as those that are made int8
// directly do not: a float32 network is quantised with smooth pictures, and ends at its logits.
import { randomModel, type Family } from '../bench/random-model.js';
import type { Graph } from '../src/formats/graph.js';
import type { Picture } from '../src/image.js';
import { loadGraph } from '../src/load.js';
import { quantiseGraph } from '../src/quantise/quantise.js';

function picture(n: number, side: number): Picture {
  const data = Uint8Array.from({ length: side * side * 4 }, (_, i) => {
    const x = (i >> 2) % side, y = Math.floor((i >> 2) / side), channel = i & 3;
    return channel === 3 ? 255 : 127.5 + 127 * Math.sin((x * (n + 2) + y * (channel + 1) * (n % 3)) / 20 + n + channel);
  });
  return { width: side, height: side, data };
}

/** The same network up to what its softmax reads. */
export function withoutSoftmax(graph: Graph): Graph {
  const operators = graph.operators.slice(0, -1), [{ attributes, inputs }] = graph.operators.slice(-1);
  if (attributes.kind !== 'softmax') throw new Error(`this network ends in ${attributes.kind}`);
  return { ...graph, operators, outputs: [inputs[0]] };
}

export async function quantisedModel(family: Family, alpha: number, size: number, classes: number): Promise<Graph> {
  const pictures = Array.from({ length: 4 }, (_, n) => picture(n, size));
  return (await quantiseGraph(withoutSoftmax(randomModel(family, 'float32', alpha, size, classes)), pictures, loadGraph)).graph;
}
