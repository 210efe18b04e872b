// Knows what there is to fuzz, and how a case is made: from a seed or from a case that reached something new.
import type { Random } from '../random-graph.js';
import type { Case, Target, Verdict } from './case.js';
import { answers } from './answers.js';
import { calls } from './calls.js';
import { files } from './files.js';
import * as formats from './formats.js';
import type { Format } from './formats.js';
import { pictures } from './pictures.js';
import { planted } from './planted.js';
import { tryWeights } from './weights.js';

const FORMATS: Record<string, Format> = { tflite: formats.tflite, dw: formats.dw, safetensors: formats.safetensors, onnx: formats.onnx };

export const TARGETS: Record<string, Target> = { ...Object.fromEntries(Object.entries(FORMATS).map(([name, format]) => [name, weightsTarget(format, name)])), calls, pictures, files, answers, planted };

function weightsTarget(format: Format, name: string): Target {
  return {
    seeds: () => format.seeds(),
    mutate: (random, { seed }) => format.mutate(random, seed),
    async run(fuzzed): Promise<Verdict> {
      const bytes = await format.bytes(fuzzed.seed, fuzzed.edits);
      return tryWeights(bytes, fuzzed, name === 'safetensors' && fuzzed.seed.startsWith('file:') ? { size: 32 } : {});
    },
  };
}

const SEEDS = new Map<string, [number, string[]][]>();

function seedOf(random: Random, target: string): string {
  const groups = SEEDS.get(target) ?? TARGETS[target].seeds().filter(([, names]) => names.length);
  SEEDS.set(target, groups);
  let at = random.next() * groups.reduce((sum, [weight]) => sum + weight, 0);
  return random.of((groups.find(([weight]) => (at -= weight) < 0) ?? groups[0])[1]);
}

const MOST_EDITS = 12;
/** Making a seed takes longer than a case of it. */
const CASES_OF_SEED = 8, LATEST = new Map<string, { seed: string; left: number }>();

function seedFor(random: Random, target: string): string {
  const latest = LATEST.get(target);
  if (latest && latest.left-- > 0) return latest.seed;
  const seed = seedOf(random, target);
  LATEST.set(target, { seed, left: CASES_OF_SEED - 1 });
  return seed;
}

/** A case that reached something new, and what it took. */
export interface Kept { fuzzed: Case; ms: number }

/** The quickest of three. */
function keptOf(random: Random, kept: Kept[]): Case {
  const among = random.below(2) ? kept : kept.slice(-50);
  return [0, 1, 2].map(() => random.of(among)).reduce((least, other) => (other.ms < least.ms ? other : least)).fuzzed;
}

/** How many weights are run: most faults lie in what reads them. */
const ONE_IN = 4;

export function makeCase(target: string, random: Random, kept: Kept[]): Case {
  const from = kept.length && random.below(2) ? keptOf(random, kept) : undefined;
  const fuzzed: Case = from ? { ...from, edits: from.edits.slice(-MOST_EDITS) } : {
    target, seed: seedFor(random, target), edits: [], build: random.of(['simd', 'scalar'] as const), ask: random.below(8), ...(random.below(4) === 0 && { plan: random.of(['fast', 'small', 'layers'] as const) }),
    ...(random.below(6) === 0 && { also: random.of(['guard', 'again'] as const) }),
  };
  if (target === 'dw') delete fuzzed.plan; // a file that is planned
  delete fuzzed.only;
  if (FORMATS[target] && random.below(ONE_IN)) fuzzed.only = 'read';
  for (let n = random.of([1, 1, 1, 2, 3, 5]); n > 0; n--) fuzzed.edits = [...fuzzed.edits, TARGETS[target].mutate(random, fuzzed)];
  return fuzzed;
}
