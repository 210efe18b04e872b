// Knows the labelled validation pictures and how often a net names them rightly; it does not know where nets come from.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { decode } from '../src/cli/decode.js';
import type { Picture } from '../src/image.js';
import type { Net } from '../src/net.js';

export interface Labelled {
  picture: Picture;
  label: number;
}

/** The validation pictures of Everyday-100, decoded once. `every` takes each so many-th. */
export async function validation(folder: string, every = 1): Promise<Labelled[]> {
  const blob = readFileSync(`${folder}/validation.jpegs`), labels = readFileSync(`${folder}/validation.labels.u8`);
  const raw = readFileSync(`${folder}/validation.offsets.u32`), offsets = new Uint32Array(Uint8Array.from(raw).buffer);
  const found: Labelled[] = [];
  for (let i = 0; i < labels.length; i += every) {
    found.push({ picture: await decode(Uint8Array.from(blob.subarray(offsets[i], offsets[i + 1])), `validation picture ${i}`), label: labels[i] });
  }
  return found;
}

/** Shares of pictures whose label is the first, or among the first five answers, in per cent. */
export function accuracy(net: Net, pictures: Labelled[]): { top1: number; top5: number } {
  let first = 0, five = 0;
  for (const { picture, label } of pictures) {
    const rank = net.classify(picture, { topK: 5 }).findIndex(({ index }) => index === label);
    if (rank === 0) first++;
    if (rank >= 0) five++;
  }
  return { top1: (100 * first) / pictures.length, top5: (100 * five) / pictures.length };
}

/** Photos of normal size whose file name is one of the labels. */
export async function photos(folder: string, labels: string[]): Promise<Labelled[]> {
  const found: Labelled[] = [];
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const label = labels.indexOf(name.replace(/\.jpg$/, '').replaceAll('_', ' '));
    if (label >= 0) found.push({ picture: await decode(new Uint8Array(readFileSync(`${folder}/${name}`)), name), label });
  }
  return found;
}

/** What was taken for something else. */
export function misses(net: Net, pictures: Labelled[]): string[] {
  return pictures.flatMap(({ picture, label }) => {
    const [best] = net.classify(picture, { topK: 1 });
    return best.index === label ? [] : [`${net.labels![label]}: ${best.label} ${best.score.toFixed(2)}`];
  });
}
