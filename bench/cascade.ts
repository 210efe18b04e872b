// Measures cascades over the shipped weights on the validation pictures of Everyday-100: accuracy, how often the small
// network answers alone, time and multiply-adds a picture for each threshold. It does not know how thresholds are chosen.
// Usage: npm run bench cascade [EVERY], each EVERY-th picture
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { chooseThreshold, thresholds } from '../src/cascade.js';
import type { Asked, Threshold } from '../src/cascade.js';
import { load } from '../src/load.js';
import type { Net } from '../src/net.js';
import { validation } from './accuracy.js';

const every = Number(process.argv[2] ?? 1), pictures = await validation('../shared/data', every);
const PAIRS = [['everyday.dw', 'everyday-v1.dw'], ['everyday.dw', 'everyday-v2.dw'], ['everyday-v3-small.float16.dw', 'everyday-v1.float16.dw']];
const SHOWN = [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

interface Answers {
  said: { best: number; second: number; right: boolean }[];
  /** The least time that a picture took: each is the same work, and the machine is not ours alone. */
  ms: number;
  macs: number;
}

function answers(net: Net): Answers {
  for (let i = 0; i < 20; i++) net.classify(pictures[i].picture);
  let ms = Infinity;
  const said = pictures.map(({ picture, label }) => {
    const start = performance.now(), [first, second] = net.classify(picture, { topK: 2 });
    ms = Math.min(ms, performance.now() - start);
    return { best: first.score, second: second.score, right: first.index === label };
  });
  return { said, ms, macs: macsOf(net) };
}

const macsOf = (net: Net): number => net.steps.reduce((sum, { macs }) => sum + macs, 0) / 1e6;
const percent = (share: number): string => (100 * share).toFixed(2);
const known = new Map<string, Answers>();

console.log(`${os.cpus()[0].model}, Node ${process.version}, one thread; ${pictures.length} validation pictures of 64x64\n`);
for (const file of [...new Set(PAIRS.flat())]) {
  const net = await load(new Uint8Array(readFileSync(`weights/${file}`)));
  known.set(file, answers(net));
  net.dispose();
}
console.log('| small, then large | accept | top-1 % | small alone % | ms | million MACs |\n|---|---|---|---|---|---|');
for (const [a, b] of PAIRS) {
  const small = known.get(a)!, large = known.get(b)!;
  const asked = small.said.map(({ best, second, right }, i): Asked => ({
    score: best, second, smallRight: right, largeRight: large.said[i].right, smallMs: small.ms, largeMs: large.ms,
  }));
  const row = (what: string, { accuracy, small: alone, ms }: Pick<Threshold, 'accuracy' | 'small' | 'ms'>, macs: number): void =>
    console.log(`| ${a}, ${b} | ${what} | ${percent(accuracy)} | ${percent(alone)} | ${ms.toFixed(2)} | ${macs.toFixed(1)} |`);
  const macsWith = (alone: number): number => small.macs + (1 - alone) * large.macs;
  for (const one of thresholds(asked, { at: SHOWN })) row(one.accept.toFixed(2), one, macsWith(one.small));
  row('large alone', { accuracy: large.said.filter(({ right }) => right).length / pictures.length, small: 0, ms: large.ms }, large.macs);
  const chosen = chooseThreshold(asked);
  row(`chosen: ${chosen.accept.toFixed(2)}`, chosen, macsWith(chosen.small));
}
