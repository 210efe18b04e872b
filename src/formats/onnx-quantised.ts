// Knows how float32 operators between dequantised inputs and a quantised output (QDQ) become integer operators, and which
// stay float32 because no integer kernel does the same. It does not know ONNX.
import { elements, numbers } from './graph.js';
import type { Attributes, Graph, Operator, Quantization, Tensor } from './graph.js';
import { functionOf, tableOf } from './onnx-tables.js';
import { bytesOf, real } from './onnx-tensor.js';

const WEIGHTED = new Set(['conv2d', 'depthwiseConv2d', 'fullyConnected']);
/** Operators that move values: integers before mean what they mean after. */
const MOVING = new Set(['reshape', 'transpose', 'pad']);
const SIMPLE = new Set(['add', 'sub', 'mul', 'mean', 'averagePool', 'softmax', 'concatenation']);
/** Operators whose integer kernels round twice unless told. */
const ONCE = new Set(['conv2d', 'depthwiseConv2d', 'mul', 'mean']);
const BOUNDS = new Set(['relu', 'relu6', 'reluN1To1']);

/** The graph with integer operators wherever that is possible; what is left unread stays. */
export function integerOperators(graph: Graph): Graph {
  if (!graph.operators.some(({ attributes: { kind } }) => kind === 'quantize' || kind === 'dequantize') && !graph.tensors.some((tensor) => tensor.quantization)) return graph;
  return new Integers(boundsInside(graph)).graph;
}

/** Operators whose outputs nobody reads disappear, the last ones first. */
export function withoutUnread(graph: Graph): Graph {
  const read = new Set(graph.outputs);
  const operators = [...graph.operators].reverse().filter((op) => {
    if (!op.outputs.some((i) => read.has(i))) return false;
    op.inputs.forEach((i) => read.add(i));
    return true;
  }).reverse();
  return { ...graph, operators };
}

function readersOf(graph: Graph): Map<number, Operator[]> {
  const readers = new Map<number, Operator[]>();
  for (const op of graph.operators) {
    for (const i of op.inputs) {
      const known = readers.get(i);
      if (known) known.push(op);
      else readers.set(i, [op]);
    }
  }
  return readers;
}

/** A relu between an operator and the quantisation of its output goes into the operator. */
function boundsInside(graph: Graph): Graph {
  const readers = readersOf(graph), makers = new Map(graph.operators.map((op) => [op.outputs[0], op]));
  const operators = graph.operators.filter((op) => {
    const { kind } = op.attributes, maker = makers.get(op.inputs[0]);
    if (!BOUNDS.has(kind) || !maker || !('activation' in maker.attributes) || maker.attributes.activation !== 'none') return true;
    if (maker.attributes.kind === 'concatenation' || maker.attributes.kind === 'batchNorm' || readers.get(op.inputs[0])!.length > 1 || graph.outputs.includes(op.inputs[0])) return true;
    maker.attributes = { ...maker.attributes, activation: kind as 'relu' };
    maker.outputs = op.outputs;
    makers.set(op.outputs[0], maker);
    return false;
  });
  return { ...graph, operators };
}

const isSame = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype && a.quantization!.scale[0] === b.quantization!.scale[0] && a.quantization!.zeroPoint[0] === b.quantization!.zeroPoint[0];

class Integers {
  readonly graph: Graph;
  readonly #readers: Map<number, Operator[]>;
  readonly #operators: Operator[] = [];
  /** The integers that a float32 tensor was made from. */
  readonly #source = new Map<number, number>();
  readonly #done = new Set<Operator>();
  readonly #floats = new Map<number, number>();

