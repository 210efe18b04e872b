// Knows how nets of every build run by turns, hundreds of thousands of times, and that each answer is the first one's bytes.
// What memory does meanwhile it notes and does not judge.
import { createHash } from 'node:crypto';
import { load } from '../../src/load.js';
import type { Build } from '../../src/load.js';
import type { Net } from '../../src/net.js';
import { testedBuilds } from '../builds.js';
import { bytesOf, inputOf } from '../seeded-inputs.js';
import { sample } from './memory.js';
import type { Sample } from './memory.js';
import { runners } from './networks.js';
import type { Progress } from './task.js';

/** Runs of one net in a row; turns between those of builds that take ten and forty times as long. */
const TURN = 100, EVERY: Partial<Record<Build, number>> = { scalar: 10, js: 100 };
const SEEDS = [3, 5, 7, 11];

interface Player { name: string; net: Net; inputs: Uint8Array[]; answers: Uint8Array[]; seen: string }

const picture = { width: 40, height: 30, data: Uint8ClampedArray.from({ length: 4800 }, (_, i) => i * 31) };

/** What a net says of a picture, by every way that takes one. */
function look(net: Net): string {
  const { name } = net.steps[3];
  const [first] = net.classify(picture), vector = net.embed(picture), [feature] = net.features(picture, [name]);
  return [first.index, first.score, vector, feature.data, net.layer(name).data].join(' ');
}

async function player({ name, bytes }: { name: string; bytes: Uint8Array }, build: Build): Promise<Player> {
  const net = await load(bytes, { build }), inputs = SEEDS.map((seed) => inputOf(net, seed));
  return { name: `${name} ${build}`, net, inputs, answers: inputs.map((input) => bytesOf(net.run(input))), seen: look(net) };
}

/** Every net's first answers, and their hash, which any other process must come to as well. */
async function players(): Promise<{ all: Player[]; hash: string }> {
  const networks = await runners(), hash = createHash('sha256');
  const all = await Promise.all([...await testedBuilds(), 'js' as const].flatMap((build) => networks.map((network) => player(network, build))));
  for (const { name, answers } of all) {
    if (new Set(answers.map(String)).size < SEEDS.length) throw new Error(`${name} gives the same answer to different inputs`);
    for (const answer of answers) hash.update(answer);
  }
  return { all, hash: hash.digest('hex') };
}

/** Whose turn it is: the slow ones come seldom, the others one after another. */
function* turnsOf(all: Player[]): Generator<Player, never> {
  const groups = [...new Set(all.map(({ net }) => EVERY[net.build] ?? 1))].sort((a, b) => b - a).map((every) => ({ every, own: all.filter(({ net }) => (EVERY[net.build] ?? 1) === every), next: 0 }));
  for (let turn = 1; ; turn++) {
    const group = groups.find(({ every }) => turn % every === 0) ?? groups[0];
    yield group.own[group.next++ % group.own.length];
  }
}

export const firstAnswers = async (): Promise<string> => (await players()).hash;

/** One run. The answer is where the first one's was, so nothing but what the library makes is made. */
function play({ name, net, inputs, answers }: Player, i: number): void {
  const [{ data }] = net.run(inputs[i % SEEDS.length]);
  if (Buffer.compare(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), answers[i % SEEDS.length])) throw new Error(`${name} gives another answer`);
}

export interface Ran { samples: Sample[]; hash: string; runs: Record<string, number> }

/** @param each is called at every run (tests plant leaks there) */
export async function inferences(count: number, { told, stopped, points }: Progress, each?: () => void): Promise<Ran> {
  const { all, hash } = await players(), runs = Object.fromEntries(all.map(({ name }) => [name, 0])), samples = [await sample(0)];
  const turns = Math.ceil(count / TURN), every = Math.max(1, Math.floor(turns / points)), order = turnsOf(all);
  for (let turn = 1; turn <= turns && !stopped(); turn++) {
    const one = order.next().value;
    for (let i = 0; i < TURN; i++) {
      play(one, i);
      each?.();
    }
    if (look(one.net) !== one.seen) throw new Error(`${one.name} sees another picture in turn ${turn}`);
    runs[one.name] += TURN;
    if (turn % every === 0) {
      samples.push(await sample(turn * TURN));
      told(turn * TURN);
    }
  }
  return { samples, hash, runs };
}
