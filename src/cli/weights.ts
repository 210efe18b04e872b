// Knows where a command's weights come from: a file, an address, the zoo, or the starter weights that ship with the library;
// and that files of the zoo are known by their hash wherever they lie.
import { streamed, type Stream } from '../compile/stream.js';
import { isDw } from '../formats/dw.js';
import { DepthwiseError, load, type ConvertOptions, type LoadOptions } from '../index.js';
import { readGraph } from '../convert.js';
import { readWeights } from '../load.js';
import type { Net } from '../net.js';
import { fetchBytes } from '../source.js';
import { readBytes } from './files.js';
import { note, progressInBytes } from './report.js';

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

/** Bytes of a file or of "zoo:NAME", and the options with what the zoo knows of them; what the user says goes first. */
export async function openWeights<T extends ConvertOptions>(source: string, options: T): Promise<{ bytes: Uint8Array; options: T }> {
  const zoo = await import('../zoo.js');
  if (source.startsWith('zoo:')) {
    const name = source.slice(4);
    const { weights, ...about } = await zoo.pull(name, { labels: options.labels, onProgress: progressInBytes(name) });
    return { bytes: weights, options: { ...about, ...options } };
  }
  const bytes = readBytes(source, 'weights'), about = await zoo.known(bytes);
  if (about && !about.labels && !options.labels && about.classes && !(await readGraph(bytes, options)).labels) note(`labels: depthwise pull ${about.name}`);
  return { bytes, options: { ...about, ...options } };
}

/** The starter weights, beside dist/ in the package. */
const starter = (): URL => new URL('../weights/everyday.dw', import.meta.url);

/** Bytes of weights from anywhere, for commands that need them besides the net; `undefined` is the starter weights. */
export async function openSource<T extends ConvertOptions>(source: string | undefined, options: T): Promise<{ bytes: Uint8Array; options: T }> {
  if (source !== undefined && !isAddress(source)) return openWeights(source, options);
  return { bytes: await fetchBytes(source ?? starter()), options };
}

/** A plan for devices that keep weights in flash. A .dw file has been planned; anything else is planned for the least memory. */
export async function loadStream(source: string, options: ConvertOptions): Promise<Stream> {
  const { bytes, options: known } = await openWeights(source, options);
  return namingFile(source, async () => streamed(await readWeights(bytes, isDw(bytes) ? known : { plan: 'small', ...known })));
}

export async function loadWeights(source: string | undefined, options: LoadOptions): Promise<Net> {
  if (source === undefined) return load(starter(), options);
  if (isAddress(source)) return load(source, options);
  const opened = await openWeights(source, options);
  return namingFile(source, () => load(opened.bytes, opened.options));
}
