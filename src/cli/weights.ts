// Knows where a command's weights come from: a file, an address, or the starter weights that ship with the library.
import { DepthwiseError, load, type LoadOptions } from '../index.js';
import type { Net } from '../net.js';
import { readBytes } from './files.js';

const isAddress = (text: string) => /^https?:\/\//.test(text);

/** The library is handed bytes and cannot say which file they are from; a person with five files wants to know. */
export async function namingFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DepthwiseError) || !['BAD_FILE', 'UNSUPPORTED'].includes(error.code)) throw error;
    throw new DepthwiseError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

export async function loadWeights(source: string | undefined, options: LoadOptions): Promise<Net> {
  if (source === undefined) return load(new URL('../weights/everyday.dw', import.meta.url), options); // beside dist/ in the package
  if (isAddress(source)) return load(source, options);
  const bytes = readBytes(source, 'weights');
  return namingFile(source, () => load(bytes, options));
}
