// Knows the parts of a soak, how each is started and what it must come to. It does not know how much is asked of it.
import { testedBuilds } from '../builds.js';
import { allWays, judged, randomNetworks, realNetworks } from '../guarded-networks.js';
import { faultsOf, summary } from './flat.js';
import { run } from './start.js';
import type { How } from './start.js';
import type { Leak } from './task.js';

export interface Verdict {
  /** What was done and what memory did, for people. */
  said: string;
  /** What is wrong, in sentences. */
  faults: string[];
}

/** Of all that memory is looked at. */
const POINTS = 100;
const few = (count: number, least: number): number => Math.max(10, Math.min(POINTS, Math.floor(count / least)));

/** Room for the program and two or three memories: an engine on 64 bits reserves 8 to 10 GiB for each. */
const NARROW = 32e9;
/** Limits of address space are asked of the shell, which on other systems does not heed them. */
export const canNarrow = process.platform === 'linux';

/** Engines that never warm up, and one that is warm from the start. */
const ENGINES: [name: string, flags: string[]][] = [
  ['as it comes', []], ['baseline compiler only', ['--liftoff-only']], ['optimising compiler only', ['--no-liftoff']], ['JavaScript interpreted', ['--no-opt', '--no-sparkplug']],
];

const listed = (counts: Record<string, number>): string => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ');

export async function soakInferences(file: string, count: number, how: How = {}, leak?: Leak): Promise<Verdict & { hash: string }> {
  const { samples, runs, hash } = await run(file, { kind: 'inferences', count, points: few(count, 1000), leak }, how);
  return { said: `${samples.at(-1)!.done} inferences, every answer the first one's bytes (${listed(runs)})\n${summary(samples)}`, faults: faultsOf(samples), hash };
}

export async function soakCycles(file: string, count: number, how: How = {}, leak?: Leak): Promise<Verdict> {
  const { samples, ways } = await run(file, { kind: 'cycles', count, points: few(count, 10), leak }, how);
  return { said: `${samples.at(-1)!.done} nets loaded, asked and disposed of (${listed(ways)})\n${summary(samples)}`, faults: faultsOf(samples) };
}

/** The engine is left to collect garbage when it wants to, in address space for two or three memories. */
export async function soakAddressSpace(file: string, count: number, how: How = {}, leak?: Leak): Promise<Verdict> {
  const { samples } = await run(file, { kind: 'cycles', count, points: few(count, 10), plain: true, leak }, { ...how, flags: [], ...(canNarrow && { addressSpace: NARROW }) });
  const most = Math.max(...samples.map(({ memories }) => memories)), peak = Math.max(...samples.map(({ rss }) => rss));
  return { said: `${samples.at(-1)!.done} nets loaded and disposed of with no call of gc()${canNarrow ? ' in 32 GB of address space' : ''}: at most ${most} memories at a time, RSS at most ${(peak / 2 ** 20).toFixed(0)} MiB`, faults: [] };
}

/** First answers of fresh processes, whose engines compile in different ways, against those of one that has run for long. */
export async function coldAnswers(file: string, warm: string): Promise<Verdict> {
  const hashes: string[] = [];
  for (const [, flags] of ENGINES) hashes.push(await run(file, { kind: 'answers' }, { flags }));
  const faults = ENGINES.filter((_, i) => hashes[i] !== warm).map(([name]) => `${name}: the first answers of a fresh process are not those of the one that ran for long`);
  return { said: `the first answers of ${ENGINES.length} fresh processes (${ENGINES.map(([name]) => name).join(', ')}) are the bytes of the one that ran for long, ${warm.slice(0, 16)}`, faults };
}

/** Every random network and every real file that is there, by every build, with guard bytes around every step. */
export async function guardEverything({ told, signal }: Pick<How, 'told' | 'signal'> & { told?(done: number, total: number): void }): Promise<Verdict> {
  const networks = [...randomNetworks(), ...realNetworks()], ways = allWays(await testedBuilds()), faults: string[] = [];
  let runs = 0, steps = 0;
  for (const network of networks) for (const [purpose, way] of ways) {
    if (signal?.aborted) continue;
    const judgement = await judged(network, purpose, way);
    faults.push(...judgement.faults);
    steps += judgement.steps;
    told?.(++runs, networks.length * ways.length);
    await new Promise((resolve) => setImmediate(resolve)); // or nobody could cancel
  }
  return { said: `${steps} steps of ${networks.length} networks in ${runs} plans and builds, none of which wrote or read more than its own`, faults };
}
