// Knows just enough ZIP to find a stored text file appended to a model. Damaged archives count as none.
import { fromAnyUtf8 } from '../text.js';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const MOST_ENTRIES = 100;

/** Contents of the first stored .txt file of a ZIP archive at the end of `bytes`. */
export function storedText(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOfDirectory(view);
  if (end === undefined) return undefined;
  const size = view.getUint32(end + 12, true), offset = view.getUint32(end + 16, true);
  const start = end - size - offset; // where the archive begins, if its offsets count from there
  let at = end - size;
  for (let i = 0; i < Math.min(view.getUint16(end + 10, true), MOST_ENTRIES); i++) {
    if (at < 0 || at + 46 > end || view.getUint32(at, true) !== DIRECTORY_ENTRY) return undefined;
    const nameLength = view.getUint16(at + 28, true);
    const name = fromAnyUtf8(bytes.subarray(at + 46, at + 46 + nameLength));
    if (name.endsWith('.txt') && view.getUint16(at + 10, true) === 0) return entryText(bytes, view, view.getUint32(at + 42, true), start, view.getUint32(at + 24, true));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return undefined;
}

function endOfDirectory(view: DataView): number | undefined {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 65557); at--) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  }
  return undefined;
}

/** Offsets of an appended archive count from the file's start or from the archive's: the signature tells. */
function entryText(bytes: Uint8Array, view: DataView, offset: number, start: number, size: number): string | undefined {
  const local = [offset, start + offset].find((at) => at >= 0 && at + 30 <= bytes.length && view.getUint32(at, true) === 0x04034b50);
  if (local === undefined) return undefined;
  const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  return data + size <= bytes.length ? fromAnyUtf8(bytes.subarray(data, data + size)) : undefined;
}
