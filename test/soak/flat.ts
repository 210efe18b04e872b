// Knows when memory counts as flat: by least squares over the later three quarters of the samples, bytes grow by no more than
// noise, and whatever can be counted one by one ends where it was. It does not know what was done.
import type { Sample } from './memory.js';

type Kind = Exclude<keyof Sample, 'done'>;

const MIB = 1 << 20;

/** Most growth over the later three quarters. What is counted may not grow at all. */
const MOST: Record<Kind, number> = { rss: 16 * MIB, heap: MIB, external: MIB, wasm: 0, memories: 0, threads: 0, listeners: 0 };

/** No sample may hold more, whatever the trend. */
const MOST_RSS = 512 * MIB;

const WORDS: Record<Kind, string> = {
  rss: 'resident memory', heap: 'the JavaScript heap', external: 'memory outside of the heap', wasm: 'WebAssembly memory', memories: 'the number of WebAssembly memories', threads: 'the number of threads', listeners: 'the number of listeners',
};

const later = (samples: Sample[]): Sample[] => samples.slice(Math.floor(samples.length / 4));

/** The least-squares line through the later three quarters, from their first to their last. */
export function growth(samples: Sample[], kind: Kind): number {
  const points = later(samples), mean = (of: (point: Sample) => number): number => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean(({ done }) => done), y = mean((point) => point[kind]);
  const slope = mean((point) => (point.done - x) * (point[kind] - y)) / mean(({ done }) => (done - x) ** 2);
  return slope * (points.at(-1)!.done - points[0].done);
}

const shown = (kind: Kind, amount: number): string => (MOST[kind] > 0 || kind === 'wasm' ? `${(amount / MIB).toFixed(2)} MiB` : String(Math.round(amount * 100) / 100));

/** What grew, in sentences; none where memory is flat. */
export function faultsOf(samples: Sample[]): string[] {
  if (later(samples).length < 6) throw new Error(`${samples.length} samples are too few to tell a trend`);
  const span = samples.at(-1)!.done - later(samples)[0].done, peak = Math.max(...samples.map(({ rss }) => rss));
  const grew = (Object.keys(MOST) as Kind[]).filter((kind) => (MOST[kind] ? growth(samples, kind) > MOST[kind] : samples.at(-1)![kind] > later(samples)[0][kind]))
    .map((kind) => `${WORDS[kind]} grew by ${shown(kind, MOST[kind] ? growth(samples, kind) : samples.at(-1)![kind] - later(samples)[0][kind])} over ${span}`);
  return [...grew, ...(peak > MOST_RSS ? [`resident memory reached ${shown('rss', peak)}`] : [])];
}

/** One line for people. */
export function summary(samples: Sample[]): string {
  const last = samples.at(-1)!, peak = Math.max(...samples.map(({ rss }) => rss)), trend = (kind: Kind): string => `${growth(samples, kind) < 0 ? '' : '+'}${shown(kind, growth(samples, kind))}`;
  return `RSS ${shown('rss', last.rss)} (trend ${trend('rss')}, peak ${shown('rss', peak)}), heap ${shown('heap', last.heap)} (${trend('heap')}), external ${shown('external', last.external)} (${trend('external')}), ` +
    `WASM ${shown('wasm', last.wasm)} in ${last.memories} memories (${trend('wasm')}), ${last.threads} threads, ${last.listeners} listeners`;
}
