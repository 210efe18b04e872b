// Measures how soon a run ends that somebody no longer wants, and what it costs that one can: net.runAsync against net.run, on
// every build. Who stops it is another thread, at a random moment of the run; two times are told: since that thread decided,
// and since abort() was called here. Usage: node build/bench/abort.mjs [tries] [families, comma-separated]
import os from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import { savePlan } from '../src/convert.js';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError } from '../src/error.js';
import { availableBuilds, load } from '../src/load.js';
import type { Net } from '../src/net.js';
import { randomModel } from './random-model.js';
import type { Family } from './random-model.js';
import { inputFor, timed } from './timing.js';

const tries = Number(process.argv[2] ?? 200);
const families = (process.argv[3] ?? 'v1,v3-large').split(',') as Family[];

/** Sleeps as long as it is told, then says so, and writes down when: hrtime is one clock for all threads. */
const STOPPER = `const { workerData: { port, decided } } = require('node:worker_threads');
port.on('message', (ms) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  Atomics.store(decided, 0, process.hrtime.bigint());
  port.postMessage(0);
});`;
const decided = new BigInt64Array(new SharedArrayBuffer(8)), { port1, port2 } = new MessageChannel();
const stopper = new Worker(STOPPER, { eval: true, workerData: { port: port2, decided }, transferList: [port2] });
const since = (moment: bigint): number => Number(process.hrtime.bigint() - moment) / 1e6;

interface Latency { decided: number; called: number }

/** One run that is stopped after `ms`, over and over again until the signal comes: none ends by itself. */
async function stopped(net: Net, input: Uint8Array, ms: number): Promise<Latency> {
  const stop = new AbortController();
  await new Promise((resolve) => setTimeout(resolve, 5)); // whatever else runs on this machine has its moment here, not below
  let called = 0n;
  port1.once('message', () => {
    called = process.hrtime.bigint();
    stop.abort();
  });
  port1.postMessage(ms);
  try {
    for (;;) await net.runAsync(input, { signal: stop.signal });
  } catch (error) {
    if (!(error instanceof DepthwiseError) || error.code !== 'ABORTED') throw error;
    return { decided: since(Atomics.load(decided, 0)), called: since(called) };
  }
}

const three = (samples: readonly number[], digits = 2): string => {
  const sorted = [...samples].sort((a, b) => a - b);
  return [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)!].map((ms) => ms.toFixed(digits)).join(' / ');
};
const least = (samples: readonly number[]): number => Math.min(...samples);
const median = (samples: readonly number[]): number => [...samples].sort((a, b) => a - b)[samples.length >> 1];

async function cost(net: Net, input: Uint8Array, rounds = 40): Promise<{ run: number[]; inTurns: number[] }> {
  const run: number[] = [], inTurns: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const one = await timed(() => { net.run(input); }, 1), other = await timed(async () => { await net.runAsync(input); }, 1);
    if (i > 0) run.push(...one), inTurns.push(...other);
  }
  return { run, inTurns };
}

console.log(`${os.cpus()[0].model}, Node ${process.version}, one thread, ${tries} tries, 224x224, ms\n`);
console.log('| network | run, min | longest step | decided elsewhere to rejected: min / median / worst | abort() to rejected | runAsync / run, minima | medians |\n|---|---|---|---|---|---|---|');
for (const family of families) {
  for (const dtype of ['float32', 'int8'] as const) {
    const file = await savePlan(compile(randomModel(family, dtype)));
    for (const build of (await availableBuilds()).filter((name) => name !== 'scalar')) {
      const net = await load(file, { build }), input = inputFor(net), { run, inTurns } = await cost(net, input), latencies: Latency[] = [];
      const step = least(Array.from({ length: 10 }, () => Math.max(...net.profile(input).map(({ ms }) => ms))));
      for (let i = 0; i < tries; i++) latencies.push(await stopped(net, input, least(run) * ((i * 0.618034) % 1)));
      console.log(`| ${family} ${dtype} ${build} | ${least(run).toFixed(2)} | ${step.toFixed(2)} | ${three(latencies.map((one) => one.decided))} | ${three(latencies.map((one) => one.called), 3)} | ${(least(inTurns) / least(run)).toFixed(3)} | ${(median(inTurns) / median(run)).toFixed(3)} |`);
      net.dispose();
    }
  }
}
port1.close();
await stopper.terminate();
