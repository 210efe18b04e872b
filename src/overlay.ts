// The entry `depthwise/overlay`: a mask laid over a picture in colours. It knows no network and no canvas.
import { DepthwiseError } from './error.js';
import { checkPicture } from './image.js';
import { pictureOf } from './picture.js';
import type { Image } from './picture.js';
import { colourOf } from './tasks/colours.js';
import type { Colour } from './tasks/colours.js';
import type { Segmentation } from './tasks/segment.js';

export { DepthwiseError } from './error.js';
export { colourOf } from './tasks/colours.js';
export type { Colour } from './tasks/colours.js';
export type { Segmentation } from './tasks/segment.js';

export interface OverlayOptions {
  /** [red, green, blue] of each class, 0 to 255; undefined for classes that stay as they are. Default: a palette for all eyes, nothing on "background". */
  palette?: readonly (Colour | undefined)[];
  /** From 0, nothing, to 1, only colours; default 0.5. */
  opacity?: number;
}

/**
 * @param image the picture, or a smaller copy of it
 * @returns RGBA of the image's size, for `new ImageData(data, width, height)`
 */
export function overlay(image: Image, { mask, labels, width, height }: Segmentation, { palette, opacity = 0.5 }: OverlayOptions = {}): { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number } {
  if (!(opacity >= 0 && opacity <= 1)) throw new DepthwiseError('BAD_INPUT', `opacity is a number from 0 to 1, not ${opacity}.`);
  const picture = pictureOf(image), bytes = checkPicture(picture), data = new Uint8ClampedArray(picture.width * picture.height * 4);
  const colours = labels.map((label, index) => (palette ? palette[index] : label === 'background' ? undefined : colourOf(index)));
  for (let y = 0, at = 0; y < picture.height; y++) {
    const row = Math.floor(((y + 0.5) / picture.height) * height) * width;
    for (let x = 0; x < picture.width; x++, at += 4) {
      const from = (at / 4) * bytes, colour = colours[mask[row + Math.floor(((x + 0.5) / picture.width) * width)]];
      for (let c = 0; c < 3; c++) data[at + c] = colour ? picture.data[from + c] * (1 - opacity) + colour[c] * opacity : picture.data[from + c];
      data[at + 3] = bytes === 4 ? picture.data[from + 3] : 255;
    }
  }
  return { data, width: picture.width, height: picture.height };
}
