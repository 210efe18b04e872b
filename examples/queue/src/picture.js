// Knows how the bytes of a JPEG or PNG become upright RGBA pixels in Node; it knows no request.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import { decode as decodePng, init as initPng } from '@jsquash/png/decode.js';
import { DepthwiseError } from 'depthwise';
import { imageSize } from 'image-size';

/** The decoders answer with `new ImageData(…)`, which Node does not have. */
globalThis.ImageData ??= class ImageData {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height });
  }
};

const require = createRequire(import.meta.url);
const compiled = async (file) => WebAssembly.compile(await readFile(require.resolve(file)));

let jpeg;
const startJpeg = async () => initJpeg((jpeg ??= await compiled('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm')), { print() {}, printErr() {} });
const startDecoders = async () => Promise.all([startJpeg(), initPng(await compiled('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'))]);
let ready;

/** Kind and size, from the header alone: a few bytes can claim a picture of gigabytes. */
function headerOf(bytes, mostPixels) {
  let header;
  try {
    header = imageSize(bytes);
  } catch { /* told below */ }
  if (header?.type !== 'jpg' && header?.type !== 'png') {
    throw new DepthwiseError('BAD_IMAGE', `These ${bytes.length} bytes are ${header?.type ? `a picture of kind ${header.type}, which this service does not read` : 'no picture, or one that ends before its size is told'}. Send a JPEG or PNG file.`);
  }
  if (header.width * header.height > mostPixels) {
    throw new DepthwiseError('BAD_IMAGE', `The picture is ${header.width} x ${header.height} pixels; the limit is ${mostPixels / 1e6} million. Make it smaller first: a network looks at a few hundred pixels a side.`);
  }
  return header;
}

/**
 * { data, width, height } of JPEG or PNG bytes, turned as the JPEG's EXIF orientation says.
 * @param {Uint8Array} bytes
 * @throws DepthwiseError BAD_IMAGE
 */
export async function decodePicture(bytes, { mostPixels = 50_000_000 } = {}) {
  const { type } = headerOf(bytes, mostPixels);
  await (ready ??= startDecoders());
  try {
    return await (type === 'png' ? decodePng(bytes) : decodeJpeg(bytes, { preserveOrientation: true }));
  } catch (cause) {
    await startJpeg(); // a decoder that trapped on a broken file must not spoil the next
    throw new DepthwiseError('BAD_IMAGE', `This begins like a ${type === 'png' ? 'PNG' : 'JPEG'} but cannot be decoded: it is damaged, or uses a variant the decoder does not know. Save it again.`, { cause });
  }
}
