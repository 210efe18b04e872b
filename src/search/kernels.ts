// Knows the two builds of assembly/search.ts, inlined, and which of them this host runs. There is no relaxed one: reading
// the rows from memory takes 85 % of the time already.
import scalar from '../../build/wasm/search-scalar.wasm';
import simd from '../../build/wasm/search-simd.wasm';
import { fromBase64 } from '../base64.js';
import { DepthwiseError } from '../error.js';

export type SearchBuild = 'scalar' | 'simd';

export interface Compiled {
  build: SearchBuild;
  module: WebAssembly.Module;
}

const inlined = { scalar, simd };
const compiled = new Map<SearchBuild, WebAssembly.Module>();

/** Compiled on the spot, without a promise: browsers allow that on a page for modules of a few thousand bytes. */
export function kernelsFor(wanted?: SearchBuild): Compiled {
  try {
    const build = wanted ?? (WebAssembly.validate(fromBase64(simd)) ? 'simd' : 'scalar');
    const module = compiled.get(build) ?? new WebAssembly.Module(fromBase64(inlined[build]));
    compiled.set(build, module);
    return { build, module };
  } catch (cause) {
    throw new DepthwiseError('NO_BUILD', `Search needs WebAssembly${wanted ? ` (build ${wanted})` : ''}, which does not run here: ${(cause as Error).message}. Allow 'wasm-unsafe-eval' in the page's content security policy, or use a newer engine.`, { cause });
  }
}
