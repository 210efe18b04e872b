// Knows inputs that differ with a seed and stay ordinary, and how the bytes of an answer are kept.
import type { Net, Output } from '../src/net.js';

export type Described = Pick<Net, 'inputs'>;

export function inputOf({ inputs: [{ shape, dtype }] }: Described, seed: number): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return dtype === 'float32' ? new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed)).buffer) : Uint8Array.from({ length: count }, (_, i) => (i * 77 * seed) >> 3);
}

/** A copy: outputs are views, valid until the next run. */
export const bytesOf = ([{ data }]: Output[]): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
