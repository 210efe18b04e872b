// Knows how a camera's stored pixels are turned the right way up (EXIF orientation); it reads no file.

export interface Picture {
  data: Uint8ClampedArray;
  width: number;
  height: number;
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
