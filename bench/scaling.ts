// Measures how time follows work: every family over its alphas and sizes, and draws ms against multiply-adds.
// Usage: npm run bench scaling [rounds]      writes bench/scaling.svg and prints the table
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { loadGraph } from '../src/load.js';
import { randomModel } from './random-model.js';
import type { Family } from './random-model.js';
import { FAMILIES, SIZES } from './shapes.js';
import { inputFor, timed } from './timing.js';

const rounds = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 12);
const ALPHAS: Record<Family, number[]> = { v1: [0.25, 0.5, 0.75, 1], v2: [0.35, 0.5, 0.75, 1], 'v3-small': [0.75, 1], 'v3-large': [0.75, 1] };
const COLOURS: Record<Family, string> = { v1: '#1b6ca8', v2: '#c0392b', 'v3-small': '#2e8b57', 'v3-large': '#8e5ea2' };

interface Point { family: Family; dtype: 'float32' | 'int8'; alpha: number; size: number; macs: number; ms: number }

/** Least milliseconds so far, with those of a new net among them. */
async function measure(point: Point): Promise<void> {
  const net = await loadGraph(randomModel(point.family, point.dtype, point.alpha, point.size)), input = inputFor(net);
  point.macs = net.steps.reduce((sum, step) => sum + step.macs, 0);
  point.ms = Math.min(point.ms, ...await timed(() => { net.run(input); }, Math.max(rounds, Math.round(1.5e9 / point.macs)), 8));
  net.dispose();
}

/** Both axes logarithmic; a straight line of slope one is time that follows work. */
function draw(points: Point[]): string {
  const width = 760, height = 440, left = 60, bottom = 50, top = 40;
  const log = (value: number, low: number, high: number): number => Math.log(value / low) / Math.log(high / low);
  const x = (macs: number): number => left + log(macs, 4e6, 7e8) * (width - left - 20), y = (ms: number): number => height - bottom - log(ms, 0.15, 40) * (height - bottom - top);
  const line = (x1: number, y1: number, x2: number, y2: number): string => `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ccc"/>`;
  const text = (at: number, down: number, words: string, anchor = 'middle'): string => `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
  const grid = [5, 10, 20, 50, 100, 200, 500].map((m) => line(x(m * 1e6), top, x(m * 1e6), height - bottom) + text(x(m * 1e6), height - bottom + 18, String(m))).join('')
    + [0.2, 0.5, 1, 2, 5, 10, 20].map((ms) => line(left, y(ms), width - 20, y(ms)) + text(left - 8, y(ms) + 4, String(ms), 'end')).join('');
  const dots = points.map(({ family, dtype, alpha, size, macs, ms }) => {
    const style = dtype === 'float32' ? `fill="${COLOURS[family]}"` : `fill="#fff" stroke="${COLOURS[family]}" stroke-width="2"`;
    return `<circle cx="${x(macs).toFixed(1)}" cy="${y(ms).toFixed(1)}" r="4" ${style}><title>${family} ${alpha} ${size} ${dtype}: ${ms.toFixed(2)} ms, ${(macs / 1e6).toFixed(0)} M MACs</title></circle>`;
  }).join('\n');
  const legend = FAMILIES.map((family, i) => `<circle cx="${left + 20 + i * 100}" cy="20" r="5" fill="${COLOURS[family]}"/>${text(left + 32 + i * 100, 24, family, 'start')}`).join('') + text(width - 20, 24, 'filled float32, hollow int8', 'end');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="Milliseconds against multiply-adds, both logarithmic: points lie near one straight line">
<rect width="${width}" height="${height}" fill="#fff"/>${grid}
${dots}
${legend}${text(width / 2, height - 10, 'million multiply-adds')}<text transform="translate(16 ${height / 2}) rotate(-90)" text-anchor="middle">ms, one thread</text>
</svg>
`;
}

const points = FAMILIES.flatMap((family) => (['float32', 'int8'] as const).flatMap((dtype) => ALPHAS[family].flatMap((alpha) =>
  SIZES.map((size): Point => ({ family, dtype, alpha, size, macs: 0, ms: Infinity })))));
const PASSES = 3; // far apart, so that a slow moment spoils only one of them
for (let pass = 0; pass < PASSES; pass++) for (const point of points) await measure(point);
console.log(`${os.cpus()[0].model}, Node ${process.version}, V8 ${process.versions.v8}, one thread, minima\n\n| network | type | alpha | ${SIZES.map((size) => `${size}: ms, ns a MAC`).join(' | ')} |\n|---|---|---|${SIZES.map(() => '---|').join('')}`);
for (const family of FAMILIES) {
  for (const dtype of ['float32', 'int8'] as const) {
    for (const alpha of ALPHAS[family]) {
      const row = points.filter((p) => p.family === family && p.dtype === dtype && p.alpha === alpha);
      console.log(`| ${family} | ${dtype} | ${alpha} | ${row.map(({ ms, macs }) => `${ms.toFixed(2)}, ${((ms * 1e6) / macs).toFixed(3)}`).join(' | ')} |`);
    }
  }
}
for (const dtype of ['float32', 'int8'] as const) {
  for (const family of FAMILIES) {
    const costs = points.filter((p) => p.dtype === dtype && p.family === family).sort((a, b) => a.macs - b.macs).map(({ ms, macs }) => (ms * 1e6) / macs);
    console.log(`${family} ${dtype}: ns a MAC of the smallest network ${(costs[0] / costs[costs.length - 1]).toFixed(2)} times that of the largest`);
  }
}
writeFileSync('bench/scaling.svg', draw(points));
