// Knows how the bytes of each kind of weights file are made from a seed and changed in its structure. It does not know what
// is tried with them.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { compile } from '../../src/compile/plan.js';
import { savePlan } from '../../src/convert.js';
import { DepthwiseError } from '../../src/error.js';
import type { Plan, Purpose } from '../../src/plan/plan.js';
import { hashedSafetensors } from '../hashed-weights.js';
import { Random } from '../random-graph.js';
import { NUMBERS, nearby } from './case.js';
import type { Edit } from './case.js';
import { applyJson, mutateJson } from './json-edits.js';
import { onnxSeed, onnxSeeds } from './onnx-seeds.js';
import { applyTree, mutateTree, parse, write } from './onnx-tree.js';
import type { Field, TreeEdit } from './onnx-tree.js';
import { file, graphOf, networkSeeds, operatorSeeds, realFiles, sliceSeeds } from './seeds.js';
import { sitesOf } from './tflite-sites.js';
import type { Site, SiteKind } from './tflite-sites.js';
import { writeTflite } from './tflite-writer.js';

export interface Format {
  /** Groups of seeds with how often each is chosen. */
  seeds(): [number, string[]][];
  mutate(random: Random, seed: string): Edit;
  bytes(seed: string, edits: readonly Edit[]): Promise<Uint8Array>;
}

/** Keeps the latest results of a function of one name, as many as the memory of a process has room for. */
function remembered<T>(make: (name: string) => T, most = 300): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const made = known.get(name) ?? make(name);
    known.delete(name); // the latest come last
    known.set(name, made);
    if (known.size > most) known.delete(known.keys().next().value!);
    return made;
  };
}

/** How often whole real files are chosen, which take a hundred times as long as small ones. */
const RARELY = 0.02;

/** Changes that any file may suffer. */
function mutateBytes(random: Random, length: number): Edit {
  if (random.below(4) === 0) return ['cut', random.below(length + 1)];
  if (random.below(6) === 0) return ['append', random.below(64)];
  return ['set', random.below(random.below(3) ? Math.min(length, 512) : length), Buffer.from(Uint8Array.from({ length: 1 + random.below(4) }, () => random.of([0, 1, 127, 128, 255, random.below(256)]))).toString('hex')];
}

function applyBytes(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let whole = edits.length ? bytes.slice() : bytes;
  for (const [how, a, b] of edits) {
    if (how === 'set') Buffer.from(b as string, 'hex').forEach((byte, i) => { if ((a as number) + i < whole.length) whole[(a as number) + i] = byte; });
    if (how === 'cut') whole = whole.slice(0, a as number);
    if (how === 'append') {
      const longer = new Uint8Array(whole.length + (a as number));
      longer.set(whole);
      for (let i = whole.length; i < longer.length; i++) longer[i] = i;
      whole = longer;
    }
  }
  return whole;
}

// ---- .tflite

const tfliteSeed = remembered((seed: string): { bytes: Uint8Array; sites: Map<SiteKind, Site[]>; kinds: SiteKind[] } => {
  const bytes = seed.startsWith('file:') ? file(seed.slice(5)) : writeTflite(graphOf(seed), seed.startsWith('detection:') ? detectionOptions() : undefined), sites = new Map<SiteKind, Site[]>();
  for (const site of sitesOf(bytes)) {
    const same = sites.get(site.kind);
    if (same) same.push(site);
    else sites.set(site.kind, [site]);
  }
  return { bytes, sites, kinds: [...sites.keys()].flatMap((kind) => Array.from({ length: kind === 'int' ? 6 : kind === 'text' ? 1 : 2 }, () => kind)) };
});

const hex = (bytes: ArrayBufferView): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const FLOATS = [0, -0, 1, -1, 0.5, 1 / 256, NaN, Infinity, -Infinity, 1e-45, 1e-30, 1e30, 3e38, 255, 2 ** 31];

