// Knows how weights from an address are kept and found again, and that what was kept is checked. Where files lie is known
// by zoo/store.ts.
import { hasFiles } from './builtin.js';
import { hex, sha256 } from './sha256.js';
import { checkIntegrity, fetchBytes } from './source.js';
import type { KeepOptions } from './fetched.js';
import { openStore } from './zoo/store.js';

/** Bytes of an address: kept ones where they are right, else from the network, once. A cache that takes nothing is no failure. */
export async function cached(address: string | URL, options: KeepOptions): Promise<Uint8Array> {
  if (hasFiles() && !/^https?:/i.test(String(address))) return fetchBytes(address, options); // a file is where it is kept
  const store = await openStore(options.cache), file = await nameOf(address, options.integrity);
  const found = options.signal?.aborted ? undefined : await store.read(file).catch(() => undefined);
  if (found && await isRight(found, options.integrity)) {
    options.onProgress?.(found.length, found.length);
    return found;
  }
  if (found) await store.remove(file).catch(() => undefined);
  const bytes = await fetchBytes(address, options);
  await store.write(file, bytes).catch(() => undefined);
  return bytes;
}

const isRight = (bytes: Uint8Array, integrity?: string): Promise<boolean> =>
  integrity ? checkIntegrity(bytes, integrity).then(() => true, () => false) : Promise.resolve(true);

/** The hash of what it shall be, else of its address: short, and good for a file's name. */
async function nameOf(address: string | URL, integrity?: string): Promise<string> {
  const key = integrity ?? new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  return `weights-${hex(await sha256(new TextEncoder().encode(key)))}`;
}
