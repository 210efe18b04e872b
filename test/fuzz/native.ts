// Knows how the kernels are fuzzed natively: plans of small random graphs are written down, the bare build becomes C, and
// native.c breaks records under AddressSanitizer. It does not know what is wrong with any of them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { STEP_WORDS } from '../../assembly/abi.js';
import { compile } from '../../src/compile/plan.js';
import { DepthwiseError } from '../../src/error.js';
import { graphOf, networkSeeds, operatorSeeds } from './seeds.js';

export const NATIVE_TOOLS = 'apt-get install -y --no-install-recommends gcc libc6-dev wabt';
const FOLDER = path.resolve('build/fuzz/native'), MOST_RECORDS = 64;

export interface NativeRun { code: number; said: string }

const run = (tool: string, ...args: string[]): NativeRun => {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } });
  return { code: status ?? -1, said: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
};

/** Whether what it takes is here, in versions that are known. */
export const hasNativeTools = (): boolean => run('gcc', '--version').code === 0 && run('wasm2c', '--version').said.startsWith('1.0.32');

const align = (n: number): number => Math.ceil(n / 16) * 16;

/** Records, bytes of weights, arena and scratch memory, then the records and the weights; one after another. */
function plans(): Uint8Array {
  const parts = [...operatorSeeds(), ...networkSeeds()].flatMap((seed, i) => {
    try {
      const { steps, weights, arenaBytes, scratchBytes } = compile(graphOf(seed), { plan: i % 3 ? 'fast' : 'small' }), records = steps.length / STEP_WORDS, rest = new Uint8Array(align(weights.length));
      if (records > MOST_RECORDS) return [];
      rest.set(weights);
      return [new Uint8Array(Uint32Array.of(records, weights.length, arenaBytes, scratchBytes).buffer), new Uint8Array(steps.slice().buffer), rest];
    } catch (error) {
      if (error instanceof DepthwiseError) return [];
      throw error;
    }
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** Builds and runs it. Its last line says how many executions there were. */
export function fuzzNatively(seconds: number, seed: number): NativeRun {
  mkdirSync(FOLDER, { recursive: true });
  const at = (name: string): string => path.join(FOLDER, name);
  writeFileSync(at('plans.bin'), plans());
  const flags = ['-O1', '-g', '-fsanitize=address', '-ffp-contract=off', '-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1', '-DWASM_RT_SKIP_SIGNAL_RECOVERY=1', '-DWASM_RT_USE_STACK_DEPTH_COUNT=0', `-I${FOLDER}`, '-w'];
  for (const [tool, ...args] of [['wasm2c', 'build/wasm/bare.wasm', '-o', at('scalar.c'), '-n', 'scalar'], ['gcc', ...flags, 'test/fuzz/native.c', at('scalar.c'), '-lm', '-o', at('native')]]) {
    const built = run(tool, ...args);
    if (built.code) return built;
  }
  return run(at('native'), at('plans.bin'), String(seconds), String(seed));
}
