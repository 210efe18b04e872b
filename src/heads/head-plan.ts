// Knows how a trained head becomes a plan and back: one layer from a float32 embedding to scores. It does not know how
// heads are trained or where their embeddings come from.
import * as abi from '../../assembly/abi.js';
import { converter } from '../loader.js';
import { recordsOf } from '../plan/plan.js';
import type { HeadInfo, Plan } from '../plan/plan.js';
import { DepthwiseError } from '../error.js';
import type { Graph, Operator, Quantization, Tensor } from '../formats/graph.js';
import type { Vote } from '../tasks/votes.js';

/** A layer over embeddings: logits of the labels, or similarities to examples, which vote. */
export interface Layer {
  labels: string[];
  /** One row an output. */
  weights: Float32Array;
  bias?: Float32Array;
  vote?: Vote;
}

/** Where the layer's input lies, when it is not plain float32: an 8-bit tensor of the backbone. */
export interface Quantised {
  dtype: 'int8';
  scale: number;
  zeroPoint: number;
}

/**
 * embedding [1, depth] -> (dequantise) -> fully connected [1, outputs] -> softmax, which layers that vote have not.
 * @param quantised an int8 input in place of the float32 one
 */
export async function headPlan(layer: Layer, head: HeadInfo, quantised?: Quantised): Promise<Plan> {
  const outputs = layer.vote?.classes.length ?? layer.labels.length, depth = layer.weights.length / outputs;
  const tensors: Tensor[] = [], operators: Operator[] = [];
  const add = (tensor: Tensor): number => tensors.push(tensor) - 1;
  const result = (name: string, count: number): number => add({ name: `head/${name}`, shape: [1, count], dtype: 'float32' });
  const constant = (name: string, shape: number[], values: Float32Array): number =>
    add({ name: `head/${name}`, shape, dtype: 'float32', data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
  const operate = (attributes: Operator['attributes'], inputs: number[], out: number): number => {
    operators.push({ attributes, inputs, outputs: [out], where: `${tensors[out].name} (${attributes.kind})` });
    return out;
  };
  const input = add(quantised ? { name: 'embedding', shape: [1, depth], dtype: 'int8', quantization: quantizationOf(quantised) } : { name: 'embedding', shape: [1, depth], dtype: 'float32' });
  const real = quantised ? operate({ kind: 'dequantize' }, [input], result('embedding', depth)) : input;
  const bias = layer.bias ? constant('bias', [outputs], layer.bias) : -1;
  let out = operate({ kind: 'fullyConnected', activation: 'none', keepDims: false }, [real, constant('weights', [outputs, depth], layer.weights), bias], result(layer.vote ? 'similarities' : 'logits', outputs));
  if (!layer.vote) out = operate({ kind: 'softmax', beta: 1 }, [out], result('scores', outputs));
  const graph: Graph = { tensors, operators, inputs: [input], outputs: [out], about: { name: describe(layer, head), description: `for ${head.backbone} (${head.fingerprint})` }, labels: layer.labels };
  const plan = (await converter()).compile(graph);
  return { ...plan, info: { ...plan.info, ...(layer.vote && { vote: layer.vote }), head } };
}

const quantizationOf = ({ scale, zeroPoint }: Quantised): Quantization => ({ scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: 0 });

/** For people: "linear head of 3 labels from 48 pictures". */
export const describe = ({ labels }: Layer, { kind, examples }: HeadInfo): string =>
  `${kind} head of ${labels.length} labels from ${examples.reduce((sum, n) => sum + n, 0)} pictures`;

/**
 * The layer of a head's file, or of a classifier that a head was grafted into.
 * @throws DepthwiseError BAD_FILE where there is none
 */
export function layerOf({ steps, weights, info }: Plan): Layer & { head: HeadInfo } {
  const { head, vote, labels } = info;
  const record = recordsOf(steps).filter((words) => words[abi.OP] === abi.OP_POINTWISE).at(-1);
  const outputs = vote?.classes.length ?? labels?.length;
  const sound = record && record[abi.DTYPE] === abi.FLOAT32 && record[abi.OC] === outputs && Array.isArray(labels) && labels.every((label) => typeof label === 'string')
    && ['linear', 'nearest'].includes(head?.kind ?? '') && (head!.kind === 'nearest') === (vote !== undefined)
    && Array.isArray(head!.examples) && head!.examples.length === labels.length && head!.examples.every((n) => Number.isInteger(n) && n >= 0);
  if (!sound) {
    throw new DepthwiseError('BAD_FILE', head ? 'The head in this .dw file is damaged: its layer contradicts its description. Save it again.'
      : 'This .dw file holds no head; it is a network of its own. Load it with load(), and train a head on its embeddings.');
  }
  const depth = record[abi.C];
  return {
    labels, head: head!, ...(vote && { vote }), weights: unpacked(weights, record[abi.WEIGHTS], outputs, depth), bias: unpacked(weights, record[abi.PARAMS], outputs, 1),
  };
}

/** Rows of float32 from their panels [rows / 8][depth][8], as drawn in assembly/abi.ts. */
function unpacked(weights: Uint8Array, at: number, rows: number, depth: number): Float32Array {
  const view = new DataView(weights.buffer, weights.byteOffset + at), out = new Float32Array(rows * depth);
  for (let row = 0; row < rows; row++) {
    const panel = Math.floor(row / abi.PANEL) * depth * abi.PANEL + (row % abi.PANEL);
    for (let d = 0; d < depth; d++) out[row * depth + d] = view.getFloat32((panel + d * abi.PANEL) * 4, true);
  }
  return out;
}
