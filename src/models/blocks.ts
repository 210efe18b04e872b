// Knows the blocks of V1 to V3, as the papers' tables list them, and how one of them is put together. It does not know what
// is done with their features.
import type { Activation } from '../formats/graph.js';
import type { GraphBuilder } from './graph-builder.js';
import type { BlockArchitecture, BlockNames } from './names.js';
import { V1_PAIRS } from './v1.js';
import { V2_STAGES } from './v2.js';
import { V3_BLOCKS } from './v3.js';

/** One block of any of the tables. */
export interface Block {
  kernel: number;
  stride: number;
  /** Of the depthwise window; 1 in the papers' tables. */
  dilation?: number;
  expands: boolean;
  gated: boolean;
  activation: Activation;
  /** The linear bottleneck of V2 and V3; V1's pointwise is followed by ReLU6. */
  linear: boolean;
}

export function blocksOf(arch: BlockArchitecture): Block[] {
  if (arch === 'v1') return V1_PAIRS.map(({ stride }) => ({ kernel: 3, stride, expands: false, gated: false, activation: 'relu6', linear: false }));
  if (arch === 'v2') {
    return V2_STAGES.flatMap(({ expand, repeat, stride }) => Array.from({ length: repeat }, (_, i): Block =>
      ({ kernel: 3, stride: i ? 1 : stride, expands: expand > 1, gated: false, activation: 'relu6', linear: true })));
  }
  return V3_BLOCKS[arch].map(({ kernel, stride, squeezeExcite, hardSwish }, i): Block =>
    ({ kernel, stride, expands: i > 0, gated: squeezeExcite, activation: hardSwish ? 'hardSwish' : 'relu', linear: true }));
}

export function addBlock(builder: GraphBuilder, input: number, block: Block, names: BlockNames): number {
  const { kernel, stride, dilation, activation } = block;
  let x = input;
  if (names.expand) x = builder.conv(x, names.expand, { kernel: 1, stride: 1, activation });
  x = builder.depthwise(x, names.depthwise, { kernel, stride, dilation, activation });
  if (block.gated) x = builder.squeezeExcite(x, names.reduce, names.excite);
  const residual = block.linear && stride === 1 && builder.channelsOf(names.project) === builder.channels(input);
  x = builder.conv(x, names.project, { kernel: 1, stride: 1, activation: block.linear ? 'none' : activation, name: residual ? undefined : names.name });
  return residual ? builder.add(input, x, names.name) : x;
}
