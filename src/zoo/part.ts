// Knows the part of a file that has come so far and how it survives the process that fetched it. It fetches nothing.
import type { Store } from './store.js';

/** First flush; later ones come ever more rarely, so that all writing together stays in proportion to the file. */
const FLUSH_BYTES = 1 << 20;

/** Saved as one file, so that no other process sees bytes of one version with the ETag of another: ETag, line feed, bytes. */
export class Part {
  done = 0;
  /** Strong ETag of what the bytes are a part of; empty where the server gave none. */
  etag = '';
  /** Whether its bytes came in more than one answer, which may have been of two versions. */
  mixed = false;
  #chunks: Uint8Array[] = [];
  #flushAt = FLUSH_BYTES;
  readonly #store: Store;
  readonly file: string;

  private constructor(store: Store, file: string) {
    this.#store = store;
    this.file = `${file}.part`;
  }

  static async open(store: Store, file: string): Promise<Part> {
    const part = new Part(store, file), saved = await store.read(part.file);
    const end = saved?.indexOf(10) ?? -1;
    if (!saved || end < 0) return part;
    part.etag = new TextDecoder().decode(saved.subarray(0, end));
    part.#push(saved.subarray(end + 1));
    part.mixed = true;
    part.#flushAt = part.done * 1.5 + FLUSH_BYTES;
    return part;
  }

  /** Begins anew, as part of the version that `etag` names. */
  restart(etag = ''): void {
    this.#chunks = [];
    this.done = 0;
    this.etag = etag;
    this.mixed = false;
    this.#flushAt = FLUSH_BYTES;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#push(chunk);
    if (this.done < this.#flushAt) return;
    this.#flushAt = this.done * 1.5 + FLUSH_BYTES;
    await this.save();
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.done += chunk.length;
  }

  bytes(): Uint8Array {
    const [whole] = this.#chunks = [joined(this.#chunks)];
    return whole;
  }

  /** A convenience for the next attempt: where it cannot be written, that one starts from nothing. Of nothing, nothing is kept. */
  async save(): Promise<void> {
    const saving = this.done ? this.#store.write(this.file, joined([new TextEncoder().encode(`${this.etag}\n`), this.bytes()])) : this.#store.remove(this.file);
    await saving.catch(() => undefined);
  }
}

function joined(chunks: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  chunks.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
  return whole;
}
