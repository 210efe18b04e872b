// Measures whole networks: every family at alpha 1 and 224 pixels, float32 and int8, on every build of this engine.
// Weights are random, speed does not depend on them. Rounds go A B C A B C, so that a slow moment hits all alike.
// Usage: node build/bench/networks.mjs [rounds] [families, comma-separated]
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { compile } from '../src/compile/plan.js';
import { availableBuilds, load } from '../src/load.js';
import { savePlan } from '../src/convert.js';
import type { Net } from '../src/net.js';
import { randomModel } from './random-model.js';
import type { Family } from './random-model.js';
import { inputFor, timed } from './timing.js';

const rounds = Number(process.argv[2] ?? 20);
const families = (process.argv[3] ?? 'v1,v2,v3-large,v3-small').split(',') as Family[];
const PER_ROUND = 2;

interface Row { name: string; net: Net; input: Uint8Array; samples: number[] }

/** A random network as a .dw file in build/bench, for `depthwise bench` to read as well. */
async function save(family: Family, dtype: 'float32' | 'int8'): Promise<string> {
  const file = `build/bench/${family}-1.0-224-${dtype}.dw`;
  mkdirSync('build/bench', { recursive: true });
  writeFileSync(file, await savePlan(compile(randomModel(family, dtype))));
  return file;
}

const rows: Row[] = [];
for (const family of families) {
  for (const dtype of ['float32', 'int8'] as const) {
    const file = await save(family, dtype);
    for (const build of (await availableBuilds()).filter((name) => name !== 'scalar')) {
      const net = await load(file, { build });
      rows.push({ name: `${family} ${dtype} ${build}`, net, input: inputFor(net), samples: [] });
    }
  }
}

for (let round = 0; round <= rounds; round++) {
  for (const { net, input, samples } of rows) {
    const times = await timed(() => { net.run(input); }, PER_ROUND);
    if (round > 0) samples.push(...times);
  }
}

const engine = 'Deno' in globalThis ? 'Deno' : `Node ${process.version}, V8 ${process.versions.v8}`;
console.log(`\n${os.cpus()[0].model}, ${engine}, one thread, ${rounds * PER_ROUND} runs each, interleaved\n`);
console.log('| network, 224x224 | min ms | median ms | p90 ms | GMAC/s at min | MiB of memory |\n|---|---|---|---|---|---|');
for (const { name, net, samples } of rows) {
  samples.sort((a, b) => a - b);
  const at = (q: number): string => samples[Math.floor(q * (samples.length - 1))].toFixed(2);
  const macs = net.steps.reduce((sum, step) => sum + step.macs, 0);
  console.log(`| ${name} | ${at(0)} | ${at(0.5)} | ${at(0.9)} | ${(macs / samples[0] / 1e6).toFixed(1)} | ${(net.memory.totalBytes / 2 ** 20).toFixed(1)} |`);
}
