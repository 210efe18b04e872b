// Measures heads on few-shot splits of the validation pictures of Everyday-100, or of a folder with one subfolder a label:
// how often they are right with 1 to 20 pictures a class, linear against nearest, for several backbones. It does not know
// how heads learn. Usage: npm run bench heads [SEEDS [FOLDER [FILE…]]]; "-" for FOLDER is Everyday-100.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { decode } from '../src/cli/decode.js';
import { labelledPhotos } from '../src/cli/labelled.js';
import { createHead } from '../src/heads.js';
import { load } from '../src/load.js';
import { validation } from './accuracy.js';
import type { Labelled } from './accuracy.js';

const shared = '../shared', [seeds = '5', folder = '-', ...chosen] = process.argv.slice(2);
const BACKBONES = [
  ...readdirSync('weights').filter((name) => name.endsWith('.dw')).sort().map((name) => `weights/${name}`),
  ...['person_detect', 'mobilenet_v1_0.25_224_float', 'mobilenet_v3_small_1.0_224_uint8', 'mobilenet_v2_1.0_224_quant', 'mobilenet_v1_1.0_224_quant_embedding_extractor'].map((name) => `${shared}/models/${name}.tflite`),
].filter((file) => existsSync(file));
const SHOTS = [1, 5, 10, 20];
/** Shots are drawn from the pictures of a class but the last so many, which all are asked. */
const ASKED = 20;

async function pictures(): Promise<Labelled[]> {
  if (folder === '-') return validation(`${shared}/data`);
  const photos = labelledPhotos(folder), labels = [...new Set(photos.map(({ label }) => label))], found: Labelled[] = [];
  for (const { file, label } of photos) found.push({ picture: await decode(new Uint8Array(readFileSync(file)), file), label: labels.indexOf(label) });
  return found;
}

/** The same numbers for the same seed on every machine. */
function generator(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 2654435761);
  return (below) => Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * below);
}

function drawn<T>(from: readonly T[], count: number, random: (below: number) => number): T[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(random(left.length), 1)[0]);
}

interface Split { learnt: Seen[]; asked: Seen[] }
interface Seen { example: Float32Array; label: string }

function split(byClass: Float32Array[][], classes: number, shots: number, seed: number): Split {
  const random = generator(seed), chosenClasses = drawn(byClass.map((_, i) => i), classes, random);
  const all = (of: (own: Float32Array[]) => Float32Array[]): Seen[] => chosenClasses.flatMap((c) => of(byClass[c]).map((example) => ({ example, label: String(c) })));
  return { learnt: all((own) => drawn(own.slice(0, -ASKED), shots, random)), asked: all((own) => own.slice(-ASKED)) };
}

const spread = (values: number[]): string => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1));
  return `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
};

const all = await pictures(), labelCount = Math.max(...all.map(({ label }) => label)) + 1;
const settings = [...new Set([Math.min(10, labelCount), labelCount])];
console.log(`${os.cpus()[0].model}, Node ${process.version}; ${all.length} pictures of ${labelCount} classes; shots from all but the last ${ASKED} of a class, which are asked; mean and standard deviation of top-1 % over ${seeds} draws (a third of them with more than 10 classes)\n`);
console.log(`| backbone | depth | classes | head | ${SHOTS.map((shots) => `${shots} shot${shots > 1 ? 's' : ''}`).join(' | ')} | s to train the last |\n|---|---|---|---|${SHOTS.map(() => '---|').join('')}---|`);
for (const file of chosen.length ? chosen : BACKBONES) {
  const net = await load(new Uint8Array(readFileSync(file)));
  const byClass = Array.from({ length: labelCount }, (): Float32Array[] => []);
  for (const { picture, label } of all) byClass[label].push(net.embed(picture));
  for (const classes of settings) {
    for (const kind of ['linear', 'nearest'] as const) {
      let seconds = 0;
      const cells: string[] = [];
      for (const shots of SHOTS) {
        const accuracies: number[] = [];
        for (let seed = 0; seed < (classes > 10 ? Math.ceil(Number(seeds) / 3) : Number(seeds)); seed++) {
          const { learnt, asked } = split(byClass, classes, shots, seed), head = createHead(net);
          for (const { example, label } of learnt) head.add(example, label);
          const start = performance.now();
          await head.train({ kind });
          seconds = (performance.now() - start) / 1000;
          accuracies.push(head.evaluate(asked).accuracy);
        }
        cells.push(spread(accuracies));
      }
      console.log(`| ${file.split('/').pop()} | ${byClass[0][0].length} | ${classes} | ${kind} | ${cells.join(' | ')} | ${seconds.toFixed(2)} |`);
    }
  }
  net.dispose();
}
