// Knows cross-layer equalisation (Nagel et al. 2019, "Data-Free Quantization", section 4.1): channels between
// convolutions are scaled so that weak ones use the integers that strong ones need, and the answers stay. Tensors that
// additions tie together, as along residual connections, get the same factors. It does not know how ranges are chosen.
import { floats } from '../formats/graph.js';
import type { Graph, Operator } from '../formats/graph.js';
import type { Observed } from './observe.js';
import { channelsOf, isWeighted } from './prepare.js';

const MOST = 16;
/** How far above what was seen a scaled channel must still meet no bound of ReLU6. */
const MARGIN = 1.25;

/** Tensors whose channels can only be scaled together, and the layers around them. */
interface Seam {
  tensors: Set<number>;
  makers: Operator[];
  readers: Operator[];
}

/** Changes weights on both sides of every seam. Returns how many seams there are. */
export function equalise(graph: Graph, seen: Map<string, Observed>): number {
  const found = seams(graph);
  for (const seam of found) scale(graph, seam, factors(graph, seam, seen));
  return found.length;
}

function seams(graph: Graph): Seam[] {
  const makers = new Map<number, Operator>(), readers = new Map<number, Operator[]>();
  for (const op of graph.operators) {
    for (const i of op.outputs) makers.set(i, op);
    for (const i of op.inputs) readers.set(i, [...(readers.get(i) ?? []), op]);
  }
  const taken = new Set<number>();
  return graph.operators.flatMap((op) => {
    if (!isWeighted(op) || taken.has(op.outputs[0])) return [];
    const seam = grown(op.outputs[0], makers, readers);
    for (const i of seam.tensors) taken.add(i);
    return canScale(graph, seam) ? [seam] : [];
  });
}

const isSum = (op: Operator): boolean => op.attributes.kind === 'add' && op.attributes.activation === 'none';

/** All that additions tie to a tensor. */
function grown(start: number, makers: Map<number, Operator>, readers: Map<number, Operator[]>): Seam {
  const seam: Seam = { tensors: new Set([start]), makers: [], readers: [] };
  for (const tensor of seam.tensors) { // grows while it is walked
    const maker = makers.get(tensor), around = [maker, ...(readers.get(tensor) ?? [])];
    for (const op of around) if (op && isSum(op)) for (const i of [...op.inputs, ...op.outputs]) seam.tensors.add(i);
    if (!maker || !isSum(maker)) seam.makers.push(maker ?? NONE);
    seam.readers.push(...(readers.get(tensor) ?? []).filter((op) => !isSum(op)));
  }
  return seam;
}

/** Stands for whoever gives a tensor that no operator makes. */
const NONE: Operator = { attributes: { kind: 'shape' }, inputs: [], outputs: [], where: '' };

function canScale(graph: Graph, { tensors, makers, readers }: Seam): boolean {
  const kept = tensors.size > 1 ? ['none'] : ['none', 'relu', 'relu6']; // what a factor on either side of it changes nothing of
  const shapes = new Set([...tensors].map((i) => graph.tensors[i].shape.join()));
  return readers.length > 0 && shapes.size === 1 && !graph.outputs.some((i) => tensors.has(i))
    && makers.every((op) => isWeighted(op) && 'activation' in op.attributes && kept.includes(op.attributes.activation))
    && readers.every((op) => isWeighted(op) && tensors.has(op.inputs[0]) && !op.inputs.slice(1).some((i) => tensors.has(i)));
}

function factors(graph: Graph, { tensors, makers, readers }: Seam, seen: Map<string, Observed>): Float64Array {
  const sizes = [...tensors].map((i) => seen.get(graph.tensors[i].name)!.size);
  const size = sizes[0].map((_, c) => Math.max(...sizes.map((of) => of[c]))), most = Math.max(...size);
  const bounded = makers.some(({ attributes }) => 'activation' in attributes && attributes.activation === 'relu6'), bound = bounded ? 6 : Infinity;
  const needs = readers.filter((op) => op.attributes.kind !== 'depthwiseConv2d').map((op) => columnNeeds(graph, op));
  const need = (c: number): number => needs.reduce((least, of) => Math.max(least, of[c]), 0);
  const wanted = size.map((s, c) => (s > 0 ? (needs.length ? Math.sqrt((need(c) * most) / s) : most / s) : 1));
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

function scale(graph: Graph, { makers, readers }: Seam, factor: Float64Array): void {
  for (const op of makers) {
    const [weights, bias] = [op.inputs[1], op.inputs[2]].map((i) => graph.tensors[i]), { output } = channelsOf(op, weights);
    floats(weights).forEach((w, i, all) => { all[i] = w * factor[output(i)]; });
    floats(bias).forEach((b, c, all) => { all[c] = b * factor[c]; });
  }
  for (const op of readers) {
    const weights = graph.tensors[op.inputs[1]], { input } = channelsOf(op, weights);
    floats(weights).forEach((w, i, all) => { all[i] = w / factor[input(i)]; });
  }
}
