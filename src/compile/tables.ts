// Knows chains of steps that each make one value of one byte: looked up in tables, or by way of float32. What a chain does to
// each of the 256 bytes is worked out here, so that at run time it is one table; one that changes no byte is no step at all.
import * as abi from '../../assembly/abi.js';
import { bytesOf } from './lower.js';
import type { Step } from './lower.js';
import { round } from './quantise.js';
import type { Simplified } from './simplify.js';

/** What a step makes of a value, as its kernel does it; nothing where it is not a function of one value. */
function functionOf({ op, words, weights }: Step): ((value: number) => number) | undefined {
  const real = (word: number): number => new Float32Array(words.buffer, words.byteOffset + word * 4, 1)[0];
  switch (op) {
    case abi.OP_TABLE: {
      const entries = new Uint8Array(256);
      weights!.write(entries);
      return (q) => (entries[q + 128] << 24) >> 24;
    }
    case abi.OP_DEQUANTIZE: return (q) => Math.fround(real(abi.SCALE) * (q - words[abi.ZERO_IN]));
    case abi.OP_SQRT: return (x) => Math.fround(Math.sqrt(x));
    case abi.OP_QUANTIZE: return (x) => Math.min(words[abi.MAX], Math.max(words[abi.MIN], (round(Math.fround(x / real(abi.SCALE))) || 0) + words[abi.ZERO_OUT]));
    default: return undefined;
  }
}

const READS_BYTES = [abi.OP_TABLE, abi.OP_DEQUANTIZE];
const WRITES_BYTES = [abi.OP_TABLE, abi.OP_QUANTIZE];

/** Steps with one table in place of each chain whose values in between nobody else reads. */
export function mergeTables(graph: Simplified, steps: Step[]): Step[] {
  const root = (tensor: number): number => graph.alias[tensor];
  const readers = new Map<number, Step[]>();
  for (const step of steps) for (const i of [step.src, step.src2]) if (i >= 0) readers.set(root(i), [...(readers.get(root(i)) ?? []), step]);
  const outputs = new Set(graph.outputs.map(root)), writers = new Map<number, number>(), gone = new Set<Step>(), merged = new Map<Step, Step>();
  for (const { dst } of steps) writers.set(root(dst), (writers.get(root(dst)) ?? 0) + 1);
  /** The only step that reads what this one, alone, writes. */
  const next = ({ dst }: Step): Step | undefined => (outputs.has(root(dst)) || writers.get(root(dst)) !== 1 || readers.get(root(dst))?.length !== 1 ? undefined : readers.get(root(dst))![0]);
  for (const first of steps) {
    if (gone.has(first) || !READS_BYTES.includes(first.op)) continue;
    const chain = [first];
    for (let step = next(first); step && functionOf(step); step = next(step)) chain.push(step);
    while (chain.length && !WRITES_BYTES.includes(chain.at(-1)!.op)) chain.pop();
    const last = chain.at(-1);
    if (!last) continue;
    const entries = Int8Array.from({ length: 256 }, (_, i) => chain.reduce((value, step) => functionOf(step)!(value), i - 128));
    chain.forEach((step) => gone.add(step));
    if (entries.every((q, i) => q === i - 128) && !outputs.has(root(last.dst))) {
      const from = root(first.src), to = root(last.dst);
      graph.alias.forEach((at, i) => { if (at === to) graph.alias[i] = from; });
    } else if (chain.length > 1) {
      const words = new Int32Array(abi.STEP_WORDS);
      words[abi.OP] = abi.OP_TABLE;
      words[abi.DTYPE] = abi.INT8;
      words[abi.COUNT] = last.words[abi.COUNT];
      merged.set(last, { ...last, op: abi.OP_TABLE, kind: 'table', words, src: first.src, src2: -1, weights: bytesOf(new Uint8Array(entries.buffer)) });
    } else gone.delete(first);
  }
  return steps.flatMap((step) => merged.get(step) ?? (gone.has(step) ? [] : [step]));
}
