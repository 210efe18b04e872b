// Knows which networks and pictures hosts are asked about, asks every host that is here, and counts how often two answers
// differ. It does not know how hosts are started (test/hosts/) nor how the counts are told.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { decode } from '../../src/cli/decode.js';
import { load } from '../../src/load.js';
import { softmax } from '../../src/tasks/classify.js';
import { prepareApp } from '../hosts/app.js';
import type { AgreementMaterial, AgreementReport, Answers, SentNetwork, SentPicture } from '../hosts/agreement.js';
import { HOSTS } from '../hosts/hosts.js';
import type { Host } from '../hosts/hosts.js';
import { sha256 } from '../hosts/suite.js';

const shared = path.resolve('../shared');
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** Classifiers: the starter weights, and those of ../shared/models. */
const FILES = [
  ...['everyday', 'everyday-v1', 'everyday-v2', 'everyday-v3-large'].map((name) => `weights/${name}.dw`),
  ...['mobilenet_v1_0.25_128_quant', 'mobilenet_v1_0.75_192_quant', 'mobilenet_v2_1.0_224_quant', 'tf2_mobilenet_v2_1.0_224_ptq', 'mobilenet_v3_small_1.0_224_uint8', 'person_detect'].map((name) => `${shared}/models/${name}.tflite`),
  ...['everyday-v1', 'everyday-v2', 'everyday-v3-small', 'everyday-v3-large'].map((name) => `weights/${name}.float16.dw`), `${shared}/models/mobilenet_v1_0.25_224_float.tflite`,
];
/** Hosts that answer side by side: each takes one core. */
const AT_ONCE = 2;
/** Plain JavaScript takes 30 times longer, and no SIMD 10 times. */
const PLAIN = /everyday(-v3-small\.float16)?\.dw$/, SCALAR = /0\.25|person/;
const FAST = ['relaxed', 'simd'], buildsFor = (file: string): string[] => (PLAIN.test(file) ? [...FAST, 'scalar', 'js'] : SCALAR.test(file) ? [...FAST, 'scalar'] : FAST);

async function pictures(): Promise<SentPicture[]> {
  const names = readdirSync(`${shared}/images`).filter((name) => /\.(jpg|png|bmp)$/.test(name)).sort();
  return Promise.all(names.map(async (name) => {
    const { width, height, data } = await decode(new Uint8Array(readFileSync(`${shared}/images/${name}`)), name);
    return { name, width, height, data: base64(Uint8Array.from(data).filter((_, i) => i % 4 !== 3)) };
  }));
}

interface Known extends AgreementMaterial {
  /** Probabilities as simd gives them here, by network and picture, where they are float32. */
  scores: Map<string, Float32Array[]>;
}

const inputOf = (picture: SentPicture): { width: number; height: number; data: Uint8Array } => ({ ...picture, data: new Uint8Array(Buffer.from(picture.data, 'base64')) });
const probabilities = (data: Float32Array): Float32Array => (Math.abs(data.reduce((sum, x) => sum + x, 0) - 1) < 1e-3 && data.every((x) => x >= 0) ? data : softmax(data));

/** What is sent, with this program's own answers on the simd build. */
async function known(): Promise<Known> {
  const sent = await pictures(), networks: SentNetwork[] = [], scores = new Map<string, Float32Array[]>();
  for (const file of FILES) {
    const bytes = new Uint8Array(readFileSync(file)), name = path.basename(file), net = await load(bytes, { build: 'simd' });
    const network: SentNetwork = { name, float: net.outputs[0].dtype === 'float32', builds: buildsFor(file), weights: base64(bytes), inputs: [], outputs: [] }, own: Float32Array[] = [];
    for (const picture of sent) {
      const input = net.shrinker.toInput(inputOf(picture), net.inputs[0], net.preprocessing), [{ data }] = net.run(input);
      network.inputs.push(sha256(input));
      network.outputs.push(sha256(data));
      if (network.float) own.push(probabilities((data as Float32Array).slice()));
    }
    networks.push(network);
    if (network.float) scores.set(name, own);
    net.dispose();
  }
  return { pictures: sent, networks, scores };
}

/** What one host said, or why it said nothing. */
export interface Asked {
  name: string;
  version: string;
  report?: AgreementReport;
  failed?: string;
  /** Commands that install it. */
  missing?: string[];
}

export interface HostRow {
  name: string;
  version: string;
  builds: string[];
  /** Answers about a picture, all networks and builds together. */
  answers: number;
  otherInputs: number;
  /** Whether its relaxed build gives other bits than its simd build, where it has both. */
  fuses?: boolean;
  failed?: string;
}

export interface NetworkRow {
  name: string;
  float: boolean;
  /** Builds that were asked. */
  builds: string[];
  /** Hosts times builds that answered, and how many pairs of them there are, each times the pictures. */
  runs: number;
  comparisons: number;
  /** Pairs of answers that name another first label, and that have other bytes. */
  otherTop: number;
  otherBytes: number;
  /** Greatest difference of one probability between two answers. */
  apart: number;
  /** Who gave the same bytes for all pictures: builds, one group each, with how many hosts where a build is in several. */
  groups: string[];
}

