// Knows which values STRIDED_SLICE cuts out of a shape; the values it does not see.
import { DepthwiseError } from '../error.js';
import { elements } from '../formats/graph.js';
import type { Attributes } from '../formats/graph.js';

export interface Slice {
  /** As cut out: dimensions of one value that the operator drops or adds are still, or not yet, there. */
  shape: number[];
  strides: number[];
  start: number;
}

/** What STRIDED_SLICE cuts out (strided_slice.h): bounds count from the end where negative, and masks leave them open. */
export function sliceOf(shape: number[], a: Extract<Attributes, { kind: 'stridedSlice' }>, begin: number[], end: number[], by: number[], where: string): Slice {
  const given = begin.map((_, i) => i).filter((i) => !((a.newAxisMask >> i) & 1)), strides = stridesOf(shape);
  if (given.length > shape.length || end.length !== begin.length || by.length !== begin.length || by.includes(0)) {
    throw new DepthwiseError('BAD_FILE', `${where}: slices [${shape}] by [${begin}], [${end}], [${by}].`);
  }
  const slice: Slice = { shape: [...shape], strides: [...strides], start: 0 };
  given.forEach((i, d) => {
    const size = shape[d], step = by[i], has = (mask: number): boolean => ((mask >> i) & 1) === 1;
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, step > 0 ? 0 : -1), step > 0 ? size : size - 1);
    const from = has(a.beginMask) ? (step > 0 ? 0 : size - 1) : bound(begin[i]), to = has(a.endMask) ? (step > 0 ? size : -1) : bound(end[i]);
    const alone = has(a.shrinkAxisMask), count = alone ? 1 : Math.max(0, Math.ceil((to - from) / step));
    if (alone && (from < 0 || from >= size)) throw new DepthwiseError('BAD_FILE', `${where}: takes index ${begin[i]} of [${shape}].`);
    slice.start += count ? from * strides[d] : 0;
    slice.shape[d] = count;
    slice.strides[d] = strides[d] * step;
  });
  return slice;
}

/** Values between neighbours along each dimension. */
export const stridesOf = (shape: number[]): number[] => shape.map((_, i) => elements(shape.slice(i + 1)));
