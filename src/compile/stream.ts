// Knows how a plan runs where its weights are not in memory: which constants are copied in before which records, and where
// to. What a step needs for its own time lies in whatever part of the arena is free just then. Where weights are the larger
// part, blocks run as their parts, and products a few output channels at a time. It does not know what copies.
import * as abi from '../../assembly/abi.js';
import { measure, scratch as measured } from '../../assembly/extent.js';
import { multiplyAdds } from '../../assembly/work.js';
import { align, recordsOf } from '../plan/plan.js';
import type { Plan, PlanInfo } from '../plan/plan.js';
import { placeScratch } from '../plan/scratch.js';
import { lowestGap, overlaps } from './arena.js';
import type { Life } from './arena.js';
import { constantsOf } from './constants.js';
import type { ConstantRange } from './constants.js';

/** `bytes` of the constants, from byte `from` on, to byte `to` of the memory. */
export interface Copy { from: number; bytes: number; to: number }

/** Records that run together: a step, a part of one, or some of a product's output channels. */
export interface Unit {
  /** The plan's step that it belongs to, and what it is. */
  step: number;
  kind: string;
  macs: number;
  /** Its records among all, and how many. */
  record: number;
  records: number;
  scratchAt: number;
  scratchBytes: number;
  copies: Copy[];
}

export interface Stream {
  info: PlanInfo;
  records: Int32Array;
  constants: Uint8Array;
  units: Unit[];
  /** Byte addresses: where a unit's records are copied to, and from where the offsets in them count. */
  recordsAt: number;
  base: number;
  /** All of the linear memory. */
  memoryBytes: number;
  /** What tensors alone take. */
  arenaBytes: number;
}

/** Below lie the module's own static data (test/stream.test.ts looks). */
export const STATIC_BYTES = 256;
const MOST_RECORDS = 5; // a block and its four parts
/** Bytes of constants at a time that are tried. */
const LIMITS = [...Array.from({ length: 15 }, (_, i) => Math.round(4096 * 2 ** (i / 2))), Infinity];
/** So much more memory is taken for fewer units. */
const WORTH = 1024;

/** The plan for streaming that takes the least memory, or nearly so in fewer units. */
export function streamed(plan: Plan): Stream {
  const all = LIMITS.map((limit) => streamedBy(plan, limit)), least = Math.min(...all.map(({ memoryBytes }) => memoryBytes));
  return all.reverse().find(({ memoryBytes }) => memoryBytes <= least + WORTH)!;
}

/** A place in the arena, known or still to be found. */
interface Place { at: number }

/** A unit before its places are known. */
interface Draft {
  records: Int32Array[];
  scratch: number;
  /** Words that will say where a place is, `plus` bytes on. */
  links: { words: Int32Array; word: number; place: Place; plus: number }[];
}

/** Memory for some units of one step, by number. */
interface Buffer extends Life {
  place: Place;
  /** Lies above all that its unit reads and writes, which is how a check can see that nothing writes over it. */
  above?: boolean;
}

interface Drafts {
  drafts: Draft[];
  /** What lies between them. */
  maps: Buffer[];
}

/** The same with at most about `limit` bytes of constants at a time. */
export function streamedBy(plan: Plan, limit: number): Stream {
  const records = recordsOf(plan.steps.slice()), units: Unit[] = [], all: Int32Array[] = [];
  const recordsAt = STATIC_BYTES, base = recordsAt + MOST_RECORDS * abi.STEP_WORDS * 4;
  let at = 0, end = plan.arenaBytes;
  plan.info.steps.forEach(({ kind, parts = [] }, step) => {
    const { drafts, maps } = draft(records.slice(at, (at += 1 + parts.length)), limit), placed = placeStep(plan.info, step, { drafts, maps });
    end = Math.max(end, placed.end);
    drafts.forEach(({ records: own, scratch }, i) => {
      units.push({
        step, kind: drafts.length === 1 ? kind : KINDS[own[0][abi.OP]], macs: own.reduce((sum, words) => sum + multiplyAdds((_, index) => words[index], 0), 0), record: all.length, records: own.length,
        scratchAt: base + placed.scratches[i], scratchBytes: scratch, copies: placed.copies[i].map((copy) => ({ ...copy, to: base + copy.to })),
      });
      all.push(...own);
    });
  });
  const steps = new Int32Array(all.length * abi.STEP_WORDS);
  all.forEach((words, i) => steps.set(words, i * abi.STEP_WORDS));
  return { info: plan.info, records: steps, constants: plan.weights, units, recordsAt, base, memoryBytes: align(base + end) + abi.SLACK_BYTES, arenaBytes: plan.arenaBytes };
}