export interface Agreement {
  pictures: number;
  networks: NetworkRow[];
  hosts: HostRow[];
  missing: { name: string; commands: string[] }[];
  /** Every host's own words, so that hosts can be asked again one by one. */
  asked: Asked[];
}

async function ask(host: Host): Promise<Asked> {
  const { name } = host, missing = host.missing();
  if (missing.length) return { name, version: '', missing };
  try {
    const { version, report } = await host.run() as unknown as { version: string; report: AgreementReport }; // of another asker than the suite
    return { name, version, report };
  } catch (error) {
    return { name, version: '', failed: String((error as Error).message).slice(0, 2000) };
  }
}

/**
 * @param pattern which hosts, by name
 * @param before what hosts said that are not asked now
 * @param keep is told after each host
 */
export async function measureHosts(pattern: string, before: readonly Asked[], progress: (line: string) => void, keep: (measured: Agreement) => void): Promise<void> {
  if (!existsSync(shared)) return progress('NOT RUN: ../shared is absent, so no host was asked');
  const { scores, ...material } = await known(), asked = new Map(before.map((one) => [one.name, one]));
  await prepareApp({ entry: 'test/hosts/agreement.ts', material: async () => material });
  const counted = (): void => keep(agreementOf(HOSTS.flatMap(({ name }) => asked.get(name) ?? []), material, scores));
  const waiting = HOSTS.filter(({ name }) => new RegExp(pattern).test(name));
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let host = waiting.shift(); host; host = waiting.shift()) {
      const found = await ask(host);
      asked.set(host.name, found);
      progress(`${host.name} ${found.version}: ${found.failed ?? found.missing ?? found.report!.builds}`);
      counted();
    }
  }));
  counted(); // also where none was asked
}

function agreementOf(asked: Asked[], { pictures: all, networks }: AgreementMaterial, scores: Map<string, Float32Array[]>): Agreement {
  const answers = asked.flatMap(({ name, report }) => report?.answers.map((one) => ({ ...one, host: name })) ?? []);
  return {
    asked, pictures: all.length, missing: asked.flatMap(({ name, missing }) => (missing ? [{ name, commands: missing }] : [])), hosts: asked.filter(({ missing }) => !missing).map(hostRow),
    networks: networks.map((network) => networkRow(network, answers.filter((one) => one.network === network.name), scores.get(network.name))),
  };
}

function fusing(answers: Answers[]): { fuses?: boolean } {
  const of = (build: string): string => answers.filter((one) => one.build === build).map(({ outputs }) => outputs.join()).join();
  return of('relaxed') && of('simd') ? { fuses: of('relaxed') !== of('simd') } : {};
}

function hostRow({ name, version, report, failed }: Asked): HostRow {
  const sum = (take: (one: Answers) => number): number => report?.answers.reduce((total, one) => total + take(one), 0) ?? 0;
  return { name, version, builds: report?.builds ?? [], answers: sum(({ top }) => top.length), otherInputs: sum(({ otherInputs }) => otherInputs), ...(failed && { failed }), ...(report && fusing(report.answers)) };
}

function networkRow({ name, float, builds, outputs }: SentNetwork, runs: (Answers & { host: string })[], scores?: Float32Array[]): NetworkRow {
  const row: NetworkRow = { name, float, builds, runs: runs.length, comparisons: ((runs.length * (runs.length - 1)) / 2) * outputs.length, otherTop: 0, otherBytes: 0, apart: 0, groups: [] };
  for (let picture = 0; picture < outputs.length; picture++) {
    row.otherTop += unequalPairs(runs.map(({ top }) => top[picture]));
    row.otherBytes += unequalPairs(runs.map((run) => run.outputs[picture]));
    if (!scores) continue;
    const different = new Map<string, Float32Array>([[outputs[picture], scores[picture]]]);
    for (const run of runs) if (picture in run.others) different.set(run.outputs[picture], probabilities(new Float32Array(Uint8Array.from(Buffer.from(run.others[picture], 'base64')).buffer)));
    const found = [...different.values()];
    found.forEach((a, i) => found.slice(i + 1).forEach((b) => a.forEach((p, k) => (row.apart = Math.max(row.apart, Math.abs(p - b[k]))))));
  }
  row.groups = groupsOf(runs.map((run) => ({ key: run.outputs.join(), build: run.build, host: run.host })));
  return row;
}

/** Plain JavaScript answers for few networks, so a group is told by its builds alone where no build is in two. */
const count = (hosts: number): string => (hosts === 1 ? 'one host' : `${hosts} hosts`);
function groupsOf(runs: { key: string; build: string; host: string }[]): string[] {
  const keysOf = (build: string): Set<string> => new Set(runs.filter((run) => run.build === build).map(({ key }) => key));
  return [...new Set(runs.map(({ key }) => key))].map((key) => {
    const group = runs.filter((run) => run.key === key), builds = [...new Set(group.map(({ build }) => build))];
    return builds.map((build) => (keysOf(build).size === 1 ? build : `${build} of ${count(new Set(group.filter((run) => run.build === build).map(({ host }) => host)).size)}`)).join(', ');
  });
}

/** How many pairs of these values are not equal. */
export function unequalPairs(values: readonly (string | number)[]): number {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const pairs = (n: number): number => (n * (n - 1)) / 2;
  return pairs(values.length) - [...counts.values()].reduce((sum, n) => sum + pairs(n), 0);
}
