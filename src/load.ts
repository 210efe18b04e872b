// Knows the builds that are inlined in this bundle, and is `load` for everyone who brings none of their own.
import relaxed from '../build/wasm/relaxed.wasm';
import scalar from '../build/wasm/scalar.wasm';
import simd from '../build/wasm/simd.wasm';
import { fromBase64 } from './base64.js';
import { makeLoader } from './loader.js';

const inlined = { scalar, simd, relaxed };

export const { load, loadGraph, memoryFor, availableBuilds } = makeLoader((build) => fromBase64(inlined[build]));
export { convert, readWeights } from './loader.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build } from './engine.js';
