// Knows torchvision's SSDLite on MobileNetV3-Large (ssdlite320_mobilenet_v3_large): its tensor names, the layers after the
// backbone, its default boxes, and how it chooses among boxes. The backbone's table is V3's.
import type { Preprocessing } from '../formats/graph.js';
import { addBlock, blocksOf } from './blocks.js';
import type { GraphBuilder } from './graph-builder.js';
import { namesOf } from './names.js';
import type { BlockNames, ConvNames } from './names.js';

/** The whole picture, whatever its shape; values -1 to 1. */
export const SSDLITE_PREPROCESSING: Preprocessing = { fit: 'stretch', crop: 1, mean: [127.5], std: [127.5] };

/** The block in whose middle the first feature map lies. */
const C4 = 13;

/** torchvision cuts the backbone in two there, and numbers the halves' layers anew. */
function renamed(name: string): string {
  const [, number, rest] = /^features\.(\d+)\.?(.*)$/.exec(name)!, i = Number(number);
  if (i < C4) return `backbone.features.0.${i}.${rest}`;
  if (i > C4) return `backbone.features.1.${i - C4}.${rest}`;
  return rest.startsWith('block.0.') ? `backbone.features.0.${C4}.${rest.slice('block.0.'.length)}` : `backbone.features.1.0.${rest.slice('block.'.length)}`;
}

const pair = ({ conv, norm }: ConvNames): ConvNames => ({ conv: renamed(conv), norm: renamed(norm) });

const block = ({ name, expand, depthwise, reduce, excite, project }: BlockNames): BlockNames => ({
  name: renamed(name).replace(/\.$/, ''), ...(expand && { expand: pair(expand) }), depthwise: pair(depthwise), reduce: renamed(reduce), excite: renamed(excite), project: pair(project),
});

const normed = (prefix: string): ConvNames => ({ conv: `${prefix}.0`, norm: `${prefix}.1` });

/** All layers in order, to boxes, classes, scores and count. Returns the channels of the backbone's last block. */
export function assembleSsdlite(builder: GraphBuilder, size: number): number {
  const maps = featureMaps(builder, size);
  const anchors = defaultBoxes(maps.map((x) => builder.graph.tensors[x].shape as [number, number, number, number]));
  const classes = builder.channelsOf({ conv: 'head.classification_head.module_list.0.1' }) / BOXES;
  // Boxes are x, y, width, height there, and y, x, height, width in the step that decodes them.
  const encodings = head(builder, maps, 'head.regression_head', 4, 'bbox_regression', (channel) => (channel & ~3) + [1, 0, 3, 2][channel & 3]);
  const logits = head(builder, maps, 'head.classification_head', classes, 'cls_logits');
  const scores = builder.op({ kind: 'softmax', beta: 1 }, [logits], 'scores', builder.graph.tensors[logits].shape);
  const outputs = [['boxes', [1, MOST, 4]], ['labels', [1, MOST]], ['likelihoods', [1, MOST]], ['detections', [1]]] as const;
  const places = outputs.map(([name, shape]) => builder.float(name, [...shape]));
  builder.graph.operators.push({
    attributes: { kind: 'detection', ...CHOICE, classes: classes - 1 }, where: 'detection', outputs: places,
    inputs: [encodings, scores, builder.constant('default boxes', [anchors.length / 4, 4], anchors)],
  });
  places.forEach((output) => builder.output(output));
  return builder.channelsOf({ conv: 'backbone.features.1.2.block.3.0' });
}

