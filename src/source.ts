// Knows where bytes come from: buffers, blobs, responses, URLs and, in hosts with a file system, paths. It reports
// progress, can be cancelled, checks integrity and takes no more than it may. It does not know what the bytes mean.
import { toBase64 } from './base64.js';
import { builtIn, hasFiles } from './builtin.js';
import { DepthwiseError } from './error.js';
import { shown } from './options.js';
import { sha256 } from './sha256.js';

export type Source = ArrayBufferView | ArrayBuffer | Blob | Response | URL | string;

export interface FetchOptions {
  signal?: AbortSignal;
  /** Bytes so far, and of how many (0 where the server does not say). */
  onProgress?: (done: number, total: number) => void;
  /** "sha256-" and the base64 hash that the bytes must have. */
  integrity?: string;
  /**
   * Most bytes of the weights, and of all memory of the net that they become (net.memory.totalBytes). What would be more is
   * refused before it is read or taken. Without it, at most 2 GiB are read, and hosts have their limits.
   */
  maxMemory?: number;
}

/**
 * Most bytes of a file or body where no maxMemory says more: what lies behind 2 GiB no step of a plan could name, nor could
 * FlatBuffers or protobuf. A body without an end would else be read until no memory is left.
 */
const MOST_READ = 2 ** 31;

/** @throws DepthwiseError OUT_OF_MEMORY where `what` has more bytes than it may, by maxMemory or `unsaid` */
export function checkMemory(bytes: number, maxMemory: number | undefined, what: string, unsaid = Infinity): void {
  const most = maxMemory ?? unsaid;
  if (bytes > most) throw new DepthwiseError('OUT_OF_MEMORY', `${what} ${bytes} bytes, and maxMemory allows ${most}${maxMemory === undefined ? ' where it is not given' : ''}. Allow more, or use a smaller alpha or resolution, or int8 weights.`);
}

export async function fetchBytes(source: Source, options: FetchOptions = {}): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    if (options.signal?.aborted) throw options.signal.reason;
    bytes = await read(source, options);
  } catch (cause) {
    if (options.signal?.aborted) throw new DepthwiseError('ABORTED', 'Loading was cancelled.', { cause });
    throw cause;
  }
  if (options.integrity) await checkIntegrity(bytes, options.integrity);
  return bytes;
}

/**
 * The bytes of a view of any kind; a copy where other threads can change them, which hosts neither hash nor decode.
 * @throws DepthwiseError BAD_INPUT for anything else, and for views whose buffer was transferred away
 */
export function bytesOf(source: ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(source)) throw new DepthwiseError('BAD_INPUT', `Weights come as bytes here (a Uint8Array), not ${shown(source)}.`);
  try {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return Object.prototype.toString.call(source.buffer) === '[object SharedArrayBuffer]' ? bytes.slice() : bytes;
  } catch (cause) {
    throw new DepthwiseError('BAD_INPUT', 'These bytes are gone: their buffer was transferred or made smaller. Load the weights before that, or pass a copy.', { cause });
  }
}

async function read(source: Source, options: FetchOptions): Promise<Uint8Array> {
  if (ArrayBuffer.isView(source)) return bytesOf(source);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source === 'string' || isUrl(source)) return readAddress(source, options);
  if (typeof (source as Response)?.status === 'number') return readResponse(source as Response, options);
  if (typeof (source as Blob)?.arrayBuffer === 'function') {
    checkMemory((source as Blob).size, options.maxMemory, 'This Blob has', MOST_READ);
    return new Uint8Array(await whole('The file', () => (source as Blob).arrayBuffer()));
  }
  throw new DepthwiseError('BAD_INPUT', 'Weights come as bytes, ArrayBuffer, Blob, Response, URL or path.');
}

/** Not instanceof: some engines have no URL, and one of another realm is none of this realm's. */
export const isUrl = (source: unknown): source is URL => typeof (source as URL | undefined)?.href === 'string';

