// Knows the form of a float32 graph that can become an integer one: batch norms and pads folded, functions that no
// integer kernel fuses standing alone, every tensor with a name of its own. It does not know pictures or ranges.
import { fold } from '../compile/simplify.js';
import { DepthwiseError } from '../error.js';
import { floats } from '../formats/graph.js';
import type { Activation, Graph, Operator, Tensor } from '../formats/graph.js';

const WEIGHTED = new Set(['conv2d', 'depthwiseConv2d', 'fullyConnected']);

export const isWeighted = ({ attributes: { kind } }: Operator): boolean => WEIGHTED.has(kind);

/** @throws DepthwiseError UNSUPPORTED where the model is not float32 throughout */
export function prepared(graph: Graph): Graph {
  const { tensors, operators } = fold(graph);
  const work: Graph = { ...graph, tensors, operators: operators.flatMap((op) => apart(op, tensors)) };
  for (const op of work.operators) {
    for (const i of [...op.inputs, ...op.outputs]) if (i >= 0) checkFloat(tensors[i], op);
    if (isWeighted(op)) ownConstants(op, tensors);
  }
  const seen = new Map<string, number>();
  for (const tensor of tensors) {
    const count = seen.get(tensor.name) ?? 0;
    seen.set(tensor.name, count + 1);
    if (count) tensor.name = `${tensor.name}#${count}`;
  }
  return work;
}

function checkFloat(tensor: Tensor, { where }: Operator): void {
  const isIndex = tensor.data && tensor.dtype !== 'int8' && tensor.dtype !== 'uint8'; // shapes, paddings, float16 weights
  if (tensor.dtype === 'float32' || isIndex) return;
  throw new DepthwiseError('UNSUPPORTED', `${where}: tensor "${tensor.name}" holds ${tensor.dtype}; this model is quantised already. Quantise the float32 model it was made from.`);
}

/** A function after a convolution that its integer kernel cannot apply becomes an operator of its own. */
function apart(op: Operator, tensors: Tensor[]): Operator[] {
  const { attributes } = op;
  if (!('activation' in attributes) || !ALONE.has(attributes.activation)) return [op];
  const output = tensors[op.outputs[0]];
  const linear = tensors.push({ ...output, name: `${output.name}/linear` }) - 1;
  const kind = attributes.activation as 'hardSwish' | 'hardSigmoid';
  return [
    { ...op, attributes: { ...attributes, activation: 'none' }, outputs: [linear] },
    { attributes: { kind }, inputs: [linear], outputs: op.outputs, where: `${op.where}, ${kind}` },
  ];
}

const ALONE = new Set<Activation>(['hardSwish', 'hardSigmoid']);

/** Weights and bias as float32 that nobody else reads, so that they can be changed; a bias where there was none. */
function ownConstants(op: Operator, tensors: Tensor[]): void {
  const copy = (source: Tensor): number => tensors.push({ ...source, dtype: 'float32', data: bytesOf(Float32Array.from(floats(source))) }) - 1;
  const channels = tensors[op.outputs[0]].shape.at(-1)!;
  const [input, weights, bias] = op.inputs;
  if (!tensors[weights]?.data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: its weights are computed at run time; a quantised model needs constant ones.`);
  const zero: Tensor = { name: `${tensors[op.outputs[0]].name}/bias`, shape: [channels], dtype: 'float32', data: bytesOf(new Float32Array(channels)) };
  op.inputs = [input, copy(tensors[weights]), bias >= 0 ? copy(tensors[bias]) : copy(zero)];
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int8Array | Int32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** How weight i belongs to channels: weights lie [output][..][input], depthwise ones [..][channel]. */
export function channelsOf({ attributes: { kind } }: Operator, { shape }: Tensor): { output: (i: number) => number; input: (i: number) => number; outputs: number; inputs: number } {
  if (kind === 'depthwiseConv2d') {
    const channels = shape[3];
    return { output: (i) => i % channels, input: (i) => i % channels, outputs: channels, inputs: channels };
  }
  const inputs = shape.at(-1)!, each = shape.slice(1).reduce((n, d) => n * d, 1);
  return { output: (i) => Math.floor(i / each), input: (i) => i % inputs, outputs: shape[0], inputs };
}
