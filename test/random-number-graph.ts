// Knows how to make random graphs of one operator that counts, picks or slices, with int32 beside the type asked for. The
// same seed gives the same graph.
import type { Activation, DType, Graph } from '../src/formats/graph.js';
import { elements } from '../src/formats/graph.js';
import { OneOperator, Random } from './random-graph.js';
import type { ActivationType } from './random-graph.js';

const SIZES = [1, 2, 3, 5, 8, 17];

class Numbers extends OneOperator {
  readonly type: DType;

  constructor(random: Random, dtype: ActivationType, type: DType) {
    super(random, dtype);
    this.type = type;
  }

  tensor(shape: number[]): number {
    return this.type === this.dtype ? this.activation(shape) : this.add({ shape, dtype: this.type });
  }

  /** An input, or with `constant` values of the file. */
  given(shape: number[], constant = false): number {
    const tensor = this.tensor(shape), { random } = this, n = elements(shape);
    if (!constant) this.graph.inputs.push(tensor);
    else if (this.type === 'float32') this.graph.tensors[tensor].data = new Uint8Array(Float32Array.from({ length: n }, () => random.between(-3, 3)).buffer);
    else if (this.type === 'int32') this.graph.tensors[tensor].data = new Uint8Array(Int32Array.from({ length: n }, () => random.below(41) - 20).buffer);
    else this.graph.tensors[tensor].data = Uint8Array.from({ length: n }, () => random.below(256));
    return tensor;
  }

  /** Same values and type as tensor i, of another shape. */
  like(i: number, shape: number[], name = 'moved'): number {
    const { data: _, ...rest } = this.graph.tensors[i];
    return this.graph.tensors.push({ ...rest, name: `${name}${this.graph.tensors.length}`, shape }) - 1;
  }

  shape(rank: number): number[] {
    return Array.from({ length: rank }, () => this.random.of(SIZES.slice(0, rank > 3 ? 4 : 6)));
  }
}

/** Arithmetic of int32, and float32 quotients, of any shapes that broadcast. */
export function arithmeticGraph(random: Random, dtype: ActivationType): Graph {
  const float = dtype === 'float32' && random.below(2) === 0, b = new Numbers(random, 'float32', float ? 'float32' : 'int32');
  const out = b.shape(1 + random.below(4)), narrow = (): number[] => out.map((d) => (random.below(3) ? d : 1)).slice(random.below(2) ? 0 : random.below(out.length + 1));
  const first = random.below(2) ? out : narrow(), second = out.map((d, i) => (at(first, out, i) === d && random.below(2) ? 1 : d));
  const constant = random.below(3), kind = float ? random.of(['div', 'floorDiv'] as const) : random.of(['add', 'sub', 'mul', 'div', 'floorDiv'] as const);
  const order = [b.given(first, constant === 1), b.given(second, constant === 2)];
  const activation = kind === 'floorDiv' ? 'none' : random.of<Activation>(['none', 'none', 'relu', 'relu6', 'reluN1To1']);
  return b.op({ kind, activation }, random.below(2) ? order : order.reverse(), b.tensor(out));
}

/** The size of a shape along dimension i of a wider one. */
const at = (shape: number[], wide: number[], i: number): number => shape[i - (wide.length - shape.length)] ?? 1;

/** ADD, SUB and MUL of operands that spread both ways. */
export function spreadGraph(random: Random, dtype: ActivationType): Graph {
  const b = new Numbers(random, dtype, dtype), out = b.shape(2 + random.below(3));
  const first = out.map((d) => (random.below(2) ? d : 1)), second = out.map((d, i) => (first[i] === d && random.below(2) ? 1 : d)), constant = random.below(3);
  const order = [b.given(first, constant === 1), b.given(second, constant === 2)];
  if (random.below(2)) order.reverse();
  const kind = random.of(['add', 'sub', 'mul'] as const), scales = order.map((i) => b.graph.tensors[i].quantization?.scale[0] ?? 1);
  const scale = (kind === 'mul' ? scales[0] * scales[1] * 100 : scales[0] + scales[1]) * random.between(0.3, 2);
  return b.op({ kind, activation: random.of<Activation>(['none', 'relu']) }, order, b.activation(out, scale));
}

export function castGraph(random: Random, dtype: ActivationType): Graph {
  const type = dtype === 'float32' ? 'int32' : dtype, b = new Numbers(random, 'float32', type), shape = b.shape(1 + random.below(3)), input = b.add({ shape, dtype: type });
  b.graph.inputs.push(input);
  return b.op({ kind: 'cast' }, [input], b.add({ shape, dtype: 'float32' }));
}

