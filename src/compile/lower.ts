// Knows which kernel does each operator and fills its step record. It does not know addresses: steps name tensors, and
// the planner places them.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements, numbers } from '../formats/graph.js';
import type { Activation, Attributes, Operator, Tensor } from '../formats/graph.js';
import { lowerAdd, lowerMultiply } from './lower-binary.js';
import { lowerConv, lowerDepthwise, lowerFullyConnected } from './lower-conv.js';
import {
  affine, clampRange, hardSigmoidTable, hardSwishTable, logisticTable, meanMultiplier, requantiseTable, softmaxMultiplier,
} from './quantise.js';
import type { Affine } from './quantise.js';
import type { Simplified } from './simplify.js';
import type { Constant } from './weights.js';

/** One kernel call before addresses are known. */
export interface Step {
  op: number;
  /** For people: "conv2d", "depthwiseConv2d" ... */
  kind: string;
  where: string;
  words: Int32Array;
  /** Tensors for words SRC, SRC2 and DST; -1 where the kernel has none. */
  src: number;
  src2: number;
  dst: number;
  weights?: Constant;
  params?: Constant;
  /** A constant second operand, for word SRC2. */
  operand?: Constant;
  /** Steps that this one runs, row by row. */
  parts?: Step[];
  macs: number;
}

export type Attribute<K extends Attributes['kind']> = Extract<Attributes, { kind: K }>;

export class Lowering {
  readonly tensors: Tensor[];

  constructor(graph: Simplified) {
    this.tensors = graph.tensors;
  }

  /** A new step of operator `op`, its first input and output set. */
  step(op: Operator, code: number, words: Record<number, number> = {}): Step {
    const step: Step = {
      op: code, kind: op.attributes.kind, where: op.where, words: new Int32Array(abi.STEP_WORDS),
      src: op.inputs[0], src2: -1, dst: op.outputs[0], macs: 0,
    };
    step.words[abi.OP] = code;
    step.words[abi.DTYPE] = this.isFloat(op.outputs[0]) ? abi.FLOAT32 : abi.INT8;
    for (const [index, value] of Object.entries(words)) step.words[Number(index)] = value;
    return step;
  }

  tensor(i: number): Tensor {
    return this.tensors[i];
  }

  /** Quantisation of the first input and the output. */
  affines({ inputs, outputs, where }: Operator): [input: Affine, output: Affine] {
    return [affine(this.tensors[inputs[0]], where), affine(this.tensors[outputs[0]], where)];
  }

  isFloat(i: number): boolean {
    return this.tensors[i].dtype === 'float32';
  }

  /** Height, width and channels of a rank-4 activation. */
  map(i: number, where: string): [number, number, number] {
    const { shape, name } = this.tensors[i];
    if (shape.length !== 4 || shape[0] !== 1) {
      throw new DepthwiseError('UNSUPPORTED', `${where}: tensor "${name}" has shape [${shape}]; this operator needs [1, height, width, channels]. Export the model with batch size 1.`);
    }
    return [shape[1], shape[2], shape[3]];
  }

  /** The words of a fused activation: bounds of a clamp, or a function for float32. */
  activation(step: Step, activation: Activation): void {
    const { words } = step;
    if (!this.isFloat(step.dst)) {
      const out = affine(this.tensors[step.dst], step.where);
      [words[abi.MIN], words[abi.MAX]] = clampRange(activation, out, step.where);
      words[abi.ZERO_OUT] = out.zero;
      return;
    }
    const bounds: Partial<Record<Activation, [number, number]>> = { relu: [0, Infinity], relu6: [0, 6], reluN1To1: [-1, 1] };
    const [low, high] = bounds[activation] ?? [-Infinity, Infinity];
    words[abi.MIN] = floatBits(low);
    words[abi.MAX] = floatBits(high);
    words[abi.ACTIVATION] = activation === 'hardSwish' ? abi.HARD_SWISH : activation === 'hardSigmoid' ? abi.HARD_SIGMOID : abi.CLAMP;
  }

  table(op: Operator, entries: Int8Array): Step {
    const step = this.step(op, abi.OP_TABLE, { [abi.COUNT]: elements(this.tensors[op.outputs[0]].shape) });
    step.weights = bytesOf(new Uint8Array(entries.buffer));
    return step;
  }
}

export const floatBits = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0];

export const bytesOf = (bytes: Uint8Array): Constant => ({ bytes: bytes.byteLength, write: (target) => target.set(bytes) });

/** The steps of a simplified graph, in order. */
export function lower(graph: Simplified): Step[] {
  const lowering = new Lowering(graph);
  return graph.operators.flatMap((op) => {
    checkTypes(lowering, op);
    return lowerOne(lowering, op);
  });
}

const EIGHT_BIT = new Set(['int8', 'uint8']);

