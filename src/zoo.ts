// The entry `depthwise/zoo`: official checkpoints by name, each pinned to a commit and checked by its hash. It is a file of
// its own, fetched by those who load "zoo:NAME".
import { ZOO } from './zoo/catalogue.js';
import { knownFrom, listFrom, pullFrom } from './zoo/pull.js';
import type { Known, Listed, PlaceOptions, Pulled, PullOptions } from './zoo/pull.js';

export { DepthwiseError } from './error.js';
export type { About, Known, Listed, PlaceOptions, Pulled, PullOptions } from './zoo/pull.js';

/** Every checkpoint there is, and whether it lies in the cache. */
export const list = (options?: PlaceOptions): Promise<Listed[]> => listFrom(ZOO, options);

/**
 * Weights and what belongs to them, from the cache or the network: `load('zoo:NAME')` does the same and loads them.
 * @throws DepthwiseError NOT_FOUND for an unknown name or where nothing can be fetched (the message says how to by hand),
 *   BAD_FILE for bytes with another hash, of which nothing is kept, ABORTED
 */
export const pull = (name: string, options?: PullOptions): Promise<Pulled> => pullFrom(ZOO, name, options);

/** Preprocessing, terms and (where they are cached) labels of a file that is one of the zoo's, for `load(bytes, { ...await known(bytes) })`. */
export const known = (bytes: Uint8Array, options?: PlaceOptions): Promise<Known | undefined> => knownFrom(ZOO, bytes, options);
