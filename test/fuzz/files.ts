// Knows the small files that the library reads itself besides weights: headers of pictures, BMP pixels, saved indexes. It
// makes each, changes numbers in it, and makes the hash right again where there is one.
import { createHash } from 'node:crypto';
import { decodeBmp } from '../../src/cli/bmp.js';
import { readHeader } from '../../src/cli/picture-file.js';
import { upright } from '../../src/cli/upright.js';
import { createIndex, loadIndex } from '../../src/search.js';
import type { Random } from '../random-graph.js';
import { NUMBERS } from './case.js';
import type { Case, Edit, Target, Verdict } from './case.js';
import { applyJson, mutateJson } from './json-edits.js';
import type { JsonEdit } from './json-edits.js';
import { judged } from './verdict.js';

const text = (value: string): number[] => [...Buffer.from(value, 'latin1')], u16 = (n: number): number[] => [n & 255, (n >> 8) & 255], u32 = (n: number): number[] => [...u16(n), ...u16(n >>> 16)], big = (bytes: number[]): number[] => bytes.toReversed();

function bmp(bits: number): Uint8Array {
  const width = 5, height = 4, colours = bits === 8 ? 16 : 0, row = Math.ceil((width * bits) / 32) * 4, pixels = 54 + colours * 4;
  const rest = Array.from({ length: colours * 4 + row * height }, (_, i) => (i * 7) % 16);
  return Uint8Array.from([...text('BM'), ...u32(pixels + row * height), ...u32(0), ...u32(pixels), ...u32(40), ...u32(width), ...u32(height), ...u16(1), ...u16(bits), ...u32(0), ...u32(row * height), ...u32(0), ...u32(0), ...u32(colours), ...u32(0), ...rest]);
}

const EXIF = [...text('Exif\0\0II*\0'), ...u32(8), ...u16(2), ...u16(0x10f), ...u16(2), ...u32(4), ...u32(0), ...u16(0x112), ...u16(3), ...u32(1), ...u16(6), ...u16(0), ...u32(0)];
const segment = (marker: number, content: number[]): number[] => [255, marker, ...big(u16(content.length + 2)), ...content];
const chunk = (type: string, content: number[]): number[] => [...big(u32(content.length)), ...text(type), ...content, 0, 0, 0, 0];

const png = (exif: number[]): Uint8Array => Uint8Array.from([...text('\x89PNG\r\n\x1a\n'), ...chunk('IHDR', [...big(u32(5)), ...big(u32(4)), 8, 2, 0, 0, 0]), ...chunk('eXIf', exif), ...chunk('IDAT', [1, 2, 3]), ...chunk('IEND', [])]);

const MAKES: Record<string, () => Uint8Array | Promise<Uint8Array>> = {
  bmp8: () => bmp(8), bmp24: () => bmp(24), bmp32: () => bmp(32),
  jpeg: () => Uint8Array.from([255, 0xd8, ...segment(0xe1, EXIF), ...segment(0xc0, [8, ...big(u16(4)), ...big(u16(5)), 1, 1, 17, 0]), ...segment(0xda, [1, 1, 0, 0, 63, 0]), 1, 2, 255, 0, 3, 255, 0xd9]),
  png: () => png(EXIF.slice(6)), 'png with much Exif': () => png([...EXIF.slice(6), ...new Array<number>(200_000).fill(0)]),
  'index int8': () => index('int8'), 'index float32': () => index('float32'),
};

function index(dtype: 'int8' | 'float32'): Promise<Uint8Array> {
  const made = createIndex({ dimensions: 5, dtype, about: { network: 'x' } });
  for (let i = 0; i < 4; i++) made.add(`key ${i}`, [1, i, 2, -i, 0.5]);
  return made.save();
}

/** Another description, in its place: the rows move, and so does what the header says. */
function described(bytes: Uint8Array, edit: JsonEdit): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset), length = view.getUint32(64, true), rowsAt = Math.ceil((80 + length) / 16) * 16;
  const info = Buffer.from(JSON.stringify(applyJson(JSON.parse(Buffer.from(bytes.subarray(80, 80 + length)).toString()), edit)) ?? ''), start = Math.ceil((80 + info.length) / 16) * 16;
  const other = new Uint8Array(start + bytes.length - rowsAt);
  other.set(bytes.subarray(0, 80));
  other.set(info, 80);
  other.set(bytes.subarray(rowsAt), start);
  new DataView(other.buffer).setUint32(64, info.length, true);
  return other;
}

function changed(bytes: Uint8Array, [how, a, b, c]: Edit): Uint8Array {
  const at = a as number;
  if (how === 'json') return described(bytes, a as JsonEdit);
  if (how === 'cut') return bytes.slice(0, at);
  if (how === 'insert') return Uint8Array.from({ length: bytes.length + (b as number) }, (_, i) => (i < at ? bytes[i] : i < at + (b as number) ? i : bytes[i - (b as number)]));
  const copy = bytes.slice(), value = b as number, size = c as number;
  for (let i = 0; i < size; i++) if (at + i < copy.length) copy[at + i] = how === 'little' ? value >>> (8 * i) : value >>> (8 * (size - 1 - i));
  return copy;
}

const sealed = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice(), hash = (of: Uint8Array): Buffer => createHash('sha256').update(of).digest();
  if (copy.length > 48) copy.set(hash(hash(copy.subarray(48))), 16);
  return copy;
};

const kept = new Map<string, Promise<Uint8Array>>();

export const files: Target = {
  seeds: () => [[1, Object.keys(MAKES)]],
  mutate(random: Random, { seed }): Edit {
    const kind = random.below(12);
    if (kind === 0) return ['cut', random.below(200)];
    if (kind === 1) return ['insert', random.below(120), random.of([1, 2, 16, 300, 70_000, 200_000])];
    if (kind < 5 && seed.startsWith('index')) return ['json', mutateJson(random, { keys: ['key 0', 'key 1', 'key 2', 'key 3'], about: { network: 'x' } })];
    return [random.of(['little', 'big']), random.below(random.below(3) ? 80 : 200), random.below(2) ? random.of(NUMBERS) : random.below(65536), random.of([1, 1, 2, 2, 4])];
  },
  async run({ seed, edits }: Case): Promise<Verdict> {
    const start = kept.get(seed) ?? Promise.resolve(MAKES[seed]());
    kept.set(seed, start);
    const first = edits.filter(([how]) => how === 'json'), whole = [...first, ...edits.filter((edit) => !first.includes(edit))].reduce(changed, await start), isIndex = seed.startsWith('index'), bytes = isIndex ? sealed(whole) : whole;
    let declared = 0;
    return judged(async () => {
      if (isIndex) {
        const loaded = await loadIndex(bytes);
        declared = loaded.memory.totalBytes;
        loaded.search(new Float32Array(loaded.dimensions).fill(1), { topK: 2 });
        return { end: 'ran' };
      }
      const header = readHeader(bytes, 'a.picture');
      declared = header.width * header.height * 4;
      if (header.kind === 'BMP') upright(decodeBmp(bytes, 'a.picture'), 6);
      return { end: 'ran' };
    }, bytes.length, () => declared);
  },
};
