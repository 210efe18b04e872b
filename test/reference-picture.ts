// Knows how a picture becomes an input, as the definition says it: naive loops in float64. It takes from src/ only types.
import type { Preprocessing } from '../src/formats/graph.js';
import type { InputFormat, Picture, Region } from '../src/image.js';

/** Every source pixel times the triangle's height there, over their sum; not rounded, also where the input is integers. */
export function pixelByPixel({ data, width: w, height: h }: Picture, { shape: [, height, width, channels], dtype, scale = 1, zeroPoint = 0 }: InputFormat, preprocessing: Preprocessing | undefined, region: Region): number[] {
  const bytesPerPixel = data.length / (w * h), out: number[] = [];
  const weightsAt = (start: number, length: number, size: number, limit: number, i: number): number[] => {
    const step = length / size, reach = Math.max(1, step), centre = start + (i + 0.5) * step, beyond = start < 0 || start + length > limit;
    const height = (at: number): number => Math.max(0, 1 - Math.abs((at + 0.5 - centre) / reach));
    const inside = Array.from({ length: limit }, (_, at) => height(at)), outside = Array.from({ length: 200 }, (_, at) => height(at + limit) + height(-1 - at));
    const sum = [...inside, ...(beyond ? outside : [])].reduce((a, b) => a + b, 0);
    return inside.map((weight) => (sum ? weight / sum : 0));
  };
  for (let y = 0; y < height; y++) {
    const down = weightsAt(region.y, region.height, height, h, y);
    for (let x = 0; x < width; x++) {
      const across = weightsAt(region.x, region.width, width, w, x), rgb = [0, 0, 0];
      down.forEach((a, v) => across.forEach((b, u) => a * b && rgb.forEach((_, c) => { rgb[c] += a * b * data[(v * w + u) * bytesPerPixel + c]; })));
      (channels === 1 ? [0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]] : rgb).forEach((value, c) => {
        const { mean, std } = preprocessing ?? { mean: [127.5], std: [127.5] }, real = (value - mean[c % mean.length]) / std[c % std.length], low = dtype === 'int8' ? -128 : 0;
        if (dtype === 'float32') out.push(real);
        else out.push(Math.min(low + 255, Math.max(low, preprocessing ? real / scale + zeroPoint : value + low)));
      });
    }
  }
  return out;
}
