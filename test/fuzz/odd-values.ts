// Knows things that nobody should pass to a function and somebody does, by names that travel in cases. It does not know any
// function.
import { Thrown } from './verdict.js';

const throwing = (): never => { throw new Thrown('from the outside'); };

function detached(): Uint8Array {
  const bytes = new Uint8Array(9 * 7 * 4);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** Made anew each time: some are used up by use. */
export const ODD: Record<string, () => unknown> = {
  undefined: () => undefined, null: () => null, true: () => true, false: () => false, zero: () => 0, minusZero: () => -0, one: () => 1, minusOne: () => -1, half: () => 0.5, three: () => 3, NaN: () => NaN, infinity: () => Infinity, minusInfinity: () => -Infinity,
  huge: () => 1e308, tiny: () => 5e-324, '2^31': () => 2 ** 31, '2^32': () => 2 ** 32, '2^53': () => 2 ** 53, thousand: () => 1000, bigint: () => 3n, symbol: () => Symbol('odd'), empty: () => '', word: () => 'word', digit: () => '3', proto: () => '__proto__', nul: () => 'a\0b',
  surrogate: () => '\ud800', long: () => 'x'.repeat(1e5), list: () => [], numbers: () => [1, 2, 3], strings: () => ['a', 'b'], holes: () => new Array(3), nested: () => [[[]]], hugeList: () => Object.assign([], { length: 2 ** 32 - 1 }), object: () => ({}), bare: () => Object.create(null) as object,
  withLength: () => ({ length: 4 }), function: () => () => 1, throwing: () => throwing, date: () => new Date(NaN), regex: () => /x/, map: () => new Map([[1, 2]]), promise: () => Promise.resolve(1), error: () => new Error('odd'), rejected: () => { const p = Promise.reject(new Thrown('late')); p.catch(() => 0); return p; },
  getters: () => Object.defineProperties({}, Object.fromEntries(['data', 'width', 'height', 'length', 'byteLength', 'keypoints', 'aborted', 'href', 'status', 'fit', 'mean'].map((key) => [key, { get: throwing, enumerable: true }]))),
  proxy: () => new Proxy({}, { get: throwing, has: throwing }), unprintable: () => ({ toString: throwing }), answering: () => ({ toString: () => 3 as unknown as string, valueOf: () => ({}) }),
  bytes: () => new Uint8Array(9 * 7 * 4), clamped: () => new Uint8ClampedArray(9 * 7 * 4), fewBytes: () => new Uint8Array(3), noBytes: () => new Uint8Array(0), signed: () => new Int8Array(9 * 7 * 3), floats: () => new Float32Array(9 * 7 * 4), longs: () => new BigInt64Array(4), view: () => new DataView(new ArrayBuffer(252)),
  buffer: () => new ArrayBuffer(252), shared: () => new SharedArrayBuffer(252), sharedBytes: () => new Uint8Array(new SharedArrayBuffer(252)), detached, resized: () => { const b = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(300, { maxByteLength: 400 }); const v = new Uint8Array(b, 100); (b as unknown as { resize(n: number): void }).resize(10); return v; },
  blob: () => new Blob(['x']), url: () => new URL('http://nowhere.invalid/x'), fileUrl: () => new URL('file:///nowhere/x'), response: () => new Response('x'), usedResponse: () => { const r = new Response('x'); void r.text(); return r; }, failed: () => Response.error(), module: () => new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
  picture: () => ({ data: new Uint8Array(9 * 7 * 4), width: 9, height: 7 }), aborted: () => AbortSignal.abort(), abortedOddly: () => AbortSignal.abort(null), signal: () => new AbortController().signal, simd: () => 'simd', fast: () => 'fast', v2: () => 'v2', preprocessing: () => ({ fit: 'centre', crop: 0.875, mean: [127.5], std: [127.5] }),
  badPreprocessing: () => ({ fit: 'centre', crop: 1e300, mean: [], std: [0] }), emptyPreprocessing: () => ({ fit: 'stretch' }), pose: () => [{ keypoints: [], score: 1 }], badPose: () => [{ score: 1 }], nullPose: () => [null],
};

export const ODD_NAMES = Object.keys(ODD);
