// Knows what the library promises about every failure, and tells a refusal from a fault. It does not know what was tried.
import { DepthwiseError } from '../../src/error.js';
import type { ErrorCode } from '../../src/error.js';
import { allocated } from './allocation.js';
import type { Verdict } from './case.js';

const CODES = new Set<ErrorCode>(['BAD_FILE', 'UNSUPPORTED', 'BAD_INPUT', 'BAD_IMAGE', 'NOT_FOUND', 'NO_BUILD', 'OUT_OF_MEMORY', 'TOO_MUCH_WORK', 'THREAD_LOST', 'WORKER_LOST', 'DISPOSED', 'ABORTED', 'USAGE']);

/** A sentence for people: begins like one, ends one, and shows nothing that a program forgot to fill in. */
const isSentence = (message: string): boolean => /^["\w`.]/.test(message) && /[a-z].*[.?!"')]/s.test(message) && message.length > 15 && message.length < 20_000;

/** Bytes that one execution may take beside its file and what its network declares. */
const SPARE_BYTES = 48 << 20;
const MOST_MS = 2000;

/** An error that the fuzzer itself throws into the library by way of a getter or a callback. */
export class Thrown extends Error {}

export function fault(kind: string, error: unknown): Verdict {
  const { stack = '', message = String(error) } = (error ?? {}) as Error, place = /\bat ([\w.#<>]+) .*\/src\//.exec(stack)?.[1] ?? /\bat ([\w.#<>[\] ]+) \(/.exec(stack)?.[1] ?? '?';
  const words = message.replace(/"[^"]*"/g, '""').replace(/[-\d.]+/g, 'N').slice(0, 90);
  return { end: 'fault', key: `${kind}, ${place}: ${words}`, what: `${message}\n${stack}` };
}

/**
 * Waiting for a busy machine is no fault: what took long by the clock is tried again, by its CPU time.
 * @param size bytes of the input, which may be copied a few times
 */
export async function judged(work: () => Promise<Verdict>, size: number, declared: () => number, measured = false): Promise<Verdict> {
  const before = measured ? process.cpuUsage() : undefined, since = performance.now(), start = allocated.bytes;
  allocated.over = 0;
  let verdict: Verdict;
  try {
    verdict = await work();
  } catch (error) {
    verdict = failure(error);
  }
  if (verdict.end === 'fault') return verdict;
  if (!before && performance.now() - since > MOST_MS) return judged(work, size, declared, true);
  const { user, system } = before ? process.cpuUsage(before) : { user: 0, system: 0 }, ms = (user + system) / 1000, took = allocated.bytes - start, cap = SPARE_BYTES + 24 * size + 4 * declared();
  if (allocated.over) return { end: 'fault', key: 'took more than maxMemory', what: `${allocated.over} bytes` };
  if (took > cap) return { end: 'fault', key: `took much memory, ${verdict.end}${verdict.end === 'refused' ? ` ${verdict.code}` : ''}, ${allocated.place()}`, what: `${took} bytes for a file of ${size}, declared ${declared()}\n${allocated.stack()}` };
  if (ms > MOST_MS) return { end: 'fault', key: `took long, ${verdict.end}`, what: `${ms} ms of CPU time` };
  return verdict;
}

function failure(error: unknown): Verdict {
  if (error instanceof Thrown) return { end: 'ran' };
  if (!(error instanceof DepthwiseError)) return fault('no DepthwiseError', error);
  if (!CODES.has(error.code)) return fault('unknown code', error);
  if (!isSentence(error.message)) return fault('no sentence', error);
  for (let cause = error.cause; cause; cause = (cause as Error).cause) if (cause instanceof WebAssembly.RuntimeError) return fault('trap', cause);
  if (error.code === 'NO_BUILD' || error.code === 'THREAD_LOST') return fault('lost its engine', error);
  return { end: 'refused', code: error.code };
}
