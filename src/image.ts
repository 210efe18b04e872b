// Knows pictures of plain pixels: which are sound, which part of them a network looks at, and with which weights pixels go
// into an input tensor. How they are decoded it does not know; the arithmetic is in assembly/picture.ts.
import { DepthwiseError } from './error.js';
import type { DType, Preprocessing } from './formats/graph.js';

/** RGBA or RGB bytes, row by row, as ImageData has them. */
export interface Picture {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** What the input tensor wants. */
export interface InputFormat {
  shape: number[]; // [1, height, width, 3 or 1]
  dtype: DType;
  scale?: number;
  zeroPoint?: number;
}

export const MOST_PIXELS = 100_000_000;
const MOST_SIDE = 1_000_000;

/** For weights that say nothing: the centre 87.5 % as TensorFlow's MobileNets are evaluated, values -1 to 1. */
export const DEFAULT_PREPROCESSING: Preprocessing = { fit: 'centre', crop: 0.875, mean: [127.5], std: [127.5] };

/** @returns bytes a pixel */
export function checkPicture(picture: Picture): number {
  const { data, width, height } = picture ?? {};
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1 || !Number.isInteger(width) || !Number.isInteger(height)) {
    throw new DepthwiseError('BAD_IMAGE', 'A picture is { data, width, height } with RGBA bytes, as ImageData has it. Decode JPEG or PNG files first.');
  }
  if (width < 1 || height < 1) throw new DepthwiseError('BAD_IMAGE', `The picture is ${width} x ${height} pixels: there is nothing to look at.`);
  if (width * height > MOST_PIXELS) throw new DepthwiseError('BAD_IMAGE', `The picture is ${width} x ${height} pixels, more than ${MOST_PIXELS / 1e6} million. Scale it down first.`);
  if (Math.max(width, height) > MOST_SIDE) throw new DepthwiseError('BAD_IMAGE', `The picture is ${width} x ${height} pixels, and no side may have more than a million. Cut it first.`);
  const bytesPerPixel = data.length / (width * height);
  if (bytesPerPixel !== 4 && bytesPerPixel !== 3) {
    throw new DepthwiseError('BAD_IMAGE', `A ${width} x ${height} picture has ${width * height * 4} bytes (RGBA) or ${width * height * 3} (RGB); ${data.length} were given.`);
  }
  return bytesPerPixel;
}

/** A part of a picture, in its pixels. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The part of a picture that becomes the input; answers about places in the input are taken back to the picture by it. */
export function regionOf({ width, height }: { width: number; height: number }, { fit, crop }: Pick<Preprocessing, 'fit' | 'crop'>): Region {
  if (fit === 'stretch') return { x: 0, y: 0, width, height };
  const side = Math.max(1, Math.min(width, height) * crop);
  return { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side };
}

/** The picture whole in a region as wide and high in proportion as the input, black bands beside it. */
export function letterbox({ width: w, height: h }: { width: number; height: number }, width: number, height: number): Region {
  const scale = Math.max(w / width, h / height);
  return { x: (w - width * scale) / 2, y: (h - height * scale) / 2, width: width * scale, height: height * scale };
}

/** For each output position, the first source position and how many there are, by turns; and `most` weights. */
export interface Taps {
  places: Int32Array;
  weights: Float64Array;
  most: number;
}

/**
 * Triangle filter over [start, start + length), widened when shrinking (antialiased), as Pillow's BILINEAR. What lies outside
 * the picture is left out, or counts as black where the range itself reaches there.
 */
export function taps(start: number, length: number, size: number, limit: number): Taps {
  const outside = start < -1e-6 || start + length > limit + 1e-6;
  const scale = length / size, support = Math.max(1, scale), most = Math.ceil(2 * support) + 1;
  const all: Taps = { places: new Int32Array(size * 2), weights: new Float64Array(size * most), most };
  for (let i = 0; i < size; i++) {
    const centre = start + (i + 0.5) * scale;
    const first = Math.floor(centre - support + 0.5), last = Math.floor(centre + support + 0.5);
    const from = Math.max(0, first), to = Math.min(limit, last), weightAt = (at: number): number => Math.max(0, 1 - Math.abs((at + 0.5 - centre) / support));
    const weights = all.weights.subarray(i * most, i * most + Math.max(outside ? 0 : 1, to - from));
    let sum = 0;
    for (let j = 0; j < weights.length; j++) sum += weights[j] = weightAt(from + j);
    if (outside) for (let at = first; at < last; at++) if (at < 0 || at >= limit) sum += weightAt(at);
    for (let j = 0; j < weights.length; j++) weights[j] = sum > 0 ? weights[j] / sum : 1 / weights.length;
    all.places.set([Math.min(from, limit - 1), weights.length], i * 2);
  }
  return all;
}