export const tflite: Format = {
  seeds: () => [[16, operatorSeeds()], [0.5, networkSeeds()], [8, sliceSeeds()], [RARELY, realFiles('.tflite').map((name) => `file:${name}`)]],
  mutate(random, seed) {
    const { bytes, sites, kinds } = tfliteSeed(seed), view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (random.below(12) === 0) return mutateBytes(random, bytes.length);
    const kind = random.of(kinds), { at } = random.of(sites.get(kind)!), old = at + 4 <= bytes.length ? view.getInt32(at, true) : 0;
    const another = (): number => random.of(sites.get(kind)!).at;
    switch (kind) {
      case 'byte': return ['set', at, hex(Uint8Array.of(random.of([0, 1, 2, 3, 4, 5, 6, 7, 9, 127, 128, 255, random.below(128)])))];
      case 'text': return ['set', at, hex(Uint8Array.of(random.below(256)))];
      case 'slot': return ['set', at, hex(Uint16Array.of(random.below(2) ? 0 : random.of([4, 6, 8, 12, 16, 20, 65535, view.getUint16(another(), true)])))];
      case 'float': return ['set', at, hex(Float32Array.of(random.below(2) ? random.of(FLOATS) : view.getFloat32(at, true) * random.of([0.5, 2, -1, 1e3, 1e-3])))];
      case 'offset': return ['set', at, hex(Int32Array.of(random.below(2) ? nearby(random, old) : another() + view.getUint32(another(), true) - at))];
      case 'long': return ['set', at, hex(BigInt64Array.of(random.of([0n, 1n, -1n, 127n, -128n, 255n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)])))];
      default: return ['set', at, hex(Int32Array.of(random.below(3) ? nearby(random, old) : view.getInt32(another(), true)))];
    }
  },
  async bytes(seed, edits) { return applyBytes(tfliteSeed(seed).bytes, edits); },
};

/** FlexBuffers of the options that TFLite_Detection_PostProcess reads: float32 and int32 values, four bytes each. */
function detectionOptions(): Uint8Array {
  const options: [string, number][] = [['detections_per_class', 100], ['h_scale', 5], ['max_classes_per_detection', 1], ['max_detections', 4], ['nms_iou_threshold', 0.6], ['nms_score_threshold', 0.1], ['num_classes', 2], ['use_regular_nms', 0], ['w_scale', 5], ['x_scale', 10], ['y_scale', 10]];
  const bytes: number[] = [], word = (value: number): void => void bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  const names = options.map(([name]) => (bytes.push(...Buffer.from(name), 0), bytes.length - name.length - 1));
  while (bytes.length % 4) bytes.push(0);
  word(names.length);
  const keys = bytes.length;
  for (const name of names) word(bytes.length - name);
  word(bytes.length - keys);
  word(4);
  word(options.length);
  const map = bytes.length, isFloat = (name: string): boolean => /scale|threshold/.test(name);
  for (const [name, value] of options) word(isFloat(name) ? new Int32Array(Float32Array.of(value).buffer)[0] : value);
  for (const [name] of options) bytes.push(((isFloat(name) ? 3 : 1) << 2) | 2);
  while (bytes.length % 4) bytes.push(0);
  word(bytes.length - map);
  bytes.push((9 << 2) | 2, 4);
  return Uint8Array.from(bytes);
}

const parsed = remembered((text: string): unknown => JSON.parse(text), 50);

/** Changes to a JSON text, each a number from which the walk to a value is made when it is applied. */
function withJson(text: string, edits: readonly Edit[]): string {
  const numbers = edits.filter(([how]) => how === 'json').map(([, number]) => number as number);
  return numbers.length ? JSON.stringify(numbers.reduce<unknown>((document, number) => applyJson(document, mutateJson(new Random(number), document)), parsed(text))) ?? '' : text;
}

// ---- .dw

interface Dw { bytes: Uint8Array; words: Int32Array; weights: Uint8Array; info: string; form: number; version: number; arena: number; scratch: number }

const dwSeed = remembered(async (seed: string): Promise<Dw> => {
  const bytes = seed.startsWith('file:') ? file(seed.slice(5)) : await savePlan(soundPlan(seed)), view = new DataView(bytes.buffer, bytes.byteOffset);
  const section = (at: number): Uint8Array => bytes.slice(view.getUint32(at, true), view.getUint32(at, true) + view.getUint32(at + 4, true));
  return {
    bytes, words: new Int32Array(section(16).buffer), weights: section(24), info: new TextDecoder().decode(section(32)), version: view.getUint32(8, true), arena: view.getUint32(40, true),
    scratch: view.getUint32(44, true), form: view.getUint32(48, true),
  };
});

