// Knows how a prepared float32 graph and a range for each of its tensors become an int8 graph: activations per tensor,
// weights per channel and symmetric, biases int32, as TensorFlow Lite has them. It does not know where ranges come from.
import { floats } from '../formats/graph.js';
import type { Graph, Operator, Tensor } from '../formats/graph.js';
import type { Observed } from './observe.js';
import { bytesOf, channelsOf, isWeighted } from './prepare.js';
import { affineOf } from './ranges.js';
import type { Range } from './ranges.js';

export interface IntegerOptions {
  /** Mean inputs, to take back what rounding the weights does to mean outputs. */
  means?: Map<string, Observed>;
}

/** @param ranges by tensor name */
export function integerGraph(graph: Graph, ranges: Map<string, Range>, { means }: IntegerOptions): Graph {
  const tensors: Tensor[] = graph.tensors.map((tensor) => {
    const range = ranges.get(tensor.name);
    return range ? { ...tensor, dtype: 'int8', quantization: quantization(range) } : { ...tensor };
  });
  const work: Graph = { ...graph, tensors, operators: graph.operators.map((op) => ({ ...op, inputs: [...op.inputs] })) };
  for (const op of work.operators) {
    if (isWeighted(op)) integerWeights(graph, work, op, means?.get(graph.tensors[op.inputs[0]].name)?.mean);
    else op.inputs = op.inputs.map((i) => (tensors[i]?.data && tensors[i].dtype === 'float32' ? constantOperand(tensors, i) : i));
  }
  return work;
}

function quantization(range: Range): Tensor['quantization'] {
  const { scale, zeroPoint } = affineOf(range);
  return { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: 0 };
}

const MOST_BIAS = 2 ** 30;

function integerWeights(graph: Graph, work: Graph, op: Operator, mean?: Float64Array): void {
  const [input, weights, bias] = op.inputs.map((i) => graph.tensors[i]);
  const inScale = work.tensors[op.inputs[0]].quantization!.scale[0];
  const values = floats(weights), offsets = Float64Array.from(floats(bias)), channels = channelsOf(op, weights);
  const most = new Float64Array(channels.outputs);
  values.forEach((w, i) => { most[channels.output(i)] = Math.max(most[channels.output(i)], Math.abs(w)); });
  // A channel of tiny weights and a large bias gets a coarser scale, so that its bias fits int32.
  const scale = Float32Array.from(most, (m, c) => Math.max(m / 127, Math.abs(offsets[c]) / MOST_BIAS / inScale, 1e-10));
  const quantised = Int8Array.from(values, (w, i) => Math.max(-127, Math.min(127, Math.round(w / scale[channels.output(i)]))));
  if (mean && input) values.forEach((w, i) => { offsets[channels.output(i)] -= (quantised[i] * scale[channels.output(i)] - w) * mean[channels.input(i)]; });
  const zeroPoint = new Int32Array(channels.outputs), axis = op.attributes.kind === 'depthwiseConv2d' ? 3 : 0;
  const add = (tensor: Tensor): number => work.tensors.push(tensor) - 1;
  op.inputs = [
    op.inputs[0],
    add({ ...weights, dtype: 'int8', data: bytesOf(quantised), quantization: { scale, zeroPoint, axis } }),
    add({ ...bias, dtype: 'int32', data: bytesOf(Int32Array.from(offsets, (b, c) => Math.round(b / (inScale * scale[c])))) }),
  ];
}

/** A constant that is added or multiplied, symmetric. */
function constantOperand(tensors: Tensor[], i: number): number {
  const values = floats(tensors[i]), scale = Math.fround(values.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-10) / 127);
  const data = bytesOf(Int8Array.from(values, (v) => Math.round(v / scale)));
  return tensors.push({ ...tensors[i], dtype: 'int8', data, quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(0), axis: 0 } }) - 1;
}
