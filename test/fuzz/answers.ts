// Knows servers that lie: answers in place of `fetch`, any status, header, length, pause and number of bytes, to a toy zoo and to
// plain addresses. Whatever comes, only the pinned bytes may be handed on or kept. It does not know how files are fetched.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, mkdirSync, writeFileSync } from 'node:fs';
import { cached } from '../../src/cache.js';
import { fetchBytes } from '../../src/source.js';
import type { Catalogue } from '../../src/zoo/catalogue.js';
import { pullFrom } from '../../src/zoo/pull.js';
import type { Random } from '../random-graph.js';
import type { Case, Edit, Target, Verdict } from './case.js';
import { judged } from './verdict.js';

const WEIGHTS = Uint8Array.from({ length: 3000 }, (_, i) => (i * i) >> 3), LABELS = new TextEncoder().encode('a\nb\nc\n'), OTHER = WEIGHTS.map((byte) => byte ^ 1);
const hash = (bytes: Uint8Array, kind = 'sha256', head = ''): string => createHash(kind).update(head).update(bytes).digest('hex');
const pinned = (bytes: Uint8Array): { blob: string; bytes: number; sha256: string } => ({ blob: hash(bytes, 'sha1', `blob ${bytes.length}\0`), bytes: bytes.length, sha256: hash(bytes) });

const preprocessing = { fit: 'centre', crop: 1, mean: [0], std: [1] } as const;
const row = (name: string): Catalogue['weights'][number] => ({ name, family: 'V1', size: 8, from: 'a/b', path: `${name}.bin`, ...pinned(WEIGHTS), classes: 3, labels: 'some', preprocessing: { ...preprocessing, mean: [0], std: [1] } });
const { sha256: _, bytes: __, ...unseen } = row('unseen');
const ZOO: Catalogue = { repositories: { 'a/b': { commit: 'c0', licence: 'CC0' } }, labels: { some: { from: 'a/b', path: 'labels.txt', ...pinned(LABELS) } }, weights: [row('toy'), unseen] };

const FOLDER = `build/fuzz/answers-${process.pid}`;
process.on('exit', () => rmSync(FOLDER, { recursive: true, force: true }));

interface Answer { status: number; headers: Record<string, string>; body: 'right' | 'rest' | 'half' | 'other' | 'much' | 'none' | 'stalls' | 'breaks' | 'fails' | 'null' }

const STATUSES = [200, 200, 200, 206, 206, 304, 404, 416, 429, 500, 503, 302, 204];
const HEADERS: [string, string[]][] = [
  ['content-length', ['0', '3000', '2999', '-1', 'x', '1e3', '99999999999999999999', '']], ['etag', ['"a"', 'W/"a"', '"b"', '', 'x\ty']], ['content-range', ['bytes 0-2999/3000', 'bytes 1500-2999/3000', 'bytes 1500-2999/*', 'bytes */3000', 'x', 'bytes 9-1/0', 'bytes 1500-99999999999999999999/99999999999999999999']],
  ['content-encoding', ['gzip', 'identity']],
];

function answerOf({ status, headers, body }: Answer, asked: Headers, bytes: Uint8Array, signal?: AbortSignal | null): Response {
  const from = Number(/^bytes=(\d+)-$/.exec(asked.get('range') ?? '')?.[1] ?? 0);
  if (body === 'fails') throw Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) });
  const content = { right: [bytes], rest: [bytes.subarray(from)], half: [bytes.subarray(from, Math.max(from, 1500))], other: [OTHER], much: Array.from({ length: 4 }, () => WEIGHTS), none: [], stalls: [bytes.subarray(0, 700)], breaks: [bytes.subarray(from, from + 900)] }[body as 'right'] ?? [];
  const stream = body === 'null' || [204, 304].includes(status) ? null : new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of content) if (chunk.length) controller.enqueue(chunk.slice());
      if (body === 'stalls') signal?.addEventListener('abort', () => controller.error(new Error('aborted')));
      else if (body === 'breaks') controller.error(new TypeError('terminated'));
      else controller.close();
    },
  });
  return new Response(stream, { status, headers });
}

