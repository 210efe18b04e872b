// Knows what must hold on every host, and asks it of the package as that host resolved it. It uses nothing of Node or of
// browsers, no test framework, and of the library's source only base64 and SHA-256, which test/bare.test.ts checks.
import type * as Package from '../../src/index.js';
import { fromBase64, toBase64 } from '../../src/base64.js';
import { plainSha256 } from '../../src/sha256.js';
import { badInput } from './bad-input.js';
import { inputBytes, picture } from './picture.js';

export type Depthwise = Pick<typeof Package, 'load' | 'memoryFor' | 'convert' | 'availableBuilds'>;
export type Net = Awaited<ReturnType<Depthwise['load']>>;
export type Build = Net['build'];

interface Model {
  name: string;
  /** A .dw file that keeps every layer, and the bytes of its input, as base64. */
  dw: string;
  input: string;
}

export interface Material {
  int8: Model[];
  float32: Model;
}

export interface FloatVector {
  name: string;
  logits: number[];
}

export interface Vector {
  what: string;
  made: string;
  /** SHA-256 by network and tensor. */
  int8: Record<string, Record<string, string>>;
  float32: FloatVector;
  everyday: { output: string; layers: Record<string, string>; embedding: string; labels: { index: number; label: string; score: number }[] };
}

export interface Check {
  name: string;
  ok: boolean;
  /** What was found, or went wrong. */
  detail: string;
}

export interface Report {
  checks: Check[];
  /** Builds that computed here, best first. */
  builds: string[];
  /** SHA-256 of all int8 bytes that a build gave, by build. */
  int8: Record<string, string>;
  /** The same of float32 bits. */
  float32: Record<string, string>;
  /** The first labels of a few pictures by an int8 and a float32 network, by build. */
  first: Record<string, string>;
  threads: string;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
export const sha256 = (data: ArrayBufferView): string => hex(plainSha256(bytesOf(data)));
const ofText = (text: string): string => sha256(Uint8Array.from(text, (c) => c.charCodeAt(0)));

function must(condition: boolean, sentence: string): void {
  if (!condition) throw new Error(sentence);
}

/** What a host is given to run: this program and what it computes with. */
export const run = (depthwise: Depthwise, weights: Uint8Array, given: { material: Material; vector: Vector }): Promise<Report> => suite(depthwise, weights, given.material, given.vector);

/** Builds that compute here, best first; plain JavaScript, where the host can fetch it, is tested like any build. */
export const buildsOf = async (depthwise: Depthwise, weights: Uint8Array): Promise<string[]> => [...await depthwise.availableBuilds(), ...await plainJavaScript(depthwise, weights)];

/** Everything the package promises, as checks that each say what they found; a check that throws is a check that failed. */
export async function suite(depthwise: Depthwise, weights: Uint8Array, material: Material, vector: Vector): Promise<Report> {
  const report: Report = { checks: [], builds: [], int8: {}, float32: {}, first: {}, threads: '' };
  const check = async (name: string, work: () => string | Promise<string>): Promise<void> => {
    try {
      report.checks.push({ name, ok: true, detail: await work() });
    } catch (error) {
      report.checks.push({ name, ok: false, detail: String((error as Error)?.message ?? error) });
    }
  };
  await check('builds', async () => (report.builds = await buildsOf(depthwise, weights)).join(', '));
  for (const build of report.builds as Build[]) {
    const digests: string[] = [], { load } = depthwise;
    for (const model of material.int8) {
      await check(`${build}: every layer of int8 ${model.name}`, async () => {
        const net = await load(fromBase64(model.dw), { build });
        net.run(fromBase64(model.input));
        return sameLayers(net, vector.int8[model.name], digests);
      });
    }
    await check(`${build}: every layer of the starter weights`, async () => {
      const net = await load(weights, { build }), input = inputBytes(net.inputs[0].shape);
      const output = sha256(net.run(input)[0].data);
      must(output === vector.everyday.output, `the output is ${output}, not ${vector.everyday.output}`);
      digests.push(output);
      return sameLayers(net, vector.everyday.layers, digests);
    });
    await check(`${build}: classify`, async () => labels(await load(weights, { build }), vector));
    await check(`${build}: embed`, async () => {
      const found = sha256((await load(weights, { build })).embed(picture()));
      must(found === vector.everyday.embedding, `the embedding is ${found}, not ${vector.everyday.embedding}`);
      digests.push(found);
      return found.slice(0, 12);
    });
    report.int8[build] = ofText(digests.join(' '));
    await check(`${build}: float32 logits`, async () => {
      const net = await load(fromBase64(material.float32.dw), { build });
      net.run(fromBase64(material.float32.input));
      const { data } = net.layer(vector.float32.name);
      report.float32[build] = sha256(data);
      return closeLogits(data, vector.float32.logits);
    });
    await check(`${build}: first labels`, async () => (report.first[build] = [firstLabels(await load(weights, { build })), firstLabels(await load(fromBase64(material.float32.dw), { build }))].join('; ')));
  }
  await check('builds agree on every int8 byte', () => {
    must(new Set(Object.values(report.int8)).size === 1, JSON.stringify(report.int8));
    return Object.keys(report.int8).join(' = ');
  });
  await check('all builds but relaxed agree on every float32 bit', () => {
    const bits = Object.entries(report.float32).filter(([build]) => build !== 'relaxed');
    must(new Set(bits.map(([, hash]) => hash)).size === 1, JSON.stringify(report.float32));
    return bits.map(([build]) => build).join(' = ');
  });
  await wholeNets(depthwise, weights, check, report, vector);
  for (const { name, code, work } of badInput(depthwise, weights)) await check(`bad input: ${name}`, () => fails(work, code));
  await check('disposal', () => disposal(depthwise, weights));
  return report;
}

const plainJavaScript = ({ load }: Depthwise, weights: Uint8Array): Promise<Build[]> =>
  load(weights, { build: 'js' }).then(({ build }) => [build], (error: { code?: string }) => {
    if (error.code !== 'NO_BUILD') throw error;
    return [];
  });

/** Compares each step's tensor, in order. */
function sameLayers(net: Net, wanted: Record<string, string>, digests: string[]): string {
  for (const { name, op } of net.steps) {
    const found = sha256(net.layer(name).data);
    must(found === wanted[name], `${name} (${op}) is ${found}, not ${wanted[name]}`);
    digests.push(found);
  }
  must(net.steps.length > 20, `only ${net.steps.length} layers`);
  return `${net.steps.length} layers`;
}

/** Scores pass through the host's own Math.exp. */
function labels(net: Net, { everyday }: Vector): string {
  const found = net.classify(picture());
  const same = everyday.labels.every(({ index, label, score }, i) => found[i].index === index && found[i].label === label && Math.abs(found[i].score - score) < 1e-6);
  must(same && found.length === everyday.labels.length, `${JSON.stringify(found)}, not ${JSON.stringify(everyday.labels)}`);
  return found[0].label;
}

/** Of made-up pictures; which label it is does not matter, only that all hosts and builds say the same. */
function firstLabels(net: Net): string {
  return Array.from({ length: 8 }, (_, turn) => net.classify(picture(turn), { topK: 1 })[0].index).join(' ');
}

function closeLogits(found: ArrayLike<number>, wanted: number[]): string {
  const range = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i])), 0) / range;
  must(found.length === wanted.length && worst <= 1e-5, `off by ${worst} of the largest logit`);
  return worst.toExponential(1);
}