  constructor(graph: Graph) {
    this.#readers = readersOf(graph);
    this.graph = { ...graph, tensors: [...graph.tensors], operators: this.#operators };
    for (const op of graph.operators) if (!this.#done.has(op)) this.#take(op);
  }

  #tensor(i: number): Tensor { return this.graph.tensors[i]; }
  #add(tensor: Tensor): number { return this.graph.tensors.push(tensor) - 1; }

  #take(op: Operator): void {
    const { kind } = op.attributes, [input] = op.inputs, [output] = op.outputs, source = this.#source.get(input);
    if (kind === 'dequantize') {
      this.#source.set(output, input);
      this.#operators.push(op);
    } else if (kind === 'quantize') this.#operators.push(source === undefined ? op : this.#requantised(source, output, op.where));
    else if (MOVING.has(kind) && source !== undefined) this.#move(op, source);
    else if (!this.#asInteger(op)) this.#operators.push({ ...op, inputs: op.inputs.map((i) => this.#float(i)) });
  }

  #requantised(from: number, to: number, where: string): Operator {
    const [x, y] = [this.#tensor(from), this.#tensor(to)];
    const attributes: Attributes = isSame(x, y) ? { kind: 'quantize' } : { kind: 'table', entries: tableOf((v) => v, x, y) };
    return { attributes, inputs: [from], outputs: [to], where };
  }

  /** The integers move, and are dequantised afterwards for whoever wants that. */
  #move(op: Operator, source: number): void {
    const { dtype, quantization } = this.#tensor(source), { name, shape } = this.#tensor(op.outputs[0]);
    const moved = this.#add({ name: `${name}/integers`, shape, dtype, quantization });
    this.#operators.push({ ...op, inputs: [source, ...op.inputs.slice(1)], outputs: [moved] });
    this.#operators.push({ attributes: { kind: 'dequantize' }, inputs: [moved], outputs: op.outputs, where: op.where });
    this.#source.set(op.outputs[0], moved);
  }

  /** A constant as float32, for operators that stay so. */
  #float(i: number): number {
    const tensor = this.graph.tensors[i];
    if (!tensor?.data || !tensor.quantization) return i;
    const known = this.#floats.get(i) ?? this.#add(real(tensor));
    this.#floats.set(i, known);
    return known;
  }