/** A few operators cut out of a file may be none that this library runs alone. */
function soundPlan(seed: string): Plan {
  try {
    return planOf(seed);
  } catch (error) {
    if (error instanceof DepthwiseError) return planOf('fast conv:int8:0');
    throw error;
  }
}

function planOf(seed: string): Plan {
  const [purpose, ...rest] = seed.split(' '), voting = purpose === 'vote', plan = compile(graphOf(rest.join(' ')), { plan: voting ? 'fast' : purpose as Purpose });
  if (!voting) return plan;
  const classes = plan.info.tensors[plan.info.outputs[0]].shape.reduce((n, d) => n * d, 1);
  return { ...plan, info: { ...plan.info, labels: ['a', 'b'], vote: { k: 3, classes: Array.from({ length: classes }, (_, i) => i % 2) } as Plan['info']['vote'] } };
}

const FEW = 40_000;

export const dw: Format = {
  seeds: () => [
    [8, operatorSeeds().map((seed, i) => `${['fast', 'small', 'layers'][i % 3]} ${seed}`)], [0.5, networkSeeds().map((seed, i) => `${['fast', 'small'][i >> 1 & 1]} ${seed}`)], [3, sliceSeeds().map((seed) => `fast ${seed}`)],
    [1, operatorSeeds().filter((seed) => seed.startsWith('fully:float32')).map((seed) => `vote ${seed}`)], [RARELY, readdirSync('weights').filter((name) => name.endsWith('.dw')).map((name) => `file:weights/${name}`)],
  ],
  mutate(random, seed) {
    const small = !seed.startsWith('file:'), bytes = FEW;
    switch (random.below(small ? 16 : 4)) {
      case 0: return ['head', random.below(12), random.below(2) ? random.of(NUMBERS) : random.below(bytes)];
      case 1: return ['loose', ...mutateBytes(random, bytes)];
      case 2: case 3: case 4: case 5: return ['json', random.below(2 ** 31)];
      case 6: return [random.of(['arena', 'scratch']), random.below(3) ? random.below(4096) * 16 : random.of(NUMBERS)];
      case 7: return ['weight', random.below(bytes), random.below(256)];
      default: return ['word', random.next(), random.next(), random.below(2 ** 31)];
    }
  },
  async bytes(seed, edits) {
    const whole = await dwSeed(seed), words = edits.some(([how]) => how === 'word') ? whole.words.slice() : whole.words;
    let { arena, scratch, weights } = whole;
    const info = withJson(whole.info, edits);
    for (const [how, a, b, c] of edits as [string, number, number, number][]) {
      if (how === 'arena') arena = a;
      if (how === 'scratch') scratch = a;
      if (how === 'weight') weights = weights.map((byte, i) => (i === a ? b : byte));
      if (how === 'word') changeWord(words, a, b, new Random(c));
    }
    return sealed({ ...whole, words, info, arena, scratch, weights }, edits);
  },
};

/** A word that has a value, most often, of any record. */
function changeWord(words: Int32Array, place: number, value: number, random: Random): void {
  const used = random.below(4) ? [...words.keys()].filter((i) => words[i] !== 0) : [...words.keys()];
  if (!used.length) return;
  const at = used[Math.floor(place * used.length)];
  words[at] = value < 0.7 ? nearby(random, words[at]) : words[used[random.below(used.length)]];
}

/** The file with a right hash, but for changes that are `loose`. */
function sealed({ words, weights, info, form, version, arena, scratch }: Dw, edits: readonly Edit[]): Uint8Array {
  const parts = [new Uint8Array(words.buffer, words.byteOffset, words.byteLength), weights, new TextEncoder().encode(info)], numbers = [version, 0];
  let at = 96;
  for (const part of parts) {
    numbers.push(at, part.length);
    at = Math.ceil((at + part.length) / 16) * 16;
  }
  numbers[1] = at;
  numbers.push(arena, scratch, form);
  const bytes = new Uint8Array(at), view = new DataView(bytes.buffer);
  bytes.set([...'DWPLAN'].map((c) => c.charCodeAt(0)));
  parts.forEach((part, i) => bytes.set(part, numbers[2 + i * 2]));
  numbers.forEach((value, i) => view.setInt32(8 + i * 4, value, true));
  for (const [how, i, value] of edits as [string, number, number][]) if (how === 'head') view.setInt32(8 + i * 4, value, true);
  bytes.set(createHash('sha256').update(bytes.subarray(96)).digest(), 64);
  return applyBytes(bytes, edits.filter(([how]) => how === 'loose').map(([, ...edit]) => edit as Edit));
}