type Checking = (name: string, work: () => string | Promise<string>) => Promise<void>;

async function wholeNets({ load, memoryFor, convert }: Depthwise, weights: Uint8Array, check: Checking, report: Report, { everyday }: Vector): Promise<void> {
  await check('memory is known before loading', async () => {
    const [before, net] = [await memoryFor(weights), await load(weights)];
    must(JSON.stringify(before) === JSON.stringify(net.memory), `${JSON.stringify(before)}, then ${JSON.stringify(net.memory)}`);
    return `${net.memory.totalBytes} bytes`;
  });
  await check('a .dw file converts to itself', async () => {
    const same = await convert(weights);
    must(sha256(same) === sha256(weights), 'it changed');
    return `${same.length} bytes`;
  });
  await check('integrity that holds', async () => {
    await load(weights, { integrity: `sha256-${toBase64(plainSha256(weights))}` });
    return 'loaded';
  });
  await check('two threads, or one and the reason', async () => {
    const net = await load(weights, { threads: 2 });
    try {
      must(sha256(net.run(inputBytes(net.inputs[0].shape))[0].data) === everyday.output, 'other bytes');
      must(net.threads.count === 2 || Boolean(net.threads.reason), 'one thread and no reason');
      return (report.threads = net.threads.count === 2 ? '2' : `1: ${net.threads.reason}`);
    } finally {
      net.dispose();
    }
  });
  await check('a run with turns for the host, and one that is cancelled', async () => {
    const net = await load(weights), input = inputBytes(net.inputs[0].shape), signal = { aborted: false };
    const [answers, others] = await Promise.all([net.runAsync(input), net.runAsync(input, { signal: signal as AbortSignal })]);
    must([answers, others].every(([{ data }]) => sha256(data) === everyday.output), 'other bytes');
    signal.aborted = true;
    return fails(() => net.runAsync(input, { signal: signal as AbortSignal }), 'ABORTED');
  });
  await check('profile times every step', async () => {
    const net = await load(weights), times = net.profile(inputBytes(net.inputs[0].shape));
    must(times.length === net.steps.length && times.every(({ ms }) => ms >= 0), JSON.stringify(times[0]));
    return `${times.length} steps`;
  });
}

/** The failure must be the library's own, with its code and a sentence. */
export async function fails(work: () => unknown, code: string): Promise<string> {
  let found: { name?: string; code?: string; message?: string };
  try {
    await work();
    throw new Error('nothing was thrown');
  } catch (error) {
    found = error as typeof found;
  }
  must(found.name === 'DepthwiseError' && found.code === code && /^.{20,}[.)]$/s.test(found.message ?? ''), `${found.name} ${found.code}: ${found.message}; ${code} was due`);
  return code;
}

async function disposal({ load }: Depthwise, weights: Uint8Array): Promise<string> {
  const net = await load(weights), input = inputBytes(net.inputs[0].shape);
  net.run(input);
  net.dispose();
  net.dispose();
  for (const work of [() => net.run(input), () => net.layer(net.steps[0].name), () => net.profile(), () => net.classify(picture()), () => net.embed(picture())]) await fails(work, 'DISPOSED');
  return 'DISPOSED';
}
