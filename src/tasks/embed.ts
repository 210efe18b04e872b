// Knows which tensor of a network is its embedding: the last features pooled over the whole map.
import type { PlanInfo, PlannedStep } from '../plan/plan.js';
import { DepthwiseError } from '../error.js';
import { toInput } from '../image.js';
import type { Picture } from '../image.js';
import type { Net } from '../net.js';
import { realValues } from './classify.js';

export interface EmbedOptions {
  /** Scales the vector to length 1, so that a dot product is the cosine similarity. */
  l2Normalize?: boolean;
}

/** Index of the step that pools the embedding. */
export function embeddingStep({ steps, tensors }: PlanInfo): number {
  const pools = ({ kind, output }: PlannedStep): boolean => (kind === 'mean' || kind === 'averagePool') && tensors[output].shape.slice(0, -1).every((d) => d === 1);
  const found = steps.reduce((last, step, i) => (pools(step) ? i : last), -1);
  if (found < 0) throw new DepthwiseError('UNSUPPORTED', 'This network pools nothing over the whole map, so it has no embedding. Read a tensor by name with net.layer().');
  return found;
}

export function embed(net: Net, picture: Picture, { l2Normalize = false }: EmbedOptions = {}): Float32Array {
  const { name } = net.info.tensors[net.info.steps[embeddingStep(net.info)].output];
  const vector = realValues(net.layer(name, toInput(picture, net.inputs[0], net.preprocessing)));
  if (!l2Normalize) return vector;
  const length = Math.hypot(...vector) || 1;
  return vector.map((x) => x / length);
}
