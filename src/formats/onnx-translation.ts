// Knows how values of an ONNX graph become tensors of ours: which order their dimensions have in memory (ONNX means NCHW,
// kernels want NHWC), and how one order becomes another. It does not know operators.
import { elements, numbers } from './graph.js';
import type { Attributes, Graph, Tensor } from './graph.js';
import type { Node } from './onnx-node.js';
import { checkedShape, encode, permuted, real } from './onnx-tensor.js';

/** Known when the file is read. With a quantisation it stands for the real numbers; its dimensions are in ONNX's order. */
export interface Constant {
  tensor: Tensor;
}

/** Known when the model runs. `shape` is ONNX's; dimension i of the graph's tensor is dimension order[i] of `shape`. */
export interface Computed {
  index: number;
  shape: number[];
  order: number[];
}

export type Value = Constant | Computed;

export const isConstant = (value: Value): value is Constant => 'tensor' in value;
export const plain = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);
export const NHWC = [0, 2, 3, 1];

export class Translation {
  readonly graph: Graph = { tensors: [], operators: [], inputs: [], outputs: [], about: {} };
  readonly values = new Map<string, Value>();
  readonly #named = new Map<string, number>();

  /** The order that a value of this shape gets where nothing else decides: pictures are NHWC. */
  static order(shape: number[]): number[] {
    return shape.length === 4 ? NHWC : plain(shape.length);
  }

  add(tensor: Tensor): number { return this.graph.tensors.push(tensor) - 1; }

  emit(node: Node, attributes: Attributes, inputs: number[], shape: number[], order: number[], like: Partial<Tensor> = {}): Computed {
    checkedShape(shape, `the output of ${node.where}`, 1);
    const output = this.add({ dtype: 'float32', ...like, name: this.#freshName(node.outputs[0]), shape: order.map((i) => shape[i]) });
    this.graph.operators.push({ attributes, inputs, outputs: [output], where: node.where });
    return { index: output, shape, order };
  }

  /** What one node computes on the way to its output has a name of its own. */
  #freshName(name: string): string {
    const taken = this.#named.get(name) ?? 0;
    this.#named.set(name, taken + 1);
    return taken ? `${name}~${taken}` : name;
  }

  /** The same values with dimensions in another order in memory. Where only sizes of 1 change places, nothing moves. */
  inOrder(node: Node, value: Computed, order: number[]): Computed {
    if (value.order.join() === order.join()) return value;
    const like = this.#like(value);
    if (wide(value.shape, value.order).join() === wide(value.shape, order).join()) return this.emit(node, { kind: 'reshape' }, [value.index], value.shape, order, like);
    const permutation = order.map((i) => value.order.indexOf(i));
    const second = this.add({ name: `${node.outputs[0]}/permutation`, shape: [order.length], dtype: 'int32', data: encode(permutation, 'int32') });
    return this.emit(node, { kind: 'transpose' }, [value.index, second], value.shape, order, like);
  }

  reshaped(node: Node, value: Computed, shape: number[]): Computed {
    const order = Translation.order(shape), flat = isPlain(value.shape, value.order) ? value : this.inOrder(node, value, plain(value.shape.length));
    return this.emit(node, { kind: 'reshape' }, [flat.index], shape, isPlain(shape, order) ? order : plain(shape.length), this.#like(value));
  }

  #like({ index }: Computed): Partial<Tensor> {
    const { dtype, quantization } = this.graph.tensors[index];
    return { dtype, quantization };
  }

  /** A constant operand for `value`: leading dimensions of 1 where it has fewer, and the same order. */
  operand({ tensor }: Constant, { shape, order }: Computed): number {
    const spare = tensor.shape.length - shape.length;
    const own = elements(tensor.shape) === 1 ? [] : spare > 0 && elements(tensor.shape.slice(0, spare)) === 1 ? tensor.shape.slice(spare) : tensor.shape;
    if (!own.length) return this.add({ ...withDtype(tensor), shape: [] });
    const lifted = [...Array<number>(Math.max(0, shape.length - own.length)).fill(1), ...own];
    const axis = (tensor.quantization?.axis ?? 0) + lifted.length - tensor.shape.length;
    const source = withDtype(tensor);
    return this.add(permuted({ ...source, shape: lifted, ...(source.quantization && { quantization: { ...source.quantization, axis: Math.max(0, axis) } }) }, order.length === lifted.length ? order : plain(lifted.length)));
  }
}

/** Dimensions that matter to where values lie. */
const wide = (shape: number[], order: number[]): number[] => order.filter((i) => shape[i] > 1);
const isPlain = (shape: number[], order: number[]): boolean => wide(shape, order).every((i, at, all) => at === 0 || i > all[at - 1]);

/** Constants that kernels read are float32 or quantised. */
const withDtype = (tensor: Tensor): Tensor => (tensor.quantization || tensor.dtype === 'float32' ? tensor : real(tensor));

/** One node being translated: its inputs as what they should be. */
export class Call {
  readonly node: Node;
  readonly to: Translation;
  readonly #inputs: (Value | undefined)[];

  constructor(node: Node, to: Translation, inputs: (Value | undefined)[]) {
    this.node = node;
    this.to = to;
    this.#inputs = inputs;
  }

  get inputs(): (Value | undefined)[] { return this.#inputs; }

  value(i: number): Value {
    const value = this.#inputs[i];
    if (!value) throw this.node.broken(`has no input ${i}`);
    return value;
  }

  computed(i = 0): Computed {
    const value = this.value(i);
    if (isConstant(value)) throw this.node.unsupported(`reads constant "${this.node.inputs[i]}" where a value computed from the picture is expected. Fold constants before exporting (onnxsim, or do_constant_folding=True).`);
    return value;
  }

  constant(i: number): Tensor | undefined {
    const value = this.#inputs[i];
    if (!value) return undefined;
    if (isConstant(value)) return value.tensor;
    throw this.node.unsupported(`takes input ${i} ("${this.node.inputs[i]}") at run time. Export the model with fixed shapes and constant weights.`);
  }

  needed(i: number): Tensor {
    this.value(i);
    return this.constant(i)!;
  }

  /** Numbers of a constant input; absent where the input is. */
  numbers(i: number): number[] | undefined {
    const tensor = this.constant(i);
    return tensor && numbers(tensor);
  }

  /** Axes given as an attribute by older opsets, as an input by newer ones; counted from the front. */
  axes(i: number, rank: number): number[] | undefined {
    return (this.numbers(i) ?? this.node.ints('axes'))?.map((axis) => this.axis(axis, rank));
  }

  axis(axis: number, rank: number): number {
    const from = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(from) || from < 0 || from >= rank) throw this.node.broken(`names axis ${axis} of ${rank}`);
    return from;
  }

  emit(attributes: Attributes, inputs: number[], shape: number[], order: number[]): Computed {
    return this.to.emit(this.node, attributes, inputs, shape, order);
  }

  /** An operator of one input whose output has the same shape. */
  same(attributes: Attributes, x = this.computed(), constants: number[] = []): Computed {
    return this.emit(attributes, [x.index, ...constants], x.shape, x.order);
  }

  /** A four-dimensional input as NHWC. */
  map(i = 0): Computed & { n: number; c: number; h: number; w: number } {
    const x = this.computed(i);
    if (x.shape.length !== 4) throw this.node.unsupported(`reads "${this.node.inputs[i]}" of shape [${x.shape}]; pictures have four dimensions, N,C,H,W.`);
    const [n, c, h, w] = x.shape;
    return { ...this.to.inOrder(this.node, x, NHWC), n, c, h, w };
  }
}
