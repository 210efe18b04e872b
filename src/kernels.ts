// The scalar build as plain JavaScript, made by Binaryen's wasm2js: a file of its own, fetched where no WebAssembly runs. Its
// numbers are the scalar build's, bit for bit; what leaves its memory reads zeros instead of trapping.
import instantiate from '../build/wasm/scalar.js';
import type { PlainKernels } from './engine.js';

export const kernels: PlainKernels = instantiate;
