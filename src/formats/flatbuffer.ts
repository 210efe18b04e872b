// Knows how to follow FlatBuffers offsets without ever leaving the file, nor for long where a few bytes are pointed to from
// everywhere. It does not know any schema: fields are named by number.
import { DepthwiseError } from '../error.js';
import { fromAnyUtf8 } from '../text.js';

/** How often all that a file says may be read: writers share tables and vectors, but few and small ones. */
const MOST_READINGS = 8, FREE_BYTES = 65536;

/** A table inside a buffer. */
export class Table {
  readonly #view: DataView;
  readonly #at: number;
  readonly #vtable: number;
  readonly #fields: number;
  readonly #what: string;
  /** Bytes that may still be read, for all tables of a file. */
  readonly #budget: { left: number };

  private constructor(view: DataView, at: number, what: string, budget: { left: number }) {
    this.#view = view;
    this.#at = at;
    this.#what = what;
    this.#budget = budget;
    this.#spend(4);
    inside(view, at, 4, what);
    this.#vtable = at - view.getInt32(at, true);
    inside(view, this.#vtable, 4, what);
    const bytes = view.getUint16(this.#vtable, true);
    inside(view, this.#vtable, bytes, what);
    this.#fields = (bytes - 4) >> 1;
  }

  static root(bytes: Uint8Array, what: string): Table {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    inside(view, 0, 8, what);
    return new Table(view, view.getUint32(0, true), what, { left: FREE_BYTES + MOST_READINGS * bytes.length });
  }

  #spend(bytes: number): void {
    this.#budget.left -= bytes;
    if (this.#budget.left < 0) throw new DepthwiseError('BAD_FILE', `This .tflite file is damaged or hostile: up to ${this.#what} it points to the same bytes again and again. Download or export it again.`);
  }

  /** Address of a field's value, or 0 where the field has its default. */
  #field(field: number, bytes: number): number {
    if (field >= this.#fields) return 0;
    const offset = this.#view.getUint16(this.#vtable + 4 + field * 2, true);
    if (offset) inside(this.#view, this.#at + offset, bytes, this.#what);
    return offset && this.#at + offset;
  }

  int8(field: number, otherwise = 0): number { const at = this.#field(field, 1); return at ? this.#view.getInt8(at) : otherwise; }
  uint8(field: number, otherwise = 0): number { const at = this.#field(field, 1); return at ? this.#view.getUint8(at) : otherwise; }
  int32(field: number, otherwise = 0): number { const at = this.#field(field, 4); return at ? this.#view.getInt32(at, true) : otherwise; }
  uint32(field: number, otherwise = 0): number { const at = this.#field(field, 4); return at ? this.#view.getUint32(at, true) : otherwise; }
  float32(field: number, otherwise = 0): number { const at = this.#field(field, 4); return at ? this.#view.getFloat32(at, true) : otherwise; }

  /** What an offset field points to, or 0. */
  #target(field: number): number {
    const at = this.#field(field, 4);
    return at && this.#follow(at);
  }

  #follow(at: number): number {
    const target = at + this.#view.getUint32(at, true);
    inside(this.#view, target, 4, this.#what);
    return target;
  }

  /** Start and length of a vector of elements of `size` bytes. */
  #vector(field: number, size: number): { start: number; length: number } {
    const at = this.#target(field);
    if (!at) return { start: 0, length: 0 };
    const length = this.#view.getUint32(at, true);
    inside(this.#view, at + 4, length * size, this.#what);
    return { start: at + 4, length };
  }

  /** The same of one that is copied. */
  #values(field: number, size: number): { start: number; length: number } {
    const vector = this.#vector(field, size);
    this.#spend(vector.length * size);
    return vector;
  }

  table(field: number, what: string): Table | undefined {
    const at = this.#target(field);
    return at ? new Table(this.#view, at, what, this.#budget) : undefined;
  }

  tables(field: number, what: (index: number) => string): Table[] {
    const { start, length } = this.#values(field, 4);
    return Array.from({ length }, (_, i) => new Table(this.#view, this.#follow(start + i * 4), what(i), this.#budget));
  }

  int32s(field: number): number[] {
    const { start, length } = this.#values(field, 4);
    return Array.from({ length }, (_, i) => this.#view.getInt32(start + i * 4, true));
  }

  float32s(field: number): Float32Array {
    const { start, length } = this.#values(field, 4);
    return Float32Array.from({ length }, (_, i) => this.#view.getFloat32(start + i * 4, true));
  }

  /** int64 values as numbers; those beyond 2^53 lose precision. */
  int64s(field: number): number[] {
    const { start, length } = this.#values(field, 8);
    return Array.from({ length }, (_, i) => Number(this.#view.getBigInt64(start + i * 8, true)));
  }

  /** A view of a byte vector, or undefined where the field is absent. */
  bytes(field: number): Uint8Array | undefined {
    const { start, length } = this.#vector(field, 1);
    return start ? new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, length) : undefined;
  }

  string(field: number): string {
    const bytes = this.bytes(field);
    this.#spend(bytes?.length ?? 0);
    return bytes ? fromAnyUtf8(bytes) : '';
  }
}

function inside(view: DataView, at: number, bytes: number, what: string): void {
  if (at < 0 || at + bytes > view.byteLength) {
    throw new DepthwiseError('BAD_FILE', `This .tflite file is truncated or damaged: ${what} points to byte ${at}, and the file has ${view.byteLength}. Download or export it again.`);
  }
}