function checkTypes(lowering: Lowering, op: Operator): void {
  for (const i of [op.inputs[0], op.outputs[0]]) {
    const { dtype, name } = lowering.tensor(i);
    if (dtype !== 'float32' && !EIGHT_BIT.has(dtype)) {
      throw new DepthwiseError('UNSUPPORTED', `${op.where}: tensor "${name}" holds ${dtype}; activations can be float32, int8 or uint8.`);
    }
  }
  const kind = op.attributes.kind;
  if (kind !== 'quantize' && kind !== 'dequantize' && lowering.isFloat(op.inputs[0]) !== lowering.isFloat(op.outputs[0])) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: mixes ${lowering.tensor(op.inputs[0]).dtype} and ${lowering.tensor(op.outputs[0]).dtype}. Quantise the whole model, or none of it.`);
  }
}

function lowerOne(lowering: Lowering, op: Operator): Step[] {
  const a = op.attributes;
  switch (a.kind) {
    case 'conv2d': return [lowerConv(lowering, op, a)];
    case 'depthwiseConv2d': return [lowerDepthwise(lowering, op, a)];
    case 'fullyConnected': return [lowerFullyConnected(lowering, op, a)];
    case 'averagePool': return [lowerAveragePool(lowering, op, a)];
    case 'mean': return [lowerMean(lowering, op, a)];
    case 'add': case 'sub': return [lowerAdd(lowering, op, a)];
    case 'mul': return [lowerMultiply(lowering, op, a)];
    case 'relu': case 'relu6': case 'reluN1To1': case 'hardSwish': case 'hardSigmoid': case 'logistic': return [lowerActivation(lowering, op, a.kind)];
    case 'table': return [lowering.table(op, a.entries)];
    case 'softmax': return [lowerSoftmax(lowering, op, a)];
    case 'pad': return [lowerPad(lowering, op)];
    case 'transpose': return [lowerTranspose(lowering, op)];
    case 'quantize': return [lowerQuantise(lowering, op)];
    case 'dequantize': return [lowerDequantise(lowering, op)];
    case 'concatenation': return lowerConcatenation(lowering, op, a);
    case 'batchNorm': throw new DepthwiseError('UNSUPPORTED', `${op.where}: a batch norm that follows no convolution. Fold it before exporting.`);
    default: throw new DepthwiseError('UNSUPPORTED', `${op.where}: ${a.kind} of values that are known only at run time. Export the model with fixed shapes.`);
  }
}

export interface Window { padding: Attribute<'conv2d'>['padding']; stride: [number, number] }

/** Cells of padding before the picture: TensorFlow's SAME puts the odd one after. */
export function padBefore(window: Window, axis: 0 | 1, size: number, out: number, kernel: number): number {
  const { padding, stride } = window;
  if (padding === 'valid') return 0;
  if (padding === 'same') return Math.floor(Math.max(0, (out - 1) * stride[axis] + kernel - size) / 2);
  return axis ? padding.left : padding.top;
}

function lowerAveragePool(lowering: Lowering, op: Operator, a: Attribute<'averagePool' | 'maxPool'>): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow] = lowering.map(op.outputs[0], op.where);
  const step = lowering.step(op, abi.OP_AVERAGE_POOL, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.OC]: c, [abi.KH]: a.window[0], [abi.KW]: a.window[1],
    [abi.STRIDE_H]: a.stride[0], [abi.STRIDE_W]: a.stride[1], [abi.SCRATCH_BYTES]: c * 4,
    [abi.PAD_TOP]: padBefore(a, 0, h, oh, a.window[0]), [abi.PAD_LEFT]: padBefore(a, 1, w, ow, a.window[1]),
    [abi.UNSIGNED]: Number(lowering.tensor(op.inputs[0]).dtype === 'uint8'),
  });
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  if (input.scale !== output.scale || input.zero !== output.zero) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: input and output of an average pool must have the same scale and zero point.`);
  }
  return step;
}

function lowerMean(lowering: Lowering, op: Operator, a: Attribute<'mean'>): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where);
  if ([...a.axes].sort().join() !== '1,2') {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: a mean over axes [${a.axes}]; only height and width ([1, 2]) are supported.`);
  }
  const step = lowering.step(op, abi.OP_MEAN, { [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.COUNT]: h * w, [abi.SCRATCH_BYTES]: c * 4 });
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  [step.words[abi.MULTIPLIER], step.words[abi.EXPONENT]] = meanMultiplier(input, output, h * w, a.once);
  step.words[abi.ZERO_IN] = input.zero;
  step.words[abi.ZERO_OUT] = output.zero;
  return step;
}

function lowerActivation(lowering: Lowering, op: Operator, kind: Activation | 'logistic'): Step {
  if (lowering.isFloat(op.inputs[0])) {
    const step = lowering.step(op, abi.OP_ACTIVATION, { [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape) });
    if (kind === 'logistic') step.words[abi.ACTIVATION] = abi.LOGISTIC;
    else lowering.activation(step, kind);
    return step;
  }
  const [input, output] = lowering.affines(op);
  if (kind === 'hardSwish') return lowering.table(op, hardSwishTable(input, output));
  if (kind === 'logistic') return lowering.table(op, logisticTable(input, output));
  if (kind === 'hardSigmoid') return lowering.table(op, hardSigmoidTable(input, output));
  return lowering.table(op, requantiseTable(input, output, ...clampRange(kind, output, op.where)));
}

function lowerSoftmax(lowering: Lowering, op: Operator, a: Attribute<'softmax'>): Step {
  const { shape } = lowering.tensor(op.inputs[0]);
  const c = shape.at(-1) ?? 1;
  const step = lowering.step(op, abi.OP_SOFTMAX, { [abi.C]: c, [abi.COUNT]: elements(shape) / c, [abi.SCALE]: floatBits(a.beta), [abi.SCRATCH_BYTES]: c * 4 });
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  if (output.scale !== 1 / 256 || output.zero !== -128) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: an 8-bit softmax writes scale 1/256 from zero up; this file says ${output.scale}.`);
  }
  const { multiplier, shift, leastDifference } = softmaxMultiplier(input, a.beta);
  step.words[abi.MULTIPLIER] = multiplier;
  step.words[abi.EXPONENT] = shift;
  step.words[abi.SIGN_A] = leastDifference;
  return step;
}

