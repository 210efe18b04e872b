// The entry `depthwise/core`: the same `load` without any build inside; `options.wasm` brings one.
import { makeLoader } from './loader.js';

export const { load, memoryFor } = makeLoader(() => undefined);
export { convert } from './loader.js';
export { DepthwiseError } from './error.js';
export { Net } from './net.js';
export type { LoadOptions } from './loader.js';
export type { Output, TensorInfo } from './net.js';
export type { Picture } from './image.js';
export type { Classification, ClassifyOptions } from './tasks/classify.js';
