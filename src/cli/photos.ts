// Knows how a command looks at many photos: folders become files, one photo after the other is decoded and handed over, a
// bar shows how far it is, and a photo that fails does not stop the rest. What is done with a photo it does not know.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DepthwiseError, type ErrorCode } from '../error.js';
import { usage } from './arguments.js';
import { decode } from './decode.js';
import { readBytes } from './files.js';
import { progress } from './report.js';
import type { Picture } from './upright.js';

export interface Failed {
  photo: string;
  code: ErrorCode;
  message: string;
}

export interface Looked<T> {
  /** What `onPhoto` answered, in the order of the photos. */
  results: T[];
  failed: Failed[];
}

export interface LookOptions<T> {
  /** Is done between two photos: `interruption()`. */
  signal?: AbortSignal;
  onPhoto(picture: Picture, photo: string): T | Promise<T>;
  /** Prints a result as soon as it is there. */
  show?(result: T): void;
}

/** Pictures anywhere under a folder, by their names' endings, in an order that no disk changes. Hidden files are left out. */
export function picturesUnder(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (cause) {
    throw new DepthwiseError('NOT_FOUND', `cannot read the folder ${folder}: ${(cause as Error).message}.`, { cause });
  }
  const pictures = names.filter((name) => /\.(jpe?g|png|bmp)$/i.test(name) && !path.basename(name).startsWith('.')).sort();
  if (!pictures.length) throw new DepthwiseError('NOT_FOUND', `there is no .jpg, .jpeg, .png or .bmp file under ${folder}. Give a folder with pictures.`);
  return pictures.map((name) => path.join(folder, name));
}

/** Files as they are, folders as the pictures under them. */
export function photoFiles(places: readonly string[]): string[] {
  if (!places.length) throw usage('give at least one photo, or a folder of them.');
  return places.flatMap((place) => (statSync(place, { throwIfNoEntry: false })?.isDirectory() ? picturesUnder(place) : [place]));
}

/** What is wrong with one photo; anything else would be wrong with the next one, too. */
const isOfPhoto = (error: unknown): error is DepthwiseError =>
  error instanceof DepthwiseError && ['BAD_IMAGE', 'NOT_FOUND', 'BAD_INPUT'].includes(error.code);

/**
 * Looks at photos one by one. A photo that cannot be read or is no picture is remembered, not thrown: end with `tellFailed`.
 * @throws DepthwiseError ABORTED when the signal says so; the photo's own error where no photo could be looked at
 */
export async function eachPhoto<T>(photos: readonly string[], { signal, onPhoto, show }: LookOptions<T>): Promise<Looked<T>> {
  const results: T[] = [], failed: Failed[] = [];
  const clear = (): void => progress('', photos.length, photos.length);
  try {
    for (const [done, photo] of photos.entries()) {
      await setImmediate(); // so that Ctrl-C is heard
      if (signal?.aborted) throw new DepthwiseError('ABORTED', `stopped after ${done} of ${photos.length} photos, as asked.`);
      progress(`looking at photos${failed.length ? `, ${failed.length} failed` : ''}`, done, photos.length);
      try {
        const result = await onPhoto(await decode(readBytes(photo, 'photo'), photo), photo);
        results.push(result);
        if (show) clear(), show(result);
      } catch (error) {
        if (!isOfPhoto(error) || photos.length === 1) throw error;
        failed.push({ photo, code: error.code, message: error.message });
      }
    }
  } finally {
    clear();
  }
  if (!results.length) tellFailed({ results, failed });
  return { results, failed };
}

/** For a command's last line: fails, naming each photo that failed. What was answered is out by then. */
export function tellFailed({ results, failed }: Looked<unknown>): void {
  if (!failed.length) return;
  const lines = failed.map(({ message }) => `\n  ${message}`).join('');
  throw new DepthwiseError(failed[0].code, `${failed.length} of ${failed.length + results.length} photos failed:${lines}`);
}