/** Gives a step's units places and writes them into their records. All that it returns counts from the arena, for each unit. */
function placeStep(info: PlanInfo, step: number, { drafts, maps }: Drafts): { scratches: number[]; copies: Copy[][]; end: number } {
  const buffers = [...maps];
  const take = (bytes: number, i: number, above: boolean): Place => {
    const place = { at: 0 };
    buffers.push({ bytes, first: i, last: i, place, above });
    return place;
  };
  const wanted = drafts.map(({ records, scratch, links }, i) => {
    const constants = records.flatMap((words) => constantsOf(words).map(({ word, from, bytes }) => {
      const place = take(bytes, i, false);
      links.push({ words, word, place, plus: 0 });
      return { from, bytes, place };
    }));
    return { constants, scratch: take(abi.TEMP_BYTES + scratch, i, true) };
  });
  const end = placeAround(info, step, buffers, maps);
  for (const { links } of drafts) for (const { words, word, place, plus } of links) words[word] = place.at + plus;
  return {
    end, scratches: wanted.map(({ scratch }) => scratch.at + abi.TEMP_BYTES),
    copies: wanted.map(({ constants }) => constants.map(({ from, bytes, place }) => ({ from, bytes, to: place.at }))),
  };
}

/** What an own unit of a part is called. */
const KINDS: Record<number, string> = { [abi.OP_POINTWISE]: 'conv2d', [abi.OP_DEPTHWISE]: 'depthwiseConv2d', [abi.OP_ADD]: 'add' };

/** Places for what a step needs beside the tensors that live; returns where the last one ends. */
function placeAround({ tensors, steps }: PlanInfo, step: number, buffers: Buffer[], maps: Buffer[]): number {
  const touched = [...steps[step].inputs, steps[step].output].map((i) => tensors[i]);
  const fixed = tensors.filter((tensor) => (tensor.first <= step && step <= tensor.last) || touched.includes(tensor));
  const always = ({ bytes }: { bytes: number }): Life => ({ bytes, first: 0, last: Infinity }), endOf = (at: number, bytes: number): number => at + align(bytes);
  const all: Life[] = [...fixed.map(always)], offsets = fixed.map(({ offset }) => offset);
  const order = [...buffers].sort((a, b) => Number(a.above ?? false) - Number(b.above ?? false) || b.bytes - a.bytes);
  let end = 0;
  for (const buffer of order) {
    const near = all.map((_, i) => i).filter((i) => overlaps(all[i], buffer));
    const floor = buffer.above ? Math.max(...touched.map(({ offset, bytes }) => endOf(offset, bytes)), ...maps.filter((map) => overlaps(map, buffer)).map(({ place, bytes }) => endOf(place.at, bytes))) : 0;
    buffer.place.at = lowestGap([...near, all.length], [...offsets, 0], [...all, always({ bytes: floor })], align(buffer.bytes), 0);
    end = Math.max(end, endOf(buffer.place.at, buffer.bytes));
    all.push(buffer);
    offsets.push(buffer.place.at);
  }
  return end;
}

const bytesOf = (ranges: ConstantRange[]): number => ranges.reduce((sum, { bytes }) => sum + align(bytes), 0);
const sizeOf = (words: Int32Array): number => (words[abi.DTYPE] === abi.FLOAT32 ? 4 : 1);

/** Scratch memory in the scalar build, which keeps int8 values as bytes: a quarter of what others take. */
function scratchOf(words: Int32Array): number {
  measure((_, index) => words[index], 0, words[abi.OP], true);
  return Math.max(measured, 0);
}

/** The units of one step, none of which needs more than `limit` bytes of constants if that can be had. */
function draft(records: Int32Array[], limit: number): Drafts {
  const [own, ...parts] = records, isBlock = own[abi.OP] === abi.OP_INVERTED_RESIDUAL;
  const isMuch = bytesOf(records.flatMap(constantsOf)) > limit;
  if (isBlock && isMuch) return apart(own, parts, limit);
  if (!isBlock) return alone(own, { at: own[abi.SRC] }, { at: own[abi.DST] }, limit);
  const scratch = own[abi.SCRATCH_BYTES] = placeScratch(own, parts, true);
  return { drafts: [{ records, scratch, links: [] }], maps: [] };
}

