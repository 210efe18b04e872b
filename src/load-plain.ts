// Knows the one build that needs no WebAssembly, and is `load` of `depthwise/js`. scripts/build.mjs puts it in the place of
// load.ts.
import { kernels } from './kernels.js';
import { makeLoader } from './loader.js';

export const { load, loadGraph, memoryFor, availableBuilds } = makeLoader((build) => (build === 'js' ? kernels : undefined));
export { convert, readWeights } from './loader.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build } from './engine.js';
