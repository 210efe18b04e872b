// Knows the .dwi file, a saved index: one buffer. It does not know what the rows mean.
//
//   byte 0   magic "DWINDEX" and a byte 0
//        8   u32 version, 4 bytes 0
//       16   SHA-256 of the SHA-256s of every 16 MiB from byte 48 on: hosts hash no more than 2 GiB in one go
//       48   u32 type (0 int8, 1 float32), u32 dimensions, u32 rows, u32 bytes of a row
//       64   u32 info bytes, 12 bytes 0
//       80   info: JSON, UTF-8 { keys, about }; then, from a multiple of 16, the rows as assembly/search.ts reads them
// All numbers are little-endian.
import { DepthwiseError } from '../error.js';
import { sha256 } from '../sha256.js';
import { fromUtf8, toUtf8 } from '../text.js';
import { MOST_DIMENSIONS, rowBytesOf } from './vectors.js';
import type { IndexType } from './vectors.js';

const MAGIC = 'DWINDEX\0';
const VERSION = 1;
const HASHED = 48, INFO = 80;
const TYPES: readonly IndexType[] = ['int8', 'float32'];

export interface SavedIndex {
  type: IndexType;
  dimensions: number;
  keys: string[];
  about: Record<string, unknown>;
  rows: Uint8Array;
}

const PIECE = 2 ** 24, AT_ONCE = 4;

const align = (n: number): number => Math.ceil(n / 16) * 16;

export async function writeIndex({ type, dimensions, keys, about, rows }: SavedIndex): Promise<Uint8Array<ArrayBuffer>> {
  const info = toUtf8(JSON.stringify({ keys, about })), rowsAt = align(INFO + info.length);
  const file = allocated(rowsAt + rows.length), view = new DataView(file.buffer);
  for (let i = 0; i < MAGIC.length; i++) file[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, VERSION, true);
  [TYPES.indexOf(type), dimensions, keys.length, rowBytesOf(type, dimensions), info.length].forEach((value, i) => view.setUint32(HASHED + i * 4, value, true));
  file.set(info, INFO);
  file.set(rows, rowsAt);
  file.set(await hashOf(file.subarray(HASHED)), 16);
  return file;
}

async function hashOf(bytes: Uint8Array): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [], piece = (at: number): Uint8Array => bytes.subarray(at, at + PIECE);
  for (let at = 0; at < bytes.length; at += AT_ONCE * PIECE) {
    hashes.push(...await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => piece(at + i * PIECE)).filter(({ length }) => length).map(sha256)));
  }
  return sha256(Uint8Array.from(hashes.flatMap((hash) => [...hash])));
}

function allocated(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new DepthwiseError('OUT_OF_MEMORY', `The saved index has ${Math.ceil(bytes / 2 ** 20)} MiB in one piece, which this host does not give. Use several indexes.`, { cause });
  }
}

const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This index file ${what}. Copy or make it again.`);

/** Checks header, extents, hash and keys. The rows are a view into `bytes`. */
export async function readIndex(bytes: Uint8Array): Promise<SavedIndex> {
  if (!MAGIC.split('').every((c, i) => bytes[i] === c.charCodeAt(0))) throw new DepthwiseError('BAD_FILE', `These ${bytes.length} bytes are no index: a .dwi file begins with DWINDEX. Make one with createIndex() and index.save().`);
  if (bytes.length < INFO) throw broken(`is ${bytes.length} bytes long, too short for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), version = view.getUint32(8, true);
  if (version !== VERSION) throw new DepthwiseError('UNSUPPORTED', `This index file has version ${version}; this release reads ${VERSION}. If it is not damaged, it is newer than this library: update depthwise.`);
  const [code, dimensions, count, rowBytes, infoBytes] = Array.from({ length: 5 }, (_, i) => view.getUint32(HASHED + i * 4, true));
  const type = TYPES[code], rowsAt = align(INFO + infoBytes), size = rowsAt + count * rowBytes;
  if (!type || dimensions < 1 || dimensions > MOST_DIMENSIONS || rowBytes !== rowBytesOf(type, dimensions)) throw broken(`describes rows that cannot be (type ${code}, ${dimensions} dimensions, ${rowBytes} bytes)`);
  if (size !== bytes.length) throw broken(`says it has ${size} bytes but has ${bytes.length}: it is truncated or has something appended`);
  const hash = await hashOf(bytes.subarray(HASHED));
  if (!hash.every((byte, i) => byte === bytes[16 + i])) throw broken('does not match its own SHA-256: some byte changed');
  return { type, dimensions, ...readInfo(bytes.subarray(INFO, INFO + infoBytes), count), rows: bytes.subarray(rowsAt) };
}

function readInfo(bytes: Uint8Array, count: number): Pick<SavedIndex, 'keys' | 'about'> {
  let info: Partial<SavedIndex>;
  try {
    info = JSON.parse(fromUtf8(bytes)) as Partial<SavedIndex>;
  } catch {
    throw broken('has a description that is not JSON');
  }
  const { keys, about = {} } = info ?? {};
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string') || new Set(keys).size !== count || keys.length !== count) throw broken(`has ${count} rows, but not as many keys, each another`);
  return { keys, about };
}
