// Knows mistakes that a user can make on any host, and the code that each must fail with.
import { picture } from './picture.js';
import type { Depthwise } from './suite.js';

export interface Mistake {
  name: string;
  code: string;
  work: () => unknown;
}

const changed = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] ^= 1;
  return copy;
};

/** An aborted signal, also where a host has none to give. */
const aborted = (): AbortSignal => (typeof AbortController === 'function' ? AbortSignal.abort() : { aborted: true, throwIfAborted() { throw new Error('aborted'); } } as unknown as AbortSignal);

export function badInput({ load }: Depthwise, weights: Uint8Array): Mistake[] {
  const net = load(weights);
  const loading = (name: string, code: string, source: unknown, options: object = {}): Mistake => ({ name, code, work: () => load(source as Uint8Array, options) });
  const using = (name: string, code: string, use: (ready: Awaited<typeof net>) => unknown): Mistake => ({ name, code, work: async () => use(await net) });
  return [
    loading('empty file', 'BAD_FILE', new Uint8Array(0)),
    loading('bytes of something else', 'BAD_FILE', Uint8Array.from({ length: 500 }, (_, i) => i * 7)),
    loading('truncated file', 'BAD_FILE', weights.subarray(0, weights.length - 1000)),
    loading('a changed byte in the weights', 'BAD_FILE', changed(weights, weights.length >> 1)),
    loading('a changed byte in the steps', 'BAD_FILE', changed(weights, 120)),
    loading('no source', 'BAD_INPUT', undefined),
    loading('an object', 'BAD_INPUT', {}),
    loading('an address where nobody answers', 'NOT_FOUND', 'http://127.0.0.1:9/none.dw'),
    loading('a build that does not exist', 'BAD_INPUT', weights, { build: 'fast' }),
    loading('no threads', 'BAD_INPUT', weights, { threads: 0 }),
    loading('another plan than the file has', 'BAD_INPUT', weights, { plan: 'layers' }),
    loading('integrity of something else', 'BAD_FILE', weights, { integrity: 'sha256-AAAA' }),
    loading('a module that is none', 'BAD_INPUT', weights, { wasm: {} }),
    loading('a cancelled load', 'ABORTED', weights, { signal: aborted() }),
    using('a layer before the first run', 'BAD_INPUT', (ready) => ready.layer(ready.steps[0].name)),
    using('no input', 'BAD_INPUT', (ready) => ready.run()),
    using('an input that is too short', 'BAD_INPUT', (ready) => ready.run(new Uint8Array(1000))),
    using('an input that is no array', 'BAD_INPUT', (ready) => ready.run('pixels' as unknown as Uint8Array)),
    using('a layer that does not exist', 'NOT_FOUND', (ready) => ready.layer('nowhere')),
    using('topK 0', 'BAD_INPUT', (ready) => ready.classify(picture(), { topK: 0 })),
    using('a picture without pixels', 'BAD_IMAGE', (ready) => ready.classify({ width: 0, height: 0, data: new Uint8Array(0) })),
    using('a picture smaller than it says', 'BAD_IMAGE', (ready) => ready.embed({ ...picture(), data: new Uint8Array(100) })),
  ];
}
