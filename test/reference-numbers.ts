// Knows the operators that count, pick and slice as naive loops over indices of each dimension. Like reference.ts it takes
// from src/ only the graph's types and readers.
import { elements } from '../src/formats/graph.js';
import type { Attributes, Operator, Tensor } from '../src/formats/graph.js';

type Values = Float64Array;
type Attribute<K extends Attributes['kind']> = Extract<Attributes, { kind: K }>;

/** The index along each dimension of value i. */
export function indexOf(i: number, shape: number[]): number[] {
  const index: number[] = [];
  for (let d = shape.length - 1; d >= 0; i = Math.floor(i / shape[d--])) index[d] = i % shape[d];
  return index;
}

export const placeOf = (index: number[], shape: number[]): number => index.reduce((at, n, d) => at * shape[d] + n, 0);

/** Where the value for place i of `out` stands in a tensor of `shape`, by numpy's broadcasting. */
export function broadcastPlace(i: number, out: number[], shape: number[]): number {
  const index = indexOf(i, out).slice(out.length - shape.length);
  return placeOf(index.map((n, d) => (shape[d] === 1 ? 0 : n)), shape);
}

const clamp = (v: number, low: number, high: number): number => Math.max(low, Math.min(high, v));
const BOUNDS = { none: [-Infinity, Infinity], relu: [0, Infinity], relu6: [0, 6], reluN1To1: [-1, 1] } as const;

/** The outputs of an operator that is here; nothing for others. */
export function computeNumbers({ attributes: a, outputs }: Operator, x: Values[], tensors: Tensor[], out: Tensor): Values[] | undefined {
  const each = (value: (index: number[], i: number) => number, shape = out.shape): Values => Float64Array.from({ length: elements(shape) }, (_, i) => value(indexOf(i, shape), i));
  const { shape } = tensors[0];
  switch (a.kind) {
    case 'add': case 'sub': case 'mul': case 'div': case 'floorDiv':
      if (out.dtype !== 'int32' && a.kind !== 'div' && a.kind !== 'floorDiv') return undefined;
      return [each((_, i) => {
        const [p, q] = [0, 1].map((k) => x[k][broadcastPlace(i, out.shape, tensors[k].shape)]), [low, high] = BOUNDS[a.activation as keyof typeof BOUNDS];
        return clamp(out.dtype === 'int32' ? whole(a.kind, p, q) : a.kind === 'div' ? p / q : Math.floor(Math.fround(p / q)), low, high);
      })];
    case 'sqrt': return [x[0].map(Math.sqrt)];
    case 'cast': return [x[0]];
    case 'shape': return [Float64Array.from(shape)];
    case 'gatherNd': {
      const depth = tensors[1].shape.at(-1)!, piece = elements(shape.slice(depth));
      return [each((_, i) => {
        const row = Math.floor(i / piece), index = Array.from(x[1].subarray(row * depth, (row + 1) * depth));
        return x[0][placeOf(index.map((n, d) => clamp(n, 0, shape[d] - 1)), shape.slice(0, depth)) * piece + (i % piece)];
      })];
    }
    case 'pack': {
      const axis = a.axis < 0 ? a.axis + out.shape.length : a.axis;
      return [each((index) => x[index[axis]][placeOf(index.filter((_, d) => d !== axis), shape)])];
    }
    case 'unpack': {
      const axis = a.axis < 0 ? a.axis + shape.length : a.axis;
      return outputs.map((_, k) => each((index) => x[0][placeOf([...index.slice(0, axis), k, ...index.slice(axis)], shape)]));
    }
    case 'stridedSlice': return [each((index) => x[0][placeOf(sliced(a, index, shape, x.slice(1)), shape)])];
    default: return undefined;
  }
}

function whole(kind: string, p: number, q: number): number {
  switch (kind) {
    case 'add': return (p + q) | 0;
    case 'sub': return (p - q) | 0;
    case 'mul': return Math.imul(p, q);
    case 'div': return q === 0 ? 0 : Math.trunc(p / q) | 0;
    default: return q === 0 ? 0 : Math.floor(p / q) | 0;
  }
}

/** Walks the slice's own dimensions: the input's index of the value at `index` of the output. */
function sliced(a: Attribute<'stridedSlice'>, index: number[], shape: number[], [begin, , by]: Values[]): number[] {
  const place = shape.map(() => 0);
  let from = 0, to = 0;
  for (let i = 0; i < begin.length; i++) {
    if ((a.newAxisMask >> i) & 1) { to++; continue; }
    const size = shape[from], first = begin[i] < 0 ? begin[i] + size : begin[i];
    const start = (a.beginMask >> i) & 1 ? (by[i] > 0 ? 0 : size - 1) : clamp(first, 0, size - 1);
    place[from++] = (a.shrinkAxisMask >> i) & 1 ? first : start + index[to++] * by[i];
  }
  while (from < shape.length) place[from++] = index[to++];
  return place;
}