// ---- .safetensors

interface Header { [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] } }

const headerOf = (bytes: Uint8Array): { text: string; data: Uint8Array } => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return { text: new TextDecoder().decode(bytes.subarray(8, 8 + length)), data: bytes.subarray(8 + length) };
};

/** Networks with the names of real files and a handful of channels: one number of channels becomes another, the same everywhere. */
function narrow(shapes: Record<string, number[]>): Uint8Array {
  const fewer = (d: number): number => (d <= 3 ? d : 4 + (d % 5));
  return hashedSafetensors(Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, shape.map((d, i) => (i < 2 ? fewer(d) : d))])));
}

function shapesOf(name: string): Record<string, number[]> {
  if (name.endsWith('.json')) return (JSON.parse(readFileSync(name, 'utf8')) as { shapes: Record<string, number[]> }).shapes;
  const header = JSON.parse(headerOf(file(name)).text) as Header;
  return Object.fromEntries(Object.entries(header).filter(([key]) => key !== '__metadata__').map(([key, { shape }]) => [key, shape]));
}

const safetensorsSeed = remembered((seed: string): { bytes: Uint8Array; text: string; data: Uint8Array } => {
  if (seed.startsWith('file:')) return { bytes: file(seed.slice(5)), ...headerOf(file(seed.slice(5))) };
  const { text, data } = headerOf(narrow(shapesOf(seed.slice(7))));
  const metadata = { resolution: '32', labels: '["a","b","c"]', preprocessing: 'x / 127.5 - 1, centre square', bn_epsilon: '0.001', licence: 'CC0', padding: 'same' };
  return { bytes: withHeader(JSON.stringify({ __metadata__: metadata, ...JSON.parse(text) as object }), data), text: JSON.stringify({ __metadata__: metadata, ...JSON.parse(text) as object }), data };
});

function withHeader(text: string, data: Uint8Array, length?: number): Uint8Array {
  const header = new TextEncoder().encode(text), bytes = new Uint8Array(8 + header.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(length ?? header.length)), true);
  bytes.set(header, 8);
  bytes.set(data, 8 + header.length);
  return bytes;
}

export const safetensors: Format = {
  seeds: () => [[9, [...realFiles('.safetensors'), 'test/vectors/ssdlite.json'].map((name) => `narrow:${name}`)], [RARELY, realFiles('.safetensors').map((name) => `file:${name}`)]],
  mutate(random, seed) {
    const { bytes } = safetensorsSeed(seed);
    switch (random.below(8)) {
      case 0: return ['length', nearby(random, Number(bytes.length))];
      case 1: return mutateBytes(random, bytes.length);
      case 2: return ['text', random.next(), random.of(['{', '}', '[', ',', '"', ':', 'null', '\0', '\ud800', '9e999', '-', '[[[[[[[[[[', '{"a":'])];
      default: return ['json', random.below(2 ** 31)];
    }
  },
  async bytes(seed, edits) {
    const whole = safetensorsSeed(seed);
    let text = withJson(whole.text, edits), length: number | undefined;
    for (const [how, a, b] of edits as [string, number, string][]) {
      if (how === 'text') text = text.slice(0, Math.floor(a * text.length)) + b + text.slice(Math.floor(a * text.length) + 1);
      if (how === 'length') length = a;
    }
    return applyBytes(text === whole.text && length === undefined ? whole.bytes : withHeader(text, whole.data, length), edits);
  },
};

// ---- .onnx

const onnxFields = remembered((seed: string): Field[] => parse(seed.startsWith('file:') ? file(seed.slice(5)) : onnxSeed(seed)));

export const onnx: Format = {
  seeds: () => [[12, onnxSeeds()], [RARELY, realFiles('.onnx').map((name) => `file:${name}`)]],
  mutate(random, seed) {
    return random.below(16) ? mutateTree(random, onnxFields(seed)) : mutateBytes(random, 2000);
  },
  async bytes(seed, edits) {
    const tree = edits.filter(([how]) => !['set', 'cut', 'append'].includes(how)) as TreeEdit[];
    return applyBytes(write(tree.reduce(applyTree, onnxFields(seed))), edits.filter(([how]) => ['set', 'cut', 'append'].includes(how)));
  },
};