function lowerPad(lowering: Lowering, op: Operator): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow] = lowering.map(op.outputs[0], op.where);
  const p = numbers(lowering.tensor(op.inputs[1]));
  if (op.inputs.length > 2 || p.length !== 8 || p[0] || p[1] || p[6] || p[7] || p.some((n) => n < 0)) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: only height and width can be padded, with zeros.`);
  }
  if (oh !== h + p[2] + p[3] || ow !== w + p[4] + p[5]) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: pads ${h}x${w} by [${p.slice(2, 6)}], which is not ${oh}x${ow}.`);
  }
  const zero = lowering.isFloat(op.outputs[0]) ? 0 : affine(lowering.tensor(op.outputs[0]), op.where).zero;
  return lowering.step(op, abi.OP_PAD, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.PAD_TOP]: p[2], [abi.PAD_LEFT]: p[4], [abi.ZERO_IN]: zero,
  });
}

function lowerTranspose(lowering: Lowering, op: Operator): Step {
  const input = lowering.tensor(op.inputs[0]).shape, permutation = numbers(lowering.tensor(op.inputs[1]));
  if (input.length > 4 || [...permutation].sort().join() !== input.map((_, i) => i).join()) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: transposes [${input}] by [${permutation}]; up to four dimensions, each once.`);
  }
  const strides = input.map((_, i) => elements(input.slice(i + 1)));
  const sizes = [...Array(4 - input.length).fill(1), ...permutation.map((i) => input[i])];
  const steps = [...Array(4 - input.length).fill(0), ...permutation.map((i) => strides[i])];
  return lowering.step(op, abi.OP_TRANSPOSE, {
    [abi.H]: sizes[0], [abi.W]: sizes[1], [abi.C]: sizes[2], [abi.COUNT]: sizes[3],
    [abi.OH]: steps[0], [abi.OW]: steps[1], [abi.OC]: steps[2], [abi.KH]: steps[3],
  });
}

function lowerQuantise(lowering: Lowering, op: Operator): Step {
  const output = affine(lowering.tensor(op.outputs[0]), op.where);
  if (!lowering.isFloat(op.inputs[0])) return lowering.table(op, requantiseTable(affine(lowering.tensor(op.inputs[0]), op.where), output));
  return lowering.step(op, abi.OP_QUANTIZE, {
    [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape), [abi.SCALE]: floatBits(output.scale),
    [abi.ZERO_OUT]: output.zero, [abi.MIN]: -128, [abi.MAX]: 127,
  });
}

function lowerDequantise(lowering: Lowering, op: Operator): Step {
  const input = affine(lowering.tensor(op.inputs[0]), op.where);
  return lowering.step(op, abi.OP_DEQUANTIZE, {
    [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape), [abi.SCALE]: floatBits(input.scale), [abi.ZERO_IN]: input.zero,
  });
}

/** One copy an input; 8-bit inputs must share the output's quantisation, as TFLite's int8 form demands. */
function lowerConcatenation(lowering: Lowering, op: Operator, a: Attribute<'concatenation'>): Step[] {
  const output = lowering.tensor(op.outputs[0]);
  const axis = a.axis < 0 ? a.axis + output.shape.length : a.axis;
  const size = lowering.isFloat(op.outputs[0]) ? 4 : 1;
  const inner = elements(output.shape.slice(axis + 1)) * size;
  let at = 0;
  return op.inputs.map((input) => {
    const { shape, data, name } = lowering.tensor(input);
    if (data || (size === 1 && JSON.stringify(affine(lowering.tensor(input), op.where)) !== JSON.stringify(affine(output, op.where)))) {
      throw new DepthwiseError('UNSUPPORTED', `${op.where}: input "${name}" is a constant or has another scale than the output.`);
    }
    const step = lowering.step(op, abi.OP_COPY, {
      [abi.COUNT]: elements(shape.slice(0, axis)), [abi.W]: shape[axis] * inner, [abi.C]: output.shape[axis] * inner, [abi.OW]: at,
    });
    step.src = input;
    at += shape[axis] * inner;
    return step;
  });
}
