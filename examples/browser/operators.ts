// Knows which kind of work each step is, what people call it and which colour it has; it knows no times.
import type { StepInfo } from 'depthwise';

export interface Kind { id: string; words: string }

export const KINDS: Kind[] = [
  { id: 'pointwise', words: 'pointwise convolution' },
  { id: 'depthwise', words: 'depthwise convolution' },
  { id: 'convolution', words: 'convolution' },
  { id: 'block', words: 'whole block, row by row' },
  { id: 'dense', words: 'fully connected' },
  { id: 'pool', words: 'pooling' },
  { id: 'elementwise', words: 'activation, sum, product' },
  { id: 'other', words: 'moves and conversions' },
];

const OF: Record<string, string> = {
  depthwiseConv2d: 'depthwise', invertedResidual: 'block', fullyConnected: 'dense', mean: 'pool', averagePool: 'pool', maxPool: 'pool',
  add: 'elementwise', sub: 'elementwise', mul: 'elementwise', relu: 'elementwise', relu6: 'elementwise', reluN1To1: 'elementwise',
  hardSwish: 'elementwise', hardSigmoid: 'elementwise', logistic: 'elementwise', table: 'elementwise', softmax: 'elementwise',
};

/** A convolution of 1 x 1 takes one multiply-add for each pair of an output and an input channel. */
export function kindOf({ op, input, output, macs }: StepInfo): Kind {
  const pairs = output.reduce((product, size) => product * size, 1) * (input.at(-1) ?? 1);
  const id = op === 'conv2d' ? (macs === pairs ? 'pointwise' : 'convolution') : OF[op] ?? 'other';
  return KINDS.find((kind) => kind.id === id)!;
}
