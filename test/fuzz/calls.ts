// Knows what people call with values, and tries it with odd ones: pictures, options, tensors, names, sources. A case names the
// call, and each edit one value in it. It does not know what the library makes of them.
import { randomModel } from '../../bench/random-model.js';
import { compile } from '../../src/compile/plan.js';
import { savePlan } from '../../src/convert.js';
import { convert, load, memoryFor } from '../../src/load.js';
import type { Net } from '../../src/net.js';
import { pictureFrom } from '../../src/picture.js';
import { createIndex } from '../../src/search.js';
import { pull } from '../../src/zoo.js';
import type { Random } from '../random-graph.js';
import type { Case, Edit, Target, Verdict } from './case.js';
import { ODD, ODD_NAMES } from './odd-values.js';
import { judged } from './verdict.js';

/** An argument of a call: the usual value, or one with parts that may be odd. */
interface Slot { usual: unknown; parts?: readonly string[] }
interface Call { slots: Slot[]; run(net: Net, ...values: never[]): unknown }

const PICTURE = { data: Uint8Array.from({ length: 9 * 7 * 4 }, (_, i) => i * 37), width: 9, height: 7 };
const picture: Slot = { usual: PICTURE, parts: ['data', 'width', 'height', 'close', 'getContext', 'naturalWidth', 'videoWidth', 'complete', 'readyState'] };
const options = (...parts: string[]): Slot => ({ usual: {}, parts });
const value = (usual: unknown): Slot => ({ usual });
const LOADING = ['build', 'wasm', 'threads', 'plan', 'labels', 'preprocessing', 'licence', 'source', 'arch', 'alpha', 'size', 'style', 'float16', 'signal', 'onProgress', 'integrity', 'maxMemory', 'maxImagePixels'];

const network = savePlan(compile(randomModel('v1', 'int8', 0.05, 16, 5)));
const asBytes = (given: unknown, bytes: Uint8Array): unknown => given ?? bytes;

const CALLS: Record<string, Call> = {
  classify: { slots: [picture, options('topK', 'scoreThreshold')], run: (net, ...of) => net.classify(...(of as [never, never])) },
  embed: { slots: [picture, options('l2Normalize')], run: (net, ...of) => net.embed(...(of as [never, never])) },
  detect: { slots: [picture, options('scoreThreshold', 'maxResults')], run: (net, ...of) => net.detect(...(of as [never, never])) },
  segment: { slots: [picture, options('confidence')], run: (net, ...of) => net.segment(...(of as [never, never])) },
  pose: { slots: [picture, options('maxResults', 'scoreThreshold', 'previous')], run: (net, ...of) => net.pose(...(of as [never, never])) },
  features: { slots: [picture, value(undefined)], run: (net, ...of) => net.features(...(of as [never, never])) },
  run: { slots: [value(new Uint8Array(16 * 16 * 3))], run: (net, ...of) => net.run(...(of as never[])) },
  layer: { slots: [value('t1'), value(new Uint8Array(16 * 16 * 3))], run: (net, ...of) => net.layer(...(of as [never, never])) },
  profile: { slots: [value(new Uint8Array(16 * 16 * 3))], run: (net, ...of) => net.profile(...(of as never[])) },
  load: { slots: [value(undefined), options(...LOADING)], run: async (_, source, given) => (await load(asBytes(source, await network) as never, given)).dispose() },
  memoryFor: { slots: [value(undefined), options(...LOADING)], run: async (_, source, given) => memoryFor(asBytes(source, await network) as never, given) },
  convert: { slots: [value(undefined), options(...LOADING)], run: async (_, source, given) => convert(asBytes(source, await network) as never, given) },
  pictureFrom: { slots: [picture, options('signal')], run: (_, ...of) => pictureFrom(...(of as [never])) },
  pull: { slots: [value('mobilenet_v1_0.25_128_quant'), options('signal', 'onProgress', 'labels')], run: (_, name, given: object) => pull(name, { cache: `build/fuzz/cache-${process.pid}`, attempts: 1, timeout: 50, ...given }) },
  createIndex: {
    slots: [options('dimensions', 'type', 'build'), value('key'), value(new Float32Array(8)), value(new Float32Array(8)), options('topK', 'minScore', 'filter')],
    run: (_, making: object, key, vector, query, searching) => {
      const index = createIndex({ dimensions: 8, ...making });
      index.add(key, vector);
      index.search(query, searching);
      index.save();
    },
  },
};

/** What a slot holds after the edits: an odd value, or the usual one with odd parts. */
function filled(slots: Slot[], edits: readonly Edit[]): unknown[] {
  const values = slots.map(({ usual }) => usual);
  for (const [, slot, part, name] of edits as [string, number, string, string][]) {
    if (part === '') values[slot] = ODD[name]();
    else if (typeof values[slot] === 'object' && values[slot] !== null && !ArrayBuffer.isView(values[slot])) values[slot] = { ...withoutGetters(values[slot]), [part]: ODD[name]() };
  }
  return values;
}

/** Spreading would run what an odd object does when it is looked at. */
const withoutGetters = (of: object): object => (of === PICTURE || Object.getPrototypeOf(of) === Object.prototype && !Object.values(Object.getOwnPropertyDescriptors(of)).some(({ get }) => get) ? of : {});

let net: Promise<Net> | undefined;

export const calls: Target = {
  seeds: () => [[1, Object.keys(CALLS)]],
  mutate(random: Random, { seed }): Edit {
    const { slots } = CALLS[seed], slot = random.below(slots.length), { parts } = slots[slot];
    return ['value', slot, parts && random.below(4) ? random.of(parts) : '', random.of(ODD_NAMES)];
  },
  async run({ seed, edits }: Case): Promise<Verdict> {
    const used = await (net ??= network.then((bytes) => load(bytes, { build: 'simd' }))), { slots, run } = CALLS[seed], values = filled(slots, edits);
    return judged(async () => {
      await run(used, ...values as never[]);
      return { end: 'ran' };
    }, 10_000, () => 0);
  },
};
