// Knows how to tell the weights of one plan from those of another, by a few of their bytes. It is no check against damage
// or malice: the hash of a .dw file is.
import type { Plan } from './plan.js';

const SAMPLES = 2048; // each costs a little at every load

/** FNV-1a, 32 bits, over the size of the weights and bytes spread over all of them: training moves nearly every one. */
export function fingerprintOf({ weights }: Plan): string {
  const stride = Math.floor(weights.length / SAMPLES) | 1; // odd, so that every byte of a float32 has its turn
  let hash = 0x811c9dc5 ^ weights.length;
  for (let at = 0; at < weights.length; at += stride) hash = Math.imul(hash ^ weights[at], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
