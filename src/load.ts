// Knows the builds that are inlined in this bundle, and is `load` for everyone who brings none of their own.
import relaxed from '../build/wasm/relaxed.wasm';
import scalar from '../build/wasm/scalar.wasm';
import simd from '../build/wasm/simd.wasm';
import { makeLoader } from './loader.js';

const inlined = { scalar, simd, relaxed };

const decode = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export const { load, loadGraph, memoryFor, availableBuilds } = makeLoader((build) => decode(inlined[build]));
export { convert, readWeights } from './loader.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build } from './engine.js';
