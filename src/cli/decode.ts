// Knows how JPEG and PNG bytes become upright RGBA pixels in Node; it knows no network and no file name's meaning.
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import jpegWasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import * as pngBinary from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import { DepthwiseError } from '../error.js';
import { readHeader, type Header } from './picture-file.js';

export interface Picture {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

/** The decoders answer with `new ImageData(…)`, which Node does not have. */
class PlainImageData implements Picture {
  data: Uint8ClampedArray;
  width: number;
  height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    [this.data, this.width, this.height] = [data, width, height];
  }
}

/** The package declares its .wasm as the functions in it; the bundler hands over base64 text, like any other .wasm. */
const pngWasm = (pngBinary as unknown as { default: string }).default;

const moduleOf = (base64: string) => WebAssembly.compile(Buffer.from(base64, 'base64'));

/** Starts the decoder anew each time it is asked to: one that trapped on a broken file must not spoil the next. */
async function decoded(kind: Header['kind'], bytes: Uint8Array): Promise<Picture> {
  (globalThis as { ImageData?: unknown }).ImageData ??= PlainImageData;
  const copy = Uint8Array.from(bytes).buffer;
  if (kind === 'PNG') {
    await initPng(await moduleOf(pngWasm));
    return decodePng(copy);
  }
  const quiet = { print: () => undefined, printErr: () => undefined };
  const start = initJpeg as unknown as (module: WebAssembly.Module, options: object) => Promise<void>; // declared with one argument
  await start(await moduleOf(jpegWasm), quiet);
  return decodeJpeg(copy);
}

/** For each EXIF orientation, where the upright picture's pixel (x, y) lies in a stored picture of w x h. */
const SOURCE: Record<number, (x: number, y: number, w: number, h: number) => number> = {
  2: (x, y, w) => y * w + (w - 1 - x),
  3: (x, y, w, h) => (h - 1 - y) * w + (w - 1 - x),
  4: (x, y, w, h) => (h - 1 - y) * w + x,
  5: (x, y, w) => x * w + y,
  6: (x, y, w, h) => (h - 1 - x) * w + y,
  7: (x, y, w, h) => (h - 1 - x) * w + (w - 1 - y),
  8: (x, y, w) => x * w + (w - 1 - y),
};

export function upright(picture: Picture, orientation: number): Picture {
  const source = SOURCE[orientation];
  if (!source) return picture;
  const { width: w, height: h } = picture;
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  const from = new Uint32Array(picture.data.slice().buffer);
  const to = new Uint32Array(from.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) to[i] = from[source(x, y, w, h)];
  }
  return { data: new Uint8ClampedArray(to.buffer), width, height };
}

/** `name` is what messages call the file. */
export async function decode(bytes: Uint8Array, name: string): Promise<Picture> {
  const header = readHeader(bytes, name);
  let picture: Picture;
  try {
    picture = await decoded(header.kind, bytes);
  } catch (cause) {
    throw new DepthwiseError('BAD_IMAGE', `${name} begins like a ${header.kind} but cannot be decoded: it is damaged, or uses a variant the decoder does not know. Save it again as a plain JPEG or PNG.`, { cause });
  }
  return upright(picture, header.orientation);
}
