// Knows what is tried with the bytes of a weights file: loading, running on a small input, asking for answers; with guard
// bytes and saved again where a case says so. It does not know formats.
import { DepthwiseError } from '../../src/error.js';
import { readGraph } from '../../src/convert.js';
import { convert, load, loadGraph } from '../../src/load.js';
import type { LoadOptions } from '../../src/load.js';
import type { Net } from '../../src/net.js';
import type { Case, Verdict } from './case.js';
import { judged } from './verdict.js';

/** Multiply-adds and moved values above which a network is loaded, but not run: that takes as long as its sizes say. */
const MOST_WORK = 1e8;

const PICTURE = { data: Uint8Array.from({ length: 9 * 7 * 4 }, (_, i) => i * 37), width: 9, height: 7 };

export function tryWeights(bytes: Uint8Array, fuzzed: Case, options: LoadOptions = {}): Promise<Verdict> {
  let declared = 0;
  const all: LoadOptions = { ...options, build: fuzzed.build, ...(fuzzed.plan && { plan: fuzzed.plan }) };
  return judged(async () => {
    const net = await load(bytes, all);
    try {
      declared += net.memory.totalBytes;
      if (workOf(net) > MOST_WORK) return { end: 'too large' };
      use(net);
    } finally {
      net.dispose();
    }
    if (fuzzed.also === 'guard') await guarded(bytes, all);
    if (fuzzed.also === 'again') await again(bytes, all);
    return { end: 'ran' };
  }, bytes.length, () => declared);
}

const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const workOf = ({ steps, info }: Net): number => steps.reduce((sum, { macs, input, output }) => sum + macs + size(input) + size(output), 0) + info.tensors.reduce((sum, { bytes }) => sum + bytes, 0);

function use(net: Net): void {
  net.run(...net.inputs.map(({ shape, dtype }) => {
    const each = { float32: 4, int32: 4, int64: 8, float16: 2, int16: 2, int8: 1, uint8: 1, bool: 1 }[dtype];
    return Uint8Array.from({ length: size(shape) * each }, (_, i) => (each === 1 ? i * 29 : i % 4 === 3 ? 63 : i * 29)); // floats of a sensible size
  }));
  const last = net.tensors.at(-1)!;
  asked(() => net.layer(last.name));
  if (net.inputs.length === 1 && size(net.inputs[0].shape) < 1e5) {
    for (const ask of [() => net.classify(PICTURE), () => net.embed(PICTURE), () => net.detect(PICTURE, { scoreThreshold: 0 }), () => net.segment(PICTURE), () => net.pose(PICTURE), () => net.features(PICTURE)]) asked(ask);
  }
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

