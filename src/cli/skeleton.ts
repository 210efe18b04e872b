// Knows how a person's joints are drawn: which are connected, in which colours. It knows no network and no file.
import type { Keypoint, Pose } from '../index.js';
import { dot, line, type Canvas, type Colour } from './draw.js';

const LEFT: Colour = [255, 140, 0], RIGHT: Colour = [0, 170, 255], MIDDLE: Colour = [240, 240, 240];

/** What is connected on a drawing; the sides of the body are connected down from shoulder and hip, and across. */
const BONES = [
  ['nose', 'left_eye'], ['left_eye', 'left_ear'], ['nose', 'right_eye'], ['right_eye', 'right_ear'], ['left_shoulder', 'right_shoulder'], ['left_hip', 'right_hip'],
  ...['left', 'right'].flatMap((side) => [['shoulder', 'elbow'], ['elbow', 'wrist'], ['shoulder', 'hip'], ['hip', 'knee'], ['knee', 'ankle']].map((bone) => bone.map((joint) => `${side}_${joint}`))),
];

const sideOf = (names: readonly string[]): Colour => {
  const sides = new Set(names.filter((name) => name !== 'nose').map((name) => name.split('_')[0]));
  return sides.size !== 1 ? MIDDLE : sides.has('left') ? LEFT : RIGHT;
};

/** Joints below the threshold are left out, the others the fainter the less sure. */
export function drawPose(canvas: Canvas, { keypoints }: Pose, threshold: number): void {
  const joints = new Map(keypoints.filter(({ score }) => score >= threshold).map((joint) => [joint.name, joint]));
  const opacityOf = (...some: Keypoint[]): number => Math.min(1, 0.35 + Math.min(...some.map(({ score }) => score)));
  for (const names of BONES) {
    const [from, to] = names.map((name) => joints.get(name));
    if (from && to) line(canvas, from, to, sideOf(names), { weight: 1.5, opacity: opacityOf(from, to) });
  }
  for (const joint of joints.values()) dot(canvas, joint, joint.name === 'nose' ? MIDDLE : sideOf([joint.name]), { opacity: opacityOf(joint) });
}
