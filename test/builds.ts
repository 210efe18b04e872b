// Knows which builds a test file runs on this engine, and says loudly which it does not. A build that the engine
// compiles but that fails its known answer is a failure, never a build left out.
import relaxed from '../build/wasm/relaxed.wasm';
import scalar from '../build/wasm/scalar.wasm';
import simd from '../build/wasm/simd.wasm';
import { BUILDS } from '../src/engine.js';
import type { WasmBuild } from '../src/engine.js';
import { availableBuilds } from '../src/load.js';

const inlined: Record<WasmBuild, string> = { scalar, simd, relaxed };

export const wasmOf = (build: WasmBuild): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(inlined[build], 'base64'));

/** Builds that run here, narrowed by DEPTHWISE_BUILDS (a comma-separated list) where that is set. */
export async function testedBuilds(): Promise<WasmBuild[]> {
  const available = await availableBuilds();
  const wanted = process.env.DEPTHWISE_BUILDS?.split(',') ?? BUILDS;
  const missing = BUILDS.filter((build) => wanted.includes(build) && !available.includes(build));
  for (const build of missing) {
    if (WebAssembly.validate(Buffer.from(inlined[build], 'base64'))) throw new Error(`build ${build} compiles on this engine but computes its known answer wrongly`);
  }
  if (missing.length) console.log(`NOT RUN on this engine (${process.version}): build ${missing.join(', ')}`);
  return available.filter((build) => wanted.includes(build));
}
