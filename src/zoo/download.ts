// Knows how a pinned file comes over an unreliable network: parts, retries, stalls, and nothing unverified handed on. It
// does not know what the file is or where it is kept afterwards.
import { hasFiles } from '../builtin.js';
import { DepthwiseError } from '../error.js';
import type { ErrorCode } from '../error.js';
import { Part } from './part.js';
import type { Store } from './store.js';
import { isPinned } from './verify.js';
import type { Fingerprint } from './verify.js';

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Bytes so far, and of how many (0 where neither the zoo nor the server says). */
  onProgress?: (done: number, total: number) => void;
  /** Milliseconds without a byte after which a connection counts as dead (default 30,000). */
  timeout?: number;
  /** How often a file is asked for at most (default 5). */
  attempts?: number;
  /** Milliseconds before the second attempt (default 500); each later pause is twice as long. */
  pause?: number;
}

export interface Wanted extends DownloadOptions {
  url: string;
  /** Its name in the store. */
  file: string;
  pinned: Fingerprint;
  store: Store;
}

/** No checkpoint is this large; a server that sends without end is cut off. */
const MOST_BYTES = 256 << 20;

/** Why an attempt came to nothing. A final one is not worth a further attempt. */
class Setback extends Error {
  readonly code: ErrorCode;
  readonly final: boolean;

  constructor(message: string, final = false, code: ErrorCode = 'NOT_FOUND', cause?: unknown) {
    super(message, { cause });
    this.final = final;
    this.code = code;
  }
}

/** @throws DepthwiseError NOT_FOUND where it cannot be had, BAD_FILE where it is another file, ABORTED */
export async function download(wanted: Wanted): Promise<Uint8Array> {
  const { url, file, store, signal, attempts = 5, pause = 500 } = wanted;
  const part = await Part.open(store, file);
  for (let tries = 1; ; tries++) {
    const problem = await attempt(wanted, part).catch((cause) => asSetback(cause));
    if (!problem) return part.bytes();
    await part.save();
    if (signal?.aborted) throw cancelled(part, store);
    if (problem.final || tries >= attempts) {
      throw new DepthwiseError(problem.code, `Cannot fetch ${url}: ${problem.message}${tries > 1 ? ` (attempt ${tries})` : ''}.`, { cause: problem });
    }
    await sleep(pause * 2 ** (tries - 1), signal);
    if (signal?.aborted) throw cancelled(part, store);
  }
}

function cancelled(part: Part, store: Store): DepthwiseError {
  const place = store.place(part.file);
  return new DepthwiseError('ABORTED', `Fetching was cancelled. ${part.done && place ? `The ${part.done} bytes that came are kept in ${place} and will be gone on from.` : 'Nothing is kept.'}`);
}

/** Errors of `fetch` that no waiting cures: there is no network, or no such host. */
const HOPELESS = ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'ERR_INVALID_URL'];

function asSetback(cause: unknown): Setback {
  if (cause instanceof Setback) return cause;
  if (cause instanceof DepthwiseError) return new Setback(cause.message, true, cause.code, cause);
  const { message, code } = ((cause as Error)?.cause ?? cause) as { message?: string; code?: string };
  return new Setback(code ? `the network says ${code}` : `the network says "${message ?? cause}"`, HOPELESS.includes(code ?? ''), 'NOT_FOUND', cause);
}

/** Ends with the whole, verified file in `part`, or throws. */
async function attempt(wanted: Wanted, part: Part): Promise<void> {
  if (part.done !== wanted.pinned.bytes) await receive(wanted, part); // else it was stopped just before the check
  if (await isPinned(part.bytes(), wanted.pinned)) return;
  const { done, mixed } = part, sum = wanted.pinned.sha256 ?? wanted.pinned.blob;
  part.restart();
  if (mixed) throw new Setback('the part kept from before and the rest do not belong together', false, 'BAD_FILE');
  throw new Setback(`the ${done} bytes that came do not have the hash ${sum}. They were thrown away`, true, 'BAD_FILE');
}

