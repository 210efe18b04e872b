// Knows whether bytes are the pinned ones: by SHA-256, or by Git's blob id where only that is known. It fetches nothing.
import { DepthwiseError } from '../error.js';
import type { Pinned } from './catalogue.js';

export type Fingerprint = Pick<Pinned, 'bytes' | 'sha256' | 'blob'>;

async function hex(algorithm: string, bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) throw new DepthwiseError('UNSUPPORTED', 'Hashes cannot be checked here: browsers offer that to pages from https:// and localhost only.');
  const hash = new Uint8Array(await crypto.subtle.digest(algorithm, bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Git hashes a file with its kind and length in front (git-scm.com, "Git Objects"). */
export function blobId(bytes: Uint8Array): Promise<string> {
  const head = new TextEncoder().encode(`blob ${bytes.length}\0`), whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return hex('SHA-1', whole);
}

export async function isPinned(bytes: Uint8Array, { bytes: length, sha256, blob }: Fingerprint): Promise<boolean> {
  if (length !== undefined && bytes.length !== length) return false;
  return sha256 ? (await hex('SHA-256', bytes)) === sha256 : (await blobId(bytes)) === blob;
}
