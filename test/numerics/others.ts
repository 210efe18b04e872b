// Knows how the errors of kernels are measured that are no operator with one output: boxes decoded by a detection, and what
// is no step of a plan: pictures that become inputs, and the likeness of embeddings.
import type { Build } from '../../src/engine.js';
import type { Detection, Graph, Tensor } from '../../src/formats/graph.js';
import type { InputFormat, Picture } from '../../src/image.js';
import { load } from '../../src/index.js';
import everyday from '../../src/weights/everyday.js';
import { createIndex } from '../../src/search.js';
import type { InputData } from '../../src/shrinker.js';
import { Random } from '../random-graph.js';
import { UNROUNDED } from '../reference.js';
import { decodeBox } from '../reference-detection.js';
import { pixelByPixel } from '../reference-picture.js';
import { Measurement, SEED, answersOf } from './measure.js';
import type { Measured } from './measure.js';

const BOXES = 500;

/** Boxes of one class with falling scores, none suppressed: the boxes come as they are decoded, in their order. */
export async function measureBoxes(builds: readonly Build[]): Promise<Measured> {
  const random = new Random(SEED), anchors = Array.from({ length: BOXES }, () => [1, 1, 0.5, 0.5].map((most) => Math.fround(random.between(0.05, most))));
  const detection: Detection = { maxDetections: BOXES, maxClassesPerDetection: 1, detectionsPerClass: BOXES, regular: false, classes: 1, scoreThreshold: 0, iouThreshold: 1, scales: [10, 10, 5, 5] };
  const tensor = (name: string, shape: number[], data?: Float32Array): Tensor => ({ name, shape, dtype: 'float32', ...(data && { data: new Uint8Array(data.buffer) }) });
  const graph: Graph = {
    tensors: [
      tensor('encodings', [1, BOXES, 4]), tensor('scores', [1, BOXES, 1]), tensor('anchors', [BOXES, 4], Float32Array.from(anchors.flat())),
      tensor('boxes', [1, BOXES, 4]), tensor('classes', [1, BOXES]), tensor('likelihoods', [1, BOXES]), tensor('count', [1]),
    ],
    operators: [{ attributes: { kind: 'detection', ...detection }, inputs: [0, 1, 2], outputs: [3, 4, 5, 6], where: 'operator 0 (detection)' }], inputs: [0, 1], outputs: [3, 4, 5, 6], about: {},
  };
  const encodings = Float32Array.from({ length: BOXES * 4 }, () => random.between(-4, 4)), scores = Float32Array.from({ length: BOXES }, (_, i) => 1 - i / BOXES);
  const exact = anchors.flatMap((anchor, i) => decodeBox([...encodings.subarray(i * 4, i * 4 + 4)], anchor, detection, UNROUNDED)), measurement = new Measurement();
  measurement.add(['OP_DETECTION'], await answersOf(graph, [encodings, scores], builds), Float64Array.from(exact), 4);
  return measurement.found('detection, corners of boxes', `${BOXES} boxes`, { relative: 2e-7 });
}

const SIZES = [[97, 61], [20, 13], [32, 32]], INPUT = 32;

export async function measurePictures(builds: readonly Build[]): Promise<Measured> {
  const measurement = new Measurement(), nets = await Promise.all(builds.map((build) => load(everyday, { build })));
  for (const dtype of ['float32', 'int8', 'uint8'] as const) for (const [width, height] of SIZES) {
    const random = new Random(SEED + width), picture: Picture = { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.below(256)) };
    const format: InputFormat = { shape: [1, INPUT, INPUT, 3], dtype, scale: 1 / 50, zeroPoint: dtype === 'uint8' ? 110 : -14 }, region = { x: 0, y: 0, width, height };
    const preprocessing = { fit: 'stretch', crop: 1, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const;
    const real = pixelByPixel(picture, format, { ...preprocessing, mean: [...preprocessing.mean], std: [...preprocessing.std] }, region);
    const expected = Float64Array.from(real, (value) => (dtype === 'float32' ? value : Math.floor(value + 0.5)));
    const answers = new Map<Build, InputData>(builds.map((build, i) => [build, nets[i].shrinker.toInput(picture, format, { ...preprocessing, mean: [...preprocessing.mean], std: [...preprocessing.std] })]));
    measurement.add(['sumRows', 'writeRow'], answers, expected, 3);
  }
  nets.forEach((net) => net.dispose());
  return measurement.found('picture to input', `${SIZES.map((size) => size.join('x')).join(', ')} to ${INPUT}x${INPUT}`, { relative: 1e-7, worst: 0.5 });
}

const ROWS = 200, DIMENSIONS = 1024;

/** Search has two builds of its own. The row is all rows' cosines to one question. */
export async function measureLikeness(): Promise<Measured> {
  const random = new Random(SEED), vector = (): Float32Array => Float32Array.from({ length: DIMENSIONS }, () => random.between(-0.2, 1)), rows = Array.from({ length: ROWS }, vector), asked = vector();
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const answers = new Map<Build, Float32Array>((['scalar', 'simd'] as const).map((build) => {
    const index = createIndex({ dimensions: DIMENSIONS, dtype: 'float32', build }), scores = new Float32Array(ROWS);
    index.addAll(rows.map((row, i) => [`${i}`, row] as const));
    for (const { index: row, score } of index.search(asked, { topK: ROWS })) scores[row] = score;
    return [build, scores];
  })), measurement = new Measurement();
  measurement.add(['searchFloat32'], answers, Float64Array.from(rows, (row) => dot(row, asked) / Math.sqrt(dot(row, row) * dot(asked, asked))), ROWS);
  return measurement.found('cosine of embeddings (search)', `${ROWS} rows of ${DIMENSIONS}`, { relative: 5e-7 });
}