async function receive(wanted: Wanted, part: Part): Promise<void> {
  const watch = watchFor(wanted);
  try {
    const response = await fetch(wanted.url, { headers: headersFor(part), signal: watch.signal });
    const total = accept(response, part, wanted);
    await take(response, part, total, wanted, watch.alive);
    if (part.done < total) throw new Setback(`it stopped after ${part.done} of ${total} bytes`);
  } catch (cause) {
    throw watch.stalled() ? new Setback(`nothing came for ${(wanted.timeout ?? PATIENCE) / 1000} seconds`) : cause;
  } finally {
    watch.end();
  }
}

/**
 * If-Range gets the whole file where it has changed since; only strong ETags vouch for bytes (RFC 9110, 13.1.5). A browser
 * would first ask the server whether it may send it, and file hosts do not answer that; there the hash alone must tell.
 */
function headersFor({ done, etag }: Part): Record<string, string> {
  const plain = { 'accept-encoding': 'identity' };
  return done ? { ...plain, range: `bytes=${done}-`, ...(etag && hasFiles() && { 'if-range': etag }) } : plain;
}

/** Reads status and headers; returns how many bytes the whole file has, 0 where that is not known. */
function accept(response: Response, part: Part, { pinned }: Wanted): number {
  const { status, headers } = response, given = headers.get('etag') ?? '', etag = given.startsWith('W/') ? '' : given;
  const length = headers.get('content-encoding') ? 0 : Number(headers.get('content-length') ?? 0);
  if (status === 206) {
    const range = headers.get('content-range'); // which browsers may hide from us
    const [, start, size] = /^bytes (\d+)-\d+\/(\d+|\*)/.exec(range ?? `bytes ${part.done}-0/*`) ?? [];
    if (Number(start) === part.done && (!etag || !part.etag || etag === part.etag)) {
      part.mixed = true;
      return pinned.bytes ?? (Number(size) || 0);
    }
    part.restart();
    throw new Setback('it sent another part than was asked for');
  }
  if (status === 416 && part.done) {
    part.restart();
    throw new Setback('its file ends before the part that is kept here');
  }
  if (status !== 200) throw new Setback(`the server answered ${status} ${response.statusText}`.trimEnd(), status < 500 && ![408, 425, 429].includes(status));
  part.restart(etag);
  if (pinned.bytes && length && length !== pinned.bytes) throw new Setback(`it has ${length} bytes there, where the file that is meant has ${pinned.bytes}`, true, 'BAD_FILE');
  return pinned.bytes ?? length;
}

async function take(response: Response, part: Part, total: number, { pinned, onProgress }: Wanted, alive: () => void): Promise<void> {
  const most = pinned.bytes ?? MOST_BYTES;
  for (const reader = response.body!.getReader(); ;) {
    alive();
    const { value, done } = await reader.read();
    if (done) return;
    await part.add(value);
    if (part.done > most) {
      part.restart();
      throw new Setback(`it sends more than the ${most} bytes of the file that is meant`, true, 'BAD_FILE');
    }
    onProgress?.(part.done, total);
  }
}

const PATIENCE = 30_000;

/** A signal that fires when the caller's does, or when `alive` was not called for too long. */
function watchFor({ signal, timeout = PATIENCE }: Wanted) {
  const controller = new AbortController(), stop = (): void => controller.abort();
  let stalled = false, timer: ReturnType<typeof setTimeout> | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => (stalled = true, stop()), timeout);
  };
  signal?.addEventListener?.('abort', stop);
  if (signal?.aborted) stop();
  alive();
  const end = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener?.('abort', stop);
    stop(); // lets go of a body that nobody reads to its end
  };
  return { signal: controller.signal, alive, end, stalled: () => stalled };
}

function sleep(time: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener?.('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, time);
    signal?.addEventListener?.('abort', wake);
    if (signal?.aborted) wake();
  });
}
