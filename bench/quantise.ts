// Measures what each step of the quantiser buys: top-1 on the validation pictures that it was not shown, and how often
// the int8 answer is the float32 one. Usage: npm run bench quantise [EVERY [FILE…]], each EVERY-th picture
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { load } from '../src/load.js';
import type { ConvertOptions } from '../src/loader.js';
import type { Net } from '../src/net.js';
import { quantise, type QuantiseOptions } from '../src/quantise.js';
import { validation, type Labelled } from './accuracy.js';

const shared = '../shared', every = Number(process.argv[2] ?? 5);
const STEPS: [string, number, QuantiseOptions][] = [
  ['least and most value only', 256, { equalise: false, correctBias: false, chooseRanges: false }],
  ['+ chosen ranges', 256, { equalise: false, correctBias: false }],
  ['+ equalisation', 256, { correctBias: false }],
  ['+ bias correction: all', 256, {}],
  ['all, 16 pictures', 16, {}],
];

/** Float32 files at hand: what was trained here, the starter, and fixtures with random weights. */
function floatFiles(): string[] {
  const under = (folder: string, pattern: RegExp): string[] => (existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)).sort().map((name) => path.join(folder, name)) : []);
  return [...under('build/training', /\.safetensors$/), ...under(`${shared}/weights`, /\.safetensors$/),
    ...under(`${shared}/fixtures/keras`, /_float\.tflite$/), ...under(`${shared}/fixtures/torchvision`, /_\d+\.safetensors$/)];
}

/** What the names of our files and the fixtures say, where the files do not. */
function optionsFor(file: string): ConvertOptions {
  const arch = /(v[12]|v3[-_](?:small|large))/.exec(path.basename(file))?.[1].replace('_', '-') as ConvertOptions['arch'];
  if (!file.endsWith('.safetensors')) return {};
  return file.startsWith('build') ? { arch, size: 128, style: 'tf' } : { arch, size: 96 };
}

const answers = (net: Net, pictures: Labelled[]): number[] => pictures.map(({ picture }) => net.classify(picture, { topK: 1 })[0].index);
const share = (count: number, of: number): string => ((100 * count) / of).toFixed(2);

const all = await validation(`${shared}/data`, 1);
const seen = all.filter((_, i) => i % 19 === 7), held = all.filter((_, i) => i % 19 !== 7).filter((_, i) => i % every === 0);
console.log(`${held.length} validation pictures; up to ${Math.min(256, seen.length)} others for calibration\n`);
console.log('| file | how | top-1 % | lost to float32 | same answer as float32 % | equalised at | ranges cut |\n|---|---|---|---|---|---|---|');
for (const file of process.argv.length > 3 ? process.argv.slice(3) : floatFiles()) {
  const bytes = new Uint8Array(readFileSync(file)), options = optionsFor(file), name = path.basename(file);
  const float = await load(bytes, options), wanted = answers(float, held), knows = float.labels?.length === 100;
  const right = (given: number[]): number => given.filter((index, i) => index === held[i].label).length;
  console.log(`| ${name} | float32 | ${knows ? share(right(wanted), held.length) : 'random'} | | | | |`);
  for (const [how, count, steps] of STEPS) {
    const { weights, methods, equalised } = await quantise(bytes, seen.slice(0, count).map(({ picture }) => picture), { ...options, ...steps });
    const net = await load(weights), given = answers(net, held);
    const same = given.filter((index, i) => index === wanted[i]).length;
    const scores = knows ? `${share(right(given), held.length)} | ${share(right(wanted) - right(given), held.length)}` : '| ';
    console.log(`| ${name} | ${how} | ${scores} | ${share(same, held.length)} | ${equalised} | ${methods.percentile + methods.mse} |`);
    net.dispose();
  }
  float.dispose();
}
