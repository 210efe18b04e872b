// Knows how the kernels are fuzzed natively: plans of small random graphs are written down, the bare build becomes C, and
// native.c breaks records under AddressSanitizer: guided by what they reach where clang and its libFuzzer are there, else
// blindly. It does not know what is wrong with any of them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { STEP_WORDS } from '../../assembly/abi.js';
import { compile } from '../../src/compile/plan.js';
import { DepthwiseError } from '../../src/error.js';
import { graphOf, networkSeeds, operatorSeeds } from './seeds.js';

export const NATIVE_TOOLS = 'apt-get install -y --no-install-recommends gcc libc6-dev wabt';
const FOLDER = path.resolve('build/fuzz/native'), MOST_RECORDS = 64;

/** clang's libFuzzer; Debian's names. */
export const GUIDED_TOOLS = 'apt-get install -y --no-install-recommends clang-14 libclang-rt-14-dev';
const CLANGS = ['clang', 'clang-19', 'clang-16', 'clang-14'];

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

const at = (name: string): string => path.join(FOLDER, name);
const FLAGS = ['-O1', '-g', '-ffp-contract=off', '-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1', '-DWASM_RT_SKIP_SIGNAL_RECOVERY=1', '-DWASM_RT_USE_STACK_DEPTH_COUNT=0', `-I${FOLDER}`, '-w', 'test/fuzz/native.c', at('scalar.c'), '-lm'];

/** A clang that links libFuzzer, or none. */
export function guidedCompiler(): string | undefined {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(at('empty.c'), 'int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size) { return data && size ? 0 : -1; }');
  return CLANGS.find((clang) => run(clang, '-fsanitize=fuzzer,address', at('empty.c'), '-o', at('empty')).code === 0);
}

/** Builds and runs it. Its last line says how many executions there were. */
export function fuzzNatively(seconds: number, seed: number, clang = guidedCompiler()): NativeRun {
  mkdirSync(at('corpus'), { recursive: true });
  writeFileSync(at('plans.bin'), plans());
  const compile = clang ? [clang, '-fsanitize=fuzzer,address', '-DGUIDED', ...FLAGS, '-o', at('guided')] : ['gcc', '-fsanitize=address', ...FLAGS, '-o', at('native')];
  for (const [tool, ...args] of [['wasm2c', 'build/wasm/bare.wasm', '-o', at('scalar.c'), '-n', 'scalar'], compile]) {
    const built = run(tool, ...args);
    if (built.code) return built;
  }
  if (!clang) return run(at('native'), at('plans.bin'), String(seconds), String(seed));
  process.env.NATIVE_PLANS = at('plans.bin');
  const { code, said } = run(at('guided'), at('corpus'), `-max_total_time=${Math.ceil(seconds)}`, `-seed=${seed % 2 ** 31}`, '-timeout=20', '-max_len=32', '-use_value_profile=1', '-verbosity=0', `-artifact_prefix=${FOLDER}/`);
  return { code, said: said.split('\n').filter((line) => !/^[#"]/.test(line)).join('\n') }; // without the dictionary that it found
}
