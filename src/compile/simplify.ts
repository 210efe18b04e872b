// Knows rewrites that leave the answers as they are: constants folded, batch norms, pads and activations merged into
// the operators they follow, reshapes turned into other names for the same bytes. It does not know kernels or memory.
import { DepthwiseError } from '../error.js';
import { elements, floats, numbers } from '../formats/graph.js';
import type { Attributes, Graph, Operator, Tensor } from '../formats/graph.js';
import { foldDilations } from './dilation.js';
import { checkFit } from './fit.js';
import { gatherOutputs, joinParts, rescaleParts } from './parts.js';
import { affine } from './quantise.js';
import { sliceOf } from './slice.js';

export interface Simplified {
  tensors: Tensor[];
  operators: Operator[];
  inputs: number[];
  outputs: number[];
  /** alias[t] is the tensor whose bytes t shows; itself where t has its own. */
  alias: number[];
  /** Tensors that show only some of those bytes, and after how many of them theirs begin. */
  inside: Map<number, number>;
}

type Attribute<K extends Attributes['kind']> = Extract<Attributes, { kind: K }>;

/**
 * With `apart`, activations that stand alone stay so, for whoever wants to see what goes into them. With `separate`, no
 * two tensors are made to share a buffer that a copy could keep apart.
 */
export function simplify(graph: Graph, { apart = false, separate = false } = {}): Simplified {
  const work = fold(graph);
  if (!apart) mergeAfter(work, foldActivation);
  rescaleParts(work);
  findAliases(work);
  gatherOutputs(work);
  if (!separate) joinParts(work);
  return work;
}

/** The part that leaves a graph of the same operators: constants, batch norms and pads. */
export function fold(graph: Graph): Simplified {
  const work: Simplified = {
    tensors: graph.tensors.map((tensor) => ({ ...tensor })),
    operators: graph.operators.map((op) => ({ ...op, inputs: [...op.inputs], attributes: { ...op.attributes } })),
    inputs: graph.inputs,
    outputs: graph.outputs,
    alias: graph.tensors.map((_, i) => i),
    inside: new Map(),
  };
  foldConstants(work);
  for (const op of work.operators) checkFit(op, work.tensors);
  foldDilations(work, useCounts(work));
  mergeAfter(work, foldBatchNorm);
  mergeBefore(work);
  return work;
}

const int32 = (values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

/** Shape arithmetic (Keras exports SHAPE, STRIDED_SLICE, MUL, PACK before a RESHAPE or RESIZE) and stored float16 weights. */
function foldConstants(work: Simplified): void {
  work.operators = work.operators.filter((op) => {
    const out = work.tensors[op.outputs[0]];
    const data = evaluate(op, work.tensors);
    if (data) out.data = data;
    return !data;
  });
}

function evaluate(op: Operator, tensors: Tensor[]): Uint8Array | undefined {
  const inputs = op.inputs.map((i) => tensors[i]);
  const out = tensors[op.outputs[0]];
  const attributes = op.attributes;
  if (attributes.kind === 'shape') {
    if (out.dtype !== 'int32') throw new DepthwiseError('UNSUPPORTED', `${op.where}: only int32 shapes are folded.`);
    return int32(inputs[0].shape);
  }
  if (!inputs.every((tensor) => tensor?.data)) return undefined;
  if (attributes.kind === 'dequantize' && inputs[0].dtype === 'float16') return new Uint8Array(Float32Array.from(numbers(inputs[0])).buffer);
  if (inputs[0].dtype !== 'int32') return attributes.kind === 'reshape' ? inputs[0].data : undefined;
  switch (attributes.kind) {
    case 'pack': return int32(inputs.flatMap(numbers));
    case 'reshape': return inputs[0].data;
    case 'stridedSlice': return int32(cut(attributes, inputs, op.where));
    case 'add': case 'sub': case 'mul': case 'div': case 'floorDiv': return out.dtype === 'int32' ? counted(attributes.kind, inputs) : undefined;
    default: return undefined;
  }
}

function cut(attributes: Attribute<'stridedSlice'>, [input, ...bounds]: Tensor[], where: string): number[] {
  const [begin, end, by] = bounds.map(numbers), { shape, strides, start } = sliceOf(input.shape, attributes, begin, end, by, where), values = numbers(input);
  const places = shape.reduce((all, size, d) => all.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[d])), [start]);
  return places.map((at) => values[at]);
}

const COUNT: Record<'add' | 'sub' | 'mul' | 'div' | 'floorDiv', (a: number, b: number) => number> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: Math.imul, div: (a, b) => (b ? a / b : 0), floorDiv: (a, b) => (b ? Math.floor(a / b) : 0),
};

/** Sizes times two, and the like: one of the operands may be a single number. */
function counted(kind: keyof typeof COUNT, inputs: Tensor[]): Uint8Array | undefined {
  const [a, b] = inputs.map(numbers), length = Math.max(a.length, b.length);
  if ([a, b].some((values) => values.length !== length && values.length !== 1)) return undefined;
  return int32(Array.from({ length }, (_, i) => COUNT[kind](a[i % a.length], b[i % b.length])));
}

