// Knows the build that the host has compiled before the program starts, on Cloudflare Workers and Vercel Edge.
// scripts/build.mjs puts it in the place of kernels.ts.
import simd from '../../build/wasm/search-simd.wasm?module';
import { DepthwiseError } from '../error.js';
import type { Compiled, SearchBuild } from './kernels.js';

export function kernelsFor(wanted: SearchBuild = 'simd'): Compiled {
  if (wanted === 'simd' && simd) return { build: wanted, module: simd };
  throw new DepthwiseError('NO_BUILD', `This bundle has no build "${wanted}" of the search: hosts that compile WebAssembly when a program is deployed get simd only.`);
}
