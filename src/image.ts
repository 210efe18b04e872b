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
 * @param preprocessing from the weights; where absent, 8-bit inputs take the pixels as they are (0 to 255, or 128 less)
 * @throws DepthwiseError BAD_IMAGE for an empty, huge or inconsistent picture, UNSUPPORTED for an input that is no picture
 */
export function toInput(picture: Picture, input: InputFormat, preprocessing?: Preprocessing): InputData {
  const [, height, width, channels] = input.shape;
  if (input.shape.length !== 4 || (channels !== 3 && channels !== 1)) {
    throw new DepthwiseError('UNSUPPORTED', `This model's input is [${input.shape}], not a picture [1, height, width, 3 or 1]. Use net.run() with raw values.`);
  }
  const bytesPerPixel = checkPicture(picture);
  const pixels = resize(picture, bytesPerPixel, preprocessing ?? DEFAULT_PREPROCESSING, width, height);
  return quantise(channels === 3 ? pixels : toGrey(pixels), input, preprocessing);
}

function checkPicture(picture: Picture): number {
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

/** One output position: its first source index and the weights from there on. */
interface Tap {
  from: number;
  weights: Float64Array;
}

/** Triangle filter over [start, start + length), widened when shrinking (antialiased), as Pillow's BILINEAR. */
function taps(start: number, length: number, size: number, limit: number): Tap[] {
  const scale = length / size, support = Math.max(1, scale);
  return Array.from({ length: size }, (_, i) => {
    const centre = start + (i + 0.5) * scale;
    const from = Math.max(0, Math.floor(centre - support + 0.5)), to = Math.min(limit, Math.floor(centre + support + 0.5));
    const weights = new Float64Array(Math.max(1, to - from));
    let sum = 0;
    for (let j = 0; j < weights.length; j++) sum += weights[j] = Math.max(0, 1 - Math.abs((from + j + 0.5 - centre) / support));
    return { from: Math.min(from, limit - 1), weights: sum > 0 ? weights.map((w) => w / sum) : weights.fill(1 / weights.length) };
  });
}

/** RGB of the wanted part of the picture at width x height, 0 to 255, not rounded. */
function resize(picture: Picture, bytesPerPixel: number, { fit, crop }: Preprocessing, width: number, height: number): Float64Array {
  const side = Math.max(1, Math.min(picture.width, picture.height) * crop);
  const [w, h] = fit === 'centre' ? [side, side] : [picture.width, picture.height];
  const columns = taps((picture.width - w) / 2, w, width, picture.width);
  const rows = taps((picture.height - h) / 2, h, height, picture.height);
  const top = rows[0].from, bottom = Math.max(...rows.map((tap) => tap.from + tap.weights.length));
  const lines = new Float64Array((bottom - top) * width * 3);
  for (let y = top; y < bottom; y++) shrinkRow(picture.data, y * picture.width * bytesPerPixel, bytesPerPixel, columns, lines, (y - top) * width * 3);
  const out = new Float64Array(width * height * 3);
  rows.forEach(({ from, weights }, y) => {
    for (let j = 0; j < weights.length; j++) addRow(out, y * width * 3, lines, (from + j - top) * width * 3, width * 3, weights[j]);
  });
  return out;
}

function addRow(out: Float64Array, at: number, lines: Float64Array, line: number, values: number, weight: number): void {
  for (let i = 0; i < values; i++) out[at + i] += lines[line + i] * weight;
}

function shrinkRow(data: Picture['data'], row: number, bytesPerPixel: number, columns: Tap[], out: Float64Array, at: number): void {
  for (const { from, weights } of columns) {
    let r = 0, g = 0, b = 0;
    for (let j = 0, pixel = row + from * bytesPerPixel; j < weights.length; j++, pixel += bytesPerPixel) {
      const weight = weights[j];
      r += data[pixel] * weight;
      g += data[pixel + 1] * weight;
      b += data[pixel + 2] * weight;
    }
    out[at++] = r;
    out[at++] = g;
    out[at++] = b;
  }
}

/** Luma of ITU-R BT.601. */
function toGrey(rgb: Float64Array): Float64Array {
  return filled(new Float64Array(rgb.length / 3), (i) => 0.299 * rgb[i * 3] + 0.587 * rgb[i * 3 + 1] + 0.114 * rgb[i * 3 + 2]);
}

function quantise(pixels: Float64Array, input: InputFormat, preprocessing?: Preprocessing): InputData {
  const { mean, std } = preprocessing ?? DEFAULT_PREPROCESSING;
  const real = (i: number): number => (pixels[i] - mean[i % mean.length]) / std[i % std.length];
  if (input.dtype === 'float32') return filled(new Float32Array(pixels.length), real);
  const [low, high] = input.dtype === 'int8' ? [-128, 127] : [0, 255];
  const affine = (i: number): number => real(i) / (input.scale ?? 1) + (input.zeroPoint ?? 0);
  const value = preprocessing ? affine : (i: number): number => pixels[i] + low;
  const bounded = (i: number): number => Math.min(high, Math.max(low, Math.floor(value(i) + 0.5)));
  return filled(input.dtype === 'int8' ? new Int8Array(pixels.length) : new Uint8Array(pixels.length), bounded);
}

/** TypedArray.from goes by way of an iterator, which costs more than the resize. */
function filled<T extends InputData | Float64Array>(out: T, value: (i: number) => number): T {
  for (let i = 0; i < out.length; i++) out[i] = value(i);
  return out;
}
