// Knows WebAssembly: which builds this host runs, how much memory a plan needs, where its parts go. It does not know
// tensors: it is handed bytes and step numbers.
import * as abi from '../assembly/abi.js';
import { DepthwiseError } from './error.js';
import { GUARD_BYTES, align, recordsOf } from './plan/plan.js';
import type { Program } from './plan/plan.js';
import type { Team } from './threads.js';

/** 'js' is the scalar build as plain JavaScript, for hosts without WebAssembly. */
export type Build = 'scalar' | 'simd' | 'relaxed' | 'js';

export type WasmBuild = Exclude<Build, 'js'>;

/** Best first: the order in which builds are tried. 'js' comes after them, where there is nothing else. */
export const BUILDS: readonly WasmBuild[] = ['relaxed', 'simd', 'scalar'];

/** A build as plain JavaScript: from its memory to its exports. */
export type PlainKernels = (imports: { env: { memory: { buffer: ArrayBuffer } } }) => object;

export type Code = WebAssembly.Module | PlainKernels;

/**
 * Where the code of a build comes from: bytes, or a module that the host has compiled, or plain JavaScript. `reasons` say
 * why the builds tried before it do not run; there are none where it was asked for by name.
 */
export type BuildSource = (build: Build, reasons: readonly string[]) => Code | Uint8Array | undefined | Promise<Code | undefined>;

interface Kernels {
  place(steps: number, weights: number, arena: number, scratch: number): void;
  run(first: number, last: number): number;
  widenWeights(dst: number, src: number, count: number, zero: number): void;
  widenToFloat(dst: number, src: number, count: number, zero: number): void;
}

export interface MemoryReport {
  weightsBytes: number;
  arenaBytes: number;
  scratchBytes: number;
  /** All of the WebAssembly memory, in whole pages of 64 KiB. */
  totalBytes: number;
}

export const PAGE = 65536;
export const FIRST_PART = 1024; // below: the module's own static data, then the words that threads meet at
const CONTROL = FIRST_PART - 256; // a few cache lines
const MOST_BYTES = 65535 * PAGE;

interface Layout extends MemoryReport {
  steps: number;
  weights: number;
  arena: number;
  /** One for each thread. */
  scratches: number[];
}

/** In SIMD builds, int8 weights with a zero point lie in memory as int16, those of depthwise steps as float32: bytes, 0 where they stay as they are. */
function widenedBytes(step: Int32Array, build: Build): number {
  const op = step[abi.OP];
  if (build === 'scalar' || build === 'js' || step[abi.DTYPE] !== abi.INT8 || op < abi.OP_CONV || op > abi.OP_DEPTHWISE) return 0;
  return align(step[abi.WEIGHTS_BYTES] * (op === abi.OP_DEPTHWISE ? 4 : step[abi.WEIGHTS_ZERO] !== 0 ? 2 : 0));
}

/** Records whose weights are widened, in the order of their weights. */
const widenedRecords = (plan: Program, build: Build): Int32Array[] =>
  recordsOf(plan.steps).filter((step) => widenedBytes(step, build) > 0).sort((a, b) => a[abi.WEIGHTS] - b[abi.WEIGHTS]);

/** Exact memory needs of a plan under a build, known before anything is allocated. */
export function layoutOf(plan: Program, build: Build, threads = 1): Layout {
  const widened = widenedRecords(plan, build);
  const steps = FIRST_PART, weights = steps + align(plan.steps.byteLength);
  const weightsBytes = align(plan.weights.byteLength) + widened.reduce((sum, step) => sum + widenedBytes(step, build) - align(step[abi.WEIGHTS_BYTES]), 0);
  const arena = weights + weightsBytes, own = align(plan.scratchBytes + GUARD_BYTES) + abi.TEMP_BYTES;
  const scratches = Array.from({ length: threads }, (_, i) => arena + align(plan.arenaBytes) + i * own + abi.TEMP_BYTES);
  // Tiles may read up to one vector past the end of the last row.
  const end = scratches[threads - 1] + plan.scratchBytes + GUARD_BYTES;
  return {
    steps, weights, arena, scratches, weightsBytes, arenaBytes: plan.arenaBytes, scratchBytes: threads * plan.scratchBytes, totalBytes: Math.ceil(end / PAGE) * PAGE,
  };
}

