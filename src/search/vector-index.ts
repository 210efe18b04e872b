// Knows an index: which key names which row, and what may be asked of it. How rows are compared it does not know.
import { DepthwiseError } from '../error.js';
import type { SearchBuild } from './kernels.js';
import { readIndex, writeIndex } from './file.js';
import { shown } from '../options.js';
import { Rows } from './rows.js';
import { checkVector, MOST_DIMENSIONS } from './vectors.js';
import type { IndexType, Vector } from './vectors.js';

export interface IndexOptions {
  /** Values of each vector: 1,024 for the embeddings of MobileNet V1 and V3-Small, 1,280 for V2 and V3-Large. */
  dimensions: number;
  /** int8 (default) takes a quarter of the memory and of the time of float32. */
  dtype?: IndexType;
  /** Vectors to make room for at once; more is made when it is needed. */
  capacity?: number;
  /** Anything that JSON can say, kept in the saved file: which network the vectors are from, for one. */
  about?: Record<string, unknown>;
  /** Default: simd where it runs. The answers are the same bits. */
  build?: SearchBuild;
}

export interface SearchOptions {
  /** How many; default 10. */
  topK?: number;
}

export interface Match {
  key: string;
  /** The row. It stays the key's own until keys are removed: then the last row takes the place of the one that goes. */
  index: number;
  /** Cosine similarity, -1 to 1. */
  score: number;
}

/** Vectors by key, in WebAssembly memory of their own, and exact search among them. Made by `createIndex` and `loadIndex`. */
export class VectorIndex {
  readonly about: Record<string, unknown>;
  readonly #rows: Rows;
  readonly #keys: string[];
  readonly #places: Map<string, number>;

  constructor(rows: Rows, keys: string[], about: Record<string, unknown>) {
    this.about = about;
    this.#rows = rows;
    this.#keys = keys;
    this.#places = new Map(keys.map((key, row) => [key, row]));
  }

  get dimensions(): number { return this.#rows.dimensions; }
  get dtype(): IndexType { return this.#rows.type; }
  get build(): SearchBuild { return this.#rows.build; }
  /** How many vectors. */
  get size(): number { return this.#keys.length; }
  /** Bytes of the vectors, and of the WebAssembly memory they lie in. Keys are JavaScript's. */
  get memory(): { vectorsBytes: number; totalBytes: number } {
    return { vectorsBytes: this.#rows.count * this.#rows.rowBytes, totalBytes: this.#rows.totalBytes };
  }

  keys(): IterableIterator<string> { return this.#keys.values(); }
  has(key: string): boolean { return this.#places.has(key); }

  /**
   * Adds a vector, or replaces the one of that key. Only its direction counts.
   * @throws DepthwiseError BAD_INPUT for another number of values, NaN, infinity or only zeros; OUT_OF_MEMORY
   */
  add(key: string, vector: Vector): void {
    if (typeof key !== 'string') throw new DepthwiseError('BAD_INPUT', `A key is a string, not ${typeof key}.`);
    const name = `The vector of "${key}"`, row = this.#places.get(key) ?? this.size;
    checkVector(vector, this.dimensions, name);
    this.#rows.write(row, vector, name);
    this.#keys[row] = key;
    this.#places.set(key, row);
  }

  /** Adds many: a Map, or pairs of key and vector. Those before one that is refused stay. */
  addAll(entries: Iterable<readonly [string, Vector]>): void {
    for (const [key, vector] of entries) this.add(key, vector);
  }

  /** Takes a vector out; the last row takes its place. Returns whether it was there. */
  remove(key: string): boolean {
    const row = this.#places.get(key);
    if (row === undefined) return false;
    const last = this.#keys.pop()!;
    this.#rows.replaceByLast(row);
    this.#places.delete(key);
    if (last !== key) this.#keys[row] = last, this.#places.set(last, row);
    return true;
  }

  /**
   * The vectors most like this one, best first, equals by index: all are compared, none is passed over.
   * @throws DepthwiseError BAD_INPUT as for `add`, and for a topK that is no whole number from 1 up
   */
  search(vector: Vector, options?: SearchOptions): Match[] {
    const { topK = 10 } = options ?? {};
    if (!Number.isInteger(topK) || topK < 1) throw new DepthwiseError('BAD_INPUT', `topK is a whole number from 1 up, not ${shown(topK)}.`);
    checkVector(vector, this.dimensions, 'The vector to search for');
    return this.#rows.search(vector, topK).map(({ row, score }) => ({ key: this.#keys[row], index: row, score }));
  }

  /** The index as one file, with its keys and a hash. Takes as much memory again. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { dimensions, dtype, about } = this;
    return writeIndex({ type: dtype, dimensions, keys: this.#keys, about, rows: this.#rows.bytes() });
  }
}

/**
 * An empty index.
 * @throws DepthwiseError BAD_INPUT for options that cannot be, OUT_OF_MEMORY, NO_BUILD where there is no WebAssembly
 */
export function createIndex(options: IndexOptions): VectorIndex {
  const { dimensions, dtype = 'int8', capacity = 0, about = {}, build } = options ?? {};
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) throw new DepthwiseError('BAD_INPUT', `dimensions is a whole number from 1 to ${MOST_DIMENSIONS}, not ${shown(dimensions)}.`);
  if (dtype !== 'int8' && dtype !== 'float32') throw new DepthwiseError('BAD_INPUT', `dtype is int8 or float32, not ${shown(dtype)}.`);
  if (![undefined, 'scalar', 'simd'].includes(build)) throw new DepthwiseError('BAD_INPUT', `build is scalar or simd, not ${shown(build)}.`);
  if (!Number.isInteger(capacity) || capacity < 0) throw new DepthwiseError('BAD_INPUT', `capacity is a whole number from 0 up, not ${shown(capacity)}.`);
  return new VectorIndex(new Rows(dtype, dimensions, capacity, build), [], sayable(about));
}

/** Told when the index is made, not after hours, when it is saved. */
function sayable(about: Record<string, unknown>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(about)) as Record<string, unknown>;
  } catch (cause) {
    throw new DepthwiseError('BAD_INPUT', `about holds something that JSON cannot say: ${(cause as Error).message}`, { cause });
  }
}

/**
 * An index from a file that `save` wrote.
 * @throws DepthwiseError BAD_FILE for bytes that are damaged or no index, UNSUPPORTED for a newer version, OUT_OF_MEMORY
 */
export async function loadIndex(source: Uint8Array | ArrayBuffer, { build }: Pick<IndexOptions, 'build'> = {}): Promise<VectorIndex> {
  const bytes = ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  const { type, dimensions, keys, about, rows: saved } = await readIndex(bytes), rows = new Rows(type, dimensions, keys.length, build);
  rows.fill(saved);
  return new VectorIndex(rows, keys, about);
}
