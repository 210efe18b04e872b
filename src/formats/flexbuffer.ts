// Knows FlexBuffers, in which .tflite files keep the options of custom operators: one map of numbers. It does not know
// what any of them means.
//
//   From the end: one byte width, one byte type, and before them the root value, an offset back to the map.
//   map     offset back to the keys, width of the keys, count n; here n values, then n types    (all but types `width` bytes)
//   keys    n offsets back to names that end in 0
import { DepthwiseError } from '../error.js';

/** Types, the upper six bits of a type byte; the lower two are the width as a power of two. */
const INT = 1, UINT = 2, FLOAT = 3, INDIRECT = 5, MAP = 9, BOOL = 26;

/**
 * Numbers and truth values (1 and 0) by name; values of other types are left out.
 * @param where for messages: whose options they are
 * @throws DepthwiseError BAD_FILE where they are damaged
 */
export function readFlexMap(bytes: Uint8Array, where: string): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const broken = (): DepthwiseError => new DepthwiseError('BAD_FILE', `This .tflite file is damaged: the options of ${where} cannot be read. Download or export it again.`);
  const inside = (at: number, size: number): number => {
    if (at < 0 || at + size > bytes.length) throw broken();
    return at;
  };
  const unsigned = (at: number, width: number): number => {
    inside(at, width);
    return width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at, true) : width === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
  };
  const signed = (at: number, width: number): number => Number(BigInt.asIntN(width * 8, BigInt(unsigned(at, width))));
  const real = (at: number, width: number): number => {
    inside(at, width);
    return width === 4 ? view.getFloat32(at, true) : width === 8 ? view.getFloat64(at, true) : NaN;
  };
  const number = (type: number, at: number, width: number): number | undefined => {
    if (type === INT) return signed(at, width);
    if (type === UINT || type === BOOL) return unsigned(at, width);
    return type === FLOAT ? real(at, width) : undefined;
  };
  const back = (at: number, width: number): number => inside(at - unsigned(at, width), 0);
  const name = (at: number): string => {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw broken();
    return String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 64)));
  };

  if (bytes.length < 3 || ![1, 2, 4, 8].includes(bytes[bytes.length - 1])) throw broken();
  const rootWidth = bytes[bytes.length - 1], rootType = bytes[bytes.length - 2];
  if (rootType >> 2 !== MAP) throw broken();
  const width = 1 << (rootType & 3), map = back(bytes.length - 2 - rootWidth, rootWidth);
  const count = unsigned(map - width, width), keyWidth = unsigned(map - 2 * width, width), keys = back(map - 3 * width, width);
  if (![1, 2, 4, 8].includes(keyWidth)) throw broken();
  inside(map, count * (width + 1));
  inside(keys, count * keyWidth);
  const entries = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const at = map + i * width, packed = bytes[map + count * width + i], type = packed >> 2;
    const isIndirect = type > INDIRECT && type <= INDIRECT + FLOAT;
    const value = isIndirect ? number(type - INDIRECT, back(at, width), 1 << (packed & 3)) : number(type, at, width);
    if (value !== undefined) entries.set(name(back(keys + i * keyWidth, keyWidth)), value);
  }
  return entries;
}
