// Knows how an image goes to a worker: bitmaps, frames and pixels are handed over, elements by way of a bitmap, files as
// they are. It takes a still of what moves at once.
import { answerOf, drawableOf, hasPixels, isBlob, isBytes, isResponse, pictureOf, unreadable } from '../picture.js';
import type { Encoded, Image } from '../picture.js';
import type { Sent } from './calls.js';

/**
 * @param own whether the caller gives the image away: then it is not copied, and is of no use to the caller afterwards
 * @param most pixels; larger images are refused before they are drawn or copied
 */
export async function sent(image: Image | Encoded, own: boolean, most?: number): Promise<{ image: unknown; transfer: Transferable[] }> {
  if (isResponse(image)) return { image: await answerOf(image), transfer: [] };
  if (isBlob(image)) return { image, transfer: [] };
  if (isBytes(image)) return handedOver(bytesOf(image, own));
  const drawable = drawableOf(image, most);
  if (!drawable) return hasPixels(image) ? pixels(pictureOf(image, most), own) : { image: undefined, transfer: [] }; // the worker says that it is none
  if (!canDraw()) return pixels(pictureOf(image as Image, most), true);
  if (drawable.name === 'VideoFrame') return handedOver(own ? image : (image as unknown as VideoFrame).clone());
  if (drawable.name === 'ImageBitmap' && own) return handedOver(image);
  try {
    return handedOver(await createImageBitmap(image as unknown as ImageBitmapSource));
  } catch (cause) {
    throw unreadable(drawable.name, cause);
  }
}

/** Tensors for `run`; they are small, so they are copied. */
export const sentInputs = (inputs: ArrayBufferView[], before: unknown[] = []): Promise<Sent> =>
  Promise.resolve({ args: [...before, inputs.map((input) => (ArrayBuffer.isView(input) ? bytesOf(input, false) : input))], transfer: [] });

const handedOver = (image: unknown): { image: unknown; transfer: Transferable[] } =>
  ({ image, transfer: [(ArrayBuffer.isView(image) ? image.buffer : image) as Transferable] });

function pixels({ data, width, height }: { data: ArrayBufferView; width: number; height: number }, own: boolean): { image: unknown; transfer: Transferable[] } {
  if (data.byteLength !== width * height * 4 && data.byteLength !== width * height * 3) return { image: { data, width, height }, transfer: [] }; // the worker says what is wrong
  const bytes = bytesOf(data, own);
  return { image: { data: bytes, width, height }, transfer: [bytes.buffer] };
}

/** A buffer of its own, which can be handed over. */
function bytesOf(bytes: ArrayBuffer | ArrayBufferView, own: boolean): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  const whole = view.byteLength === view.buffer.byteLength && Object.prototype.toString.call(view.buffer) === '[object ArrayBuffer]';
  return own && whole ? view as Uint8Array<ArrayBuffer> : new Uint8Array(view);
}

let drawing: boolean | undefined;

/** Whether workers of this browser can read bitmaps. */
function canDraw(): boolean {
  return drawing ??= typeof createImageBitmap === 'function' && typeof OffscreenCanvas === 'function' && Boolean(new OffscreenCanvas(1, 1).getContext('2d'));
}
