// Knows whether bytes are the pinned ones: by SHA-256, or by Git's blob id where only that is known. It fetches nothing.
import { DepthwiseError } from '../error.js';
import { hex } from '../sha256.js';
import type { Pinned } from './catalogue.js';

export type Fingerprint = Pick<Pinned, 'bytes' | 'sha256' | 'blob'>;

async function hashed(algorithm: string, bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) throw new DepthwiseError('UNSUPPORTED', 'Hashes cannot be checked here: browsers offer that to pages from https:// and localhost only.');
  return hex(new Uint8Array(await crypto.subtle.digest(algorithm, bytes as Uint8Array<ArrayBuffer>)));
}

/** Git hashes a file with its kind and length in front (git-scm.com, "Git Objects"). */
export function blobId(bytes: Uint8Array): Promise<string> {
  const head = new TextEncoder().encode(`blob ${bytes.length}\0`), whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return hashed('SHA-1', whole);
}

export async function isPinned(bytes: Uint8Array, { bytes: length, sha256, blob }: Fingerprint): Promise<boolean> {
  if (length !== undefined && bytes.length !== length) return false;
  return sha256 ? (await hashed('SHA-256', bytes)) === sha256 : (await blobId(bytes)) === blob;
}
