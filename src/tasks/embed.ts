// Knows which tensor of a network is its embedding: the last features pooled over the whole map.
import { DepthwiseError } from '../error.js';
import { toInput } from '../image.js';
import type { Picture } from '../image.js';
import type { Net } from '../net.js';
import { realValues } from './classify.js';

export interface EmbedOptions {
  /** Scales the vector to length 1, so that a dot product is the cosine similarity. */
  l2Normalize?: boolean;
}

export function embed(net: Net, picture: Picture, { l2Normalize = false }: EmbedOptions = {}): Float32Array {
  const pool = net.steps.filter(({ op, output }) => (op === 'mean' || op === 'averagePool') && output.slice(0, -1).every((d) => d === 1)).at(-1);
  if (!pool) throw new DepthwiseError('UNSUPPORTED', 'This network pools nothing over the whole map, so it has no embedding. Read a tensor by name with net.layer().');
  const vector = realValues(net.layer(pool.name, toInput(picture, net.inputs[0], net.preprocessing)));
  if (!l2Normalize) return vector;
  const length = Math.hypot(...vector) || 1;
  return vector.map((x) => x / length);
}