function alone(words: Int32Array, src: Place, dst: Place, limit: number): Drafts {
  if (words[abi.OP] === abi.OP_POINTWISE && words[abi.OC] > abi.PANEL && bytesOf(constantsOf(words)) > limit) return split(words, src, dst, limit);
  const scratch = words[abi.SCRATCH_BYTES] = scratchOf(words);
  return { drafts: [{ records: [words], scratch, links: [{ words, word: abi.SRC, place: src, plus: 0 }, { words, word: abi.DST, place: dst, plus: 0 }] }], maps: [] };
}

/** The parts of a block one after another, with whole maps between them. */
function apart(block: Int32Array, parts: Int32Array[], limit: number): Drafts {
  const drafts: Draft[] = [], maps: Buffer[] = [], end: Place = { at: block[abi.DST] };
  let src: Place = { at: block[abi.SRC] };
  parts.forEach((part, i) => {
    const isLast = i === parts.length - 1, dst = isLast ? end : { at: 0 }, first = drafts.length;
    const own = part[abi.OP] === abi.OP_ADD ? sum(block, part, src, dst) : alone(part, src, dst, limit);
    maps.push(...own.maps.map((map) => ({ ...map, first: map.first + first, last: map.last + first })));
    drafts.push(...own.drafts);
    for (const map of maps) if (map.place === src) map.last = drafts.length - 1;
    if (!isLast) maps.push({ bytes: outputBytes(part), first, last: drafts.length - 1, place: dst });
    src = dst;
  });
  return { drafts, maps };
}

/** A block's addition: one operand lies in the arena, the other is what the projection wrote. */
function sum(block: Int32Array, add: Int32Array, projected: Place, dst: Place): Drafts {
  const word = block[abi.RESIDUAL] === abi.SRC ? abi.SRC2 : abi.SRC;
  return { drafts: [{ records: [add], scratch: 0, links: [{ words: add, word, place: projected, plus: 0 }, { words: add, word: abi.DST, place: dst, plus: 0 }] }], maps: [] };
}

function outputBytes(words: Int32Array): number {
  return (words[abi.OP] === abi.OP_POINTWISE ? words[abi.COUNT] : words[abi.OH] * words[abi.OW]) * words[abi.OC] * sizeOf(words);
}

/** A product some panels at a time. Where there are several pixels, those channels are then copied to where they belong. */
function split(words: Int32Array, src: Place, dst: Place, limit: number): Drafts {
  const size = sizeOf(words), panels = Math.ceil(words[abi.OC] / abi.PANEL), count = words[abi.COUNT];
  const weights = words[abi.WEIGHTS_BYTES] / panels, params = size === 4 ? abi.PARAMS_FLOAT32 : abi.PARAMS_INT8;
  const most = Math.max(Math.floor(limit / (weights + params)), 1), pieces = Math.ceil(panels / most), drafts: Draft[] = [], maps: Buffer[] = [];
  for (let i = 0; i < pieces; i++) {
    const from = Math.floor((i * panels) / pieces), to = Math.floor(((i + 1) * panels) / pieces), piece = words.slice();
    const channel = from * abi.PANEL, channels = Math.min(to * abi.PANEL, words[abi.OC]) - channel;
    piece[abi.OC] = channels;
    piece[abi.WEIGHTS] += from * weights;
    piece[abi.WEIGHTS_BYTES] = (to - from) * weights;
    piece[abi.PARAMS] += from * params;
    const scratch = piece[abi.SCRATCH_BYTES] = scratchOf(piece), links: Draft['links'] = [{ words: piece, word: abi.SRC, place: src, plus: 0 }];
    drafts.push({ records: [piece], scratch, links });
    if (count === 1) {
      links.push({ words: piece, word: abi.DST, place: dst, plus: channel * size });
      continue;
    }
    const map: Place = { at: 0 }, copy = copyOf(words[abi.DTYPE], count, channels * size, words[abi.OC] * size, channel * size);
    maps.push({ bytes: count * channels * size, first: i, last: i, place: map });
    links.push({ words: piece, word: abi.DST, place: map, plus: 0 }, { words: copy, word: abi.SRC, place: map, plus: 0 }, { words: copy, word: abi.DST, place: dst, plus: 0 });
    drafts[i].records.push(copy);
  }
  return { drafts, maps };
}

/** The record that copies `rows` rows of `bytes` bytes into rows of `all` bytes, `at` bytes after their beginnings. */
function copyOf(dtype: number, rows: number, bytes: number, all: number, at: number): Int32Array {
  const words = new Int32Array(abi.STEP_WORDS);
  Object.assign(words, { [abi.OP]: abi.OP_COPY, [abi.DTYPE]: dtype, [abi.COUNT]: rows, [abi.W]: bytes, [abi.C]: all, [abi.OW]: at });
  return words;
}
