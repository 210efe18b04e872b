// Knows whole networks to run between guard bytes: random ones of every family, and the real files of ../shared, in every
// plan, with threads, and streamed as on a device. What is wrong it says in sentences.
import path from 'node:path';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { streamed, streamedBy } from '../src/compile/stream.js';
import type { Build, WasmBuild } from '../src/engine.js';
import { kernels } from '../src/kernels.js';
import { readWeights } from '../src/load.js';
import type { ConvertOptions } from '../src/load.js';
import { PURPOSES } from '../src/plan/plan.js';
import type { Plan, Purpose } from '../src/plan/plan.js';
import { wasmOf } from './builds.js';
import { file, realFiles } from './fuzz/seeds.js';
import { mapsOf, person, posenetGraph } from './people.js';
import { inputOf } from './seeded-inputs.js';
import { PATTERNS, runGuarded, runPlain, runStreamGuarded } from './step-guards.js';
import type { On } from './step-guards.js';

export interface Guarded { name: string; plan(purpose: Purpose): Promise<Plan> }

/** What names of files leave open. */
function optionsOf(name: string): ConvertOptions {
  const v4 = name.includes('mobilenetv4_conv_small');
  return name.endsWith('.safetensors') ? { size: v4 ? 128 : 96, ...(v4 && { arch: 'v4-conv-small' }), ...(name.includes('_tf_') && { style: 'tf' }) } : {};
}

export const realNetworks = (): Guarded[] => ['.tflite', '.onnx', '.safetensors'].flatMap(realFiles).map((name) => ({ name: path.basename(name), plan: (plan) => readWeights(file(name), { ...optionsOf(name), plan }) }));

export const randomNetworks = (): Guarded[] => [
  ...(['v1', 'v2', 'v3-small', 'v3-large'] as const).flatMap((family) => (['float32', 'int8'] as const).map((dtype): Guarded => ({ name: `random ${family} ${dtype}`, plan: async (plan) => compile(randomModel(family, dtype, 0.35, 48, 10), { plan }) }))),
  { name: 'posenet', plan: async (plan) => compile(posenetGraph(mapsOf([person(20, 10, 0.4)], 129, 129, 16), 129, 129), { plan }) },
];

/** A way of running a plan. */
export type Way = { build: Build; threads?: number } | 'streamed';

const codeOf = (build: Build): On['code'] => (build === 'js' ? kernels : wasmOf(build));
const nameOf = (way: Way): string => (way === 'streamed' ? way : `${way.build}${way.threads ? `, ${way.threads} threads` : ''}`);

export interface Judged { steps: number; faults: string[] }

/** Runs a plan with two patterns around what each step may read: nothing else may change, and no answer may know of the pattern. */
export async function judged({ name, plan: planFor }: Guarded, purpose: Purpose, way: Way): Promise<Judged> {
  const plan = await planFor(purpose), { info } = plan, inputs = info.inputs.map((i) => inputOf({ inputs: [info.tensors[i]] }, 3)), what = `${name}, ${purpose} plan, ${nameOf(way)}`;
  const differ = (a: Buffer[], b: Buffer[]): boolean => a.some((bytes, i) => bytes.compare(b[i]) !== 0);
  const faults: string[] = [];
  try {
    const plain = await runPlain(plan, inputs, way === 'streamed' ? { build: 'scalar', code: codeOf('scalar') } : { ...way, code: codeOf(way.build) });
    if (way === 'streamed') {
      for (const stream of [streamed(plan), streamedBy(plan, 1)]) for (const pattern of PATTERNS) if (differ(runStreamGuarded(stream, inputs, pattern), plain)) faults.push(`${what}: the answer depends on bytes that no step may read`);
    } else {
      const [one, other] = [await runGuarded(plan, inputs, PATTERNS[0], { ...way, code: codeOf(way.build) }), await runGuarded(plan, inputs, PATTERNS[1], { ...way, code: codeOf(way.build) })];
      const at = one.outputs.findIndex((output, i) => output?.compare(other.outputs[i]!));
      if (at >= 0) faults.push(`${what}: step ${at} (${info.steps[at].kind}, "${info.tensors[info.steps[at].output].name}") reads bytes that are not its own`);
      if (differ(one.answers, plain)) faults.push(`${what}: the answer between guard bytes is another`);
    }
  } catch (error) {
    faults.push(`${what}: ${(error as Error).message}`);
  }
  return { steps: info.steps.length, faults };
}

/** Every plan by every build, and what shares or streams it. */
export const allWays = (builds: WasmBuild[]): [Purpose, Way][] => [
  ...PURPOSES.flatMap((purpose) => builds.map((build): [Purpose, Way] => [purpose, { build }])),
  ['fast', { build: 'js' }], ['fast', { build: builds[0], threads: 3 }], ['small', { build: builds[0], threads: 3 }], ['small', 'streamed'],
];
