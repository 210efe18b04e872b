// Knows how what browsers show or decode becomes RGBA bytes: elements, canvases, bitmaps, frames, files. It touches no
// global when imported and never scales: image.ts does that, the same on every host.
import { DepthwiseError } from './error.js';
import { MOST_PIXELS } from './image.js';
import { ABOVE_NONE, SIGNAL, checkOptions } from './options.js';
import type { Picture } from './image.js';
import { checkAnswered } from './source.js';

/** What can be looked at at once. Told by what it has, not by its class: elements of other windows count as well. */
export type Image =
  | Picture // and ImageData
  | { readonly naturalWidth: number; readonly naturalHeight: number } // <img>
  | { readonly videoWidth: number; readonly videoHeight: number } // <video>
  | { readonly displayWidth: number; readonly displayHeight: number; close(): void } // VideoFrame
  | { readonly width: number; readonly height: number; getContext(kind: never): unknown } // canvas, OffscreenCanvas
  | { readonly width: number; readonly height: number; close(): void }; // ImageBitmap

/** What must be decoded first: a file, a server's answer, or the bytes of one. */
export type Encoded = Blob | Response | ArrayBuffer | ArrayBufferView;

/** What browsers draw: the property that tells it, those of its size, its name for people, and what to do when it is empty. */
const DRAWABLES: [sign: string, width: string, height: string, name: string, advice: string][] = [
  ['naturalWidth', 'naturalWidth', 'naturalHeight', '<img>', 'It has not loaded or cannot be decoded: await image.decode() first.'],
  ['videoWidth', 'videoWidth', 'videoHeight', '<video>', 'Wait for its "loadeddata" event.'],
  ['displayWidth', 'displayWidth', 'displayHeight', 'VideoFrame', 'It was closed or transferred: use it before that, or clone() it.'],
  ['getContext', 'width', 'height', 'canvas', 'Give it a size and draw on it first; one that was transferred is empty.'],
  ['close', 'width', 'height', 'ImageBitmap', 'It was closed or transferred: use it before that.'],
];

export interface Drawable {
  name: string;
  width: number;
  height: number;
}

/** @throws DepthwiseError BAD_IMAGE for more pixels than the caller takes */
export function checkPixels(name: string, width: number, height: number, most: number): void {
  if (width * height > most) throw new DepthwiseError('BAD_IMAGE', `This ${name} is ${width} x ${height} pixels, more than ${most === MOST_PIXELS ? `${most / 1e6} million` : `the ${most} of maxImagePixels`}. Scale it down first.`);
}

/**
 * Name and size of what a browser draws; undefined for anything else.
 * @throws DepthwiseError BAD_IMAGE where it shows nothing, or more than `most` pixels
 */
export function drawableOf(image: unknown, most = MOST_PIXELS): Drawable | undefined {
  const parts = (typeof image === 'object' && image !== null ? image : {}) as Record<string, unknown>;
  const row = DRAWABLES.find(([sign, width]) => sign in parts && width in parts);
  if (!row || hasPixels(image)) return undefined;
  const [, w, h, name, advice] = row, width = sizeOf(parts[w]), height = sizeOf(parts[h]);
  const waiting = name === '<video>' ? sizeOf(parts.readyState) < 2 : parts.complete === false;
  if (!(width >= 1 && height >= 1) || waiting) throw new DepthwiseError('BAD_IMAGE', `This ${name} shows nothing (${width} x ${height} pixels${waiting ? ', still loading' : ''}). ${advice}`);
  checkPixels(name, width, height, most);
  return { name, width, height };
}

const sizeOf = (value: unknown): number => (typeof value === 'number' ? value : NaN);

export const hasPixels = (image: unknown): image is Picture => ArrayBuffer.isView((image as Picture | undefined)?.data);

export const isResponse = (image: unknown): image is Response => typeof (image as Response | undefined)?.status === 'number' && typeof (image as Response).blob === 'function';

export const isBlob = (image: unknown): image is Blob => typeof (image as Blob | undefined)?.size === 'number' && typeof (image as Blob).arrayBuffer === 'function';

/** By its tag: `instanceof` fails for those of other windows. */
export const isBytes = (image: unknown): image is ArrayBuffer | ArrayBufferView => ArrayBuffer.isView(image) || Object.prototype.toString.call(image) === '[object ArrayBuffer]';

/**
 * The pixels of an image, at once. Elements are taken as the page shows them: turned as EXIF says, colours as sRGB.
 * @throws DepthwiseError BAD_IMAGE where it shows nothing or may not be read, UNSUPPORTED where the host has no canvas
 */
export function pictureOf(image: Image, most?: number): Picture {
  const drawable = drawableOf(image, most);
  if (drawable) return draw(image as unknown as CanvasImageSource, drawable);
  if (isBlob(image) || isBytes(image) || isResponse(image)) throw new DepthwiseError('BAD_IMAGE', 'Files must be decoded first, which takes a moment: const picture = await pictureFrom(file), then pass the picture. Nets of depthwise/worker take files as they are.');
  const picture = image as Picture; // whether it is one is checked by whoever reads it
  if (most) checkPixels('picture', picture?.width, picture?.height, most);
  return picture;
}

/** The largest canvas of iOS; larger pictures are read in stripes. */
const MOST_CANVAS = 4096 * 4096;
/** A larger canvas is not kept. */
const KEPT_CANVAS = 2048 * 2048;

