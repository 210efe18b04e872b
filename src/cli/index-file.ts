// Knows the index files of the command line: how they are read, and which network their vectors are from. It looks at no
// photo.
import { existsSync } from 'node:fs';
import { DepthwiseError } from '../error.js';
import type { Net } from '../net.js';
import { cosine, createIndex, loadIndex, type IndexType, type VectorIndex } from '../search.js';
import { readBytes } from './files.js';
import { namingFile } from './weights.js';

/** What `depthwise embed` says in an index of where its vectors come from. */
interface Origin {
  /** As given by --weights; absent for the starter weights. */
  weights?: string;
  /** How the network sees one fixed picture: files of the same weights agree, whatever their format and build. */
  fingerprint: number[];
}

const SIDE = 64;
/** Stripes, colours and noise: the same pixels everywhere. */
const FIXED_PICTURE = {
  width: SIDE, height: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE * 4 }, (_, i) => ((i >> 2) % 9 < 4 ? (i * 2654435761) >>> 24 : ((i >> 8) * 4 + (i & 3) * 60) & 255)),
};
/** Rounding in float32 builds, or half the digits (float16), stay far above; other weights far below. */
const ALIKE = 0.99;

const fingerprintOf = (net: Net): number[] => Array.from(net.embed(FIXED_PICTURE, { l2Normalize: true }), (value) => Number(value.toFixed(5)));

export function newIndex(net: Net, weights: string | undefined, dtype: IndexType): VectorIndex {
  const fingerprint = fingerprintOf(net), origin: Origin = { ...(weights && { weights }), fingerprint };
  return createIndex({ dimensions: fingerprint.length, dtype, about: { ...origin } });
}

export async function openIndex(file: string): Promise<VectorIndex> {
  if (!existsSync(file)) throw new DepthwiseError('NOT_FOUND', `there is no index ${file}. Make one: depthwise embed FOLDER --out ${/\.dwi$/.test(file) ? file : 'photos.dwi'}`);
  return namingFile(file, () => loadIndex(readBytes(file, 'index')));
}

/** The weights an index was made with. */
export const weightsOf = (index: VectorIndex): string | undefined => (index.about as Partial<Origin>).weights;

/** Refuses vectors of another network: they mean something else, though they may be as long. */
export function checkNetwork(index: VectorIndex, net: Net, file: string): void {
  const { fingerprint } = index.about as Partial<Origin>;
  if (!Array.isArray(fingerprint)) return; // not made here; lengths are checked by the index
  const seen = fingerprintOf(net);
  if (seen.length === fingerprint.length && cosine(seen, fingerprint) > ALIKE) return;
  throw new DepthwiseError('BAD_INPUT', `${file} was made with other weights (${weightsOf(index) ?? 'the starter weights'}), whose vectors mean something else. Give those by --weights, or make the index anew.`);
}
