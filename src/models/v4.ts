// Knows the convolutional MobileNetV4s (Qin et al. 2024, appendix) and timm's names for their parts.
import type { GraphBuilder } from './graph-builder.js';

/** Universal inverted bottleneck: 'start-mid', the sides of its two depthwise windows, 0 where there is none. */
type Bottleneck = `${0 | 3 | 5}-${0 | 3 | 5}`;
/** 'convK': K x K convolution. 'fused': 3x3 convolution that expands, then a linear pointwise one. */
type V4Block = Bottleneck | 'conv1' | 'conv3' | 'fused';

const times = (n: number, block: V4Block): V4Block[] => Array.from({ length: n }, () => block);

/** One list a stage. The first block of each but the last stage has stride 2. */
const V4_STAGES: Record<V4Architecture, V4Block[][]> = {
  'v4-conv-small': [
    ['conv3', 'conv1'], ['conv3', 'conv1'],
    ['5-5', ...times(4, '0-3'), '3-0'], ['3-3', '5-5', '0-5', '0-5', '0-3', '0-3'], ['conv1'],
  ],
  'v4-conv-medium': [
    ['fused'], ['3-5', '3-3'],
    ['3-5', '3-3', '3-3', '3-5', '3-3', '3-0', '0-0', '3-0'],
    ['5-5', '5-5', '3-5', '3-5', '0-0', '3-0', '3-5', '5-5', '0-0', '0-0', '5-0'], ['conv1'],
  ],
  'v4-conv-large': [
    ['fused'], ['3-5', '3-3'],
    ['3-5', ...times(3, '3-3'), '3-5', ...times(5, '5-3'), '3-0'],
    ['5-5', ...times(3, '5-5'), '5-0', '5-3', '5-0', '5-0', '5-3', '5-5', ...times(3, '5-0')], ['conv1'],
  ],
};

export type V4Architecture = 'v4-conv-small' | 'v4-conv-medium' | 'v4-conv-large';

export const isV4 = (arch: string): arch is V4Architecture => Object.hasOwn(V4_STAGES, arch);

/** Which of them has these tensor names. */
export function recogniseV4(keys: ReadonlySet<string>): V4Architecture {
  if (!keys.has('blocks.0.0.conv_exp.weight')) return 'v4-conv-small';
  return keys.has('blocks.3.12.pw_exp.conv.weight') ? 'v4-conv-large' : 'v4-conv-medium';
}

/** All layers in order. Returns the channels of the last bottleneck, which tell alpha. */
export function assembleV4(builder: GraphBuilder, arch: V4Architecture, size: number): number {
  let x = builder.conv(builder.input(size), { conv: 'conv_stem', norm: 'bn1' }, { kernel: 3, stride: 2, activation: 'relu', name: 'conv_stem' });
  let channels = 0;
  V4_STAGES[arch].forEach((blocks, stage, stages) => blocks.forEach((block, i) => {
    const isLast = stage === stages.length - 1;
    if (isLast) channels = builder.channels(x);
    x = addBlock(builder, x, block, `blocks.${stage}.${i}`, i === 0 && !isLast ? 2 : 1);
  }));
  x = builder.conv(builder.pool(x, 'pool'), { conv: 'conv_head', norm: 'norm_head' }, { kernel: 1, stride: 1, activation: 'relu', name: 'conv_head' });
  builder.output(builder.fullyConnected(x, 'classifier', 'none'));
  return channels;
}

function addBlock(builder: GraphBuilder, x: number, block: V4Block, name: string, stride: number): number {
  if (block === 'conv1' || block === 'conv3') {
    return builder.conv(x, { conv: `${name}.conv`, norm: `${name}.bn1` }, { kernel: Number(block.at(-1)), stride, activation: 'relu', name });
  }
  if (block === 'fused') {
    const wide = builder.conv(x, { conv: `${name}.conv_exp`, norm: `${name}.bn1` }, { kernel: 3, stride, activation: 'relu' });
    return withResidual(builder, x, wide, { conv: `${name}.conv_pwl`, norm: `${name}.bn2` }, name, stride);
  }
  const [start, middle] = block.split('-').map(Number);
  const part = (role: string): { conv: string; norm: string } => ({ conv: `${name}.${role}.conv`, norm: `${name}.${role}.bn` });
  let y = x;
  if (start) y = builder.depthwise(y, part('dw_start'), { kernel: start, stride: middle ? 1 : stride, activation: 'none' });
  y = builder.conv(y, part('pw_exp'), { kernel: 1, stride: 1, activation: 'relu' });
  if (middle) y = builder.depthwise(y, part('dw_mid'), { kernel: middle, stride, activation: 'relu' });
  return withResidual(builder, x, y, part('pw_proj'), name, stride);
}

/** The linear projection, and the block's input added where the shapes agree. */
function withResidual(builder: GraphBuilder, input: number, x: number, names: { conv: string; norm: string }, name: string, stride: number): number {
  const residual = stride === 1 && builder.channelsOf(names) === builder.channels(input);
  const projected = builder.conv(x, names, { kernel: 1, stride: 1, activation: 'none', name: residual ? undefined : name });
  return residual ? builder.add(input, projected, name) : projected;
}
