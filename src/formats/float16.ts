// Knows IEEE 754 binary16, the form in which float32 weights may be stored. It does not know which weights.
import { DepthwiseError } from '../error.js';

/** A binary16 as a number. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const LEAST_NORMAL = 1 / 0x4000, BEYOND = 65520;

/** Float32 values, little-endian, to their nearest binary16, ties to even. Refuses what no binary16 is near to. */
export function narrowed(bytes: Uint8Array): Uint8Array {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2), bits = new Uint32Array(bytes.buffer, bytes.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000, size = Math.abs(values[i]);
    if (!(size < BEYOND)) throw new DepthwiseError('BAD_INPUT', `A weight is ${values[i]}, which float16 cannot hold. Store this model without float16.`);
    const magnitude = bits[i] & 0x7fffffff;
    out[i] = sign | (size < LEAST_NORMAL ? toEven(size * 2 ** 24) : (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13);
  }
  return new Uint8Array(out.buffer);
}

function toEven(x: number): number {
  const below = Math.floor(x), rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Binary16 values as float32, exactly. */
export function widened(bytes: Uint8Array): Uint8Array {
  const stored = new Uint16Array(bytes.slice().buffer), out = new Float32Array(stored.length);
  const known = Float32Array.from({ length: 65536 }, (_, i) => fromFloat16(i)); // a look is faster than the arithmetic
  for (let i = 0; i < out.length; i++) out[i] = known[stored[i]];
  return new Uint8Array(out.buffer);
}
