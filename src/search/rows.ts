// Knows the matrix in WebAssembly memory: where its rows lie, how it grows, and how the kernels search it. It knows no keys.
//
//   byte 64   the query
//        …    rows, one after another
//        …    room that grown memory has left, and in it the best rows of a search
import { DepthwiseError } from '../error.js';
import { kernelsFor } from './kernels.js';
import type { SearchBuild } from './kernels.js';
import { queryBytesOf, rowBytesOf, writeQuery, writeRow } from './vectors.js';
import type { IndexType, Vector } from './vectors.js';

interface Kernels {
  searchInt8(rows: number, count: number, rowBytes: number, query: number, best: number, wanted: number): number;
  searchFloat32(rows: number, count: number, rowBytes: number, query: number, best: number, wanted: number): number;
}

const PAGE = 65536;
const MOST_BYTES = 65535 * PAGE; // an address after the last byte must be one, too
const QUERY = 64;
const BEST_BYTES = 12; // a score and a row

const aligned = (n: number): number => Math.ceil(n / 64) * 64;

export class Rows {
  readonly build: SearchBuild;
  readonly type: IndexType;
  readonly dimensions: number;
  readonly rowBytes: number;
  count = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  readonly #start: number;

  constructor(type: IndexType, dimensions: number, capacity: number, wanted?: SearchBuild) {
    const { build, module } = kernelsFor(wanted);
    this.build = build;
    this.type = type;
    this.dimensions = dimensions;
    this.rowBytes = rowBytesOf(type, dimensions);
    this.#start = aligned(QUERY + queryBytesOf(type, dimensions));
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    this.#kernels = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports as unknown as Kernels;
    this.reserve(capacity);
  }

  get totalBytes(): number { return this.#memory.buffer.byteLength; }

  /** Makes room for `rows` rows in all, and `more` bytes after them. */
  reserve(rows: number, more = 0): void {
    const need = this.#at(rows) + more, have = this.totalBytes;
    if (need <= have) return;
    // Half as much again, so that adding one by one does not grow each time; where a host refuses that, just what is needed.
    for (const bytes of need > MOST_BYTES ? [] : [Math.min(MOST_BYTES, Math.max(need, have * 1.5)), need]) {
      try {
        this.#memory.grow(Math.ceil((bytes - have) / PAGE));
        return;
      } catch { /* told below */ }
    }
    throw new DepthwiseError('OUT_OF_MEMORY', `${rows} vectors of ${this.dimensions} as ${this.type} need ${Math.ceil(need / 2 ** 20)} MiB in one piece, ${need > MOST_BYTES ? 'and WebAssembly has 4095' : 'which this host does not give'}. ${this.type === 'float32' ? "Use dtype 'int8', a quarter of that, or" : 'Use'} several indexes.`);
  }

  /** Row `count` is one more. */
  write(row: number, vector: Vector, name: string): void {
    if (row === this.count) this.reserve(row + 1);
    writeRow(this.type, vector, name, this.#memory.buffer, this.#at(row));
    if (row === this.count) this.count++;
  }

  /** Takes a row away by moving the last one there. */
  replaceByLast(row: number): void {
    const bytes = new Uint8Array(this.#memory.buffer), last = this.#at(--this.count);
    bytes.copyWithin(this.#at(row), last, last + this.rowBytes);
    bytes.fill(0, last, last + this.rowBytes);
  }

  /** All rows as they lie in memory, until it grows. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.#start, this.count * this.rowBytes);
  }

  /** Takes rows as `bytes` gave them. */
  fill(bytes: Uint8Array): void {
    this.reserve(bytes.length / this.rowBytes);
    this.count = bytes.length / this.rowBytes;
    this.bytes().set(bytes);
  }

  /** Rows most like the query, the best first, and their cosine similarities. */
  search(query: Vector, wanted: number): { row: number; score: number }[] {
    const most = Math.min(wanted, this.count);
    if (!most) return [];
    this.reserve(this.count, most * BEST_BYTES);
    const { buffer } = this.#memory, best = this.#at(this.count);
    const factor = writeQuery(this.type, query, buffer, QUERY);
    const search = this.type === 'int8' ? this.#kernels.searchInt8 : this.#kernels.searchFloat32;
    const found = search(this.#start, this.count, this.rowBytes, QUERY, best, most);
    const scores = new Float64Array(buffer, best, found), rows = new Int32Array(buffer, best + most * 8, found);
    const answer = Array.from(scores, (score, i) => ({ row: rows[i], score: Math.min(1, Math.max(-1, score * factor)) }));
    new Uint8Array(buffer, best, most * BEST_BYTES).fill(0); // the next row's ending is zero
    return answer;
  }

  #at(row: number): number { return this.#start + row * this.rowBytes; }
}