const WAYS: Record<string, (signal: AbortSignal) => Promise<Uint8Array | undefined>> = {
  toy: async (signal) => (await pullFrom(ZOO, 'toy', { cache: FOLDER, attempts: 4, pause: 0, timeout: 20, mirror: 'http://mirror.invalid', signal })).weights,
  unseen: async (signal) => (await pullFrom(ZOO, 'unseen', { cache: FOLDER, attempts: 4, pause: 0, timeout: 20, mirror: 'http://mirror.invalid', signal })).weights,
  address: async (signal) => fetchBytes('http://address.invalid/toy.bin', { integrity: `sha256-${Buffer.from(pinned(WEIGHTS).sha256, 'hex').toString('base64')}`, onProgress: () => undefined, signal }),
  kept: async (signal) => cached('http://address.invalid/toy.bin', { integrity: `sha256-${Buffer.from(pinned(WEIGHTS).sha256, 'hex').toString('base64')}`, cache: FOLDER, signal }),
  unchecked: async (signal) => void (await fetchBytes(new URL('http://address.invalid/toy.bin'), { onProgress: () => undefined, signal })),
};

/** What lies in the cache before: a part, a wrong file, a part of another file. */
const LEFT = ['toy.tflite.part', 'toy.tflite', 'some_labels.txt', 'unseen.tflite', 'unseen.tflite.part'];

export const answers: Target = {
  seeds: () => [[1, Object.keys(WAYS)]],
  mutate(random: Random): Edit {
    if (random.below(8) === 0) return ['left', random.of(LEFT), random.of(['right', 'half', 'other', 'none', 'no line'])];
    if (random.below(12) === 0) return ['abort', random.below(4)];
    const headers = Object.fromEntries(HEADERS.filter(() => random.below(2)).map(([name, values]) => [name, random.of(values)]));
    return ['answer', { status: random.of(STATUSES), headers, body: random.below(3) ? random.of(['right', 'rest', 'half', 'other', 'much', 'none', 'breaks', 'fails', 'null']) : random.below(9) ? 'rest' : 'stalls' } satisfies Answer];
  },
  async run({ seed, edits }: Case): Promise<Verdict> {
    rmSync(FOLDER, { recursive: true, force: true });
    const list = edits.filter(([how]) => how === 'answer').map(([, answer]) => answer as Answer), abortAt = edits.find(([how]) => how === 'abort')?.[1], controller = new AbortController(), own = globalThis.fetch;
    for (const [, file, what] of edits.filter(([how]) => how === 'left') as string[][]) {
      mkdirSync(FOLDER, { recursive: true });
      const bytes = { right: WEIGHTS, half: WEIGHTS.subarray(0, 1500), other: OTHER, none: new Uint8Array(0), 'no line': WEIGHTS.map((b) => (b === 10 ? 11 : b)) }[what]!;
      writeFileSync(`${FOLDER}/${file}`, file.endsWith('.part') && what !== 'no line' ? Buffer.concat([Buffer.from('"a"\n'), bytes]) : bytes);
    }
    // Whoever asks without the zoo waits as long as the caller does.
    const patience = seed === 'toy' || seed === 'unseen' ? undefined : setTimeout(() => controller.abort(), 30);
    let asked = 0;
    globalThis.fetch = async (url, init) => {
      if (asked === abortAt) controller.abort();
      init?.signal?.throwIfAborted();
      return answerOf(list.length ? list[Math.min(asked++, list.length - 1)] : { status: 200, headers: {}, body: 'right' }, new Headers(init?.headers), String(url).endsWith('labels.txt') ? LABELS : WEIGHTS, init?.signal);
    };
    try {
      return await judged(async () => {
        const bytes = await WAYS[seed](controller.signal);
        if (bytes && hash(bytes) !== pinned(WEIGHTS).sha256) throw new Error('handed on other bytes than the pinned ones');
        if (bytes && seed !== 'address') checkKept(seed);
        return { end: 'ran' };
      }, WEIGHTS.length, () => 0);
    } finally {
      clearTimeout(patience);
      globalThis.fetch = own;
    }
  },
};

/** What a cache keeps under a final name is what was pinned, or it was there before and is not believed. */
function checkKept(seed: string): void {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER) : [], name = names.find((each) => each === `${seed}.tflite` || each.startsWith('weights-'));
  if (names.some((each) => each.endsWith('.tmp'))) throw new Error('left a temporary file');
  if (name && hash(readFileSync(`${FOLDER}/${name}`)) !== pinned(WEIGHTS).sha256) throw new Error('kept other bytes than the pinned ones');
}