  /** Tries to have `op` write what quantises its output. */
  #asInteger(op: Operator): boolean {
    const [output] = op.outputs, readers = this.#readers.get(output) ?? [], target = readers[0]?.outputs[0];
    if (target === undefined || this.graph.outputs.includes(output) || readers.some(({ attributes: { kind }, outputs }) => kind !== 'quantize' || !isSame(this.#tensor(outputs[0]), this.#tensor(target)))) return false;
    const byte = this.#table(op, this.#tensor(target));
    const inputs = byte ? [byte.source] : WEIGHTED.has(op.attributes.kind) ? this.#weighted(op) : SIMPLE.has(op.attributes.kind) ? this.#operands(op) : undefined;
    if (!inputs || !this.#fits(op, inputs, this.#tensor(target))) return false;
    this.#write(byte ? { ...op, attributes: byte.attributes } : op, inputs, target);
    this.#done.add(readers[0]);
    for (const again of readers.slice(1)) {
      this.#operators.push({ ...again, inputs: [target] });
      this.#done.add(again);
    }
    return true;
  }

  /** Averages and joins keep the scale of what they read; another one comes after or before them. */
  #write(op: Operator, inputs: number[], target: number): void {
    const output = this.#tensor(target), { kind } = op.attributes;
    const requantised = (from: number, to: number): number => {
      this.#operators.push(this.#requantised(from, to, op.where));
      return to;
    };
    if (kind === 'concatenation') {
      const same = inputs.map((i) => (isSame(this.#tensor(i), output) ? i : requantised(i, this.#add({ ...this.#tensor(i), dtype: output.dtype, quantization: output.quantization, name: `${this.#tensor(i).name}/joined` }))));
      this.#operators.push({ ...op, inputs: same, outputs: [target] });
    } else if (kind === 'averagePool' && !isSame(this.#tensor(inputs[0]), output)) {
      const { dtype, quantization } = this.#tensor(inputs[0]), average = this.#add({ ...output, name: `${output.name}/average`, dtype, quantization });
      this.#operators.push({ ...op, inputs, outputs: [average] });
      requantised(average, target);
    } else this.#operators.push({ ...op, inputs, outputs: [target], ...(ONCE.has(kind) && { attributes: { ...op.attributes, once: true } as Attributes }) });
  }

  /** What the integer kernels of a function ask of its output. */
  #fits({ attributes }: Operator, inputs: number[], { dtype, quantization }: Tensor): boolean {
    const { kind } = attributes;
    if ('activation' in attributes && !['none', 'relu', 'relu6', 'reluN1To1'].includes(attributes.activation)) return false;
    if (kind === 'concatenation') return inputs.every((i) => !this.#tensor(i).data);
    return kind !== 'softmax' || (quantization!.scale[0] === 1 / 256 && quantization!.zeroPoint[0] === (dtype === 'uint8' ? 0 : -128));
  }

  /** A function of one tensor alone, which is 256 results. */
  #table({ attributes, inputs }: Operator, target: Tensor): { attributes: Attributes; source: number } | undefined {
    const at = inputs.findIndex((i) => this.#source.has(i)), source = this.#source.get(inputs[at]), other = this.#tensor(inputs[1 - at]);
    if (source === undefined || inputs.length > 2 || (inputs.length === 2 && !(other.data && elements(other.shape) === 1))) return undefined;
    const of = functionOf(attributes, inputs.length === 2 ? numbers(real(other))[0] : 0, at === 1);
    return of && { attributes: { kind: 'table', entries: tableOf(of, this.#tensor(source), target) }, source };
  }

  /** Dequantised inputs as the integers that they come from, or undefined where one does not. */
  #operands({ inputs }: Operator): number[] | undefined {
    const integers = inputs.map((i) => (this.#tensor(i)?.data ? (isOperand(this.#tensor(i)) ? i : -1) : this.#source.get(i) ?? -1));
    return integers.includes(-1) ? undefined : integers;
  }

  #weighted({ inputs: [x, w, b], attributes: { kind } }: Operator): number[] | undefined {
    const source = this.#source.get(x), weights = this.#tensor(w), bias = this.#tensor(b);
    const channels = kind === 'depthwiseConv2d' ? 3 : 0, { scale, zeroPoint, axis } = weights.quantization ?? NONE;
    const settled = scale.length === 1 || (scale.length === weights.shape[channels] && axis === channels);
    if (source === undefined || !weights.data || weights.dtype === 'int32' || !settled || !scale.length || zeroPoint.some((z) => z !== zeroPoint[0])) return undefined;
    const whole = bias && integerBias(bias, this.#tensor(source).quantization!, scale);
    if (bias && !whole) return undefined;
    return [source, w, whole ? this.#add(whole) : -1];
  }
}

const NONE: Quantization = { scale: new Float32Array(0), zeroPoint: new Int32Array(0), axis: 0 };

const isOperand = ({ dtype, quantization }: Tensor): boolean => (dtype === 'int8' || dtype === 'uint8') && quantization?.scale.length === 1;

const MOST_BIAS = 2 ** 31;
/** A scale this near to the product of the others is meant to be it: they met in float32. */
const NEAR = 1e-5;

/** A bias at the scale of the sums that it is added to, or undefined where int32 cannot hold it. */
function integerBias(bias: Tensor, input: Quantization, weights: Float32Array): Tensor | undefined {
  const count = elements(bias.shape), own = bias.quantization, at = (of: ArrayLike<number>, i: number): number => of[i] ?? of[0];
  const sumScale = (i: number): number => input.scale[0] * at(weights, i);
  const tensor: Tensor = { name: bias.name, shape: bias.shape, dtype: 'int32' };
  if (bias.dtype === 'int32' && own?.zeroPoint.every((z) => z === 0) && Array.from({ length: count }, (_, i) => Math.abs(at(own.scale, i) / sumScale(i) - 1)).every((off) => off < NEAR)) return { ...tensor, data: bias.data };
  const values = numbers(real(bias)).map((b, i) => Math.round(b / sumScale(i)));
  return values.every((v) => Math.abs(v) < MOST_BIAS) ? { ...tensor, data: bytesOf(Int32Array.from(values)) } : undefined;
}
