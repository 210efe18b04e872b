// Knows what the first bytes of a picture file say: kind, size, orientation, completeness. It decodes no pixel.
import { DepthwiseError } from '../error.js';
import { bmpLayout, isBmp, isWhole } from './bmp.js';

export interface Header {
  kind: 'JPEG' | 'PNG' | 'BMP';
  width: number;
  height: number;
  /** EXIF orientation, 1 (upright) to 8. */
  orientation: number;
}

const MAX_MEGAPIXELS = 100;
/** Progressive files have some ten; a small one can hold thousands, and each takes as long as a picture. */
const MOST_SCANS = 100;

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
const u16 = (bytes: Uint8Array, at: number) => (bytes[at] << 8) | bytes[at + 1];
const u32 = (bytes: Uint8Array, at: number) => u16(bytes, at) * 65536 + u16(bytes, at + 2);

/** Signatures of files people hand to a classifier by mistake: [offset, signature, what it is]. */
const SIGNATURES: [number, string, string][] = [
  [0, 'GIF8', 'a GIF picture'],
  [8, 'WEBP', 'a WebP picture'],
  [0, 'II*\0', 'a TIFF picture'],
  [0, 'MM\0*', 'a TIFF picture'],
  [4, 'ftypavif', 'an AVIF picture'],
  [4, 'ftyphei', 'a HEIC picture'],
  [4, 'ftypmif1', 'a HEIF picture'],
  [4, 'ftyp', 'a video or another MP4-like file'],
  [0, '%PDF', 'a PDF document'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, '\x1f\x8b', 'a gzip archive'],
  [4, 'TFL3', 'a .tflite weights file'],
  [0, '\0asm', 'a WebAssembly module'],
];

function isText(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, 512);
  return start.every((byte) => byte >= 32 ? byte !== 127 : byte === 9 || byte === 10 || byte === 13);
}

/** In a few words, for a message that begins "it looks like". */
export function looksLike(bytes: Uint8Array): string {
  const known = SIGNATURES.find(([at, signature]) => ascii(bytes, at, at + signature.length) === signature);
  if (known) return known[2];
  if (!isText(bytes)) return `no picture format known here (it begins with ${[...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')})`;
  const text = ascii(bytes, 0, 256).trimStart().toLowerCase();
  if (text.startsWith('<svg') || text.includes('<svg')) return 'an SVG drawing';
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'a web page, perhaps an error page saved under the name of a picture';
  return 'a text file';
}

const truncated = (name: string, kind: string) =>
  new DepthwiseError('BAD_IMAGE', `${name} is a ${kind} that ends too early: part of the picture is missing. Copy or download it again.`);

/** Orientation is entry 0x0112 of the first directory of the TIFF structure inside an Exif segment (JPEG) or chunk (PNG). */
function exifOrientation(tiff: Uint8Array): number {
  if (tiff.length < 14) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0, at = directory + 2; entry < entries && at + 12 <= tiff.length; entry++, at += 12) {
    if (view.getUint16(at, little) !== 0x0112) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
const isBare = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** Where the entropy-coded bytes after a scan header end: at the next marker that is no restart and no stuffed zero. */
function afterScan(bytes: Uint8Array, at: number): number {
  for (; at + 1 < bytes.length; at++) {
    if (bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff && !isBare(bytes[at + 1])) return at;
  }
  return bytes.length;
}

/** Walks the JPEG's segments (ITU-T T.81, annex B) up to the end marker. */
function readJpeg(bytes: Uint8Array, name: string): Header {
  const header: Header = { kind: 'JPEG', width: 0, height: 0, orientation: 1 };
  for (let at = 2, scans = 0; ; ) {
    while (at < bytes.length && bytes[at] !== 0xff) at++;
    while (at < bytes.length && bytes[at] === 0xff) at++;
    const marker = bytes[at++];
    if (marker === undefined) throw truncated(name, 'JPEG');
    if (marker === 0xd9) break;
    if (isBare(marker)) continue;
    const length = u16(bytes, at);
    if (at + 2 > bytes.length || at + length > bytes.length || length < 2) throw truncated(name, 'JPEG');
    if (isFrame(marker)) {
      [header.height, header.width] = [u16(bytes, at + 3), u16(bytes, at + 5)];
      checkSize(header, name); // of every frame: decoders differ in which of two they take
    }
    if (marker === 0xe1 && header.orientation === 1 && ascii(bytes, at + 2, at + 8) === 'Exif\0\0') header.orientation = exifOrientation(bytes.subarray(at + 8, at + length));
    at = marker === 0xda ? afterScan(bytes, at + length) : at + length;
    if (marker === 0xda && ++scans > MOST_SCANS) throw new DepthwiseError('BAD_IMAGE', `${name} has more than ${MOST_SCANS} scans, each of which repaints the whole picture. Save it again.`);
  }
  checkSize(header, name);
  return header;
}

/** Walks the PNG's chunks up to IEND (PNG specification, section 5). */
function readPng(bytes: Uint8Array, name: string): Header {
  if (bytes.length < 33 || ascii(bytes, 12, 16) !== 'IHDR') throw truncated(name, 'PNG');
  const header: Header = { kind: 'PNG', width: u32(bytes, 16), height: u32(bytes, 20), orientation: 1 };
  checkSize(header, name);
  for (let at = 8; ; at += 12 + u32(bytes, at)) {
    if (at + 12 > bytes.length || at + 12 + u32(bytes, at) > bytes.length) throw truncated(name, 'PNG');
    const type = ascii(bytes, at + 4, at + 8);
    if (type === 'eXIf') header.orientation = exifOrientation(bytes.subarray(at + 8, at + 8 + u32(bytes, at)));
    if (type === 'IEND') return header;
  }
}

function readBmp(bytes: Uint8Array, name: string): Header {
  const layout = bmpLayout(bytes, name), header: Header = { kind: 'BMP', width: layout.width, height: layout.height, orientation: 1 };
  checkSize(header, name);
  if (!isWhole(layout, bytes)) throw truncated(name, 'BMP');
  return header;
}

/** A few bytes can claim a picture of gigabytes; the claim is refused before anything is decoded. */
function checkSize({ kind, width, height }: Header, name: string): void {
  if (!(width > 0 && height > 0)) throw new DepthwiseError('BAD_IMAGE', `${name} is a ${kind} without a size: its header says ${width} x ${height} pixels.`);
  const megapixels = (width * height) / 1e6;
  if (megapixels <= MAX_MEGAPIXELS) return;
  throw new DepthwiseError('BAD_IMAGE', `${name} has ${width} x ${height} pixels (${Math.round(megapixels)} megapixels); the limit is ${MAX_MEGAPIXELS}. Make it smaller first: a network looks at a few hundred pixels a side.`);
}

/** Reads a picture's header, or says what the file is instead of a picture. */
export function readHeader(bytes: Uint8Array, name: string): Header {
  if (!bytes.length) throw new DepthwiseError('BAD_IMAGE', `${name} is empty (0 bytes). Expected a JPEG, PNG or BMP picture.`);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes, name);
  if (ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return readPng(bytes, name);
  if (isBmp(bytes)) return readBmp(bytes, name);
  throw new DepthwiseError('BAD_IMAGE', `${name} is not a JPEG, PNG or BMP picture: it looks like ${looksLike(bytes)}. Save it as JPEG or PNG.`);
}
