// Knows how nets are loaded, asked once and disposed of, thousands of times: every family and build, with threads, in a worker,
// cancelled and refused ones between them. What memory does meanwhile it notes and does not judge.
import { pathToFileURL } from 'node:url';
import { DepthwiseError, load } from '../../src/index.js';
import type { Build } from '../../src/load.js';
import type { Net } from '../../src/net.js';
import type * as Remote from '../../src/worker.js';
import { testedBuilds } from '../builds.js';
import { bytesOf, inputOf } from '../seeded-inputs.js';
import { sample, signal } from './memory.js';
import type { Sample } from './memory.js';
import { loaders } from './networks.js';
import type { Network } from './networks.js';
import type { Progress } from './task.js';

/** Of so many loads, one each in another way. */
const ROUND = 50;
const WAYS: Record<number, Way> = { 7: 'threads', 17: 'worker', 27: 'cancelled', 37: 'damaged', 47: 'plain JavaScript' };

type Way = 'on the spot' | 'threads' | 'worker' | 'cancelled' | 'damaged' | 'plain JavaScript';
type Asked = Pick<Net, 'inputs' | 'dispose'> & { run(input: Uint8Array): ReturnType<Net['run']> | ReturnType<Remote.WorkerNet['run']> };

export interface Loaded { samples: Sample[]; ways: Record<string, number> }

const refused = (code: string) => (error: unknown): undefined => {
  if (!(error instanceof DepthwiseError) || error.code !== code) throw error;
  return undefined;
};

/** A net, or none where there was to be none. */
async function loaded({ bytes }: Network, build: Build, way: Way, remote: typeof Remote): Promise<Asked | undefined> {
  if (way === 'worker') return remote.load(bytes, { build, signal });
  if (way === 'cancelled') return load(bytes, { build, signal: AbortSignal.abort() }).catch(refused('ABORTED'));
  if (way === 'damaged') return load(bytes.slice(0, bytes.length >> 1), { build, signal }).catch(refused('BAD_FILE'));
  return load(bytes, { build, signal, ...(way === 'threads' && { threads: 2 }) });
}

export interface CycleOptions {
  /** Nothing but nets on the spot. */
  plain?: boolean;
  /** Is handed every net in place of its disposal (tests plant leaks there). */
  end?(net: Asked): void;
}

export async function cycles(count: number, { told, stopped, points }: Progress, { plain = false, end = (net) => net.dispose() }: CycleOptions = {}): Promise<Loaded> {
  const networks = await loaders(), builds = await testedBuilds(), answers = new Map<string, Uint8Array>(), ways: Record<string, number> = {};
  const remote: typeof Remote = await import(pathToFileURL('dist/worker.js').href);
  const cycle = async (i: number): Promise<void> => {
    const network = networks[i % networks.length], way = plain ? 'on the spot' : WAYS[i % ROUND] ?? 'on the spot';
    const build = way === 'threads' ? builds[0] : way === 'plain JavaScript' ? 'js' : builds[Math.floor(i / networks.length) % builds.length], net = await loaded(network, build, way, remote);
    ways[way] = (ways[way] ?? 0) + 1;
    if (!net) return;
    const answer = bytesOf(await net.run(inputOf(net, 5))), key = `${network.name} ${build}`, first = answers.get(key);
    if (!first) answers.set(key, answer);
    else if (Buffer.compare(first, answer)) throw new Error(`${key}, ${way}: another answer at load ${i}`);
    end(net);
  };
  for (let i = 0; i < ROUND; i++) await cycle(i); // in every way: what is made once is made
  for (const way in ways) ways[way] = 0;
  const samples = [await sample(0)], every = Math.max(1, Math.floor(count / points));
  for (let i = 0; i < count && !stopped(); i++) {
    await cycle(i);
    if ((i + 1) % every === 0) {
      samples.push(await sample(i + 1));
      told(i + 1);
    }
  }
  return { samples, ways };
}
