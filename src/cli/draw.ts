// Knows how lines, boxes and text get onto pixels; it knows no network and no file.
import type { Picture } from '../image.js';
import type { Shrinker } from '../shrinker.js';
import type { Colour } from '../tasks/colours.js';
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyph } from './lettering.js';

export { colourOf } from '../tasks/colours.js';
export type { Colour } from '../tasks/colours.js';

export interface Point {
  x: number;
  y: number;
}

/** RGBA pixels to draw on; places are given in pixels of the picture it was made from. */
export interface Canvas {
  data: Uint8ClampedArray;
  width: number;
  height: number;
  /** Canvas pixels a picture pixel. */
  scale: number;
}

/** More is nothing that a person sees, and PNG files of photos are large. */
const LONGEST_SIDE = 1280;

/** A copy of the picture to draw on, made smaller if it is large. */
export function canvasOf(picture: Picture, shrinker: Shrinker, longest = LONGEST_SIDE): Canvas {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale)), height = Math.max(1, Math.round(picture.height * scale));
  const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
  const rgb = shrinker.toInput(picture, { shape: [1, height, width, 3], dtype: 'uint8' }, undefined, whole), data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, from = 0; i < data.length; i += 4, from += 3) data.set([rgb[from], rgb[from + 1], rgb[from + 2], 255], i);
  return { data, width, height, scale };
}

/** Widths that look alike on small and large canvases. */
const lineWidth = ({ width, height }: Canvas): number => Math.max(1.5, Math.min(width, height) / 220);

function blend({ data, width, height }: Canvas, x: number, y: number, [red, green, blue]: Colour, opacity: number): void {
  if (opacity <= 0 || x < 0 || y < 0 || x >= width || y >= height) return;
  const at = (y * width + x) * 4;
  data[at] += (red - data[at]) * opacity;
  data[at + 1] += (green - data[at + 1]) * opacity;
  data[at + 2] += (blue - data[at + 2]) * opacity;
}

/** A line with round ends; a dot where both ends are one. `weight` times the usual width. */
export function line(canvas: Canvas, from: Point, to: Point, colour: Colour, { weight = 1, opacity = 1 } = {}): void {
  const { scale } = canvas, radius = (lineWidth(canvas) * weight) / 2;
  const x = from.x * scale, y = from.y * scale, dx = to.x * scale - x, dy = to.y * scale - y, length = dx * dx + dy * dy || 1;
  const reach = radius + 1, bottom = Math.min(canvas.height - 1, Math.max(y, y + dy) + reach), right = Math.min(canvas.width - 1, Math.max(x, x + dx) + reach);
  for (let py = Math.max(0, Math.floor(Math.min(y, y + dy) - reach)); py <= bottom; py++) {
    for (let px = Math.max(0, Math.floor(Math.min(x, x + dx) - reach)); px <= right; px++) {
      const along = Math.min(1, Math.max(0, ((px + 0.5 - x) * dx + (py + 0.5 - y) * dy) / length));
      const away = Math.hypot(px + 0.5 - x - along * dx, py + 0.5 - y - along * dy);
      blend(canvas, px, py, colour, Math.min(1, radius + 0.5 - away) * opacity);
    }
  }
}

export const dot = (canvas: Canvas, at: Point, colour: Colour, { weight = 3, opacity = 1 } = {}): void => line(canvas, at, at, colour, { weight, opacity });

export function frame(canvas: Canvas, { x, y, width, height }: { x: number; y: number; width: number; height: number }, colour: Colour): void {
  const corners = [{ x, y }, { x: x + width, y }, { x: x + width, y: y + height }, { x, y: y + height }];
  corners.forEach((corner, i) => line(canvas, corner, corners[(i + 1) % 4], colour));
}

function fill(canvas: Canvas, left: number, top: number, right: number, bottom: number, colour: Colour): void {
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) blend(canvas, x, y, colour, 1);
}

const isLight = ([red, green, blue]: Colour): boolean => 0.299 * red + 0.587 * green + 0.114 * blue > 140;

/** A line of text on a ground of the colour, its lower left corner at the point where there is room, else below it. Returns its height on the canvas. */
export function label(canvas: Canvas, at: Point, text: string, colour: Colour): number {
  const dots = Math.max(1, Math.round(Math.min(canvas.width, canvas.height) / 220)), letters = [...text];
  const width = (letters.length * (GLYPH_WIDTH + 1) + 3) * dots, height = (GLYPH_HEIGHT + 4) * dots;
  const left = Math.max(0, Math.min(canvas.width - width, Math.round(at.x * canvas.scale)));
  const above = Math.round(at.y * canvas.scale) - height, top = Math.max(0, Math.min(canvas.height - height, above >= 0 ? above : above + height));
  fill(canvas, left, top, left + width, top + height, colour);
  const ink: Colour = isLight(colour) ? [0, 0, 0] : [255, 255, 255];
  letters.forEach((letter, i) => glyph(letter).forEach((row, y) => {
    for (let x = 0; x < GLYPH_WIDTH; x++) {
      if (!((row >> (GLYPH_WIDTH - 1 - x)) & 1)) continue;
      const px = left + (2 + i * (GLYPH_WIDTH + 1) + x) * dots, py = top + (2 + y) * dots;
      fill(canvas, px, py, px + dots, py + dots, ink);
    }
  }));
  return height;
}
