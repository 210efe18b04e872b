// Knows cross-layer equalisation (Nagel et al. 2019): channels between two convolutions are scaled so that the weak
// ones use the integers that the strong ones need, and the answers stay. It does not know how ranges are chosen.
import { floats } from '../formats/graph.js';
import type { Graph, Operator } from '../formats/graph.js';
import type { Observed } from './observe.js';
import { channelsOf, isWeighted } from './prepare.js';

const MOST = 16;
/** How far above what was seen a scaled channel must still meet no bound of ReLU6. */
const MARGIN = 1.25;

/** Changes the weights of every pair of convolutions that nothing else reads between. Returns how many pairs. */
export function equalise(graph: Graph, seen: Map<string, Observed>): number {
  const readers = new Map<number, Operator[]>();
  for (const op of graph.operators) for (const i of op.inputs) readers.set(i, [...(readers.get(i) ?? []), op]);
  let pairs = 0;
  for (const first of graph.operators) {
    const [out] = first.outputs, [second, ...others] = readers.get(out) ?? [];
    if (!isWeighted(first) || !second || others.length || !isWeighted(second) || second.inputs[0] !== out || graph.outputs.includes(out)) continue;
    if (!('activation' in first.attributes) || !['none', 'relu', 'relu6'].includes(first.attributes.activation)) continue;
    scalePair(graph, first, second, factors(graph, first, second, seen.get(graph.tensors[out].name)!));
    pairs++;
  }
  return pairs;
}

function factors(graph: Graph, first: Operator, second: Operator, { size }: Observed): Float64Array {
  const most = Math.max(...size), bound = 'activation' in first.attributes && first.attributes.activation === 'relu6' ? 6 : Infinity;
  const need = second.attributes.kind === 'depthwiseConv2d' ? undefined : columnNeeds(graph, second);
  const wanted = Float64Array.from(size, (s, c) => (s > 0 ? (need ? Math.sqrt((need[c] * most) / s) : most / s) : 1));
  const greatest = Math.max(...wanted.map((f, c) => f * size[c]));
  return wanted.map((f, c) => {
    if (!(size[c] > 0) || size[c] >= bound * 0.999) return 1; // a channel that meets the bound must keep it
    const room = bound / (MARGIN * size[c]);
    const factor = Math.min(MOST, Math.max(1 / MOST, (f * most) / greatest));
    return factor > room ? Math.max(1, room) : factor;
  });
}

/** The share of an output channel's greatest weight that each input channel needs, at most 1. */
function columnNeeds(graph: Graph, op: Operator): Float64Array {
  const tensor = graph.tensors[op.inputs[1]], values = floats(tensor), { input, output, inputs, outputs } = channelsOf(op, tensor);
  const rows = new Float64Array(outputs), needs = new Float64Array(inputs).fill(1e-4);
  values.forEach((w, i) => { rows[output(i)] = Math.max(rows[output(i)], Math.abs(w)); });
  values.forEach((w, i) => { needs[input(i)] = Math.max(needs[input(i)], Math.abs(w) / (rows[output(i)] || 1)); });
  return needs;
}

function scalePair(graph: Graph, first: Operator, second: Operator, factor: Float64Array): void {
  const [before, bias, after] = [first.inputs[1], first.inputs[2], second.inputs[1]].map((i) => graph.tensors[i]);
  const { output } = channelsOf(first, before), { input } = channelsOf(second, after);
  floats(before).forEach((w, i, all) => { all[i] = w * factor[output(i)]; });
  floats(bias).forEach((b, c, all) => { all[c] = b * factor[c]; });
  floats(after).forEach((w, i, all) => { all[i] = w / factor[input(i)]; });
}
