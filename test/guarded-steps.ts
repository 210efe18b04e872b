// Knows how to run step records by hand in memory with guard bytes around every section, and how to tell whether a run wrote
// outside of what it may write, or whether its answer depends on anything else than what it may read. It does not know
// which records are sound.
import { STEP_WORDS, TEMP_BYTES } from '../assembly/abi.js';
import { align } from '../src/plan/plan.js';
import type { Program } from '../src/plan/plan.js';

interface Door {
  place(steps: number, weights: number, arena: number, scratch: number): void;
  run(first: number, last: number): number;
  /** In the scalar build. */
  check?(records: number, count: number, constants: number, arena: number, scratch: number): number;
  work?(records: number, count: number): number;
}

const PAGE = 65536, RECORDS_AT = 1024;
/** Tiles may read, never write, up to a vector past the end of a row. */
const GUARD = 256;

/** One memory, whose guard bytes all have one value. */
class Guarded {
  readonly door: Door;
  readonly memory: Uint8Array;
  readonly #words: Int32Array;
  readonly #program: Program;
  readonly #weights: number;
  readonly #arena: number;
  readonly #scratch: number;

  constructor(module: WebAssembly.Module, program: Program, fill: number) {
    this.#program = program;
    this.#weights = align(RECORDS_AT + program.steps.byteLength + GUARD);
    this.#arena = align(this.#weights + program.weights.length + GUARD);
    this.#scratch = align(this.#arena + program.arenaBytes + GUARD) + TEMP_BYTES;
    const pages = Math.ceil((this.#scratch + program.scratchBytes + GUARD) / PAGE), memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.door = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Door;
    this.memory = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer, RECORDS_AT, program.steps.length);
    this.memory.fill(fill, RECORDS_AT);
    this.memory.set(program.weights, this.#weights);
    this.door.place(RECORDS_AT, this.#weights, this.#arena, this.#scratch);
  }

  code(steps: Int32Array): number {
    const { weights, arenaBytes, scratchBytes } = this.#program;
    this.#words.set(steps);
    return this.door.check!(RECORDS_AT, steps.length / STEP_WORDS, weights.length, arenaBytes, scratchBytes);
  }

  work(): number {
    return this.door.work!(RECORDS_AT, this.#words.length / STEP_WORDS);
  }

  /** The arena after records first to last - 1, begun with these bytes in it. */
  run(steps: Int32Array, activations: Uint8Array, first: number, last: number): Uint8Array {
    this.#words.set(steps);
    this.memory.set(activations, this.#arena);
    this.memory.fill(0, this.#scratch - TEMP_BYTES, this.#scratch + this.#program.scratchBytes); // an odd depth leaves a value of it in the product
    this.door.run(first, last);
    return this.memory.subarray(this.#arena, this.#arena + this.#program.arenaBytes);
  }

  /** Bytes outside of arena, scratch and records, in order. */
  outside(): Uint8Array[] {
    const { memory } = this, { arenaBytes, scratchBytes, steps } = this.#program;
    return [memory.subarray(0, RECORDS_AT), memory.subarray(RECORDS_AT + steps.byteLength, this.#arena), memory.subarray(this.#arena + arenaBytes, this.#scratch - TEMP_BYTES), memory.subarray(this.#scratch + scratchBytes)];
  }
}

/** A program in two memories that differ in what no step may read. */
export class GuardedSteps {
  readonly #memories: Guarded[];
  readonly #whole: Buffer[][];
  readonly #activations: Uint8Array;

  constructor(module: WebAssembly.Module, program: Program) {
    this.#memories = [0x3c, 0xc5].map((fill) => new Guarded(module, program, fill));
    this.#whole = this.#memories.map((memory) => memory.outside().map((part) => Buffer.from(part)));
    this.#activations = Uint8Array.from({ length: program.arenaBytes }, (_, i) => i * 73 + (i >> 3));
  }

  /** What the check inside of the build says. */
  code(steps: Int32Array): number {
    return this.#memories[0].code(steps);
  }

  /** How much it says that the records do which were checked last. */
  work(): number {
    return this.#memories[0].work();
  }

  /** Runs records first to last - 1; what is wrong with how they ran, or nothing. */
  fault(steps: Int32Array, first: number, last: number): string | undefined {
    const arenas: Uint8Array[] = [];
    for (const [i, memory] of this.#memories.entries()) {
      try {
        arenas.push(memory.run(steps, this.#activations, first, last));
      } catch (trap) {
        return `trapped: ${trap instanceof Error ? trap.message : trap}`;
      }
      const broken = memory.outside().findIndex((part, at) => this.#whole[i][at].compare(part) !== 0);
      if (broken >= 0) return `wrote ${['below the records', 'between records and arena', 'between arena and scratch memory', 'behind scratch memory'][broken]}`;
    }
    return Buffer.compare(arenas[0], arenas[1]) ? 'gave an answer that depends on bytes which are not its own' : undefined;
  }
}
