// Knows which kernel does each operator and fills its step record. It does not know addresses: steps name tensors, and
// the planner places them.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements } from '../formats/graph.js';
import type { Activation, Attributes, DType, Operator, Tensor } from '../formats/graph.js';
import { lowerAdd, lowerArithmetic, lowerMultiply } from './lower-binary.js';
import { lowerConv, lowerDepthwise, lowerFullyConnected } from './lower-conv.js';
import { lowerDetection } from './lower-detection.js';
import { lowerConcatenation, lowerPack, lowerPad, lowerSlice, lowerTile, lowerTranspose, lowerUnpack } from './lower-move.js';
import { lowerCast, lowerGather, lowerRoot } from './lower-numbers.js';
import { lowerAveragePool, lowerMean } from './lower-pool.js';
import { lowerArgMax, lowerResize } from './lower-resize.js';
import { lowerActivation, lowerDequantise, lowerQuantise, lowerRescale, lowerSoftmax } from './lower-unary.js';
import { Room } from './limits.js';
import { affine, clampRange } from './quantise.js';
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
  /** For constants that are made larger than the file has them. */
  readonly room: Room;
  readonly #graph: Simplified;

  constructor(graph: Simplified) {
    this.tensors = graph.tensors;
    this.room = new Room(graph.tensors);
    this.#graph = graph;
  }

  /** Whether a tensor's bytes lie inside of another's already, `bytes` after its beginning. */
  isInside(i: number, other: number, bytes: number): boolean {
    const { alias, inside } = this.#graph;
    return alias[i] === alias[other] && (inside.get(i) ?? 0) === (inside.get(other) ?? 0) + bytes;
  }

  /** A tensor that the file does not have. */
  add(tensor: Tensor): number {
    this.tensors.push(tensor);
    return this.#graph.alias.push(this.#graph.alias.length) - 1;
  }

  /** A new step of operator `op`, its first input and output set. */
  step(op: Operator, code: number, words: Record<number, number> = {}): Step {
    const step: Step = {
      op: code, kind: op.attributes.kind, where: op.where, words: new Int32Array(abi.STEP_WORDS),
      src: op.inputs[0], src2: -1, dst: op.outputs[0], macs: 0,
    };
    step.words[abi.OP] = code;
    step.words[abi.DTYPE] = TYPES[this.tensors[op.outputs[0]].dtype] ?? abi.INT8;
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

/** Word DTYPE; uint8 is held as int8. */
const TYPES: Partial<Record<DType, number>> = { float32: abi.FLOAT32, int32: abi.INT32 };

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

/** Operators between types; all others read and write floats, or 8-bit values. */
const BETWEEN_TYPES = new Set<Attributes['kind']>(['quantize', 'dequantize', 'detection']);

/** Operators that also take whole numbers (int32, int64), and say themselves which. */
const OF_NUMBERS = new Set<Attributes['kind']>(['concatenation', 'transpose', 'cast', 'pack', 'unpack', 'stridedSlice', 'gatherNd', 'floorDiv', 'tile', 'argMax']);

/** Operators that count in int32 where all their operands are. */
const COUNTS = new Set<Attributes['kind']>(['add', 'sub', 'mul', 'div']);

export const isCount = (lowering: Lowering, op: Operator): boolean => [...op.inputs, ...op.outputs].every((i) => lowering.tensor(i).dtype === 'int32');

function checkTypes(lowering: Lowering, op: Operator): void {
  const kind = op.attributes.kind;
  if (OF_NUMBERS.has(kind) || (COUNTS.has(kind) && isCount(lowering, op))) return;
  for (const i of [op.inputs[0], op.outputs[0]]) {
    const { dtype, name } = lowering.tensor(i);
    if (dtype !== 'float32' && !EIGHT_BIT.has(dtype)) {
      throw new DepthwiseError('UNSUPPORTED', `${op.where}: tensor "${name}" holds ${dtype}; this operator takes float32, int8 or uint8.`);
    }
  }
  if (!BETWEEN_TYPES.has(kind) && lowering.isFloat(op.inputs[0]) !== lowering.isFloat(op.outputs[0])) {
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
    case 'add': case 'sub': return isCount(lowering, op) ? lowerArithmetic(lowering, op, a) : lowerAdd(lowering, op, a);
    case 'mul': return isCount(lowering, op) ? lowerArithmetic(lowering, op, a) : lowerMultiply(lowering, op, a);
    case 'div': case 'floorDiv': return lowerArithmetic(lowering, op, a);
    case 'sqrt': return [lowerRoot(lowering, op)];
    case 'cast': return [lowerCast(lowering, op)];
    case 'gatherNd': return [lowerGather(lowering, op)];
    case 'pack': return lowerPack(lowering, op, a);
    case 'unpack': return lowerUnpack(lowering, op, a);
    case 'stridedSlice': return [lowerSlice(lowering, op, a)];
    case 'relu': case 'relu6': case 'reluN1To1': case 'hardSwish': case 'hardSigmoid': case 'logistic': return [lowerActivation(lowering, op, a.kind)];
    case 'table': return [lowering.table(op, a.entries)];
    case 'softmax': return [lowerSoftmax(lowering, op, a)];
    case 'pad': return [lowerPad(lowering, op)];
    case 'transpose': return [lowerTranspose(lowering, op)];
    case 'quantize': return [lowerQuantise(lowering, op)];
    case 'dequantize': return [lowerDequantise(lowering, op)];
    case 'concatenation': return lowerConcatenation(lowering, op, a);
    case 'resizeBilinear': return [lowerResize(lowering, op, a)];
    case 'argMax': return [lowerArgMax(lowering, op, a)];
    case 'tile': return [lowerTile(lowering, op)];
    case 'spaceToBatch': case 'batchToSpace':
      throw new DepthwiseError('UNSUPPORTED', `${op.where}: runs only as part of a dilated convolution: SPACE_TO_BATCH_ND, one convolution of stride 1 with VALID padding, BATCH_TO_SPACE_ND. Export the model with dilation_rate.`);
    case 'rescale': return [lowerRescale(lowering, op)];
    case 'detection': return [lowerDetection(lowering, op, a)];
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