/** Offers each operator and its only producer's operator to `merge`; a merged operator disappears. */
function mergeAfter(work: Simplified, merge: (work: Simplified, first: Operator, second: Operator) => boolean): void {
  const producer = new Map<number, Operator>();
  const uses = useCounts(work);
  work.operators = work.operators.filter((op) => {
    const first = producer.get(op.inputs[0]);
    if (first && uses.get(op.inputs[0]) === 1 && merge(work, first, op)) {
      first.outputs = op.outputs;
      producer.set(op.outputs[0], first);
      return false;
    }
    for (const out of op.outputs) producer.set(out, op);
    return true;
  });
}

function useCounts(work: Simplified): Map<number, number> {
  const uses = new Map<number, number>();
  for (const i of [...work.operators.flatMap((op) => op.inputs), ...work.outputs]) uses.set(i, (uses.get(i) ?? 0) + 1);
  return uses;
}

/** w' = w * gamma / sqrt(variance + epsilon), b' = beta - mean * gamma / sqrt(variance + epsilon), in float64. */
function foldBatchNorm(work: Simplified, first: Operator, second: Operator): boolean {
  if (second.attributes.kind !== 'batchNorm') return false;
  const target = first.attributes;
  if ((target.kind !== 'conv2d' && target.kind !== 'depthwiseConv2d') || target.activation !== 'none') return false;
  const [gamma, beta, mean, variance] = second.inputs.slice(1).map((i) => floats(work.tensors[i]));
  const weights = work.tensors[first.inputs[1]];
  const bias = first.inputs[2] >= 0 ? floats(work.tensors[first.inputs[2]]) : undefined;
  const { epsilon } = second.attributes;
  const factor = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  const channels = gamma.length, values = floats(weights), folded = new Float32Array(values.length);
  const inner = target.kind === 'conv2d' ? values.length / channels : 1;
  for (let i = 0; i < values.length; i++) folded[i] = values[i] * factor[Math.floor(i / inner) % channels];
  const shift = Float32Array.from(beta, (b, c) => b + ((bias?.[c] ?? 0) - mean[c]) * factor[c]);
  first.inputs = [first.inputs[0], addConstant(work, weights, folded), addConstant(work, { name: `${weights.name}/bias`, shape: [channels], dtype: 'float32' }, shift)];
  target.activation = second.attributes.activation;
  return true;
}

function addConstant(work: Simplified, like: Tensor, values: Float32Array): number {
  work.tensors.push({ ...like, dtype: 'float32', data: new Uint8Array(values.buffer) });
  work.alias.push(work.tensors.length - 1);
  return work.tensors.length - 1;
}

const ACTIVATIONS = new Set(['relu', 'relu6', 'reluN1To1', 'hardSwish', 'hardSigmoid']);

/** Float32 only: 8-bit activations round twice, so the value between them must stay. */
function foldActivation(work: Simplified, first: Operator, second: Operator): boolean {
  const kind = second.attributes.kind;
  const target = first.attributes;
  if (!ACTIVATIONS.has(kind) || work.tensors[second.outputs[0]].dtype !== 'float32') return false;
  if (!('activation' in target) || target.activation !== 'none' || target.kind === 'maxPool' || target.kind === 'concatenation') return false;
  target.activation = kind as Attribute<'conv2d'>['activation'];
  return true;
}

/** A pad of height and width goes into the convolution that alone reads it. */
function mergeBefore(work: Simplified): void {
  const pads = new Map<number, Operator>();
  const uses = useCounts(work);
  for (const op of work.operators) {
    if (op.attributes.kind === 'pad') pads.set(op.outputs[0], op);
    const pad = pads.get(op.inputs[0]);
    const target = op.attributes;
    if (!pad || uses.get(op.inputs[0]) !== 1 || (target.kind !== 'conv2d' && target.kind !== 'depthwiseConv2d') || target.padding !== 'valid') continue;
    const paddings = work.tensors[pad.inputs[1]], p = paddings?.data ? numbers(paddings) : [];
    if (pad.inputs.length > 2 || p.length !== 8 || p[0] || p[1] || p[6] || p[7]) continue;
    target.padding = { top: p[2], bottom: p[3], left: p[4], right: p[5] };
    op.inputs[0] = pad.inputs[0];
    pads.delete(pad.outputs[0]);
    work.operators = work.operators.filter((other) => other !== pad);
  }
}

/** Reshapes, requantisations and resizes to the same size, which change no byte. */
function findAliases(work: Simplified): void {
  const { tensors, alias } = work;
  work.operators = work.operators.filter((op) => {
    const from = op.inputs[0], to = op.outputs[0];
    if (!tensors[from] || tensors[from].data) return true;
    const kind = op.attributes.kind, isResize = kind === 'resizeBilinear' && tensors[from].shape.join() === tensors[to].shape.join();
    const same = kind === 'reshape' || ((kind === 'quantize' || isResize) && keepsBytes(tensors[from], tensors[to], op.where));
    if (!same) return true;
    if (elements(tensors[from].shape) !== elements(tensors[to].shape)) {
      throw new DepthwiseError('BAD_FILE', `${op.where}: turns [${tensors[from].shape}] into [${tensors[to].shape}], which has another number of values.`);
    }
    alias[to] = alias[from];
    return false;
  });
}

function keepsBytes(from: Tensor, to: Tensor, where: string): boolean {
  if (from.dtype === 'float32' || to.dtype === 'float32') return from.dtype === to.dtype;
  const a = affine(from, where), b = affine(to, where);
  return a.scale === b.scale && a.zero === b.zero;
}