export class Engine {
  readonly build: Build;
  readonly memory: MemoryReport;
  readonly buffer: ArrayBuffer;
  readonly #memory: { buffer: ArrayBuffer };
  readonly #kernels: Kernels;
  readonly #layout: Layout;
  readonly #scratchBytes: number;
  #team: Team | undefined;

  /** With more than one thread, `module` must import shared memory, and `startThreads` comes next. */
  constructor(plan: Program, build: Build, code: Code, threads = 1) {
    const layout = layoutOf(plan, build, threads);
    const { memory, kernels } = instantiate<Kernels>(code, layout.totalBytes, 'This model', 'Use a smaller alpha or resolution, or int8 weights.', threads > 1);
    this.build = build;
    this.buffer = memory.buffer;
    this.#memory = memory;
    this.#layout = layout;
    this.#scratchBytes = plan.scratchBytes;
    this.#kernels = kernels;
    this.memory = { weightsBytes: layout.weightsBytes, arenaBytes: layout.arenaBytes, scratchBytes: layout.scratchBytes, totalBytes: layout.totalBytes };
    this.#place(plan);
  }

  /** Starts the other threads, with the same module. */
  async startThreads(kind: typeof Team, module: WebAssembly.Module): Promise<void> {
    const { steps, weights, arena, scratches } = this.#layout;
    this.#team = await kind.start({ module, memory: this.#memory as WebAssembly.Memory, control: CONTROL }, [steps, weights, arena], scratches);
  }

  dispose(): void {
    this.#team?.stop();
  }

