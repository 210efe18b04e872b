// Knows how JPEG bytes become upright RGBA pixels in a Worker; it knows no request and no network.
import { DepthwiseError } from 'depthwise';
import decode, { init } from '@jsquash/jpeg/decode.js';
import decoder from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';

/** Decoding takes CPU time by the pixel; what is larger is refused before it is decoded. */
const MOST_PIXELS = 800_000; // 1024 x 768

/** The decoder answers with `new ImageData(…)`, which Workers do not have. */
globalThis.ImageData ??= class ImageData {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height });
  }
};

let ready;
const start = () => (ready = init(decoder, { print() {}, printErr() {} }));

/** Width and height from the frame header (ITU-T T.81, B.2.2); undefined where none is found. */
function sizeOf(bytes) {
  const word = (at) => (bytes[at] << 8) | bytes[at + 1];
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + word(at + 2)) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: word(at + 5), width: word(at + 7) };
  }
  return undefined;
}

/**
 * Upright pixels { data, width, height } of a JPEG.
 * @param {ArrayBuffer} buffer
 * @throws DepthwiseError BAD_IMAGE
 */
export async function decodeJpeg(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new DepthwiseError('BAD_IMAGE', `These ${bytes.length} bytes are not a JPEG. Post the bytes of a JPEG file.`);
  const size = sizeOf(bytes);
  if (!size) throw new DepthwiseError('BAD_IMAGE', 'This JPEG has no frame: it is damaged or ends too early. Save it again.');
  if (size.width * size.height > MOST_PIXELS) {
    throw new DepthwiseError('BAD_IMAGE', `The picture is ${size.width} x ${size.height} pixels; this worker decodes up to ${MOST_PIXELS / 1e6} million. Make it smaller before posting it: 640 x 480 is plenty.`);
  }
  await (ready ?? start());
  try {
    return await decode(buffer, { preserveOrientation: true });
  } catch (cause) {
    ready = undefined; // a decoder that trapped on a broken file must not spoil the next
    throw new DepthwiseError('BAD_IMAGE', 'This begins like a JPEG but cannot be decoded: it is damaged. Save it again.', { cause });
  }
}
