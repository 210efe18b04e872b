// Knows how PoseNet's maps become people: likely places of joints, displacements from each joint to its neighbours, and who is
// counted once. It does not know the network, nor pictures: places are in pixels of the input.
//
// Papandreou et al., "PersonLab" (2018), and the reading of it that Google's own decoders do: the best places first become
// the roots of poses; from a root, the tree of 16 edges is walked to the other joints, along displacements that short offsets
// then correct; a place near the same joint of a person already found is no root.

/** COCO's keypoints, in the order of the maps' channels. */
export const KEYPOINTS = [
  'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
  'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
] as const;

/** Parent and child, in the order of the displacements' channels. */
export const EDGES: readonly (readonly [number, number])[] =
  [[0, 1], [1, 3], [0, 2], [2, 4], [0, 5], [5, 7], [7, 9], [5, 11], [11, 13], [13, 15], [0, 6], [6, 8], [8, 10], [6, 12], [12, 14], [14, 16]];

export interface PoseMaps {
  height: number;
  width: number;
  /** Input pixels between neighbours of a map. */
  stride: number;
  /** [height, width, 17], before the sigmoid. */
  heatmaps: Float32Array;
  /** [height, width, 34]: from a place to the joint near it, in input pixels; all y, then all x. */
  offsets: Float32Array;
  /** [height, width, 32] each: along the edges, from parent to child and back; all y, then all x. */
  forward: Float32Array;
  backward: Float32Array;
}

interface Place {
  id: number;
  /** In cells of the maps. */
  x: number;
  y: number;
  score: number;
}

export interface PlacedPose {
  keypoints: { x: number; y: number; score: number }[];
  /** Mean of the keypoints' scores; those that a better pose has as well count 0. */
  score: number;
}

/** Least probability of a root, and how near to a person already found (input pixels) is that person. */
const ROOT_SCORE = 0.5;
const NEAR = 20;
/** How often a displaced joint is moved on by the short offset where it landed. */
const REFINEMENTS = 2;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const clamp = (x: number, most: number): number => Math.min(Math.max(x, 0), most);

/** At most `maxResults` poses with a score of at least `scoreThreshold`, best first. */
export function decodePoses(maps: PoseMaps, maxResults: number, scoreThreshold: number): PlacedPose[] {
  const found: (PlacedPose & { joints: Place[] })[] = [], near = NEAR / maps.stride;
  const isNear = (a: Place, b: Place): boolean => (a.x - b.x) ** 2 + (a.y - b.y) ** 2 <= near * near;
  for (const root of rootsOf(maps)) {
    if (found.length >= maxResults) break;
    if (found.some(({ joints }) => isNear(root, joints[root.id]))) continue;
    const joints = walk(maps, root);
    const score = joints.reduce((sum, joint) => sum + (found.some((other) => isNear(joint, other.joints[joint.id])) ? 0 : joint.score), 0) / joints.length;
    if (score < scoreThreshold) continue;
    found.push({ joints, score, keypoints: joints.map(({ x, y, score: own }) => ({ x: x * maps.stride, y: y * maps.stride, score: own })) });
  }
  return found.map(({ keypoints, score }) => ({ keypoints, score })).sort((a, b) => b.score - a.score);
}

/** Places that no neighbouring cell surpasses, moved by their short offset, surest first. */
function rootsOf(maps: PoseMaps): Place[] {
  const { height, width, heatmaps } = maps, joints = KEYPOINTS.length, least = Math.log(ROOT_SCORE / (1 - ROOT_SCORE)), roots: Place[] = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let id = 0; id < joints; id++) {
    const logit = heatmaps[(y * width + x) * joints + id];
    if (!(logit >= least) || surpassed(maps, x, y, id, logit)) continue;
    roots.push({ id, score: sigmoid(logit), ...shifted(maps, maps.offsets, joints * 2, id, joints + id, x, y) });
  }
  return roots.sort((a, b) => b.score - a.score);
}

function surpassed({ height, width, heatmaps }: PoseMaps, x: number, y: number, id: number, logit: number): boolean {
  for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
    for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) if (heatmaps[(j * width + i) * KEYPOINTS.length + id] > logit) return true;
  }
  return false;
}

/** All joints of the person whom the root belongs to, from each placed one on to its neighbours in the tree. */
function walk(maps: PoseMaps, root: Place): Place[] {
  const joints = new Array<Place>(KEYPOINTS.length), placed = [root];
  joints[root.id] = root;
  for (const from of placed) {
    EDGES.forEach(([parent, child], edge) => {
      if (parent === from.id && !joints[child]) placed.push(joints[child] = displaced(maps, maps.forward, from, edge, child));
      if (child === from.id && !joints[parent]) placed.push(joints[parent] = displaced(maps, maps.backward, from, edge, parent));
    });
  }
  return joints;
}

function displaced(maps: PoseMaps, displacements: Float32Array, from: Place, edge: number, id: number): Place {
  const joints = KEYPOINTS.length;
  let at = shifted(maps, displacements, EDGES.length * 2, edge, EDGES.length + edge, from.x, from.y);
  for (let i = 0; i < REFINEMENTS; i++) at = shifted(maps, maps.offsets, joints * 2, id, joints + id, at.x, at.y);
  return { id, ...at, score: sigmoid(sample(maps, maps.heatmaps, joints, id, at.x, at.y)) };
}

/** A place moved by what a map of shifts says there, kept on the map. */
function shifted(maps: PoseMaps, shifts: Float32Array, channels: number, down: number, right: number, x: number, y: number): { x: number; y: number } {
  return {
    x: clamp(x + sample(maps, shifts, channels, right, x, y) / maps.stride, maps.width - 1),
    y: clamp(y + sample(maps, shifts, channels, down, x, y) / maps.stride, maps.height - 1),
  };
}

/** Between the four cells around a place, bilinear. */
function sample({ width, height }: PoseMaps, map: Float32Array, channels: number, channel: number, x: number, y: number): number {
  const left = Math.floor(x), top = Math.floor(y), right = Math.min(left + 1, width - 1), bottom = Math.min(top + 1, height - 1), dx = x - left, dy = y - top;
  const at = (i: number, j: number): number => map[(j * width + i) * channels + channel];
  return (1 - dy) * ((1 - dx) * at(left, top) + dx * at(right, top)) + dy * ((1 - dx) * at(left, bottom) + dx * at(right, bottom));
}
