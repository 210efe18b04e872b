// Knows how the pixels of a picture come to the kernels and back as an input tensor: crop, resize, normalise, quantise. How
// pictures are decoded it does not know, nor the network that looks at them.
import { FLOAT32, INT8 } from '../assembly/abi.js';
import { FIRST_PART, PAGE, instantiate } from './engine.js';
import type { Code } from './engine.js';
import { DepthwiseError } from './error.js';
import type { Preprocessing } from './formats/graph.js';
import { DEFAULT_PREPROCESSING, checkPicture, regionOf, taps } from './image.js';
import type { InputFormat, Picture, Region } from './image.js';

export type InputData = Float32Array | Int8Array | Uint8Array;

interface Kernels {
  sumRows(ring: number, pitch: number, slots: number, first: number, count: number, weights: number, pixels: number, sums: number): void;
  writeRow(sums: number, pixels: number, taps: number, weights: number, most: number, width: number, channels: number, dtype: number, format: number, dst: number): void;
}

const FORMAT_BYTES = 80, SLACK = 16; // what kernels read past a row's end
const ARRAYS = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array };

/** The kernels of one build that make inputs of pictures, in a memory of their own, which all its nets share. */
export class Shrinker {
  readonly #code: Code;
  #buffer = new ArrayBuffer(0);
  #kernels!: Kernels;

  constructor(code: Code) {
    this.#code = code;
  }

  /**
   * @param region the part of the picture to take, where the preprocessing is not to say it; black where it reaches outside
   * @param preprocessing from the weights; where absent, 8-bit inputs take the pixels as they are (0 to 255, or 128 less)
   * @throws DepthwiseError BAD_IMAGE for an empty, huge or inconsistent picture, UNSUPPORTED for an input that is no picture
   */
  toInput(picture: Picture, input: InputFormat, preprocessing?: Preprocessing, region?: Region): InputData {
    const [, height, width, channels] = input.shape;
    if (input.shape.length !== 4 || input.shape[0] !== 1 || (channels !== 3 && channels !== 1)) {
      throw new DepthwiseError('UNSUPPORTED', `This model's input is [${input.shape}], not a picture [1, height, width, 3 or 1]. Use net.run() with raw values.`);
    }
    const bytesPerPixel = checkPicture(picture), part = region ?? regionOf(picture, preprocessing ?? DEFAULT_PREPROCESSING);
    const columns = taps(part.x, part.width, width, picture.width), rows = taps(part.y, part.height, height, picture.height);
    const { first, pixels } = columnsRead(columns.places), pitch = pixels * 4 + SLACK;
    const places = this.#opened({ taps: width * 8, columns: columns.weights.byteLength, rows: rows.weights.byteLength, format: FORMAT_BYTES, row: width * 16, sums: pixels * 24, ring: rows.most * pitch });
    new Int32Array(this.#buffer, places.taps).set(columns.places.map((place, i) => (i % 2 ? place : place - first)));
    new Float64Array(this.#buffer, places.columns).set(columns.weights);
    new Float64Array(this.#buffer, places.rows).set(rows.weights);
    new Float64Array(this.#buffer, places.format).set(formatOf(input, preprocessing));
    const dtype = input.dtype === 'float32' || input.dtype === 'int8' ? input.dtype : 'uint8', values = width * channels;
    const data = new ARRAYS[dtype](height * values), row = new ARRAYS[dtype](this.#buffer, places.row, values), slots = rows.most;
    let next = 0; // the first source row that the ring has not held
    for (let y = 0; y < height; y++) {
      const from = rows.places[y * 2], count = rows.places[y * 2 + 1];
      for (next = Math.max(next, from); next < from + count; next++) this.#copyRow(picture, bytesPerPixel, next, first, pixels, places.ring + (next % slots) * pitch);
      this.#kernels.sumRows(places.ring, pitch, slots, from % slots, count, places.rows + y * slots * 8, pixels, places.sums);
      this.#kernels.writeRow(places.sums, pixels, places.taps, places.columns, columns.most, width, channels, dtype === 'float32' ? FLOAT32 : INT8, places.format, places.row);
      data.set(row, y * values);
    }
    return data;
  }

  #copyRow({ data, width }: Picture, bytesPerPixel: number, y: number, first: number, pixels: number, to: number): void {
    const from = data.byteOffset + (y * width + first) * bytesPerPixel, row = new Uint8Array(data.buffer, from, pixels * bytesPerPixel);
    const slot = new Uint8Array(this.#buffer, to, pixels * 4);
    if (bytesPerPixel === 4) slot.set(row);
    else for (let i = 0, at = 0; at < row.length; i += 4, at += 3) slot[i] = row[at], slot[i + 1] = row[at + 1], slot[i + 2] = row[at + 2];
  }

  /** Where each part lies, in memory that holds them all; a larger one where the last was too small. */
  #opened<Name extends string>(parts: Record<Name, number>): Record<Name, number> {
    let end = FIRST_PART;
    const places = {} as Record<Name, number>;
    for (const name in parts) places[name] = end, end += Math.ceil(parts[name] / 16) * 16;
    if (end > this.#buffer.byteLength) {
      const { memory, kernels } = instantiate<Kernels>(this.#code, Math.ceil(end / PAGE) * PAGE, 'This picture', 'Make it smaller first.');
      this.#buffer = memory.buffer;
      this.#kernels = kernels;
    }
    return places;
  }
}

function columnsRead(places: Int32Array): { first: number; pixels: number } {
  let first = Infinity, end = 0;
  for (let i = 0; i < places.length; i += 2) first = Math.min(first, places[i]), end = Math.max(end, places[i] + places[i + 1]);
  return { first, pixels: Math.max(0, end - first) };
}

/** What assembly/picture.ts calls a format. */
function formatOf({ dtype, scale = 1, zeroPoint = 0 }: InputFormat, preprocessing?: Preprocessing): number[] {
  const least = dtype === 'int8' ? -128 : 0;
  if (dtype !== 'float32' && !preprocessing) return [0, 0, 0, 1, 1, 1, 1, least, least];
  const { mean, std } = preprocessing ?? DEFAULT_PREPROCESSING, three = (values: number[]): number[] => [0, 1, 2].map((c) => values[c % values.length]);
  return [...three(mean), ...three(std), scale, zeroPoint, least];
}