  #place(plan: Program): void {
    const { steps, weights, arena, scratches } = this.#layout;
    this.#kernels.place(steps, weights, arena, scratches[0]);
    const memory = new Uint8Array(this.buffer), placed = plan.steps.slice(), widened = widenedRecords(plan, this.build);
    // What is widened is left out of the constants: the rest moves up, and the widened weights come after it.
    let from = 0, to = weights;
    const keep = (end: number): void => {
      if (end > from) memory.set(plan.weights.subarray(from, end), to), to += end - from;
    };
    for (const step of widened) {
      keep(step[abi.WEIGHTS]);
      from = Math.max(from, step[abi.WEIGHTS] + align(step[abi.WEIGHTS_BYTES]));
    }
    keep(plan.weights.length);
    const movedTo = (offset: number): number => offset - widened.reduce((sum, step) => sum + (step[abi.WEIGHTS] < offset ? align(step[abi.WEIGHTS_BYTES]) : 0), 0);
    let at = weights + align(plan.weights.length) - widened.reduce((sum, step) => sum + align(step[abi.WEIGHTS_BYTES]), 0);
    for (const step of recordsOf(placed)) {
      const bytes = widenedBytes(step, this.build);
      step[abi.PARAMS] = movedTo(step[abi.PARAMS]);
      if (step[abi.SRC2_CONSTANT] === 1) step[abi.SRC2] = movedTo(step[abi.SRC2]);
      if (bytes > 0) this.#widen(plan.weights.subarray(step[abi.WEIGHTS], step[abi.WEIGHTS] + step[abi.WEIGHTS_BYTES]), at, step);
      step[abi.WEIGHTS] = bytes > 0 ? at - weights : movedTo(step[abi.WEIGHTS]);
      at += bytes;
    }
    new Int32Array(this.buffer, steps).set(placed);
  }

  /** int8 weights to int16 or float32 at `dst`, by way of the arena, which is still free. */
  #widen(weights: Uint8Array, dst: number, step: Int32Array): void {
    const { arena, totalBytes } = this.#layout, depthwise = step[abi.OP] === abi.OP_DEPTHWISE;
    const widen = depthwise ? this.#kernels.widenToFloat : this.#kernels.widenWeights;
    const some = Math.min(65536, (totalBytes - arena) & ~15);
    for (let at = 0; at < weights.length; at += some) {
      const part = weights.subarray(at, at + some);
      new Uint8Array(this.buffer, arena).set(part);
      widen(dst + at * (depthwise ? 4 : 2), arena, part.length, step[abi.WEIGHTS_ZERO]);
    }
  }

  /** A view of arena bytes; valid as long as the engine. */
  bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.buffer, this.#layout.arena + offset, length);
  }

  /** The guard after the first thread's scratch memory (tests). */
  scratchGuard(): Uint8Array {
    return new Uint8Array(this.buffer, this.#layout.scratches[0] + this.#scratchBytes, GUARD_BYTES);
  }

  run(first: number, last: number): void {
    let done: boolean;
    let cause: unknown;
    if (this.#team) {
      done = this.#team.run(first, last);
      if (this.#team.lost) throw new DepthwiseError('THREAD_LOST', `A worker thread of this net is gone: ${this.#team.lost}. Load the weights again.`);
    } else {
      try {
        done = this.#kernels.run(first, last) >= last;
      } catch (trap) {
        done = false;
        cause = trap;
      }
    }
    if (!done) throw new DepthwiseError('BAD_FILE', 'A step of the plan left its memory or names no kernel: the weights file is damaged, hostile or of another release. Convert or download it again.', { cause });
  }
}

/** A build with memory of its own, in whole pages. Errors say that `what` needs it, and the `advice`. */
export function instantiate<Exports>(code: Code, bytes: number, what: string, advice: string, shared = false): { memory: { buffer: ArrayBuffer }; kernels: Exports } {
  const plain = typeof code === 'function', memory = plain ? allocatePlain(bytes) : allocate(bytes, shared);
  if (!memory) {
    throw new DepthwiseError('OUT_OF_MEMORY', `${what} needs ${Math.ceil(bytes / 2 ** 20)} MiB of memory in one piece, which this host does not give. ${advice}`);
  }
  const kernels = plain ? code({ env: { memory: memory as { buffer: ArrayBuffer } } }) : new WebAssembly.Instance(code, { env: { memory: memory as WebAssembly.Memory } }).exports;
  return { memory: memory as { buffer: ArrayBuffer }, kernels: kernels as Exports };
}

function allocate(bytes: number, shared: boolean): WebAssembly.Memory | undefined {
  try {
    return bytes <= MOST_BYTES ? new WebAssembly.Memory({ initial: bytes / PAGE, maximum: bytes / PAGE, shared }) : undefined;
  } catch {
    return undefined;
  }
}

/** Plain JavaScript's addresses are signed. */
function allocatePlain(bytes: number): { buffer: ArrayBuffer } | undefined {
  try {
    return bytes < 2 ** 31 ? { buffer: new ArrayBuffer(bytes) } : undefined;
  } catch {
    return undefined;
  }
}

/** Not `instanceof`: a module of another realm (a frame, a sandbox, a test runner) is one too. */
export const isModule = (value: unknown): value is WebAssembly.Module => Object.prototype.toString.call(value) === '[object WebAssembly.Module]';

/** Next.js refuses to build a bundle for the edge that spells WebAssembly.compile, be it never reached there; hence the detour. */
export async function compiled(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  const { compile, CompileError, Module } = WebAssembly;
  try {
    return await compile(bytes);
  } catch (cause) {
    if (cause instanceof CompileError) throw cause;
    return new Module(bytes); // GNOME's SpiderMonkey has WebAssembly, but none of its promises
  }
}

export interface Choice {
  build: Build;
  code: Code;
  /** Where the host did not compile the module itself. */
  bytes?: Uint8Array;
}

/** Compiles and tries builds, best first, until one computes a known answer right. */
export async function chooseBuild(sources: BuildSource, wanted: Build | undefined, probe: Program, isRight: (engine: Engine) => boolean): Promise<Choice> {
  const reasons: string[] = [];
  for (const build of wanted ? [wanted] : [...BUILDS, 'js' as const]) {
    try {
      const source = await sources(build, reasons);
      if (!source) {
        reasons.push(`${build}: not in this bundle`);
        continue;
      }
      const bytes = ArrayBuffer.isView(source) ? source as Uint8Array<ArrayBuffer> : undefined, code = bytes ? await compiled(bytes) : source as Code;
      if (typeof code !== 'function' && !isModule(code)) reasons.push(`${build}: the bundler gave ${Object.prototype.toString.call(code)} for its .wasm, where a compiled module belongs`);
      else if (isRight(new Engine(probe, build, code))) return { build, code, ...(bytes && { bytes }) };
      else reasons.push(`${build}: compiles, but computes a known answer wrongly`);
    } catch (cause) {
      reasons.push(`${build}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`);
    }
  }
  throw new DepthwiseError('NO_BUILD', `No build runs on this host (${reasons.join('; ')}). Use a newer engine, leave out the build option, allow 'wasm-unsafe-eval' in the page's content security policy, or import 'depthwise/js'.`);
}
