// Knows how to run a streamed plan as a device does: the bare build, a memory of exactly the bytes that the plan asks for
// and guard bytes after it, and each unit's records and constants copied in before it runs, and checked.
import { readFileSync } from 'node:fs';
import { STEP_WORDS, TEMP_BYTES } from '../assembly/abi.js';
import type { Stream, Unit } from '../src/compile/stream.js';
import type { PlannedTensor } from '../src/plan/plan.js';

interface Kernels {
  place(steps: number, weights: number, arena: number, scratch: number): void;
  run(first: number, last: number): number;
  check(records: number, count: number, constantBytes: number, arenaBytes: number, scratchBytes: number): number;
}

const module = new WebAssembly.Module(readFileSync('build/wasm/bare.wasm'));
const PAGE = 65536, GUARD = 0xa5, JUNK = 0x5b;

/** Outputs of one run. Whatever no copy and no kernel has written yet is junk, also between runs. */
export function runStream(stream: Stream, inputs: Uint8Array[], watch?: (unit: Unit, memory: Uint8Array) => void): Uint8Array[] {
  const { info, records, constants, units, recordsAt, base, memoryBytes } = stream;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(memoryBytes / PAGE) + 1, maximum: 65535 }), bytes = new Uint8Array(memory.buffer);
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  bytes.fill(JUNK, recordsAt, memoryBytes).fill(GUARD, memoryBytes);
  const at = ({ offset, bytes: length }: PlannedTensor): Uint8Array => bytes.subarray(base + offset, base + offset + length);
  info.inputs.forEach((tensor, i) => at(info.tensors[tensor]).set(inputs[i]));
  for (const unit of units) {
    const part = records.subarray(unit.record * STEP_WORDS, (unit.record + unit.records) * STEP_WORDS);
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), recordsAt);
    for (const { from, bytes: length, to } of unit.copies) bytes.set(constants.subarray(from, from + length), to);
    const fault = kernels.check(recordsAt, unit.records, memoryBytes - base, unit.scratchAt - TEMP_BYTES - base, unit.scratchBytes);
    if (fault) throw new Error(`step ${unit.step} (${unit.kind}) is refused with ${fault}`);
    kernels.place(recordsAt, base, base, unit.scratchAt);
    if (kernels.run(0, unit.records) < unit.records) throw new Error(`step ${unit.step} (${unit.kind}) did not run`);
    watch?.(unit, bytes);
  }
  const broken = bytes.subarray(memoryBytes).findIndex((byte) => byte !== GUARD);
  if (broken >= 0) throw new Error(`byte ${broken} after the memory's end was written`);
  return info.outputs.map((tensor) => at(info.tensors[tensor]).slice());
}
