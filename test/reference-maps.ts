// Knows the operators of score maps as naive loops: resizing as TensorFlow Lite's resize_bilinear.h, ARG_MAX, TILE and the
// sorting of pixels into batches. It takes from src/ only the graph's types.
import { elements } from '../src/formats/graph.js';
import type { Attributes, Tensor } from '../src/formats/graph.js';

type Values = Float64Array;
type Resize = Extract<Attributes, { kind: 'resizeBilinear' }>;

interface Place { low: number; high: number; toLow: number; toHigh: number }

const { fround, trunc, floor, ceil, min, max } = Math;

/** float32 and uint8: rounded at every step. */
function realPlace(i: number, size: number, count: number, a: Resize, round: (value: number) => number): Place {
  const scale = a.alignCorners && count > 1 ? round((size - 1) / (count - 1)) : round(size / count);
  const at = a.halfPixelCenters ? round(round(round(i + 0.5) * scale) - 0.5) : round(i * scale);
  const low = max(floor(at), 0), weight = round(at - low);
  return { low, high: min(ceil(at), size - 1), toLow: round(1 - weight), toHigh: weight };
}

/** int8: ten fractional bits. */
function integerPlace(i: number, size: number, count: number, a: Resize): Place {
  const scale = a.alignCorners && count > 1 ? trunc((1024 * (size - 1) + trunc((count - 1) / 2)) / (count - 1)) : trunc((1024 * size + trunc(count / 2)) / count);
  const at = i * scale + (a.halfPixelCenters ? trunc(scale / 2) - 512 : 0);
  const low = max(trunc(at / 1024), 0), weight = at - 1024 * low;
  return { low, high: min(trunc((at + 1023) / 1024), size - 1), toLow: 1024 - weight, toHigh: weight };
}

export function resize(a: Resize, x: Values, { shape: [, h, w, c], dtype }: Tensor, { shape: [, oh, ow] }: Tensor, rounding: (value: number) => number = fround): Values {
  const place = dtype === 'int8' ? integerPlace : realPlace, round = dtype === 'int8' ? (v: number): number => v : dtype === 'uint8' ? fround : rounding;
  return Float64Array.from({ length: oh * ow * c }, (_, i) => {
    const row = place(floor(i / c / ow), h, oh, a, round), column = place(floor(i / c) % ow, w, ow, a, round);
    const weighed = (y: number, z: number, toY: number, toX: number): number => round(round(x[(y * w + z) * c + (i % c)] * toY) * toX);
    const sum = [
      weighed(row.low, column.low, row.toLow, column.toLow), weighed(row.high, column.low, row.toHigh, column.toLow),
      weighed(row.low, column.high, row.toLow, column.toHigh), weighed(row.high, column.high, row.toHigh, column.toHigh),
    ].reduce((total, part) => round(total + part));
    if (dtype === 'float32') return sum;
    return dtype === 'uint8' ? trunc(fround(sum + 0.5)) : trunc((sum + (sum > 0 ? 2 ** 19 : -(2 ** 19))) / 2 ** 20);
  });
}

export function argMax(axis: number, x: Values, { shape }: Tensor): Values {
  const d = axis < 0 ? axis + shape.length : axis, inner = elements(shape.slice(d + 1));
  return Float64Array.from({ length: x.length / shape[d] }, (_, i) => {
    let best = 0;
    const value = (k: number): number => x[(floor(i / inner) * shape[d] + k) * inner + (i % inner)];
    for (let k = 1; k < shape[d]; k++) if (value(k) > value(best)) best = k;
    return best;
  });
}

/** The index along each dimension of value `i`. */
const indexOf = (i: number, shape: number[]): number[] => shape.map((d, at) => floor(i / elements(shape.slice(at + 1))) % d);
const placeOf = (index: number[], shape: number[]): number => index.reduce((at, n, d) => at * shape[d] + n, 0);

export function tile(x: Values, { shape }: Tensor, out: Tensor): Values {
  return Float64Array.from({ length: elements(out.shape) }, (_, i) => x[placeOf(indexOf(i, out.shape).map((n, d) => n % shape[d]), shape)]);
}

/** Batch (by, bx) holds the pixels that lie at (by, bx) of each block of the padded picture. */
export function spaceToBatch(x: Values, { shape }: Tensor, [blockY, blockX]: Values, [top, , left]: Values, out: Tensor, zero: number): Values {
  return Float64Array.from({ length: elements(out.shape) }, (_, i) => {
    const [batch, y, z, c] = indexOf(i, out.shape);
    const from = [0, y * blockY + floor(batch / blockX) - top, z * blockX + (batch % blockX) - left, c];
    return from[1] < 0 || from[1] >= shape[1] || from[2] < 0 || from[2] >= shape[2] ? zero : x[placeOf(from, shape)];
  });
}

export function batchToSpace(x: Values, { shape }: Tensor, [blockY, blockX]: Values, [top, , left]: Values, out: Tensor): Values {
  return Float64Array.from({ length: elements(out.shape) }, (_, i) => {
    const [, row, column, c] = indexOf(i, out.shape), y = row + top, z = column + left;
    return x[placeOf([(y % blockY) * blockX + (z % blockX), floor(y / blockY), floor(z / blockX), c], shape)];
  });
}
