// Knows how many bytes the library asks for, by standing in for the constructors of buffers; and is a host that gives no
// more than half a gigabyte to a WebAssembly memory. Import it before anything that allocates.

let latest = new Error();

export const allocated = {
  bytes: 0,
  /** Of the latest large request, which is only looked up when it matters. */
  stack: (): string => latest.stack ?? '',
  place: (): string => /\bat ([\w.#<>]+) .*\/src\//.exec(latest.stack ?? '')?.[1] ?? '?',
  /** Bytes that no WebAssembly memory may have, and one that had them. */ most: Infinity,
  over: 0,
};

const NOTED = 16 << 20;
const MOST_MEMORY = 512 << 20;

function note(bytes: number): void {
  if (bytes < 1024) return;
  allocated.bytes += bytes;
  if (bytes >= NOTED) latest = new Error(`${bytes} bytes`);
}

/** A few hundred kilobytes must not be told apart from a large refusal: what no host gives is refused here first. */
function checked(bytes: number): void {
  if (bytes > 2 ** 30) {
    note(bytes);
    throw new RangeError(`Array buffer allocation failed: ${bytes} bytes`);
  }
  note(bytes);
}

const GLOBALS = globalThis as unknown as Record<string, new (...of: unknown[]) => object>;
for (const name of ['ArrayBuffer', 'Uint8Array', 'Int8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array']) {
  const own = GLOBALS[name], size = (own as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  GLOBALS[name] = new Proxy(own, {
    construct(target, given: unknown[], made) {
      const [first] = given;
      if (typeof first === 'number') checked(first * size);
      else if (Array.isArray(first)) note(first.length * size);
      return Reflect.construct(target, given, made as never) as object;
    },
  });
}

const { Memory } = WebAssembly;
WebAssembly.Memory = new Proxy(Memory, {
  construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
    const bytes = descriptor.initial * 65536;
    if (bytes > allocated.most) allocated.over = bytes;
    if (bytes > MOST_MEMORY) throw new RangeError(`WebAssembly.Memory(): could not allocate ${bytes} bytes`);
    note(bytes);
    return new target(descriptor);
  },
});
