// Knows the builds that are inlined in this bundle, and is `load` for everyone who brings none of their own.
import changes from '../build/wasm/relaxed.patch';
import scalar from '../build/wasm/scalar.wasm';
import simd from '../build/wasm/simd.wasm';
import { fromBase64 } from './base64.js';
import type { PlainKernels } from './engine.js';
import { notBeside } from './fetched.js';
import { makeLoader } from './loader.js';
import { patched } from './patch.js';

const inlined = {
  scalar: () => fromBase64(scalar),
  simd: () => fromBase64(simd),
  relaxed: () => patched(fromBase64(simd), fromBase64(changes)),
};

/** The file apart with the scalar build as JavaScript. Whoever did not ask for it hears that it is slow. */
async function plain(reasons: readonly string[]): Promise<PlainKernels> {
  if (reasons.length) {
    globalThis.console?.warn(`depthwise: no WebAssembly runs here, so it goes on in plain JavaScript with the same answers, many times slower. Allow 'wasm-unsafe-eval' in the content security policy if there is one, or import 'depthwise/js' to say that this is meant. (${reasons[0]})`);
  }
  return (await import('./kernels.js').catch(notBeside('kernels.js'))).kernels;
}

export const { load, loadGraph, memoryFor, availableBuilds } = makeLoader((build, reasons) => (build === 'js' ? plain(reasons) : inlined[build]()));
export { convert, readWeights } from './loader.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build } from './engine.js';
