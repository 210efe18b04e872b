// Measures each layer shape by itself, in GMAC/s and as a share of the engine's multiply-add peak, measured in the same
// round. Usage: npm run bench kernels [rounds] [--all] [--rows]   (--all: every alpha and size; --rows: every shape)
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { Engine } from '../src/engine.js';
import type { Build } from '../src/engine.js';
import { availableBuilds } from '../src/load.js';
import { shapesOf } from './shapes.js';
import type { Shape } from './shapes.js';
import { timed } from './timing.js';

interface Peak { float(turns: number): number; int16(turns: number): number }
interface Row { shape: Shape; work: () => void; runs: number; best: number }

const words = process.argv.slice(2), flags = new Set(words.filter((word) => word.startsWith('--')));
const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? 6), TURNS = 400, CALLS = 500;

const least = async (work: () => void, iterations: number): Promise<number> => Math.min(...await timed(work, iterations));

async function measure(build: Exclude<Build, 'scalar'>, dtype: 'float32' | 'int8'): Promise<void> {
  const peakModule = new WebAssembly.Module(readFileSync(`build/bench/peak-${build}.wasm`));
  const peak = new WebAssembly.Instance(peakModule).exports as unknown as Peak;
  const loop = dtype === 'float32' ? peak.float : peak.int16, perTurn = dtype === 'float32' ? 32 : 48;
  // Many short calls: an engine replaces baseline code only between calls.
  const turn = (): void => { for (let i = 0; i < CALLS; i++) loop(TURNS); };
  const module = new WebAssembly.Module(readFileSync(`build/wasm/${build}.wasm`));
  const engines = new Map<Shape['plan'], Engine>();
  const rows = shapesOf(dtype, flags.has('--all')).map((shape): Row => {
    const engine = engines.get(shape.plan) ?? filled(new Engine(shape.plan, build, module), shape.plan, dtype);
    engines.set(shape.plan, engine);
    const runs = Math.max(1, Math.round(4e6 / shape.macs));
    return { shape, runs, best: Infinity, work: () => { for (let i = 0; i < runs; i++) engine.run(shape.record, shape.record + 1); } };
  });
  let top = 0;
  for (let round = 0; round < rounds; round++) {
    top = Math.max(top, (perTurn * TURNS * CALLS) / await least(turn, 20) / 1e6);
    for (const row of rows) row.best = Math.min(row.best, await least(row.work, 6) / row.runs);
  }
  report(build, dtype, top, rows);
}

/** Ordinary numbers everywhere: zeros and leftovers would be faster, or denormal and slower. */
function filled(engine: Engine, plan: Shape['plan'], dtype: string): Engine {
  const bytes = engine.bytes(0, plan.arenaBytes & ~3);
  if (dtype === 'int8') bytes.forEach((_, i) => { bytes[i] = i * 77; });
  else new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2).forEach((_, i, all) => { all[i] = Math.sin(i); });
  return engine;
}

function report(build: Build, dtype: string, top: number, rows: Row[]): void {
  const classes: [string, (shape: Shape) => boolean][] = [
    ['pointwise, K >= 96', ({ kind, depth }) => kind === 'pointwise' && depth >= 96], ['pointwise, K < 96', ({ kind, depth }) => kind === 'pointwise' && depth < 96],
    ['depthwise, stride 1', ({ kind, stride }) => kind === 'depthwise' && stride === 1], ['depthwise, stride 2', ({ kind, stride }) => kind === 'depthwise' && stride === 2],
    ['first convolution', ({ kind }) => kind === 'first conv'], ['one row (classifier, gates)', ({ kind }) => kind === 'one row'],
  ];
  const speed = ({ shape, best }: Row): number => shape.macs / best / 1e6;
  console.log(`\n${build}, ${dtype}: peak of a register loop ${top.toFixed(1)} GMAC/s\n\n| shapes | number | least, % of peak | median | greatest | slowest shape |\n|---|---|---|---|---|---|`);
  for (const [name, belongs] of classes) {
    const group = rows.filter(({ shape }) => belongs(shape)).sort((a, b) => speed(a) - speed(b));
    if (!group.length) continue;
    const share = (row: Row): string => `${((speed(row) / top) * 100).toFixed(0)} %`;
    console.log(`| ${name} | ${group.length} | ${share(group[0])} | ${share(group[group.length >> 1])} | ${share(group[group.length - 1])} | ${group[0].shape.name}, ${speed(group[0]).toFixed(1)} GMAC/s |`);
  }
  if (flags.has('--rows')) for (const row of rows) console.log(`${row.shape.name.padEnd(44)} ${(row.best * 1000).toFixed(1).padStart(9)} us ${speed(row).toFixed(1).padStart(6)} GMAC/s ${((speed(row) / top) * 100).toFixed(0).padStart(4)} %`);
}

console.log(`${os.cpus()[0].model}, Node ${process.version}, V8 ${process.versions.v8}, one thread, best of ${rounds} rounds of 6`);
for (const build of await availableBuilds()) {
  if (build === 'scalar') continue;
  for (const dtype of ['float32', 'int8'] as const) await measure(build, dtype);
}
