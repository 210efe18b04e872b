// Knows uncompressed BMP files of 8, 24 and 32 bits a pixel: where their pixels lie, and how they become RGBA. It knows no
// other format. Layout: Microsoft's BITMAPFILEHEADER and BITMAPINFOHEADER.
import { DepthwiseError } from '../error.js';
import type { Picture } from './upright.js';

export interface BmpLayout {
  width: number;
  height: number;
  topDown: boolean;
  bitsPerPixel: number;
  /** Where the first stored row begins, and how far apart rows are. */
  pixels: number;
  rowBytes: number;
  /** Where the colours of 8-bit pixels lie, 4 bytes each. */
  palette: number;
  colours: number;
}

const FILE_HEADER = 14;
const INFO_HEADERS = [40, 52, 56, 108, 124];
const BITFIELDS = 3;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Two letters begin many a text; the size of the second header tells. */
export const isBmp = (bytes: Uint8Array): boolean =>
  bytes.length >= FILE_HEADER + 40 && bytes[0] === 0x42 && bytes[1] === 0x4d && INFO_HEADERS.includes(viewOf(bytes).getUint32(FILE_HEADER, true));

export function bmpLayout(bytes: Uint8Array, name: string): BmpLayout {
  const view = viewOf(bytes), word = (at: number): number => view.getUint32(at, true);
  const headerBytes = word(14), width = view.getInt32(18, true), height = view.getInt32(22, true), bitsPerPixel = view.getUint16(28, true), compression = word(30);
  const plain = compression === 0 ? [8, 24, 32].includes(bitsPerPixel) : compression === BITFIELDS && bitsPerPixel === 32 && hasUsualMasks(bytes, word);
  if (!plain) {
    throw new DepthwiseError('BAD_IMAGE', `${name} is a BMP of a kind that is not read here (${bitsPerPixel} bits a pixel, compression ${compression}). Save it as PNG, or as a BMP of 24 bits without compression.`);
  }
  const colours = bitsPerPixel === 8 ? Math.min(word(46) || 256, 256) : 0;
  return { width, height: Math.abs(height), topDown: height < 0, bitsPerPixel, pixels: word(10), rowBytes: Math.ceil((width * bitsPerPixel) / 32) * 4, palette: FILE_HEADER + headerBytes, colours };
}

/** 32-bit files may say which bits are which colour; all but curiosities say blue, green, red from the lowest byte. */
const hasUsualMasks = (bytes: Uint8Array, word: (at: number) => number): boolean =>
  bytes.length >= FILE_HEADER + 52 && word(54) === 0xff0000 && word(58) === 0xff00 && word(62) === 0xff;

/** Whether every row that the header speaks of is there. */
export const isWhole = ({ pixels, rowBytes, height, palette, colours }: BmpLayout, bytes: Uint8Array): boolean =>
  pixels + rowBytes * height <= bytes.length && palette + colours * 4 <= bytes.length;

/** Rows are stored from the bottom up unless the header says otherwise. The fourth byte of a pixel is no opacity here: most writers leave it 0. */
export function decodeBmp(bytes: Uint8Array, name: string): Picture {
  const { width, height, topDown, bitsPerPixel, pixels, rowBytes, palette, colours } = bmpLayout(bytes, name);
  const data = new Uint8ClampedArray(width * height * 4), step = bitsPerPixel / 8;
  for (let y = 0, to = 0; y < height; y++) {
    let from = pixels + (topDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++, from += step, to += 4) {
      const blue = colours ? palette + Math.min(bytes[from], colours - 1) * 4 : from;
      data[to] = bytes[blue + 2];
      data[to + 1] = bytes[blue + 1];
      data[to + 2] = bytes[blue];
      data[to + 3] = 255;
    }
  }
  return { data, width, height };
}
