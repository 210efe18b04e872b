// Knows the pictures that were added, what the network says of each and how alike two are. It draws nothing.
import type { Classification } from 'depthwise';
import type { Model } from './model.js';

export interface Picture {
  readonly id: number;
  readonly name: string;
  readonly blob: Blob;
  /** Addresses of the whole picture and of a small copy. */
  readonly url: string;
  readonly thumbnail: string;
  /** Shown before anybody adds one. */
  readonly sample: boolean;
  /** What the current network says; undefined until it has looked. */
  answer?: Classification[];
  ms?: number;
  /** Features of length 1; undefined where the network gives none. */
  vector?: Float32Array;
  /** Why the network cannot tell. */
  failure?: unknown;
}

const THUMBNAIL = 240;
let count = 0;

/** A small copy, so that dozens of photos from a phone do not stay decoded. Throws where the browser cannot decode it. */
async function thumbnailOf(blob: Blob): Promise<string> {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, THUMBNAIL / Math.min(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const small = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/webp', 0.85));
  return URL.createObjectURL(small ?? blob);
}

export async function picture(blob: Blob, name: string, sample = false): Promise<Picture> {
  return { id: ++count, name, blob, url: URL.createObjectURL(blob), thumbnail: await thumbnailOf(blob), sample };
}

export function forget({ url, thumbnail }: Picture): void {
  URL.revokeObjectURL(url);
  URL.revokeObjectURL(thumbnail);
}

/** Asks the network what is there, and for the features. */
export async function look(at: Picture, model: Model, topK: number): Promise<void> {
  [at.failure, at.vector] = [undefined, undefined];
  try {
    const start = performance.now();
    at.answer = await model.classify(at.blob, { topK });
    at.ms = performance.now() - start;
  } catch (error) {
    at.answer = [];
    at.failure = error;
  }
  at.vector = await model.embed(at.blob).then(unit, () => undefined); // a network without features still answers
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** Cosine of the angle between the features of two pictures; undefined where one has none. */
export function likeness(a: Picture, b: Picture): number | undefined {
  if (!a.vector || !b.vector || a.vector.length !== b.vector.length) return undefined;
  return a.vector.reduce((sum, value, i) => sum + value * b.vector![i], 0);
}

/** The chosen one, then the others, most alike first; those that were not looked at keep their order at the end. */
export function byLikeness(pictures: Picture[], chosen: Picture | undefined): Picture[] {
  if (!chosen) return pictures;
  const near = new Map(pictures.map((each) => [each, each === chosen ? Infinity : likeness(chosen, each) ?? -Infinity]));
  return [...pictures].sort((a, b) => (near.get(b)! === near.get(a)! ? 0 : near.get(b)! - near.get(a)!));
}
