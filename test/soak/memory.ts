// Knows what a process holds: memory of every kind, WebAssembly memories one by one, threads, and listeners of a signal that
// outlives them all. It does not know what is done in between. Import it before anything that makes memories or threads.
import { getEventListeners } from 'node:events';

export interface Sample {
  /** Runs or loads so far. */
  done: number;
  rss: number;
  heap: number;
  external: number;
  /** Bytes of WebAssembly memories, and how many there are. */
  wasm: number;
  memories: number;
  threads: number;
  listeners: number;
}

const held = { wasm: 0, memories: 0, threads: 0 };

const { Memory } = WebAssembly;
const collected = new FinalizationRegistry((bytes: number) => {
  held.wasm -= bytes;
  held.memories--;
});
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor);
    held.wasm += this.buffer.byteLength;
    held.memories++;
    collected.register(this, this.buffer.byteLength);
  }
};

const threads = process.getBuiltinModule('node:worker_threads'), { Worker } = threads;
/** Threads that were told to end and have not yet. */
let ending = 0;
threads.Worker = class extends Worker {
  #isEnding = false;

  constructor(...given: ConstructorParameters<typeof Worker>) {
    super(...given);
    held.threads++;
    this.on('exit', () => {
      held.threads--;
      if (this.#isEnding) ending--;
      this.#isEnding = true; // and is not to end again
    });
  }

  override terminate(): Promise<number> {
    if (!this.#isEnding) ending++;
    this.#isEnding = true;
    return super.terminate();
  }
};

/** Never aborts, and is handed to every load. */
export const { signal } = new AbortController();

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What is held now; with --expose-gc, after everything that nobody holds is gone. */
export async function sample(done: number): Promise<Sample> {
  if (globalThis.gc) {
    while (ending > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      await turn(); // finalisers run in a task of their own
    }
  } else await turn();
  const { rss, heapUsed, external } = process.memoryUsage();
  const listeners = getEventListeners(signal, 'abort').length + process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { done, rss, heap: heapUsed, external, ...held, listeners };
}
