// Knows where commands put the pictures they draw on: one .png file, or a folder with one for each photo.
import path from 'node:path';
import { usage } from './arguments.js';
import type { Canvas } from './draw.js';
import { toPng } from './encode.js';
import { makeFolder, writeWhole } from './files.js';

/** Writes a drawing and answers its file. */
export type Drawings = (canvas: Canvas, photo: string) => Promise<string>;

/** Writes a file that was drawn and answers where it is. */
export type Files = (bytes: Uint8Array, photo: string) => Promise<string>;

/** The same for canvases. */
export function drawingsInto(out: string | undefined, photos: readonly string[]): Drawings | undefined {
  const write = filesInto(out, photos);
  return write && (async (canvas, photo) => write(await toPng(canvas), photo));
}

/**
 * @param out from `--out`: a file for one photo, a folder for any number; photos of the same name get numbers
 */
export function filesInto(out: string | undefined, photos: readonly string[]): Files | undefined {
  if (out === undefined) return undefined;
  const isFile = /\.png$/i.test(out), taken = new Set<string>();
  if (isFile && photos.length > 1) throw usage(`--out ${out} is one file, and there are ${photos.length} photos. Name a folder.`);
  if (!isFile) makeFolder(out);
  return async (bytes, photo) => {
    const name = path.basename(photo).replace(/\.[^.]*$/, '');
    let file = isFile ? out : path.join(out, `${name}.png`);
    for (let n = 2; taken.has(file); n++) file = path.join(out, `${name}-${n}.png`);
    taken.add(file);
    writeWhole(file, bytes);
    return file;
  };
}
