// The entry `depthwise/js`: everything of `depthwise` without WebAssembly, for pages and hosts that forbid it.
export * from './index.js';
