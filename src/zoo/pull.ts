// Knows what a checkpoint is made of: weights, labels, preprocessing, terms; and when the network is asked for them. How
// files come and where they lie is known by download.ts and store.ts.
import { environment } from '../builtin.js';
import { DepthwiseError } from '../error.js';
import type { Preprocessing } from '../formats/graph.js';
import { fileOf, hashOf, labelsFileOf, labelsIn, rowOf, urlOf } from './catalogue.js';
import type { Catalogue, Pinned, Row } from './catalogue.js';
import { download } from './download.js';
import type { DownloadOptions } from './download.js';
import { openStore } from './store.js';
import type { Store } from './store.js';
import { isPinned } from './verify.js';

export interface PlaceOptions {
  /** Folder of the cache, on hosts with files (default: DEPTHWISE_CACHE, else the platform's place for caches); in a browser its name in the Cache API. */
  cache?: string | true;
  /** Stands in for https://raw.githubusercontent.com; default: DEPTHWISE_MIRROR. */
  mirror?: string;
}

export interface PullOptions extends DownloadOptions, PlaceOptions {
  /** Your own names of the classes; then none are fetched. */
  labels?: string[];
}

/** What travels with weights: options for `load` and `convert`. */
export interface About {
  labels?: string[];
  preprocessing: Preprocessing;
  /** As the repository states it; its authors may have further terms. */
  licence: string;
  /** The pinned address. */
  source: string;
}

export interface Pulled extends About {
  name: string;
  /** The bytes of the .tflite file. */
  weights: Uint8Array;
  /** Where the weights are kept, on hosts with files. */
  path?: string;
  /** Why they could not be kept. */
  unsaved?: string;
}

export interface Listed {
  name: string;
  family: string;
  /** Pixels a side of the input. */
  size: number;
  /** Bytes of the file, where somebody here has seen it. */
  bytes?: number;
  classes?: number;
  licence: string;
  source: string;
  /** Whether the weights lie in the cache. They are checked when they are used. */
  cached: boolean;
  path?: string;
}

const mirrorOf = ({ mirror }: PlaceOptions): string | undefined => mirror ?? environment('DEPTHWISE_MIRROR');

const aboutOf = (zoo: Catalogue, row: Row): Omit<About, 'labels'> =>
  ({ preprocessing: row.preprocessing, licence: zoo.repositories[row.from].licence, source: urlOf(zoo, row) });

export async function pullFrom(zoo: Catalogue, name: string, options: PullOptions = {}): Promise<Pulled> {
  const row = rowOf(zoo, name), store = await openStore(options.cache);
  const get = (file: string, pinned: Pinned, wanted: PullOptions): Promise<Kept> =>
    obtain(store, file, pinned, urlOf(zoo, pinned, mirrorOf(options)), wanted).catch((cause) => { throw withAdvice(cause, byHand(zoo, row, store)); });
  const { bytes, unsaved } = await get(fileOf(row), row, options);
  const list = typeof row.labels === 'string' && !options.labels ? row.labels : undefined;
  const text = list && (await get(labelsFileOf(list), zoo.labels[list], { ...options, onProgress: undefined })).bytes;
  const labels = options.labels ?? (text ? labelsIn(text, row.classes) : row.labels as string[] | undefined);
  const path = unsaved ? undefined : store.place(fileOf(row));
  return { name, weights: bytes, ...aboutOf(zoo, row), ...(labels && { labels }), ...(path && { path }), ...(unsaved && { unsaved }) };
}

interface Kept {
  bytes: Uint8Array;
  unsaved?: string;
}

/** From the cache where it holds the right bytes, else from the network. A cache that takes nothing is no failure. */
async function obtain(store: Store, file: string, pinned: Pinned, url: string, options: PullOptions): Promise<Kept> {
  if (options.signal?.aborted) throw new DepthwiseError('ABORTED', 'Fetching was cancelled.');
  const cached = await store.read(file);
  if (cached && await isPinned(cached, pinned)) return { bytes: cached };
  const bytes = await download({ ...options, url, file, pinned, store });
  try {
    await store.remove(`${file}.part`); // first: a disk that is nearly full may have room for one of them
    await store.write(file, bytes);
    return { bytes };
  } catch (cause) {
    return { bytes, unsaved: `cannot write ${store.place(file) ?? 'to the cache'}: ${(cause as Error).message}` };
  }
}

function withAdvice(cause: unknown, advice: string): unknown {
  if (!(cause instanceof DepthwiseError) || !['NOT_FOUND', 'BAD_FILE'].includes(cause.code)) return cause;
  return new DepthwiseError(cause.code, `${cause.message} ${advice}`, { cause });
}

/** The way round a network that does not let us: both files at once, so that nobody has to come back for the second. */
function byHand(zoo: Catalogue, row: Row, store: Store): string {
  const files: [string, Pinned][] = [[fileOf(row), row]];
  if (typeof row.labels === 'string') files.push([labelsFileOf(row.labels), zoo.labels[row.labels]]);
  const ways = files.map(([file, pinned]) => `\n  ${urlOf(zoo, pinned)}\n    ${hashOf(pinned)}\n    to ${store.place(file) ?? 'where your page can load it by its address'}`);
  return `DEPTHWISE_MIRROR can name a mirror. Or fetch by hand:${ways.join('')}`;
}

export async function listFrom(zoo: Catalogue, options: PlaceOptions = {}): Promise<Listed[]> {
  const store = await openStore(options.cache);
  return Promise.all(zoo.weights.map(async (row) => {
    const { name, family, size, bytes, classes } = row, { licence, source } = aboutOf(zoo, row);
    const found = await store.size(fileOf(row)), cached = found !== undefined && (bytes === undefined || found === bytes), path = store.place(fileOf(row));
    return { name, family, size, ...(bytes && { bytes }), ...(classes && { classes }), licence, source, cached, ...(cached && path && { path }) };
  }));
}

export interface Known extends About {
  name: string;
  /** Absent for networks that have none: embedders. */
  classes?: number;
}

/** What the zoo knows of a file, told by its hash. Only files as long as one of the zoo's are hashed; nothing is fetched. */
export async function knownFrom(zoo: Catalogue, bytes: Uint8Array, options: PlaceOptions = {}): Promise<Known | undefined> {
  for (const row of zoo.weights) {
    if (row.bytes !== bytes.length || !await isPinned(bytes, row)) continue;
    const labels = typeof row.labels === 'string' ? await keptLabels(zoo, row, row.labels, options) : row.labels;
    return { name: row.name, ...aboutOf(zoo, row), ...(row.classes && { classes: row.classes }), ...(labels && { labels }) };
  }
  return undefined;
}

async function keptLabels(zoo: Catalogue, row: Row, list: string, { cache }: PlaceOptions): Promise<string[] | undefined> {
  const text = await (await openStore(cache)).read(labelsFileOf(list));
  return text && await isPinned(text, zoo.labels[list]) ? labelsIn(text, row.classes) : undefined;
}
