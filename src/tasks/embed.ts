// Knows which tensor of a network is its embedding: what the classifier reads. It does not compare embeddings.
import { DepthwiseError } from '../error.js';
import { checkOptions } from '../options.js';
import type { Picture } from '../image.js';
import type { Net } from '../net.js';
import type { PlanInfo } from '../plan/plan.js';
import { realValues } from './classify.js';

export interface EmbedOptions {
  /** Scales the vector to length 1, so that a dot product is the cosine similarity. */
  l2Normalize?: boolean;
}

export function embed(net: Net, picture: Picture, options: EmbedOptions = {}): Float32Array {
  checkOptions(options, {});
  const { steps, tensors } = net.info, { name } = tensors[steps[embeddingStep(net.info)].output];
  const vector = realValues(net.layer(name, net.shrinker.toInput(picture, net.inputs[0], net.preprocessing)));
  if (!options.l2Normalize) return vector;
  const length = Math.hypot(...vector) || 1;
  return vector.map((x) => x / length);
}

/**
 * Index of the step that makes the embedding. V1, V2: the pooled features. V3, V4: what their layer between pooling and
 * classifier makes of those. A network that ends before its classifier (an embedder): its output.
 */
export function embeddingStep({ steps, tensors }: PlanInfo): number {
  const ends = steps.map((step) => tensors[step.output].shape.slice(0, -1).every((d) => d === 1)), last = (kinds: RegExp): number => steps.map(({ kind }, i) => ends[i] && kinds.test(kind)).lastIndexOf(true);
  const pool = last(/mean|Pool/), product = last(/conv|full/);
  if (pool < 0 || ends.lastIndexOf(false) > pool) throw new DepthwiseError('UNSUPPORTED', 'This network does not end in pooled features. Read tensors by name with net.features().');
  const isClassifier = product > pool && steps.slice(product + 1).every(({ kind }) => /^(soft|log|flip|copy|(de)?quant)/.test(kind));
  if (!isClassifier) return steps.map(({ kind }) => kind !== 'flip').lastIndexOf(true);
  const read = tensors[steps[product].inputs[0]];
  return steps.map(({ output }, i) => i < product && tensors[output].offset === read.offset && tensors[output].first === read.first).lastIndexOf(true);
}
