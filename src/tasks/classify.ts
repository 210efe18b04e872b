// Knows how a network's scores become labels. It does not know kernels or files.
import { DepthwiseError } from '../error.js';
import { NUMBER, checkOptions, whole } from '../options.js';
import type { Picture } from '../image.js';
import type { Net, Output } from '../net.js';
import { votes } from './votes.js';

export interface ClassifyOptions {
  /** How many labels; default 5. */
  topK?: number;
  /** Leaves out labels below this probability. */
  scoreThreshold?: number;
}

export interface Classification {
  index: number;
  label: string;
  /** Probability, 0 to 1. */
  score: number;
}

export function classify(net: Net, picture: Picture, options: ClassifyOptions = {}): Classification[] {
  checkOptions(options, RANKING);
  if (net.inputs.length !== 1) throw new DepthwiseError('UNSUPPORTED', `This model has ${net.inputs.length} inputs; classify takes one picture. Use net.run().`);
  const [output] = net.run(net.shrinker.toInput(picture, net.inputs[0], net.preprocessing));
  const values = realValues(output), { vote, labels } = net.info;
  return ranked(vote ? votes(values, vote, labels!.length) : endsInSoftmax(net) ? values : softmax(values), labels, options);
}

const RANKING = { topK: whole(1), scoreThreshold: NUMBER };

/** The likeliest classes, best first; ties go by index. */
export function ranked(scores: Float32Array, labels: string[] | undefined, options: ClassifyOptions): Classification[] {
  checkOptions(options, RANKING);
  const { topK = 5, scoreThreshold = 0 } = options;
  return Array.from(scores, (score, index) => ({ index, label: labelOf(labels, index, scores.length), score }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, topK)
    .filter(({ score }) => score >= scoreThreshold);
}

/** Float values of any output. */
export function realValues({ data, scale, zeroPoint = 0 }: Output): Float32Array {
  return scale === undefined ? Float32Array.from(data) : Float32Array.from(data, (q) => (q - zeroPoint) * scale);
}

export const endsInSoftmax = (net: Net): boolean => net.info.steps.slice(-3).some((step) => step.kind === 'softmax');

export function softmax(logits: Float32Array): Float32Array {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = logits.map((x) => Math.exp(x - most));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((e) => e / sum);
}

/** TensorFlow's networks have a background class in front that many label files leave out. */
export function labelOf(labels: string[] | undefined, index: number, classes: number): string {
  if (!labels) return `class ${index}`;
  const background = classes - labels.length === 1 ? 1 : 0;
  return index < background ? 'background' : (labels[index - background] ?? `class ${index}`);
}
