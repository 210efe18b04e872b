// Knows how pixels become a PNG file.
import encodePng, { init as initPng } from '@jsquash/png/encode.js';
import { pngModule } from './decode.js';

/** @param picture RGBA bytes */
export async function toPng({ data, width, height }: { data: Uint8ClampedArray; width: number; height: number }): Promise<Uint8Array> {
  await initPng(await pngModule());
  const pixels = Uint8ClampedArray.from(data); // the encoder takes the whole buffer behind them
  return new Uint8Array(await encodePng({ data: pixels, width, height, colorSpace: 'srgb' } as ImageData));
}
