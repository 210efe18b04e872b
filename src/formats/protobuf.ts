// Knows the wire format of Protocol Buffers (protobuf.dev, "Encoding") and every way it can be broken. It does not know
// what any field means.
import { DepthwiseError } from '../error.js';
import { fromAnyUtf8 } from '../text.js';

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
const MOST_VARINT = 10; // bytes of a 64-bit value, seven bits each

/** Where a field's value lies; varints are read already. */
interface Field {
  wire: number;
  start: number;
  end: number;
  value: number;
}

/** One message: its fields are found at once, and what they hold is read when asked for. */
export class Message {
  readonly #file: Uint8Array;
  readonly #what: string;
  readonly #fields = new Map<number, Field[]>();

  private constructor(file: Uint8Array, start: number, end: number, what: string) {
    this.#file = file;
    this.#what = what;
    for (let at = start; at < end;) {
      const key = this.#varint(at, end), number = Math.floor(key.value / 8), wire = key.value % 8;
      if (number < 1 || number >= 2 ** 29) throw this.#broken(at, `names field ${number}`);
      const field = this.#field(wire, key.end, end);
      const same = this.#fields.get(number);
      if (same) same.push(field);
      else this.#fields.set(number, [field]);
      at = field.end;
    }
  }

  static root(file: Uint8Array, what: string): Message {
    return new Message(file, 0, file.length, what);
  }

  has(field: number): boolean { return this.#fields.has(field); }

  /** A number of a field that occurs once: the last counts. int64 values beyond 2^53 lose precision. */
  int(field: number, otherwise = 0): number {
    return this.ints(field).at(-1) ?? otherwise;
  }

  /** All numbers of a repeated field, packed or one by one. */
  ints(field: number): number[] {
    return this.#of(field).flatMap(({ wire, start, end, value }) => {
      if (wire === VARINT) return [value];
      this.#expect(field, wire, BYTES, start);
      const values: number[] = [];
      for (let at = start; at < end;) {
        const next = this.#varint(at, end);
        values.push(next.value);
        at = next.end;
      }
      return values;
    });
  }

  float(field: number, otherwise: number): number {
    return this.floats(field).at(-1) ?? otherwise;
  }

  floats(field: number): number[] {
    return this.#fixed(field, FIXED32, 4, (view, at) => view.getFloat32(at, true));
  }

  doubles(field: number): number[] {
    return this.#fixed(field, FIXED64, 8, (view, at) => view.getFloat64(at, true));
  }

  /** A view of a field's bytes. */
  bytes(field: number): Uint8Array | undefined {
    const found = this.#of(field).at(-1);
    if (!found) return undefined;
    this.#expect(field, found.wire, BYTES, found.start);
    return this.#file.subarray(found.start, found.end);
  }

  string(field: number): string {
    return this.strings(field).at(-1) ?? '';
  }

  strings(field: number): string[] {
    return this.#of(field).map(({ wire, start, end }) => {
      this.#expect(field, wire, BYTES, start);
      return fromAnyUtf8(this.#file.subarray(start, end));
    });
  }

  message(field: number, what: string): Message | undefined {
    return this.messages(field, () => what).at(-1);
  }

  messages(field: number, what: (index: number) => string): Message[] {
    return this.#of(field).map(({ wire, start, end }, i) => {
      this.#expect(field, wire, BYTES, start);
      return new Message(this.#file, start, end, what(i));
    });
  }

  #of(field: number): Field[] { return this.#fields.get(field) ?? []; }

  #field(wire: number, start: number, end: number): Field {
    if (wire === VARINT) return { wire, start, ...this.#varint(start, end) };
    if (wire === BYTES) {
      const length = this.#varint(start, end);
      return this.#inside({ wire, start: length.end, end: length.end + length.value, value: 0 }, end);
    }
    if (wire === FIXED64 || wire === FIXED32) return this.#inside({ wire, start, end: start + (wire === FIXED64 ? 8 : 4), value: 0 }, end);
    throw this.#broken(start, `has a field of wire type ${wire}`);
  }

  #inside(field: Field, end: number): Field {
    if (field.end < field.start || field.end > end) throw this.#broken(field.start, `has a field of ${field.end - field.start} bytes where ${end - field.start} are left`);
    return field;
  }

  /** Two's complement of 64 bits, as the int32 and int64 of messages are written. */
  #varint(at: number, end: number): { value: number; end: number } {
    let value = 0;
    for (let i = 0; i < MOST_VARINT; i++) {
      if (at + i >= end) throw this.#broken(at, 'ends inside a number');
      const byte = this.#file[at + i];
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return { value: i < 7 ? value : wide(this.#file.subarray(at, at + i + 1)), end: at + i + 1 };
    }
    throw this.#broken(at, `has a number of more than ${MOST_VARINT} bytes`);
  }

  #fixed(field: number, single: number, size: number, read: (view: DataView, at: number) => number): number[] {
    const view = new DataView(this.#file.buffer, this.#file.byteOffset, this.#file.byteLength);
    return this.#of(field).flatMap(({ wire, start, end }) => {
      if (wire !== single) this.#expect(field, wire, BYTES, start);
      if ((end - start) % size) throw this.#broken(start, `has ${end - start} bytes of numbers of ${size}`);
      return Array.from({ length: (end - start) / size }, (_, i) => read(view, start + i * size));
    });
  }

  #expect(field: number, wire: number, wanted: number, at: number): void {
    if (wire !== wanted) throw this.#broken(at, `has field ${field} with wire type ${wire} instead of ${wanted}`);
  }

  #broken(at: number, how: string): DepthwiseError {
    return new DepthwiseError('BAD_FILE', `This .onnx file is truncated or damaged: ${this.#what} ${how}, at byte ${at} of ${this.#file.length}. Download or export it again.`);
  }
}

/** Numbers of more than 49 bits, negative ones among them. */
function wide(bytes: Uint8Array): number {
  const value = bytes.reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 127), 0n);
  return Number(BigInt.asIntN(64, value));
}
