// Knows how one process of the fuzzer works: it makes cases, writes each down before it is tried, tries it, and tells the
// campaign what it found. It is told everything else; what kills it does not kill the campaign.
import './allocation.js';
import { closeSync, openSync, writeSync } from 'node:fs';
import { Random } from '../random-graph.js';
import type { Case, Edit, Verdict } from './case.js';
import { coverage } from './coverage.js';
import { hashAtOnce } from './hash.js';
import { TARGETS, makeCase } from './targets.js';
import type { Kept } from './targets.js';

export interface Task {
  targets: string[];
  seed: number;
  seconds: number;
  /** Where the case that is being tried is written. */
  note: string;
  /** A case to make smaller instead: the fewest edits that end the same way. */
  shrink?: { fuzzed: Case; key: string };
  /** Cases to try once each. */
  replay?: Case[];
}

export interface Counts { executions: number; ms: number; ends: Record<string, number>; kept: number }
export type Message = { fault: Case; key: string; what: string } | { counts: Record<string, Counts>; blocks: number } | { smallest: Case; key: string } | { verdict: Verdict; of: number };

const tell = (message: Message): void => void process.send!(message);
const endOf = (verdict: Verdict): string => (verdict.end === 'refused' ? verdict.code : verdict.end);

/** A promise that never settles is a fault as well; the timer also keeps a process alive that waits for nothing. */
async function ended(running: Promise<Verdict>): Promise<Verdict> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<Verdict>((resolve) => (timer = setTimeout(() => resolve({ end: 'fault', key: 'never ends', what: `no answer after ${PATIENCE_MS} ms` }), PATIENCE_MS)));
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
}

const PATIENCE_MS = 20_000;

async function fuzz({ targets, seed, seconds, note }: Task): Promise<void> {
  const random = new Random(seed), kept = new Map<string, Kept[]>(targets.map((name) => [name, []])), counts: Record<string, Counts> = {}, file = openSync(note, 'w');
  const end = performance.now() + seconds * 1000, known = new Set<string>();
  let said = performance.now(), ran = 0;
  while (performance.now() < end) {
    // The target that has had the least time is next.
    const name = targets.reduce((least, other) => ((counts[other]?.ms ?? 0) < (counts[least]?.ms ?? 0) ? other : least));
    const fuzzed = makeCase(name, random, kept.get(name)!), count = counts[name] ??= { executions: 0, ms: 0, ends: {}, kept: 0 };
    const start = performance.now();
    writeSync(file, `${JSON.stringify(fuzzed)}\n`.padEnd(4096), 0);
    coverage.begin();
    const verdict = await ended(TARGETS[name].run(fuzzed)), end = endOf(verdict);
    if (coverage.isNew()) {
      const list = kept.get(name)!;
      if (verdict.end !== 'fault' && fuzzed.edits.length) count.kept = list.push({ fuzzed, ms: performance.now() - start });
    }
    count.executions++;
    count.ends[end] = (count.ends[end] ?? 0) + 1;
    if (verdict.end === 'fault' && !known.has(verdict.key)) {
      known.add(verdict.key);
      tell({ fault: fuzzed, key: verdict.key, what: verdict.what });
    }
    if (!fuzzed.only && ++ran % 400 === 0) (globalThis as { gc?: () => void }).gc?.(); // memories of WebAssembly wait for it
    const now = performance.now();
    count.ms += now - start;
    if (now - said > 500) {
      said = now;
      tell({ counts, blocks: coverage.blocks() });
    }
  }
  closeSync(file);
  tell({ counts, blocks: coverage.blocks() });
}

async function replay(cases: Case[]): Promise<void> {
  for (const [of, fuzzed] of cases.entries()) tell({ verdict: await ended(TARGETS[fuzzed.target].run(fuzzed)), of });
}

/** Leaves out edits as long as the case still ends the same way. */
async function shrink({ fuzzed, key }: NonNullable<Task['shrink']>): Promise<void> {
  const same = async (smaller: Case): Promise<boolean> => {
    const verdict = await TARGETS[smaller.target].run(smaller);
    return verdict.end === 'fault' && verdict.key === key;
  };
  let smallest = fuzzed;
  for (let i = smallest.edits.length - 1; i >= 0; i--) {
    const fewer: Edit[] = smallest.edits.toSpliced(i, 1);
    if (await same({ ...smallest, edits: fewer })) smallest = { ...smallest, edits: fewer };
  }
  tell({ smallest, key });
}

process.once('message', (task: Task) => {
  hashAtOnce();
  const work = task.replay ? replay(task.replay) : task.shrink ? shrink(task.shrink) : fuzz(task);
  work.then(() => process.exit(0), (error: Error) => {
    console.error(error.stack);
    process.exit(70); // the fuzzer itself is broken
  });
});
