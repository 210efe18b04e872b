// Knows the builds that the host has compiled before the program starts, and is `load` where nothing may be compiled later:
// Cloudflare Workers and Vercel Edge. scripts/build.mjs puts it in the place of load.ts. There is no scalar build: both
// hosts are V8 on machines with SIMD.
import relaxed from '../build/wasm/relaxed.wasm?module';
import simd from '../build/wasm/simd.wasm?module';
import { makeLoader } from './loader.js';
import type { Build } from './engine.js';

const compiled: Partial<Record<Build, WebAssembly.Module>> = { simd, relaxed };

export const { load, loadGraph, memoryFor, availableBuilds } = makeLoader((build) => compiled[build]);
export { convert, readWeights } from './loader.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build } from './engine.js';
