// Makes JPEG and PNG files for the tests of the examples out of the project's own sample picture: any size, as many different
// ones as wanted, EXIF orientation included. It knows no network.
import { readFileSync } from 'node:fs';
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import decodeJpeg, { init as initDecoder } from '@jsquash/jpeg/decode.js';
import { decode as decodePng, init as initPngDecoder } from '@jsquash/png/decode.js';
import encodePng, { init as initPng } from '@jsquash/png/encode.js';
import { readHeader } from '../src/cli/picture-file.js';
import { upright } from '../src/cli/upright.js';
import type { Picture } from '../src/cli/upright.js';

(globalThis as { ImageData?: unknown }).ImageData ??= class implements Picture {
  data: Uint8ClampedArray;
  width: number;
  height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    [this.data, this.width, this.height] = [data, width, height];
  }
};

type Start = (module: WebAssembly.Module) => Promise<unknown>;
for (const [init, file] of [
  [initJpeg, 'jpeg/codec/enc/mozjpeg_enc'], [initDecoder, 'jpeg/codec/dec/mozjpeg_dec'], [initPng, 'png/codec/pkg/squoosh_png_bg'], [initPngDecoder, 'png/codec/pkg/squoosh_png_bg'],
] as const) await (init as Start)(await WebAssembly.compile(readFileSync(`node_modules/@jsquash/${file}.wasm`)));

/** The upright pixels of JPEG or PNG bytes, as the command line decodes them. */
export async function pixelsOf(bytes: Uint8Array<ArrayBuffer>): Promise<Picture> {
  const { kind, orientation } = readHeader(bytes, 'the picture'), copy = bytes.slice().buffer;
  return upright(await (kind === 'PNG' ? decodePng(copy) : decodeJpeg(copy)) as Picture, orientation);
}

const sample = await pixelsOf(Uint8Array.from(readFileSync('weights/sample.png')));

/** The sample picture at another size, with grain like a camera's, so that it costs a decoder what a photo does. Each `variant` is another picture. */
export function photo(width: number, height: number, variant = 0): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  let noise = 12345 + variant;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor((y * sample.height) / height) * sample.width + Math.floor((x * sample.width) / width)) * 4;
      noise = (Math.imul(noise, 1664525) + 1013904223) | 0;
      for (let c = 0; c < 3; c++) data[at++] = sample.data[from + c] + (noise >>> 28) - 8 + ((variant * (c + 3)) % 29);
      data[at++] = 255;
    }
  }
  return { data, width, height };
}

/** Which orientation undoes another. */
const UNDOES: Record<number, number> = { 6: 8, 8: 6 };

/** JPEG bytes; with an orientation, the pixels are stored turned, and the EXIF entry says how to turn them back. */
export async function jpegOf(picture: Picture, { quality = 75, orientation = 1 } = {}): Promise<Uint8Array<ArrayBuffer>> {
  const stored = upright(picture, UNDOES[orientation] ?? orientation);
  const bytes = new Uint8Array(await encodeJpeg(stored as unknown as ImageData, { quality, progressive: false }));
  if (orientation === 1) return bytes;
  // APP1: "Exif", a big-endian TIFF header, one directory with one entry: 0x0112, SHORT, 1, orientation.
  const exif = [0xff, 0xe1, 0, 34, 69, 120, 105, 102, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...bytes.subarray(0, 2), ...exif, ...bytes.subarray(2)]);
}

export const pngOf = async (picture: Picture): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await encodePng(picture as unknown as ImageData));

/** The same JPEG with Huffman codes that cannot be. */
export function withBrokenTables(jpeg: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const broken = jpeg.slice(), tables = Buffer.from(broken.buffer).indexOf(Uint8Array.of(0xff, 0xc4));
  return broken.fill(0xff, tables + 5, tables + 21);
}
