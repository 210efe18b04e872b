// Knows how several threads run one plan together: shared memory, workers on every kind of host, and how they meet
// between steps. It does not know kernels: each thread's instance does its share of a step. It is loaded only where
// threads are asked for.

/** What a thread calls of its own instance. */
interface Instance {
  place(steps: number, weights: number, arena: number, scratch: number): void;
  share(own: number, all: number): void;
  run(first: number, last: number): number;
}

interface Start {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  control: number;
  /** Arguments of `place`, with this thread's own scratch memory. */
  place: [number, number, number, number];
  own: number;
  all: number;
}

/** Milliseconds without any progress after which a thread counts as dead. */
const PATIENCE = 10_000;

/**
 * One thread's side. It must stand by itself: workers get it as text.
 * Words: 0 job number, 1 first record, 2 last record, 3 threads that have arrived, 4 meetings held, 5 job that failed, 6 quit,
 * 7 record at which it failed.
 */
function member({ module, memory, control, place, own, all }: Start, canWait: boolean, patience: number) {
  const instance = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Instance;
  const words = new Int32Array(memory.buffer, control, 8);
  instance.place(...place);
  instance.share(own, all);
  /** Waits until a word changes: watches it for a while, which costs less than sleeping, then sleeps. */
  const change = (word: number, from: number, limit: number): boolean => {
    for (let i = 0; i < 20_000; i++) if (Atomics.load(words, word) !== from) return true;
    const start = Date.now();
    while (Atomics.load(words, word) === from) {
      if (Date.now() - start > limit) return false;
      if (canWait) Atomics.wait(words, word, from, 1000);
    }
    return true;
  };
  const meet = (): boolean => {
    const meeting = Atomics.load(words, 4);
    if (Atomics.add(words, 3, 1) < all - 1) return change(4, meeting, patience);
    Atomics.store(words, 3, 0);
    Atomics.add(words, 4, 1);
    Atomics.notify(words, 4);
    return true;
  };
  /** Runs the records of a job together with the others; false when one of them does not come. */
  const together = (job: number): boolean => {
    for (let at = words[1], last = words[2]; at < last;) {
      let reached = at;
      try {
        reached = instance.run(at, at + 1);
      } catch {
        instance.share(own, all); // the trap may have struck while this one worked alone; told below
      }
      if (reached === at) {
        Atomics.store(words, 7, at);
        Atomics.store(words, 5, job);
      }
      if (!meet()) return false;
      // A fast thread may have failed at the next record already; the slow ones must still meet it there.
      if (Atomics.load(words, 5) === job && Atomics.load(words, 7) === at) return true;
      at = reached;
    }
    return true;
  };
  return {
    words,
    together,
    /** A worker's life: job after job, until it is told to quit. */
    work(): void {
      for (let job = 1; ; job++) {
        change(0, job - 1, Infinity);
        if (Atomics.load(words, 6) || !together(job)) return;
      }
    },
  };
}

interface AnyWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
  unref?(): void;
}

/** Source of a worker: `listen` hands it its first message. */
const source = (listen: string): string => `const member=${member.toString()};${listen}`;

