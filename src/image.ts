// Knows how pixels become an input tensor: crop, resize, normalise, quantise. The same arithmetic on every host, in
// float64 and in a fixed order. It does not know how pictures are decoded.
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

/** For weights that say nothing: the centre 87.5 % as TensorFlow's MobileNets are evaluated, values -1 to 1. */
export const DEFAULT_PREPROCESSING: Preprocessing = { fit: 'centre', crop: 0.875, mean: [127.5], std: [127.5] };

export type InputData = Float32Array | Int8Array | Uint8Array;

/**
 * @param region the part of the picture to take, where the preprocessing is not to say it; black where it reaches outside
 * @param preprocessing from the weights; where absent, 8-bit inputs take the pixels as they are (0 to 255, or 128 less)
 * @throws DepthwiseError BAD_IMAGE for an empty, huge or inconsistent picture, UNSUPPORTED for an input that is no picture
 */
export function toInput(picture: Picture, input: InputFormat, preprocessing?: Preprocessing, region?: Region): InputData {
  const [, height, width, channels] = input.shape;
  if (input.shape.length !== 4 || input.shape[0] !== 1 || (channels !== 3 && channels !== 1)) {
    throw new DepthwiseError('UNSUPPORTED', `This model's input is [${input.shape}], not a picture [1, height, width, 3 or 1]. Use net.run() with raw values.`);
  }
  const bytesPerPixel = checkPicture(picture);
  const nextRow = resizedRows(picture, bytesPerPixel, region ?? regionOf(picture, preprocessing ?? DEFAULT_PREPROCESSING), width, height);
  const values = width * channels, data = new ARRAYS[input.dtype === 'float32' || input.dtype === 'int8' ? input.dtype : 'uint8'](height * values);
  const write = rowWriter(data, input, preprocessing);
  for (let y = 0; y < height; y++) write(channels === 3 ? nextRow(y) : toGrey(nextRow(y)), y * values, values);
  return data;
}

/** @returns bytes a pixel */
export function checkPicture(picture: Picture): number {
  const { data, width, height } = picture ?? {};
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1 || !Number.isInteger(width) || !Number.isInteger(height)) {
    throw new DepthwiseError('BAD_IMAGE', 'A picture is { data, width, height } with RGBA bytes, as ImageData has it. Decode JPEG or PNG files first.');
  }
  if (width < 1 || height < 1) throw new DepthwiseError('BAD_IMAGE', `The picture is ${width} x ${height} pixels: there is nothing to look at.`);
  if (width * height > MOST_PIXELS) throw new DepthwiseError('BAD_IMAGE', `The picture is ${width} x ${height} pixels, more than ${MOST_PIXELS / 1e6} million. Scale it down first.`);
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

/** For each output position, its first source index and the weights from there on, `most` places apart. */
interface Taps {
  from: Int32Array;
  count: Int32Array;
  weights: Float64Array;
  most: number;
}

/**
 * Triangle filter over [start, start + length), widened when shrinking (antialiased), as Pillow's BILINEAR. What lies outside
 * the picture is left out, or counts as black where the range itself reaches there.
 */
function taps(start: number, length: number, size: number, limit: number): Taps {
  const outside = start < -1e-6 || start + length > limit + 1e-6;
  const scale = length / size, support = Math.max(1, scale), most = Math.ceil(2 * support) + 1;
  const all: Taps = { from: new Int32Array(size), count: new Int32Array(size), weights: new Float64Array(size * most), most };
  for (let i = 0; i < size; i++) {
    const centre = start + (i + 0.5) * scale;
    const first = Math.floor(centre - support + 0.5), last = Math.floor(centre + support + 0.5);
    const from = Math.max(0, first), to = Math.min(limit, last), weightAt = (at: number): number => Math.max(0, 1 - Math.abs((at + 0.5 - centre) / support));
    const weights = all.weights.subarray(i * most, i * most + Math.max(outside ? 0 : 1, to - from));
    let sum = 0;
    for (let j = 0; j < weights.length; j++) sum += weights[j] = weightAt(from + j);
    if (outside) for (let at = first; at < last; at++) if (at < 0 || at >= limit) sum += weightAt(at);
    for (let j = 0; j < weights.length; j++) weights[j] = sum > 0 ? weights[j] / sum : 1 / weights.length;
    all.from[i] = Math.min(from, limit - 1);
    all.count[i] = weights.length;
  }
  return all;
}

/**
 * Gives the rows of the wanted part of the picture at width x height, one after the other: RGB, 0 to 255, not rounded.
 * Only the source rows under the filter are kept, because fresh memory for all of them costs more than the arithmetic.
 */
function resizedRows({ data, width: w, height: h }: Picture, bytesPerPixel: number, region: Region, width: number, height: number): (y: number) => Float64Array {
  const columns = taps(region.x, region.width, width, w), rows = taps(region.y, region.height, height, h);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length), values = width * 3;
  const kept = Array.from({ length: rows.most }, () => new Float64Array(values)), row = new Float64Array(values);
  let next = 0; // the first source row that has not been shrunk
  return (y) => {
    const from = rows.from[y], end = from + rows.count[y];
    for (next = Math.max(next, from); next < end; next++) shrinkRow(bytes, next * w * bytesPerPixel, bytesPerPixel, columns, kept[next % rows.most]);
    row.fill(0);
    for (let j = from; j < end; j++) addRow(row, kept[j % rows.most], rows.weights[y * rows.most + j - from]);
    return row;
  };
}

function addRow(sum: Float64Array, row: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] += row[i] * weight;
}

function shrinkRow(bytes: Uint8Array, row: number, bytesPerPixel: number, { from, count, weights, most }: Taps, out: Float64Array): void {
  for (let i = 0; i < from.length; i++) {
    let r = 0, g = 0, b = 0;
    for (let j = i * most, end = j + count[i], pixel = row + from[i] * bytesPerPixel; j < end; j++, pixel += bytesPerPixel) {
      const weight = weights[j];
      r += bytes[pixel] * weight;
      g += bytes[pixel + 1] * weight;
      b += bytes[pixel + 2] * weight;
    }
    out[i * 3] = r;
    out[i * 3 + 1] = g;
    out[i * 3 + 2] = b;
  }
}

/** Luma of ITU-R BT.601. */
function toGrey(rgb: Float64Array): Float64Array {
  const grey = new Float64Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++) grey[i] = 0.299 * rgb[i * 3] + 0.587 * rgb[i * 3 + 1] + 0.114 * rgb[i * 3 + 2];
  return grey;
}

const ARRAYS = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array };

/** Writes a row of pixels into the input, as the network wants them. */
function rowWriter(out: InputData, input: InputFormat, preprocessing?: Preprocessing): (pixels: Float64Array, at: number, values: number) => void {
  const { mean, std } = preprocessing ?? DEFAULT_PREPROCESSING, real = input.dtype === 'float32', low = input.dtype === 'int8' ? -128 : 0;
  const scale = input.scale ?? 1, zero = input.zeroPoint ?? 0, channels = input.shape[3];
  const means = Float64Array.from({ length: channels }, (_, c) => mean[c % mean.length]), stds = Float64Array.from({ length: channels }, (_, c) => std[c % std.length]);
  return (pixels, at, values) => {
    for (let i = 0, c = 0; i < values; i++, c = c + 1 < channels ? c + 1 : 0) {
      const value = real || preprocessing ? (pixels[i] - means[c]) / stds[c] : pixels[i] + low;
      out[at + i] = real ? value : Math.min(low + 255, Math.max(low, Math.floor((preprocessing ? value / scale + zero : value) + 0.5)));
    }
  };
}