function draw(image: CanvasImageSource, { name, width, height }: Drawable): Picture {
  const rows = Math.min(height, Math.max(1, Math.floor(MOST_CANVAS / width)));
  const context = canvas(name, width, rows);
  let data: Picture['data'] | undefined;
  try {
    for (let y = 0; y < height; y += rows) {
      const some = Math.min(rows, height - y);
      context.drawImage(image, 0, y, width, some, 0, 0, width, some);
      const stripe = context.getImageData(0, 0, width, some).data;
      if (some < height) (data ??= new Uint8ClampedArray(width * height * 4)).set(stripe, y * width * 4);
      else data = stripe;
    }
  } catch (cause) {
    kept = undefined; // what another site's picture was drawn on can never be read again
    throw unreadable(name, cause);
  }
  if (width * rows > KEPT_CANVAS) context.canvas.width = context.canvas.height = 1;
  return { data: data!, width, height };
}

/** Why the browser does not let us read it. */
export function unreadable(name: string, cause: unknown): DepthwiseError {
  const { name: kind, message } = cause as Error;
  const why = kind === 'SecurityError' || kind === 'DataCloneError'
    ? 'may not be read: it shows something from another site. Load that with crossorigin="anonymous" from a server that sends Access-Control-Allow-Origin'
    : `cannot be read: ${message}`;
  return new DepthwiseError('BAD_IMAGE', `This ${name} ${why}.`, { cause });
}

type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;
let kept: Context | undefined;

/** A canvas in main memory, not on the graphics card, since it is only read. */
function canvas(name: string, width: number, height: number): Context {
  const context = kept ??= newCanvas();
  if (!context) throw new DepthwiseError('UNSUPPORTED', `This host has no canvas to read this ${name} with. Pass its pixels: { data, width, height } with RGBA bytes.`);
  if (context.canvas.width !== width) context.canvas.width = width;
  if (context.canvas.height !== height) context.canvas.height = height;
  context.globalCompositeOperation = 'copy';
  context.imageSmoothingEnabled = false;
  return context;
}

function newCanvas(): Context | undefined {
  const settings = { willReadFrequently: true };
  const offscreen = typeof OffscreenCanvas === 'function' && new OffscreenCanvas(1, 1).getContext('2d', settings);
  return offscreen || (typeof document === 'object' && (document.createElement('canvas') as HTMLCanvasElement).getContext('2d', settings) as CanvasRenderingContext2D | null) || undefined;
}

export interface PictureOptions {
  signal?: AbortSignal;
  /** Most pixels, 100 million unless fewer are said: what has more is refused, of files once the browser has decoded them. */
  maxImagePixels?: number;
}

/**
 * The pixels of a file, of a server's answer or of anything that a net takes. Turned as EXIF says; colour profiles are left
 * aside, so the pixels are those that decoders elsewhere give.
 * @throws DepthwiseError BAD_IMAGE for what is no picture, UNSUPPORTED where the host decodes none, ABORTED
 */
export async function pictureFrom(source: Image | Encoded, options: PictureOptions = {}): Promise<Picture> {
  checkOptions(options, { signal: SIGNAL, maxImagePixels: ABOVE_NONE });
  const { signal, maxImagePixels } = options;
  const stop = (): void => {
    if (signal?.aborted) throw new DepthwiseError('ABORTED', 'Decoding was cancelled.', { cause: signal.reason });
  };
  stop();
  const blob = await blobOf(source);
  stop();
  if (!blob) return pictureOf(source as Image, maxImagePixels);
  if (typeof createImageBitmap !== 'function' || !(kept ??= newCanvas())) {
    throw new DepthwiseError('UNSUPPORTED', 'This host decodes no picture files. Decode them first (@jsquash/jpeg and @jsquash/png run everywhere) and pass { data, width, height } with RGBA bytes.');
  }
  const bitmap = await decode(blob);
  try {
    stop();
    return pictureOf(bitmap, maxImagePixels);
  } finally {
    bitmap.close();
  }
}

async function blobOf(source: unknown): Promise<Blob | undefined> {
  if (isResponse(source)) return answerOf(source);
  if (isBlob(source)) return source;
  if (!isBytes(source)) return undefined;
  try {
    return new Blob([source as ArrayBuffer]);
  } catch (cause) {
    throw new DepthwiseError('BAD_IMAGE', 'The bytes of this picture are gone: their buffer was transferred. Decode it before that, or pass a copy.', { cause });
  }
}

export async function answerOf(response: Response): Promise<Blob> {
  checkAnswered(response);
  try {
    return await response.blob();
  } catch (cause) {
    throw new DepthwiseError(isAbort(cause) ? 'ABORTED' : 'BAD_IMAGE', `The picture from ${response.url || 'the server'} did not come whole: ${(cause as Error).message}. Fetch it again.`, { cause });
  }
}

const isAbort = (cause: unknown): boolean => (cause as Error | undefined)?.name === 'AbortError';

async function decode(blob: Blob): Promise<ImageBitmap> {
  const pixels = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' } as const;
  try {
    try {
      return await createImageBitmap(blob, { ...pixels, imageOrientation: 'from-image' });
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      return await createImageBitmap(blob, pixels); // browsers before 2023 do not know the word, and do it
    }
  } catch (cause) {
    throw new DepthwiseError('BAD_IMAGE', `These ${blob.size} bytes${blob.type && ` (${blob.type})`} are no picture that this browser decodes: ${(cause as Error).message.replace(/\.$/, '')}. Save it as JPEG, PNG or WebP.`, { cause });
  }
}
