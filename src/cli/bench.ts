// Knows the command that times a network on this machine: whole runs and single steps; it explains no number.
import type { Net } from '../net.js';
import { loadOptions, only, parse, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { bar, millions, ms, paint, print, printJson, shape, shorten, table } from './report.js';
import { loadWeights } from './weights.js';

const WARM_UP = 5;
const PROFILES = 5;

/** The same bytes on every machine: a small linear congruential generator, floats in [-1, 1), integers over all bytes. */
function noise({ dtype, shape: dimensions }: Net['inputs'][number]): Float32Array | Uint8Array {
  const count = dimensions.reduce((product, extent) => product * extent, 1);
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (dtype === 'float32') return Float32Array.from({ length: count }, () => next() * 2 - 1);
  const wide = { int32: 4, int16: 2, int64: 8 }[dtype as string] ?? 1;
  return Uint8Array.from({ length: count * wide }, () => next() * 256);
}

/** `share` 0.5 is the median, 0.9 the time nine runs in ten stay under. */
const quantile = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

function timeRuns(net: Net, inputs: ArrayBufferView[], runs: number) {
  for (let i = 0; i < WARM_UP; i++) net.run(...inputs);
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    net.run(...inputs);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { min: times[0], median: quantile(times, 0.5), p90: quantile(times, 0.9) };
}

/** Each step's best of a few profiles: one interruption must not blame an innocent step. */
function timeSteps(net: Net, inputs: ArrayBufferView[]) {
  const profiles = Array.from({ length: PROFILES }, () => net.profile(...inputs));
  return profiles[0].map((step, i) => ({ ...step, ms: Math.min(...profiles.map((profile) => profile[i].ms)) }));
}

const gigaMacs = (macs: number, time: number) => (time > 0 ? macs / time / 1e6 : 0);

export const bench: Command = {
  name: 'bench',
  summary: 'time a network and each of its steps on this machine',
  help: `depthwise bench WEIGHTS [options]

  --runs N         timed runs after ${WARM_UP} to warm up (default 50)
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}

WEIGHTS is a file, an address or zoo:NAME, which \`depthwise list\` names.`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, runs: { type: 'string' }, json: { type: 'boolean' } });
    const source = only(parsed, 'weights file');
    const runs = parsed.count('runs', 50);
    const net = await loadWeights(source, loadOptions(parsed));
    const inputs = net.inputs.map(noise);
    const times = timeRuns(net, inputs, runs);
    const steps = timeSteps(net, inputs).map((step) => ({ ...step, gmacsPerSecond: gigaMacs(step.macs, step.ms) }));
    const macs = net.steps.reduce((sum, step) => sum + step.macs, 0);
    if (parsed.flag('json')) return printJson({ source, build: net.build, plan: net.info.purpose, threads: net.threads, node: process.version, runs, ms: times, macs, memory: net.memory, steps });
    const threads = net.threads.count > 1 ? `${net.threads.count} threads, ` : net.threads.reason ? `one thread (${net.threads.reason}), ` : '';
    print(`${paint('bold', source)}  ${net.build} build, ${threads}Node ${process.versions.node}, ${runs} runs, ${millions(macs)} million MACs`);
    print(`min ${ms(times.min)}  median ${paint('green', ms(times.median))}  p90 ${ms(times.p90)}  ${gigaMacs(macs, times.median).toFixed(2)} GMAC/s\n`);
    const whole = steps.reduce((sum, step) => sum + step.ms, 0);
    print(table(
      ['step', 'kernel', 'output', 'shape', 'ms', 'GMAC/s', ''],
      steps.map((step) => [step.index, step.op, shorten(step.name, 36), shape(net.steps[step.index]?.output ?? []), step.ms.toFixed(3), step.gmacsPerSecond.toFixed(2), bar(step.ms / whole, 16)]),
    ));
  },
};
