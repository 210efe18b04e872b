// Knows which networks find the joints of people (MoveNet for one, PoseNet for several), what they are to be shown, and how
// their outputs become keypoints in the picture.
import { DepthwiseError } from '../error.js';
import type { Preprocessing } from '../formats/graph.js';
import { checkPicture, letterbox } from '../image.js';
import type { Picture, Region } from '../image.js';
import type { Net, Output } from '../net.js';
import { checkOptions, has, isText, listOf, whole } from '../options.js';
import type { Kind } from '../options.js';
import { realValues } from './classify.js';
import { cropAround } from './crop.js';
import { decodePoses, EDGES, KEYPOINTS } from './posenet.js';
import type { PlacedPose } from './posenet.js';

export interface PoseOptions {
  /** How many people at most; default 5. MoveNet finds one. */
  maxResults?: number;
  /** Leaves out people whose score is lower, 0 to 1; default 0.2. */
  scoreThreshold?: number;
  /**
   * What the last frame of the same video gave. MoveNet then looks closer at where the person was, and finds small people
   * better: `poses = net.pose(frame, { previous: poses })`.
   */
  previous?: readonly Pose[];
}

/** A joint in pixels of the picture, from its upper left corner. It may lie outside. */
export interface Keypoint {
  /** COCO's name: nose, left_eye, right_eye … right_ankle. Left and right are the person's own. */
  name: string;
  x: number;
  y: number;
  /** Probability, 0 to 1. */
  score: number;
}

export interface Pose {
  /** 17, in COCO's order. */
  keypoints: Keypoint[];
  /** Mean of the keypoints' scores. */
  score: number;
}

const isReal = (value: unknown): boolean => typeof value === 'number'; // a network's may be NaN
const isPose = has({ keypoints: listOf(has({ name: isText, x: isReal, y: isReal, score: isReal })) });
const POSING: Record<string, Kind> = {
  maxResults: whole(1), scoreThreshold: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'], previous: [listOf(isPose), 'what net.pose() gave for the frame before'],
};

/** People in a picture, best first. */
export function pose(net: Net, picture: Picture, options: PoseOptions = {}): Pose[] {
  checkOptions(options, POSING);
  const { maxResults = 5, scoreThreshold = 0.2, previous = [] } = options;
  const read = readerOf(net), [input] = net.inputs, [, height, width] = input.shape;
  checkPicture(picture);
  const region = (read === readMoveNet && previous[0] && cropAround(previous[0].keypoints, picture)) || letterbox(picture, width, height);
  const outputs = net.run(net.shrinker.toInput(picture, input, net.preprocessing ?? preprocessingOf(net, read), region));
  return read(outputs, net, maxResults, scoreThreshold).map(({ keypoints, score }) => ({
    keypoints: keypoints.map(({ x, y, score: own }, i) => ({ name: KEYPOINTS[i], ...inPicture(x / width, y / height, region), score: own })),
    score,
  }));
}

const inPicture = (x: number, y: number, region: Region): { x: number; y: number } => ({ x: region.x + x * region.width, y: region.y + y * region.height });

/** Poses from outputs, in pixels of the input. */
type Reader = (outputs: Output[], net: Net, maxResults: number, scoreThreshold: number) => PlacedPose[];

/** MoveNet normalises inside: it takes pixels as they are, as floats too. */
const preprocessingOf = (net: Net, read: Reader): Preprocessing | undefined =>
  (read === readMoveNet && net.inputs[0].dtype === 'float32' ? { fit: 'stretch', crop: 1, mean: [0], std: [1] } : undefined);

/** @throws DepthwiseError UNSUPPORTED for networks that find no joints */
function readerOf({ inputs, outputs }: Net): Reader {
  const shapes = outputs.map(({ shape }) => shape.join());
  if (inputs.length === 1 && shapes.length === 1 && shapes[0] === `1,1,${KEYPOINTS.length},3`) return readMoveNet;
  if (inputs.length === 1 && mapsOf(outputs)) return readPoseNet;
  throw new DepthwiseError('UNSUPPORTED', `This network finds no keypoints: its outputs are ${outputs.map(({ shape }) => `[${shape}]`).join(', ')}. net.pose() takes MoveNet single pose, output [1, 1, 17, 3], and PoseNet with its heatmaps [1, h, w, 17], offsets [1, h, w, 34] and displacements [1, h, w, 64] or twice [1, h, w, 32].`);
}

/** y, x and score of each joint, as parts of the input's height and width. */
const readMoveNet: Reader = ([output], { inputs: [{ shape: [, height, width] }] }, _, scoreThreshold) => {
  const values = realValues(output);
  const keypoints = KEYPOINTS.map((_name, i) => ({ x: values[i * 3 + 1] * width, y: values[i * 3] * height, score: values[i * 3 + 2] }));
  const score = keypoints.reduce((sum, keypoint) => sum + keypoint.score, 0) / keypoints.length;
  return score >= scoreThreshold ? [{ keypoints, score }] : [];
};

/** PoseNet's maps among the outputs, in whichever order they come. */
function mapsOf<T extends Pick<Output, 'shape' | 'name'>>(outputs: T[]): { heatmaps: T; offsets: T; both: T[] } | undefined {
  const of = (channels: number): T[] => outputs.filter(({ shape }) => shape.length === 4 && shape[3] === channels);
  const [[heatmaps], [offsets]] = [of(KEYPOINTS.length), of(KEYPOINTS.length * 2)];
  const [one] = of(EDGES.length * 4), two = of(EDGES.length * 2).sort((a, b) => Number(/bwd|backward/i.test(a.name)) - Number(/bwd|backward/i.test(b.name)));
  const both = one ? [one] : two, size = heatmaps?.shape.slice(0, 3).join();
  const fit = heatmaps && offsets && (one || two.length === 2) && [offsets, ...both].every(({ shape }) => shape.slice(0, 3).join() === size);
  return fit ? { heatmaps, offsets, both } : undefined;
}

const readPoseNet: Reader = (outputs, { inputs: [{ shape: [, inputHeight, inputWidth] }] }, maxResults, scoreThreshold) => {
  const maps = mapsOf(outputs)!, [, height, width] = maps.heatmaps.shape, half = EDGES.length * 2;
  const [forward, backward] = maps.both.length === 2 ? maps.both.map(realValues) : [0, half].map((from) => channelsOf(realValues(maps.both[0]), half * 2, from, half));
  // Inputs are a pixel larger than a multiple of the stride, 8, 16 or 32, or a multiple of it.
  const stride = 2 ** Math.round(Math.log2(Math.max(inputHeight / height, inputWidth / width)));
  return decodePoses({ height, width, stride, heatmaps: realValues(maps.heatmaps), offsets: realValues(maps.offsets), forward, backward }, maxResults, scoreThreshold);
};

const channelsOf = (values: Float32Array, channels: number, from: number, count: number): Float32Array =>
  values.filter((_, i) => i % channels >= from && i % channels < from + count);
