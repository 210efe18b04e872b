// Knows the indexed PNG file: one byte a pixel, which is its class, and a palette to look at (PNG specification, sections
// 5 and 11; the form of the PASCAL VOC ground truth). It knows no network.
import { deflateSync } from 'node:zlib';
import { colourOf } from '../tasks/colours.js';
import type { Segmentation } from '../tasks/segment.js';

const crcOf = (bytes: Uint8Array): number => {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
};

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length), view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setInt32(8 + data.length, crcOf(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** Background black, pixels not looked at white, other classes in the colours of the overlay. */
export function maskPng({ mask, labels, width, height }: Segmentation): Uint8Array {
  const header = new Uint8Array(13), view = new DataView(header.buffer), rows = new Uint8Array((width + 1) * height);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3], 8); // bits, and indices into the palette
  for (let y = 0; y < height; y++) rows.set(mask.subarray(y * width, (y + 1) * width), y * (width + 1) + 1); // a row begins with its filter: none
  const palette = Uint8Array.from(Array.from({ length: 256 }, (_, i) => (i >= labels.length ? [255, 255, 255] : labels[i] === 'background' ? [0, 0, 0] : colourOf(i))).flat());
  const parts = [Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), chunk('IHDR', header), chunk('PLTE', palette), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array())];
  return Buffer.concat(parts);
}
