// Knows torchvision's segmentation networks on MobileNetV3-Large (lraspp_mobilenet_v3_large, deeplabv3_mobilenet_v3_large):
// their tensor names and what comes after the backbone, whose table is V3's with its last stride turned into dilation.
import type { Preprocessing } from '../formats/graph.js';
import { addBlock, blocksOf } from './blocks.js';
import type { GraphBuilder } from './graph-builder.js';
import { namesOf } from './names.js';
import type { BlockNames, ConvNames } from './names.js';

export type SegmentationArchitecture = 'lraspp-v3-large' | 'deeplabv3-v3-large';

export const isSegmentation = (arch: string): arch is SegmentationArchitecture => arch === 'lraspp-v3-large' || arch === 'deeplabv3-v3-large';

/** Pixels a side: what the official weights are evaluated at. */
export const SEGMENTATION_SIZE = 520;

/** The whole picture, with ImageNet's mean and deviation. */
export const segmentationPreprocessing = ({ mean, std }: Pick<Preprocessing, 'mean' | 'std'>): Preprocessing => ({ fit: 'stretch', crop: 1, mean, std });

/** Blocks from this one on keep the size of the map, and filter it twice as wide. */
const FIRST_DILATED = 12, DILATION = 2;

/** The block whose output has a stride of 8: fine enough for edges. */
const LOW = 3;

/** Batch norms after the backbone have PyTorch's own epsilon, not V3's. */
const EPSILON = 1e-5;

const renamed = (name: string): string => name.replace(/^features/, 'backbone');
const pair = ({ conv, norm }: ConvNames): ConvNames => ({ conv: renamed(conv), norm: renamed(norm) });
const block = ({ name, expand, depthwise, reduce, excite, project }: BlockNames): BlockNames => ({
  name: renamed(name), ...(expand && { expand: pair(expand) }), depthwise: pair(depthwise), reduce: renamed(reduce), excite: renamed(excite), project: pair(project),
});

/** All layers in order, to scores at every pixel of the input. Returns the channels of the backbone's last block. */
export function assembleSegmentation(builder: GraphBuilder, arch: SegmentationArchitecture, size: number): number {
  const table = blocksOf('v3-large'), { stem, blocks, last } = namesOf('torchvision', 'v3-large', table);
  let x = builder.conv(builder.input(size), pair(stem), { kernel: 3, stride: 2, activation: 'hardSwish' }), low = x;
  table.forEach((row, i) => {
    x = addBlock(builder, x, i < FIRST_DILATED ? row : { ...row, stride: 1, dilation: DILATION }, block(blocks[i]));
    if (i === LOW) low = x;
  });
  const channels = builder.channels(x), high = builder.conv(x, pair(last!), { kernel: 1, stride: 1, activation: 'hardSwish' });
  const scores = arch === 'lraspp-v3-large' ? lraspp(builder, low, high) : deeplab(builder, high);
  builder.output(builder.resize(scores, size, size, 'scores'));
  return channels;
}

const layer = (kernel: number, dilation = 1) => ({ kernel, stride: 1, dilation, activation: 'relu', epsilon: EPSILON }) as const;

/** Howard et al. 2019, section 6.4: features gated by their mean, brought to the finer map's size, and classified together with it. */
function lraspp(builder: GraphBuilder, low: number, high: number): number {
  const { graph } = builder, [, h, w] = graph.tensors[low].shape;
  const features = builder.conv(high, { conv: 'classifier.cbr.0', norm: 'classifier.cbr.1' }, layer(1)), { shape } = graph.tensors[features];
  const squeezed = builder.unbiased(builder.pool(high, 'classifier.scale.0'), 'classifier.scale.1');
  const gate = builder.op({ kind: 'logistic' }, [squeezed], 'classifier.scale', graph.tensors[squeezed].shape);
  const gated = builder.op({ kind: 'mul', activation: 'none' }, [features, gate], 'classifier.gated', shape);
  const coarse = builder.biased(builder.resize(gated, h, w, 'classifier.resized'), 'classifier.high_classifier');
  return builder.add(builder.biased(low, 'classifier.low_classifier'), coarse, 'classifier');
}

/** Chen et al. 2017: the features seen through windows of four widths and as a whole (ASPP), side by side. */
function deeplab(builder: GraphBuilder, high: number): number {
  const [, h, w] = builder.graph.tensors[high].shape, at = (name: string, conv = 0): ConvNames => ({ conv: `classifier.0.${name}.${conv}`, norm: `classifier.0.${name}.${conv + 1}` });
  const branches = [builder.conv(high, at('convs.0'), layer(1)), ...[12, 24, 36].map((rate, i) => builder.conv(high, at(`convs.${i + 1}`), layer(3, rate)))];
  const whole = builder.conv(builder.pool(high, 'classifier.0.convs.4.0'), at('convs.4', 1), layer(1));
  branches.push(builder.resize(whole, h, w, 'classifier.0.convs.4'));
  const together = branches.reduce((sum, branch) => sum + builder.channels(branch), 0);
  const pyramid = builder.op({ kind: 'concatenation', axis: 3, activation: 'none' }, branches, 'classifier.0.convs', [1, h, w, together]);
  const projected = builder.conv(pyramid, at('project'), layer(1));
  return builder.biased(builder.conv(projected, { conv: 'classifier.1', norm: 'classifier.2' }, layer(3)), 'classifier.4');
}
