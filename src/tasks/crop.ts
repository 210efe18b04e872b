// Knows where in the next frame of a video a person is to be looked for, from where the last frame had them. It does not know
// the network.
//
// As MoveNet's authors describe it: a square about the middle of the hips, so large that torso and body still fit after a
// movement; the whole picture where no torso was seen.
import type { Region } from '../image.js';

interface Joint {
  name: string;
  x: number;
  y: number;
  score: number;
}

/** From here on a joint is believed. */
const LEAST_SCORE = 0.2;
/** How much farther than the farthest joint of the torso, or of the whole body, the square reaches. */
const TORSO_MARGIN = 1.9;
const BODY_MARGIN = 1.2;

const TORSO = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip'];

/** The square to look at; nothing where the whole picture is to be looked at. */
export function cropAround(joints: readonly Joint[], { width, height }: { width: number; height: number }): Region | undefined {
  const torso = TORSO.map((name) => joints.find((joint) => joint.name === name)), seen = torso.map((joint) => joint !== undefined && joint.score > LEAST_SCORE);
  const [, , left, right] = torso;
  if (!left || !right || !(seen[0] || seen[1]) || !(seen[2] || seen[3])) return undefined;
  const x = (left.x + right.x) / 2, y = (left.y + right.y) / 2;
  const reach = (some: readonly (Joint | undefined)[]): number => Math.max(0, ...some.map((joint) => (joint ? Math.max(Math.abs(joint.x - x), Math.abs(joint.y - y)) : 0)));
  const wanted = Math.max(reach(torso) * TORSO_MARGIN, reach(joints.filter(({ score }) => score >= LEAST_SCORE)) * BODY_MARGIN);
  const half = Math.min(wanted, Math.max(x, width - x, y, height - y));
  if (!(half >= 1) || half > Math.max(width, height) / 2) return undefined;
  return { x: x - half, y: y - half, width: half * 2, height: half * 2 };
}
