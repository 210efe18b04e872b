// Knows how JPEG, PNG and BMP bytes become upright RGBA pixels in Node; it knows no network and no file name's meaning.
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import jpegWasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import * as pngBinary from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import { DepthwiseError } from '../error.js';
import { decodeBmp } from './bmp.js';
import { readHeader } from './picture-file.js';
import { upright, type Picture } from './upright.js';

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

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** Compiled once, for folders of thousands of photos. */
function moduleOf(base64: string): Promise<WebAssembly.Module> {
  const module = compiled.get(base64) ?? WebAssembly.compile(Buffer.from(base64, 'base64'));
  compiled.set(base64, module);
  return module;
}

/** One module decodes and encodes. */
export const pngModule = () => moduleOf(pngWasm);

/** Starts the decoder anew each time it is asked to: one that trapped on a broken file must not spoil the next. */
async function decoded(kind: 'JPEG' | 'PNG', bytes: Uint8Array): Promise<Picture> {
  (globalThis as { ImageData?: unknown }).ImageData ??= PlainImageData;
  const copy = Uint8Array.from(bytes).buffer;
  if (kind === 'PNG') {
    await initPng(await pngModule());
    return decodePng(copy);
  }
  const quiet = { print: () => undefined, printErr: () => undefined };
  const start = initJpeg as unknown as (module: WebAssembly.Module, options: object) => Promise<void>; // declared with one argument
  await start(await moduleOf(jpegWasm), quiet);
  return decodeJpeg(copy);
}

/** `name` is what messages call the file. */
export async function decode(bytes: Uint8Array, name: string): Promise<Picture> {
  const header = readHeader(bytes, name);
  if (header.kind === 'BMP') return decodeBmp(bytes, name);
  let picture: Picture;
  try {
    picture = await decoded(header.kind, bytes);
  } catch (cause) {
    throw new DepthwiseError('BAD_IMAGE', `${name} begins like a ${header.kind} but cannot be decoded: it is damaged, or uses a variant the decoder does not know. Save it again as a plain JPEG or PNG.`, { cause });
  }
  return upright(picture, header.orientation);
}
