// Knows how vectors become rows of a matrix and queries of it: float32 of length 1, or int8. The same arithmetic on every
// host. It knows no memory.
import { DepthwiseError } from '../error.js';

export type IndexType = 'int8' | 'float32';

/** Numbers: an embedding as `net.embed` gives it, or as JSON keeps it. */
export type Vector = ArrayLike<number>;

/** Sums of products must fit int32, and the query keeps 9 bits. */
export const MOST_DIMENSIONS = 65_536;

const ROW_MOST = 127;
const INT32_MOST = 2 ** 31 - 1;

/** Bytes of a row, see assembly/search.ts: what is left at its end is zero, but for the 8 bytes of an int8 row's factor. */
export const rowBytesOf = (type: IndexType, dimensions: number): number =>
  (type === 'int8' ? Math.ceil((dimensions + 8) / 16) * 16 : Math.ceil(dimensions / 16) * 64);

export const queryBytesOf = (type: IndexType, dimensions: number): number => rowBytesOf(type, dimensions) * (type === 'int8' ? 2 : 1);

/**
 * Euclidean length, in one order on every host.
 * @throws DepthwiseError BAD_INPUT for NaN, infinity, no values or only zeros: such vectors point nowhere
 */
export function lengthOf(vector: Vector, name: string): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  if (sum > 0 && sum < Infinity) return Math.sqrt(sum);
  const wrong = Array.from(vector).findIndex((value) => !Number.isFinite(value));
  throw new DepthwiseError('BAD_INPUT', wrong >= 0 ? `${name} holds ${vector[wrong]} at place ${wrong}: only finite numbers can be compared.`
    : `${name} has length ${sum > 0 ? 'infinity: its values are too large' : 'zero: it points nowhere, so nothing is like it'}.`);
}

export function checkVector(vector: Vector, dimensions: number, name: string): void {
  if (vector?.length === dimensions) return;
  throw new DepthwiseError('BAD_INPUT', `${name} has ${vector?.length ?? 'no'} values; this index holds vectors of ${dimensions}. Compare embeddings of one network only.`);
}

/** Adding and taking away this rounds a float64 to a whole number, halves to even: without a branch, which signs mispredict. */
const ROUNDER = 1.5 * 2 ** 52;

/** Writes whole numbers up to `most`, the largest value taking it; returns their Euclidean length. */
function quantise(vector: Vector, most: number, into: Int8Array | Int16Array): number {
  let largest = 0, sum = 0;
  for (let i = 0; i < vector.length; i++) {
    const size = Math.abs(vector[i]);
    if (size > largest) largest = size;
  }
  const factor = most / largest;
  for (let i = 0; i < vector.length; i++) {
    const q = vector[i] * factor + ROUNDER - ROUNDER;
    into[i] = q;
    sum += q * q;
  }
  return Math.sqrt(sum);
}

/** Writes a row of the matrix at `at`; everything that is not written there is zero already. */
export function writeRow(type: IndexType, vector: Vector, name: string, buffer: ArrayBufferLike, at: number): void {
  const length = lengthOf(vector, name);
  if (type === 'float32') return writeUnit(vector, length, buffer, at);
  const quantised = quantise(vector, ROW_MOST, new Int8Array(buffer, at, vector.length));
  new DataView(buffer).setFloat64(at + rowBytesOf(type, vector.length) - 8, 1 / quantised, true);
}

/** Writes a query; its sums of products with a row are multiplied by what is returned. It takes as many bits as exact sums leave. */
export function writeQuery(type: IndexType, vector: Vector, buffer: ArrayBufferLike, at: number): number {
  const length = lengthOf(vector, 'The vector to search for');
  if (type === 'float32') return writeUnit(vector, length, buffer, at), 1;
  const most = Math.min(32767, Math.floor(INT32_MOST / (ROW_MOST * vector.length)));
  return 1 / quantise(vector, most, new Int16Array(buffer, at, vector.length));
}

function writeUnit(vector: Vector, length: number, buffer: ArrayBufferLike, at: number): void {
  const row = new Float32Array(buffer, at, vector.length);
  for (let i = 0; i < row.length; i++) row[i] = vector[i] / length;
}

/**
 * Cosine of the angle between two vectors, -1 to 1; 1 is the same direction.
 * @throws DepthwiseError BAD_INPUT for vectors of different lengths, and those with NaN, infinity or only zeros
 */
export function cosine(a: Vector, b: Vector): number {
  if (a.length !== b.length) throw new DepthwiseError('BAD_INPUT', `The vectors have ${a.length} and ${b.length} values. Compare embeddings of one network only.`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return Math.min(1, Math.max(-1, sum / lengthOf(a, 'The first vector') / lengthOf(b, 'The second vector')));
}