export function pickGraph(random: Random, dtype: ActivationType): Graph {
  const b = new Numbers(random, dtype, random.of([dtype, dtype, 'int32'] as const));
  switch (random.below(4)) {
    case 0: return gatherGraph(b);
    case 1: return packGraph(b);
    case 2: return unpackGraph(b);
    default: return sliceGraph(b);
  }
}

function gatherGraph(b: Numbers): Graph {
  const { random } = b, shape = b.shape(1 + random.below(4)), depth = 1 + random.below(shape.length), rows = random.of([1, 3, 17]), input = b.given(shape);
  const indices = random.below(2) ? b.int32([rows, depth], Array.from({ length: rows * depth }, (_, i) => random.below(shape[i % depth]))) : b.add({ shape: [rows, depth], dtype: 'int32' });
  if (!b.graph.tensors[indices].data) b.graph.inputs.push(indices); // anything: what points outside goes to the edge
  return b.op({ kind: 'gatherNd' }, [input, indices], b.like(input, [rows, ...shape.slice(depth)]));
}

function packGraph(b: Numbers): Graph {
  const { random } = b, shape = b.shape(random.below(4)), axis = random.below(shape.length + 1), first = b.given(shape), inputs = [first];
  for (let i = random.below(4); i > 0; i--) {
    const other = b.given(shape, random.below(3) === 0);
    b.graph.tensors[other].quantization = b.graph.tensors[first].quantization;
    inputs.push(other);
  }
  return b.op({ kind: 'pack', axis: random.below(2) ? axis : axis - shape.length - 1 }, inputs, b.like(first, [...shape.slice(0, axis), inputs.length, ...shape.slice(axis)]));
}

function unpackGraph(b: Numbers): Graph {
  const { random } = b, shape = b.shape(1 + random.below(4)), axis = random.below(shape.length), input = b.given(shape);
  const outputs = Array.from({ length: shape[axis] }, (_, i) => b.like(input, shape.filter((_, d) => d !== axis), `part${i}-`));
  b.graph.operators.push({ attributes: { kind: 'unpack', axis: random.below(2) ? axis : axis - shape.length }, inputs: [input], outputs, where: 'operator 0 (unpack)' });
  const turn = random.below(outputs.length); // tests look at the first output
  b.graph.outputs.push(...outputs.slice(turn), ...outputs.slice(0, turn));
  return b.graph;
}

function sliceGraph(b: Numbers): Graph {
  const { random } = b, shape = b.shape(1 + random.below(3)), out: number[] = [], begin: number[] = [], end: number[] = [], by: number[] = [];
  const masks = { beginMask: 0, endMask: 0, shrinkAxisMask: 0, newAxisMask: 0 };
  shape.forEach((size, d) => {
    const i = begin.length, step = random.of([1, 1, 2, 3]) * (random.below(3) ? 1 : -1), from = random.below(size), left = step > 0 ? size - from : from + 1;
    if (d > 0 && random.below(6) === 0) return void out.push(size), begin.push(0), end.push(size), by.push(1);
    if (random.below(5) === 0) {
      masks.shrinkAxisMask |= 1 << i;
      return void begin.push(random.below(2) ? from : from - size), end.push(from + 1), by.push(1);
    }
    const count = 1 + random.below(Math.ceil(left / Math.abs(step))), last = from + (count - 1) * step;
    const open = random.below(4) === 0, all = Math.ceil(left / Math.abs(step));
    if (open) masks.endMask |= 1 << i;
    out.push(open ? all : count);
    begin.push(random.below(2) ? from : from - size);
    end.push(open ? 0 : step > 0 ? last + 1 : last - 1 < 0 ? last - 1 - size : last - 1);
    by.push(step);
  });
  const input = b.given(shape), n = begin.length;
  return b.op({ kind: 'stridedSlice', ...masks }, [input, b.int32([n], begin), b.int32([n], end), b.int32([n], by)], b.like(input, out));
}

/** Square roots; of negative numbers there are none, but NaN. */
export function rootGraph(random: Random): Graph {
  const b = new OneOperator(random, 'float32'), shape = [random.of(SIZES), random.of(SIZES)];
  const input = b.input(shape), squared = b.activation(shape);
  b.graph.operators.push({ attributes: { kind: 'mul', activation: 'none' }, inputs: [input, input], outputs: [squared], where: 'operator (mul)' });
  return b.op({ kind: 'sqrt' }, [squared], b.activation(shape));
}