async function readAddress(address: string | URL, options: FetchOptions): Promise<Uint8Array> {
  const text = String(address);
  const isPath = !/^[a-z][a-z0-9+.-]+:/i.test(text) || text.startsWith('file:');
  if (isPath && hasFiles()) return readFile(address, options);
  let response: Response;
  try {
    response = await fetch(address, { signal: options.signal });
  } catch (cause) {
    throw new DepthwiseError('NOT_FOUND', `Cannot fetch ${text}: ${cause instanceof Error ? cause.message : cause}. Check the address and the network.`, { cause });
  }
  return readResponse(response, options);
}

async function readFile(path: string | URL, options: FetchOptions): Promise<Uint8Array> {
  const { readFile: readNode, stat } = builtIn('node:fs/promises'), where = typeof path === 'string' && path.startsWith('file:') ? new URL(path) : path;
  try {
    const about = await stat(where);
    checkMemory(about.size, options.maxMemory, `${path} has`, MOST_READ);
    if (!about.isFile() && !about.isDirectory()) { // a pipe or device, which may never end
      const parts = builtIn('node:fs').createReadStream(where)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      return await gathered(() => parts.next(), () => parts.return?.(), String(path), options);
    }
    const { buffer, byteOffset, byteLength } = await readNode(where);
    return new Uint8Array(buffer, byteOffset, byteLength); // a Buffer's slice() would be a view, not a copy
  } catch (cause) {
    if (cause instanceof DepthwiseError) throw cause;
    const code = (cause as { code?: string }).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : String(code ?? cause);
    throw new DepthwiseError('NOT_FOUND', `Cannot read ${path}: ${why}. Check the path.`, { cause });
  }
}

/** @throws DepthwiseError NOT_FOUND where the server refused */
export function checkAnswered(response: Response): void {
  if (!response.ok) throw new DepthwiseError('NOT_FOUND', `${response.url || 'The server'} answered ${response.status} ${response.statusText}. Check the address.`);
}

/** What did not come whole is told as such: connections break, files change while they are read, a body is read once. */
async function whole<T>(what: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new DepthwiseError('NOT_FOUND', `${what} did not come whole: ${(cause as Error | undefined)?.message ?? shown(cause)}. Fetch it again.`, { cause });
  }
}

/** The length that a server states is that of the compressed body, or none: only what comes tells. */
async function readResponse(response: Response, options: FetchOptions): Promise<Uint8Array> {
  checkAnswered(response);
  const what = response.url || 'What the server sends', { body } = response, total = Number(response.headers?.get?.('content-length') ?? 0);
  if (body) {
    const reader = await whole(what, () => body.getReader());
    return gathered(() => reader.read(), () => reader.cancel(), what, options, total);
  }
  checkMemory(total, options.maxMemory, `${what} has`, MOST_READ);
  return new Uint8Array(await whole(what, () => response.arrayBuffer()));
}

/** All parts that come, or none of them where they are too many: then `end` says that nobody reads on. */
async function gathered(next: () => Promise<{ done?: boolean; value?: Uint8Array }>, end: () => unknown, what: string, { onProgress, maxMemory }: FetchOptions, total = 0): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let done = 0;
  try {
    checkMemory(total, maxMemory, `${what} has`, MOST_READ);
    for (let { value } = await whole(what, next); value; { value } = await whole(what, next)) {
      parts.push(value);
      done += value.length;
      checkMemory(done, maxMemory, `${what} has at least`, MOST_READ);
      onProgress?.(done, total);
    }
  } catch (cause) {
    await Promise.resolve(end()).catch(() => undefined);
    throw cause;
  }
  const bytes = new Uint8Array(done);
  for (let at = 0, i = 0; i < parts.length; at += parts[i++].length) bytes.set(parts[i], at);
  return bytes;
}

/** @throws DepthwiseError BAD_FILE for other bytes */
export async function checkIntegrity(bytes: Uint8Array, integrity: string): Promise<void> {
  if (!integrity.startsWith('sha256-')) throw new DepthwiseError('BAD_INPUT', `integrity is "sha256-" and a base64 hash, not "${integrity}".`);
  const found = `sha256-${toBase64(await sha256(bytes))}`;
  if (found !== integrity) throw new DepthwiseError('BAD_FILE', `The weights have ${found}, not ${integrity}: they are damaged or not the ones that were meant.`);
}
