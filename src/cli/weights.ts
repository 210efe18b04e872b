// Knows where a command's weights come from: a file, an address, or the starter weights that ship with the library.
import { load, type LoadOptions } from '../index.js';
import type { Net } from '../net.js';
import { readBytes } from './files.js';

const isAddress = (text: string) => /^https?:\/\//.test(text);

export async function loadWeights(source: string | undefined, options: LoadOptions): Promise<Net> {
  if (source === undefined) return load((await import('../weights/everyday.js')).default, options);
  if (isAddress(source)) return load(source, options);
  return load(readBytes(source, 'weights'), options);
}
