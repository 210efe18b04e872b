// Knows folders of labelled pictures: one subfolder a label, its name the label. What is done with a picture it does not know.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DepthwiseError } from '../error.js';
import { picturesUnder } from './photos.js';

export interface LabelledPhoto {
  file: string;
  label: string;
}

/** Every picture under the subfolders, label by label, in an order that no disk changes. Hidden folders are left out. */
export function labelledPhotos(folder: string): LabelledPhoto[] {
  let labels: string[];
  try {
    labels = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name).sort();
  } catch (cause) {
    throw new DepthwiseError('NOT_FOUND', `cannot read the folder ${folder}: ${(cause as Error).message}.`, { cause });
  }
  if (!labels.length) throw new DepthwiseError('NOT_FOUND', `there is no folder in ${folder}. Put the pictures of each label into a folder of its own, called like the label: ${path.join(folder, 'cat')}, ${path.join(folder, 'dog')}.`);
  return labels.flatMap((label) => picturesUnder(path.join(folder, label)).map((file) => ({ file, label })));
}
