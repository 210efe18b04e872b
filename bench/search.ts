// Measures search: milliseconds a query over a million int8 vectors and 200,000 float32 ones, beside a plain JavaScript loop
// over the same values, and how many of float32's ten best int8 finds among real embeddings. It knows no kernel.
// Usage: npm run bench search [ROWS [FLOAT_ROWS]]
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { load } from '../src/load.js';
import { createIndex } from '../src/search.js';
import type { IndexType, SearchBuild } from '../src/search.js';
import { validation } from './accuracy.js';
import { timed } from './timing.js';

const DIMENSIONS = 1024, TOP = 10, RUNS = 15;
const [ROWS, FLOAT_ROWS] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 200_000)];

/** Ordinary numbers without drawing a thousand million: each vector is a stretch of one long row of noise. */
const noise = new Float32Array(4_000_037);
for (let i = 0, state = 1; i < noise.length; i++) noise[i] = ((state = (Math.imul(state, 1664525) + 1013904223) | 0) >> 8) / 2 ** 23;
const vector = (i: number): Float32Array => noise.subarray((i * 7919) % (noise.length - DIMENSIONS)).subarray(0, DIMENSIONS);

/** What one would write without this library: the same rows in a typed array, one after another, and a sorted list. */
function plainSearch(rows: Int8Array | Float32Array, query: Float32Array): { row: number; score: number }[] {
  const best: { row: number; score: number }[] = [];
  for (let row = 0, at = 0; at < rows.length; row++, at += DIMENSIONS) {
    let sum = 0;
    for (let i = 0; i < DIMENSIONS; i++) sum += rows[at + i] * query[i];
    if (best.length < TOP || sum > best[TOP - 1].score) {
      best.push({ row, score: sum });
      best.sort((a, b) => b.score - a.score || a.row - b.row);
      best.length = Math.min(best.length, TOP);
    }
  }
  return best;
}

const line = (what: string, samples: readonly number[], bytes: number): void => {
  const sorted = [...samples].sort((a, b) => a - b), at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
  console.log(`| ${what} | ${at(0)} | ${at(0.5)} | ${at(0.9)} | ${(bytes / sorted[0] / 1e6).toFixed(1)} |`);
};

async function measure(dtype: IndexType, rows: number): Promise<void> {
  const builds: SearchBuild[] = ['simd', 'scalar'], name = `${rows.toLocaleString('en')} x ${DIMENSIONS} ${dtype}`;
  for (const build of builds) {
    const index = createIndex({ dimensions: DIMENSIONS, dtype, capacity: rows, build }), start = performance.now();
    for (let i = 0; i < rows; i++) index.add(`${i}`, vector(i));
    const filled = performance.now() - start, { vectorsBytes, totalBytes } = index.memory;
    let query = 0;
    const samples = await timed(() => { index.search(vector(query++ * 31 + 5), { topK: TOP }); }, build === 'simd' ? RUNS : 5, 2);
    line(`${name}, ${build}`, samples, vectorsBytes);
    if (build === 'simd') {
      line(`the same, the 1,000 best`, await timed(() => { index.search(vector(query++ * 31 + 5), { topK: 1000 }); }, RUNS, 1), vectorsBytes);
      console.log(`| filled, ${(totalBytes / 1e6).toFixed(0)} MB | ${filled.toFixed(0)} | | | |`);
      const saving = performance.now(), { length } = await index.save();
      console.log(`| saved, ${(length / 1e6).toFixed(0)} MB | ${(performance.now() - saving).toFixed(0)} | | | |`);
    }
  }
  const plain = dtype === 'int8' ? new Int8Array(rows * DIMENSIONS) : new Float32Array(rows * DIMENSIONS);
  for (let i = 0; i < rows; i++) plain.set(dtype === 'int8' ? vector(i).map((value) => Math.round(value * 127)) : vector(i), i * DIMENSIONS);
  let query = 0;
  line(`${name}, plain JavaScript`, await timed(() => { plainSearch(plain, vector(query++ * 31 + 5)); }, 5, 1), plain.byteLength);
}

/** Of float32's ten best for each picture, the share among int8's ten best; and how often the best is of the same class. */
async function recall(): Promise<void> {
  const pictures = await validation('../shared/data', 1);
  console.log(`\n| embeddings of ${pictures.length} pictures, each looked for among the others | values | int8 finds of float32's 10 best, % | the same best, % | nearest is of its class, float32 / int8, % |\n|---|---|---|---|---|`);
  for (const file of ['weights/everyday.dw', 'weights/everyday-v1.dw', 'weights/everyday-v3-small.float16.dw'].filter(existsSync)) {
    const net = await load(new Uint8Array(readFileSync(file))), vectors = pictures.map(({ picture }) => net.embed(picture));
    const [exact, small] = (['float32', 'int8'] as const).map((dtype) => {
      const index = createIndex({ dimensions: vectors[0].length, dtype, capacity: vectors.length });
      vectors.forEach((one, i) => index.add(`${i}`, one));
      // One more than wanted: the picture itself is left out.
      return vectors.map((one, i) => index.search(one, { topK: TOP + 1 }).filter(({ index: row }) => row !== i).slice(0, TOP).map(({ index: row }) => row));
    });
    const share = (count: (i: number) => number): string => ((100 * vectors.reduce((sum, _, i) => sum + count(i), 0)) / vectors.length).toFixed(1);
    const ofClass = (found: number[][]): string => share((i) => Number(pictures[found[i][0]].label === pictures[i].label));
    console.log(`| ${file.split('/').pop()} | ${vectors[0].length} | ${share((i) => exact[i].filter((row) => small[i].includes(row)).length / TOP)} | ${share((i) => Number(exact[i][0] === small[i][0]))} | ${ofClass(exact)} / ${ofClass(small)} |`);
    net.dispose();
  }
}

console.log(`${os.cpus()[0].model}, Node ${process.version}, one thread, ${TOP} best\n\n| | ms (min) | median | 9 in 10 | GB/s |\n|---|---|---|---|---|`);
await measure('int8', ROWS);
await measure('float32', FLOAT_ROWS);
if (existsSync('../shared/data')) await recall();
else console.log('\nNOT RUN: ../shared/data is absent, so int8 was not compared with float32 on real embeddings');
