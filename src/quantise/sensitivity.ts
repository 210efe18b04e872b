// Knows how much an error in each channel after a hard-swish matters: a weak channel that the next depthwise filter
// amplifies needs finer steps than a strong one, and equalisation cannot scale it. It does not know pictures or ranges.
import { floats } from '../formats/graph.js';
import type { Graph, Operator } from '../formats/graph.js';
import { channelsOf } from './prepare.js';

/** By name of each tensor before and after a hard-swish: by what square readers multiply an error in each channel, 1 on average. */
export function sensitivities(graph: Graph): Map<string, Float64Array> {
  const found = new Map<string, Float64Array>();
  for (const { attributes: { kind }, inputs: [before], outputs: [after] } of graph.operators) {
    if (kind !== 'hardSwish') continue;
    const gains = graph.operators.filter((op) => op.inputs[0] === after || op.inputs[1] === after).flatMap((op) => gainOf(graph, op));
    if (gains.length) for (const i of [before, after]) found.set(graph.tensors[i].name, normalised(gains));
  }
  return found;
}

/** Pointwise layers mix all channels, and weighing by them helped no network. */
function gainOf(graph: Graph, op: Operator): Float64Array[] {
  const { kind } = op.attributes, sums = new Float64Array(graph.tensors[op.outputs[0]].shape.at(-1) ?? 1);
  if (kind === 'add') return [sums.fill(1)];
  if (kind !== 'depthwiseConv2d') return [];
  const tensor = graph.tensors[op.inputs[1]], { input } = channelsOf(op, tensor);
  floats(tensor).forEach((w, i) => { sums[input(i)] += w * w; });
  return [sums];
}

function normalised(parts: Float64Array[]): Float64Array {
  const sum = parts[0].map((_, c) => parts.reduce((total, part) => total + part[c], 0));
  const mean = sum.reduce((total, gain) => total + gain, 0) / sum.length;
  return mean > 0 ? sum.map((gain) => gain / mean) : sum.fill(1);
}