/** Starts a worker of whatever kind the host has. */
function spawn(start: Start, ready: () => void, lost: (why: string) => void): AnyWorker {
  const run = `{const m=member(d,true,${PATIENCE});p('ready');m.work()}`;
  const node = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.('node:worker_threads') as
    { Worker: new (source: string, options: object) => AnyWorker & { on(event: string, listener: (value: never) => void): void } } | undefined;
  if (node && !(globalThis as { Bun?: unknown }).Bun && !(globalThis as { Deno?: unknown }).Deno) {
    const worker = new node.Worker(source(`const{parentPort:q}=require('node:worker_threads');q.once('message',d=>{const p=m=>q.postMessage(m);${run}})`), { eval: true });
    worker.on('message', () => {
      worker.unref!(); // only now: starting it must keep the process alive
      ready();
    });
    worker.on('error', (error: Error) => lost(error.message));
    worker.on('exit', () => lost('it ended'));
    worker.postMessage(start);
    return worker;
  }
  const url = URL.createObjectURL(new Blob([source(`onmessage=({data:d})=>{const p=m=>postMessage(m);${run}}`)], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  worker.onmessage = () => {
    URL.revokeObjectURL(url);
    (worker as AnyWorker).unref?.();
    ready();
  };
  worker.onerror = (event) => lost(event.message || 'the page\'s content security policy may forbid workers from blobs (worker-src blob:)');
  worker.onmessageerror = () => lost('this page may not share memory');
  worker.postMessage(start);
  return worker;
}

/** Why this host cannot share memory between threads, for people; undefined where it can. */
export function whyNoThreads(): string | undefined {
  const host = globalThis as { crossOriginIsolated?: boolean; document?: unknown; process?: { getBuiltinModule?: unknown } };
  if (host.crossOriginIsolated === false) return 'this page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  if (typeof SharedArrayBuffer === 'undefined') return 'this host has no SharedArrayBuffer';
  if (typeof Worker === 'undefined' && !host.process?.getBuiltinModule) return 'this host has no workers';
  return undefined;
}

/**
 * The same build with its memory import declared as shared. In the binary that is one bit: the flags of the import's
 * limits (WebAssembly core specification, section 5.3.7), 1 with a maximum, 3 when also shared.
 */
export function asShared(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = wasm.slice(), name = [3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 1]; // "env" "memory" memory, flags 1
  const at = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte));
  if (at < 0) throw new Error('this build imports its memory without a maximum; use a .wasm file of the same release');
  bytes[at + name.length - 1] = 3;
  return bytes;
}

/** An engine and its running threads, from the bytes of a build. Throws where there can be none, with a reason for people. */
export async function withThreads<E extends { startThreads(kind: typeof Team, module: WebAssembly.Module): Promise<void> }>(
  bytes: Uint8Array | undefined, engineOf: (shared: WebAssembly.Module) => E,
): Promise<E> {
  const reason = whyNoThreads() ?? (bytes ? undefined : 'a compiled module was given, whose memory is not shared');
  if (reason !== undefined) throw new Error(reason);
  const { compile } = WebAssembly; // spelt as `compiled` in engine.ts is, and for the same reason
  const shared = await compile(asShared(bytes!)), engine = engineOf(shared);
  await engine.startThreads(Team, shared);
  return engine;
}

/** The threads of one net. */
export class Team {
  readonly #workers: AnyWorker[];
  readonly #member: ReturnType<typeof member>;
  #lost: string | undefined;

  private constructor(workers: AnyWorker[], own: ReturnType<typeof member>) {
    this.#workers = workers;
    this.#member = own;
  }

  /** Starts the threads after the first, which is the caller's own. `scratches` holds each one's scratch memory. */
  static async start(base: Omit<Start, 'own' | 'all' | 'place'>, place: [number, number, number], scratches: number[]): Promise<Team> {
    const all = scratches.length, workers: AnyWorker[] = [];
    const startOf = (own: number): Start => ({ ...base, own, all, place: [...place, scratches[own]] });
    const team = new Team(workers, member(startOf(0), canWait(), PATIENCE));
    try {
      await Promise.all(scratches.slice(1).map((_, i) => new Promise<void>((resolve, reject) => {
        workers.push(spawn(startOf(i + 1), resolve, (why) => {
          team.#lost ??= why;
          reject(new Error(why));
        }));
      })));
    } catch (cause) {
      team.stop();
      throw cause;
    }
    return team;
  }

  /** Why this team can run no more. */
  get lost(): string | undefined { return this.#lost; }

  /** Runs records on all threads. Returns false where one names no kernel or left its memory, or a thread is lost. */
  run(first: number, last: number): boolean {
    if (this.#lost !== undefined) return false;
    if (first >= last) return true;
    const { words, together } = this.#member;
    words[1] = first;
    words[2] = last;
    const job = Atomics.add(words, 0, 1) + 1;
    Atomics.notify(words, 0);
    if (!together(job)) this.#lost = `it has not answered for ${PATIENCE / 1000} seconds`;
    return this.#lost === undefined && Atomics.load(words, 5) !== job;
  }

  stop(): void {
    this.#lost ??= 'the net was disposed of';
    Atomics.store(this.#member.words, 6, 1);
    Atomics.add(this.#member.words, 0, 1);
    Atomics.notify(this.#member.words, 0);
    for (const worker of this.#workers) worker.terminate();
  }
}

/** Whether this thread may sleep: a page's main thread may not. */
function canWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}
