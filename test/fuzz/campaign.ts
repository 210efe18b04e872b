// Knows how processes of the fuzzer are started, watched and replaced when they die or hang, and sums up what they found. It
// does not know what they try.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Case } from './case.js';
import { bundleWorker } from './instrument.js';
import type { Counts, Message, Task } from './worker.js';

export interface Found { fuzzed: Case; key: string; what: string }
export interface Report { counts: Record<string, Counts>; found: Found[]; blocks: number }

export interface Options {
  seconds: number;
  targets: string[];
  seed: number;
  processes: number;
  /** Told of each as it is found, before it is made smaller: who waits for the end may be ended before. */
  told?: (found: Found) => void;
}

/** Silence after which a process counts as hanging, if it computed for a third of it or this is the tenth: machines are busy. */
const SILENCE_MS = 60_000, MOST_SILENCES = 10;
const HEAP_MB = 700;

const FLAGS = ['--enable-source-maps', '--expose-gc', `--max-old-space-size=${HEAP_MB}`];

/** CPU time of a process so far, where the kernel tells. */
function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Infinity;
  }
}

type Ended = { code: number | null; hung: boolean; errors: string };

/** One process with one task. Its last words on stderr tell why it died. */
function start(file: string, task: Task, heard: (message: Message) => void, silence = SILENCE_MS): { child: ChildProcess; ended: Promise<Ended> } {
  const child = fork(file, { execArgv: FLAGS, stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { ...process.env, DEPTHWISE_MIRROR: 'https://mirror.invalid' } });
  let errors = '', hung = false, timer: ReturnType<typeof setTimeout>;
  const watch = (since: number, silences: number): void => {
    timer = setTimeout(() => {
      if (cpuMs(child.pid!) - since < silence / 3 && silences < MOST_SILENCES) return watch(since, silences + 1);
      hung = true;
      child.kill('SIGKILL');
    }, silence);
  };
  const alive = (): void => {
    clearTimeout(timer);
    watch(cpuMs(child.pid!), 1);
  };
  alive();
  child.stderr!.on('data', (part: Buffer) => (errors = (errors + part.toString()).slice(-4000)));
  child.on('message', (message: Message) => {
    alive();
    heard(message);
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => {
    clearTimeout(timer);
    resolve({ code, hung, errors });
  }));
  child.send(task);
  return { child, ended };
}

/** The first line is of the latest case; others are what a longer one left. */
const noted = (file: string): Case => JSON.parse(readFileSync(file, 'utf8').split('\n')[0]) as Case;

/** How cases end in a process of their own; the one that kills it, and all after it, by how it died. */
export async function replay(file: string, cases: Case[], silence = SILENCE_MS): Promise<string[]> {
  const said: string[] = [], { ended } = start(file, { targets: [], seed: 0, seconds: 0, note: '', replay: cases }, (message) => {
    if ('verdict' in message) said[message.of] = message.verdict.end === 'fault' ? `${message.verdict.key}\n${message.verdict.what}` : message.verdict.end;
  }, silence);
  const death = why(await ended);
  return cases.map((_, i) => said[i] ?? death);
}

const why = ({ code, hung, errors }: Ended): string => (hung ? 'hangs' : /heap|memory/i.test(errors) ? 'dies of memory' : `dies (${code})`);

async function shrunk(file: string, { fuzzed, key, what }: Found): Promise<Found> {
  let smallest = fuzzed;
  const { ended } = start(file, { targets: [], seed: 0, seconds: 0, note: '', shrink: { fuzzed, key } }, (message) => { if ('smallest' in message) smallest = message.smallest; });
  await ended;
  return { fuzzed: smallest, key, what };
}

/** A process after another for `seconds`, each with a seed of its own. */
async function lane(file: string, number: number, options: Options, tell: (message: Message, life: string) => void): Promise<void> {
  const until = performance.now() + options.seconds * 1000, folder = path.resolve('build/fuzz');
  mkdirSync(folder, { recursive: true });
  for (let life = 0; ; life++) {
    const seconds = (until - performance.now()) / 1000, note = `${folder}/${process.pid}-${number}.json`;
    if (seconds < 1) return;
    const { ended } = start(file, { targets: options.targets, seed: options.seed + number * 1000 + life, seconds, note }, (message) => tell(message, `${number}.${life}`));
    const end = await ended;
    if (end.code === 0) return rmSync(note, { force: true });
    if (end.code === 70) throw new Error(`the fuzzer is broken: ${end.errors}`);
    const fuzzed = noted(note);
    tell({ fault: fuzzed, key: `${why(end)}, ${fuzzed.target}`, what: end.errors }, `${number}.${life}`);
  }
}

export async function campaign(options: Options, worker?: string): Promise<Report> {
  const file = worker ?? (await bundleWorker()).file, lives = new Map<string, Record<string, Counts>>(), found = new Map<string, Found>();
  let blocks = 0;
  const hear = (message: Message, life: string): void => {
    if ('counts' in message) {
      lives.set(life, message.counts);
      blocks = Math.max(blocks, message.blocks);
    }
    if ('fault' in message && !found.has(message.key)) {
      const each = { fuzzed: message.fault, key: message.key, what: message.what };
      found.set(message.key, each);
      options.told?.(each);
    }
  };
  await Promise.all(Array.from({ length: options.processes }, (_, i) => lane(file, i, options, hear)));
  const all: Found[] = [];
  for (const each of found.values()) all.push(/^(hangs|dies)/.test(each.key) ? each : await shrunk(file, each));
  return { counts: summed([...lives.values()]), found: all, blocks };
}

function summed(lives: Record<string, Counts>[]): Record<string, Counts> {
  const sum: Record<string, Counts> = {};
  for (const counts of lives) for (const [name, { executions, ms, ends, kept }] of Object.entries(counts)) {
    const all = sum[name] ??= { executions: 0, ms: 0, ends: {}, kept: 0 };
    all.executions += executions;
    all.ms += ms;
    all.kept += kept;
    for (const [end, n] of Object.entries(ends)) all.ends[end] = (all.ends[end] ?? 0) + n;
  }
  return sum;
}

/** Executions and how they ended, target by target. */
export function table({ counts, blocks, found }: Report): string {
  const ends = [...new Set(Object.values(counts).flatMap(({ ends }) => Object.keys(ends)))].sort();
  const rows = [['target', 'executions', 'per second', 'kept', ...ends], ...Object.entries(counts).map(([name, each]) => [name, each.executions, Math.round(each.executions / (each.ms / 1000)), each.kept, ...ends.map((end) => each.ends[end] ?? 0)])];
  const total = Object.values(counts).reduce((sum, { executions }) => sum + executions, 0);
  return [...rows.map((row) => row.map((cell) => String(cell).padStart(13)).join('')), `${total} executions, ${blocks} blocks reached in the widest process, ${found.length} faults`].join('\n');
}
