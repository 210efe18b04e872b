// Knows what is tried with the bytes of a weights file: loading, running on a small input, asking for answers; with guard
// bytes and saved again where a case says so. It does not know formats.
import { DepthwiseError } from '../../src/error.js';
import { bytesPerElement } from '../../src/formats/graph.js';
import { readGraph } from '../../src/convert.js';
import { convert, load, loadGraph, readWeights } from '../../src/load.js';
import type { LoadOptions } from '../../src/load.js';
import type { Net, TensorInfo } from '../../src/net.js';
import { allocated } from './allocation.js';
import type { Case, Verdict } from './case.js';
import { judged } from './verdict.js';

/** Multiply-adds above which a network is refused, by load's own option: it would take as long as its sizes say. */
const MOST_WORK = 1e8;
/** What loading may take, by its own option. */
const MAX_MEMORY = 128 << 20;

const PICTURE = { data: Uint8Array.from({ length: 9 * 7 * 4 }, (_, i) => i * 37), width: 9, height: 7 };

export function tryWeights(bytes: Uint8Array, fuzzed: Case, options: LoadOptions = {}): Promise<Verdict> {
  let declared = 0;
  const all: LoadOptions = { ...options, build: fuzzed.build, ...(fuzzed.plan && { plan: fuzzed.plan }) }, bounded = { ...all, maxMemory: MAX_MEMORY, maxMultiplyAdds: MOST_WORK };
  return judged(async () => {
    if (fuzzed.only) {
      const { weights, arenaBytes, scratchBytes } = await readWeights(bytes, bounded);
      declared += weights.length + arenaBytes + scratchBytes;
      return { end: 'read' };
    }
    allocated.most = MAX_MEMORY;
    const net = await load(bytes, bounded).finally(() => (allocated.most = Infinity));
    try {
      declared += net.memory.totalBytes;
      use(net, fuzzed.ask);
    } finally {
      net.dispose();
    }
    if (fuzzed.also === 'guard') await guarded(bytes, all);
    if (fuzzed.also === 'again') await again(bytes, all);
    return { end: 'ran' };
  }, bytes.length, () => declared);
}

const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Bytes of a sensible input: any integers, and floats of a sensible size. */
const BYTES = Uint8Array.from({ length: 1 << 20 }, (_, i) => i * 29), FLOATS = BYTES.map((byte, i) => (i % 4 === 3 ? 63 : byte));

function inputFor({ shape, dtype }: TensorInfo): Uint8Array {
  const each = bytesPerElement[dtype], bytes = size(shape) * each, pattern = each === 1 ? BYTES : FLOATS;
  return bytes <= pattern.length ? pattern.subarray(0, bytes) : new Uint8Array(bytes);
}

const ASKS: ((net: Net) => unknown)[] = [
  (net) => net.classify(PICTURE), (net) => net.embed(PICTURE), (net) => net.detect(PICTURE, { scoreThreshold: 0 }), (net) => net.segment(PICTURE), (net) => net.pose(PICTURE), (net) => net.features(PICTURE),
  (net) => net.profile(), (net) => net.tensors.map(({ name }) => net.layer(name)),
];

function use(net: Net, ask = 0): void {
  net.run(...net.inputs.map(inputFor));
  if (net.inputs.length && size(net.inputs[0].shape) < 1e5) asked(() => ASKS[ask % ASKS.length](net));
}

/** Most networks do one thing only, and say so of the others. */
function asked(ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof DepthwiseError) || (error.cause !== undefined)) throw error;
  }
}

async function guarded(bytes: Uint8Array, options: LoadOptions): Promise<void> {
  if (String.fromCharCode(...bytes.subarray(0, 6)) === 'DWPLAN') return;
  const net = await loadGraph(await readGraph(bytes, options), { guard: true, build: options.build, plan: options.plan });
  try {
    use(net);
    const broken = net.checkGuards();
    if (broken.length) throw new Error(`wrote outside of ${broken.length} buffers`);
  } finally {
    net.dispose();
  }
}

/** What loads can be saved, and what was saved loads: the checks of plans refuse nothing that the compiler makes. */
async function again(bytes: Uint8Array, options: LoadOptions): Promise<void> {
  let saved: Uint8Array;
  try {
    saved = await convert(bytes, options);
    (await load(saved, { build: options.build })).dispose();
  } catch (cause) {
    throw new Error(`loads, but not again once saved: ${(cause as Error).message}`, { cause });
  }
}

