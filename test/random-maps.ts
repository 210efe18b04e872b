// Knows how to make random graphs of the operators of score maps: resizing, the greatest along a dimension, repeats, and
// dilated convolutions as TensorFlow writes them.
import type { Graph } from '../src/formats/graph.js';
import { OneOperator } from './random-graph.js';
import type { ActivationType, Random } from './random-graph.js';

const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 21, 33];
const SIZES = [1, 2, 3, 4, 5, 7, 9, 13];

export function resizeGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), [h, w, oh, ow] = [SIZES, SIZES, [...SIZES, 20, 33], [...SIZES, 20, 33]].map((sizes) => random.of(sizes)), c = random.of(CHANNELS);
  const input = b.input([1, h, w, c]), taller = oh === h && ow === w ? 1 : 0; // the same size would be no step at all
  const output = b.add({ ...b.graph.tensors[input], shape: [1, oh + taller, ow, c] });
  b.graph.tensors[output].name = 'resized';
  const [alignCorners, halfPixelCenters] = random.of([[false, false], [true, false], [false, true]]);
  return b.op({ kind: 'resizeBilinear', alignCorners, halfPixelCenters }, [input, b.int32([2], [oh + taller, ow])], output);
}

export function argMaxGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [1, random.of(SIZES), random.of(SIZES), random.of([...CHANNELS, 32, 48, 151])], axis = random.of([1, 2, 3, 3, 3, -1]);
  const output = b.add({ shape: shape.filter((_, i) => i !== (axis + 4) % 4), dtype: random.of(['int32', 'int64'] as const) });
  return b.op({ kind: 'argMax', axis }, [b.input(shape), b.int32([], [axis])], output);
}

export function tileGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), repeats = [1, 1, 1, 1];
  const shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  if (random.below(2)) [shape[1], shape[2], repeats[1], repeats[2]] = [1, 1, random.of(SIZES), random.of(SIZES)];
  else for (const d of random.of([[1], [2], [3], [1, 2], [0, 3]])) repeats[d] = random.of([1, 2, 3, 5]);
  const input = b.input(shape), output = b.add({ ...b.graph.tensors[input], shape: shape.map((n, i) => n * repeats[i]) });
  b.graph.tensors[output].name = 'tiled';
  return b.op({ kind: 'tile' }, [input, b.int32([4], repeats)], output);
}

/** SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: with the paddings of SAME, or with any. */
export function dilatedGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), { graph } = b, depthwise = random.below(3) > 0;
  const block = [random.of([2, 3, 4]), random.of([1, 2, 4])], kernel = [random.of([1, 3]), random.of([2, 3])];
  const size = [random.of(SIZES) + 4, random.of(SIZES) + 4], channels = random.of(CHANNELS), oc = depthwise ? channels : random.of(CHANNELS);
  const scale = random.between(0.005, 0.05), input = b.input([1, ...size, channels], scale);
  const reach = kernel.map((k, i) => (k - 1) * block[i]), before = reach.map((r) => random.of([0, 1, r >> 1]));
  const after = reach.map((r, i) => Math.max(0, r - before[i]) + random.below(2));
  const more = size.map((s, i) => (block[i] - ((s + before[i] + after[i]) % block[i])) % block[i]); // to whole blocks, cropped again
  const small = size.map((s, i) => (s + before[i] + after[i] + more[i]) / block[i]), filtered = small.map((s, i) => s - kernel[i] + 1);
  const batch = block[0] * block[1], sorted = b.add({ ...graph.tensors[input], shape: [batch, ...small, channels] });
  graph.tensors[sorted].name = 'sorted';
  const { parts, outputScale } = b.weights(depthwise ? [1, ...kernel, oc] : [oc, ...kernel, channels], oc, kernel[0] * kernel[1] * (depthwise ? 1 : channels), scale);
  const middle = b.activation([batch, ...filtered, oc], outputScale);
  const output = b.add({ ...graph.tensors[middle], shape: [1, ...filtered.map((f, i) => f * block[i] - more[i]), oc] });
  graph.tensors[output].name = 'dilated';
  const blocks = b.int32([2], block);
  graph.operators.push(
    { attributes: { kind: 'spaceToBatch' }, inputs: [input, blocks, b.int32([2, 2], [before[0], after[0] + more[0], before[1], after[1] + more[1]])], outputs: [sorted], where: 'operator 0 (spaceToBatch)' },
    {
      attributes: { kind: depthwise ? 'depthwiseConv2d' : 'conv2d', stride: [1, 1], dilation: [1, 1], padding: 'valid', activation: random.of(['none', 'relu6'] as const) },
      inputs: [sorted, ...parts], outputs: [middle], where: 'operator 1',
    },
    { attributes: { kind: 'batchToSpace' }, inputs: [middle, blocks, b.int32([2, 2], [0, more[0], 0, more[1]])], outputs: [output], where: 'operator 2 (batchToSpace)' },
  );
  graph.outputs.push(output);
  return graph;
}