/** Six maps: the expanded C4, the backbone's last layer, and four of extra blocks. */
function featureMaps(builder: GraphBuilder, size: number): number[] {
  const table = blocksOf('v3-large'), { stem, blocks, last } = namesOf('torchvision', 'v3-large', table), names = blocks.map(block);
  let x = builder.conv(builder.input(size), pair(stem), { kernel: 3, stride: 2, activation: 'hardSwish' });
  table.slice(0, C4 - 1).forEach((row, i) => { x = addBlock(builder, x, row, names[i]); });
  const { expand, ...rest } = names[C4 - 1];
  const c4 = builder.conv(x, expand!, { kernel: 1, stride: 1, activation: 'hardSwish', name: 'C4' });
  x = addBlock(builder, c4, table[C4 - 1], rest);
  table.slice(C4).forEach((row, i) => { x = addBlock(builder, x, row, names[C4 + i]); });
  const maps = [c4, x = builder.conv(x, pair(last!), { kernel: 1, stride: 1, activation: 'hardSwish', name: 'C5' })];
  for (let i = 0; i < 4; i++) {
    const prefix = `backbone.extra.${i}`;
    x = builder.conv(x, normed(`${prefix}.0`), { kernel: 1, stride: 1, activation: 'relu6' });
    x = builder.depthwise(x, normed(`${prefix}.1`), { kernel: 3, stride: 2, activation: 'relu6' });
    maps.push(x = builder.conv(x, normed(`${prefix}.2`), { kernel: 1, stride: 1, activation: 'relu6', name: prefix }));
  }
  return maps;
}

/** [1, all boxes of all maps, values], from a depthwise and a linear convolution of each map. */
function head(builder: GraphBuilder, maps: number[], name: string, values: number, output: string, order?: (channel: number) => number): number {
  const parts = maps.map((map, i) => {
    const filtered = builder.depthwise(map, normed(`${name}.module_list.${i}.0`), { kernel: 3, stride: 1, activation: 'relu6' });
    const x = builder.biased(filtered, `${name}.module_list.${i}.1`, order), [, h, w] = builder.graph.tensors[x].shape;
    return builder.op({ kind: 'reshape' }, [x], `${name}.${i}`, [1, h * w * BOXES, values]);
  });
  const boxes = parts.reduce((sum, part) => sum + builder.graph.tensors[part].shape[1], 0);
  return builder.op({ kind: 'concatenation', axis: 1, activation: 'none' }, parts, output, [1, boxes, values]);
}

// ---- as the model's definition says (torchvision/models/detection: ssdlite.py, ssd.py, anchor_utils.py)

const BOXES = 6; // a place of a map: two squares and two shapes, each lying and standing
const ASPECT_RATIOS = [2, 3], LEAST = 0.2, GREATEST = 0.95;
const MOST = 300;
/** It takes scores above 0.001; ours begin at a score, so this is the next float32. */
const ABOVE = new Float32Array(Int32Array.of(new Int32Array(Float32Array.of(0.001).buffer)[0] + 1).buffer)[0];

const CHOICE = {
  maxDetections: MOST, maxClassesPerDetection: 1, regular: true, detectionsPerClass: MOST, scoreThreshold: ABOVE, iouThreshold: Math.fround(0.55),
  scales: [10, 10, 5, 5] as [number, number, number, number], candidates: 300, greatestSize: Math.fround(Math.log(1000 / 16)), clipped: true,
};

/** y, x, height, width of each default box, in shares of the picture; maps are [1, height, width, channels]. */
function defaultBoxes(maps: [number, number, number, number][]): Float32Array {
  const scales = [...maps.map((_, k) => LEAST + ((GREATEST - LEAST) * k) / (maps.length - 1)), 1], boxes: number[] = [];
  maps.forEach(([, h, w], k) => {
    const square = (side: number): [number, number] => [side, side];
    const sides = [square(scales[k]), square(Math.sqrt(scales[k] * scales[k + 1])), ...ASPECT_RATIOS.flatMap((ratio): [number, number][] => {
      const long = scales[k] * Math.sqrt(ratio), short = scales[k] / Math.sqrt(ratio);
      return [[short, long], [long, short]];
    })];
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) for (const [high, wide] of sides) boxes.push((y + 0.5) / h, (x + 0.5) / w, Math.min(1, high), Math.min(1, wide));
  });
  return Float32Array.from(boxes);
}
