// Checks net.pose: what MoveNet is shown of a picture and how its answers are taken back to it, the crop from frame to frame,
// and what is refused. Real pictures and the real network are in ../shared; a network made here stands in for them elsewhere.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBmp } from '../src/cli/bmp.js';
import { DepthwiseError } from '../src/error.js';
import type { Graph } from '../src/formats/graph.js';
import { letterbox } from '../src/image.js';
import { toInput } from './inputs.js';
import type { Picture } from '../src/image.js';
import { load, loadGraph } from '../src/load.js';
import type { Net } from '../src/net.js';
import { cropAround } from '../src/tasks/crop.js';
import type { Keypoint, Pose } from '../src/tasks/pose.js';
import { KEYPOINTS } from '../src/tasks/posenet.js';
import { testedBuilds } from './builds.js';
import { mapsOf, person, posenetGraph } from './people.js';

/** Answers y 0.25, x 0.5 and score 0.75 for every joint, whatever it sees. */
function still(input: 'float32' | 'uint8' = 'float32'): Graph {
  const constant = (shape: number[], values: number[]): Graph['tensors'][0] => ({ name: `c${shape}`, shape, dtype: 'float32', data: new Uint8Array(Float32Array.from(values).buffer) });
  const answers = Array.from({ length: 51 }, (_, i) => [0.25, 0.5, 0.75][i % 3]);
  return {
    tensors: [
      { name: 'picture', shape: [1, 8, 8, 3], dtype: input }, { name: 'real', shape: [1, 8, 8, 3], dtype: 'float32' }, constant([51, 8, 8, 3], Array<number>(51 * 192).fill(0)), constant([51], answers),
      { name: 'flat', shape: [1, 1, 1, 51], dtype: 'float32' }, { name: 'joints', shape: [1, 1, 17, 3], dtype: 'float32' },
    ],
    operators: [
      ...(input === 'uint8' ? [{ attributes: { kind: 'cast' as const }, inputs: [0], outputs: [1], where: 'cast' }] : []),
      { attributes: { kind: 'conv2d', stride: [1, 1], dilation: [1, 1], padding: 'valid', activation: 'none' }, inputs: [input === 'uint8' ? 1 : 0, 2, 3], outputs: [4], where: 'conv' },
      { attributes: { kind: 'reshape' }, inputs: [4], outputs: [5], where: 'reshape' },
    ],
    inputs: [0], outputs: [5], about: {},
  };
}

const plain = (width: number, height: number, value = 255): Picture => ({ width, height, data: new Uint8Array(width * height * 4).fill(value) });
const fails = (work: () => unknown, code: string, says: RegExp): void =>
  assert.throws(work, (error: unknown) => error instanceof DepthwiseError && error.code === code && says.test(error.message));

test('a letterbox shows the picture whole, with black beside it', () => {
  assert.equal(letterbox({ width: 400, height: 100 }, 192, 192), { x: 0, y: -150, width: 400, height: 400 });
  assert.equal(letterbox({ width: 100, height: 400 }, 64, 128), { x: -50, y: 0, width: 200, height: 400 });
  for (const mean of [0, 100]) {
    const shown = toInput(plain(4, 2), { shape: [1, 8, 8, 1], dtype: 'float32' }, { fit: 'stretch', crop: 1, mean: [mean], std: [1] }, letterbox(plain(4, 2), 8, 8));
    const rows = Array.from({ length: 8 }, (_, y) => Math.round(shown[y * 8] + mean));
    // Twice as large: rows 2 to 5 are the picture, and what lies across its edge is partly black.
    assert.equal(rows, [0, 64, 191, 255, 255, 191, 64, 0], 'black is 0 before the mean is taken off');
  }
  const [far] = toInput(plain(4, 4), { shape: [1, 1, 1, 1], dtype: 'float32' }, { fit: 'stretch', crop: 1, mean: [0], std: [1] }, { x: 100, y: -90, width: 4, height: 4 });
  assert.is(far, 0);
});

for (const input of ['float32', 'uint8'] as const) {
  test(`joints are in pixels of the picture, from a ${input} input`, async () => {
    const net = await loadGraph(still(input)), [pose, ...others] = net.pose(plain(400, 100));
    assert.is(others.length, 0);
    assert.equal(pose.keypoints, KEYPOINTS.map((name) => ({ name, x: 200, y: -50, score: 0.75 })), 'a quarter of 400 down from 150 above the picture');
    assert.is(pose.score, 0.75);
    assert.equal(net.pose(plain(400, 100), { scoreThreshold: 0.76 }), []);
    const [closer] = net.pose(plain(400, 100), { previous: [{ score: 1, keypoints: standing(200, 50, 10) }] });
    assert.ok(closer.keypoints[0].y > 0 && closer.keypoints[0].y < 100, 'a crop within the picture was looked at');
  });
}

const standing = (x: number, y: number, size: number, score = 0.9): Keypoint[] => person(x - size / 2, y - size, size / 100).map((joint, i) => ({ ...joint, name: KEYPOINTS[i], score }));

test('the crop is a square about the hips that has room for torso and body', () => {
  const joints = standing(200, 200, 50), hips = joints.slice(11, 13), x = (hips[0].x + hips[1].x) / 2, { y } = hips[0];
  const crop = cropAround(joints, { width: 600, height: 600 })!;
  assert.ok(Math.abs(crop.x + crop.width / 2 - x) < 1e-9 && Math.abs(crop.y + crop.height / 2 - y) < 1e-9);
  assert.ok(Math.abs(crop.width - 2 * Math.max(30 * 1.9, 45 * 1.2)) < 1e-9, `${crop.width}: shoulders are 30 above the hips, ankles 45 below`);
  assert.is(crop.width, crop.height);
  const unsure = joints.map((joint) => (joint.name.endsWith('ankle') || joint.name === 'nose' ? { ...joint, score: 0.1 } : joint));
  assert.ok(Math.abs(cropAround(unsure, { width: 600, height: 600 })!.width - 2 * 30 * 1.9) < 1e-9, 'joints that are not believed do not count');
});

test('without a torso, and for somebody who fills it, the whole picture is looked at', () => {
  const frame = { width: 600, height: 600 }, joints = standing(200, 200, 50);
  const without = (part: string): Keypoint[] => joints.map((joint) => (joint.name.endsWith(part) ? { ...joint, score: 0.2 } : joint));
  for (const part of ['hip', 'shoulder']) assert.is(cropAround(without(part), frame), undefined);
  assert.is(cropAround(standing(300, 600, 300), frame), undefined);
  assert.is(cropAround([], frame), undefined);
  assert.is(cropAround(joints.map((joint) => ({ ...joint, x: NaN })), frame), undefined);
});

test('what it cannot do is refused with advice', async () => {
  const net = await loadGraph(still()), classifier = await load(new Uint8Array(readFileSync('weights/everyday.dw')));
  fails(() => classifier.pose(plain(8, 8)), 'UNSUPPORTED', /finds no keypoints: its outputs are \[1,100\].*MoveNet single pose, output \[1, 1, 17, 3\], and PoseNet/);
  fails(() => net.pose(plain(0, 5)), 'BAD_IMAGE', /nothing to look at/);
  fails(() => net.pose(undefined as never), 'BAD_IMAGE', /A picture is/);
  fails(() => net.pose({ width: 2, height: 2, data: new Uint8Array(5) }), 'BAD_IMAGE', /5 were given/);
  for (const maxResults of [0, 1.5, NaN]) fails(() => net.pose(plain(8, 8), { maxResults }), 'BAD_INPUT', /maxResults/);
  for (const scoreThreshold of [-1, 2, NaN]) fails(() => net.pose(plain(8, 8), { scoreThreshold }), 'BAD_INPUT', /scoreThreshold/);
  fails(() => net.pose(plain(8, 8), { previous: 'last' as never }), 'BAD_INPUT', /the frame before/);
  fails(() => net.pose(plain(8, 8), { previous: [{}] as never }), 'BAD_INPUT', /the frame before/);
  const maps = posenetGraph(mapsOf([], 65, 65, 16), 65, 65);
  maps.outputs.pop();
  const lacking = await loadGraph({ ...maps, operators: maps.operators.slice(0, -2) });
  fails(() => lacking.pose(plain(8, 8)), 'UNSUPPORTED', /displacements/);
});

// ---- the real network

const shared = path.resolve('../shared'), model = path.join(shared, 'models/movenet_single_pose_lightning_ptq.tflite');

const away = ([pose]: Pose[], truth: readonly Keypoint[], x = 0, y = 0): number[] =>
  (pose ? pose.keypoints.map((joint, i) => Math.hypot(joint.x - x - truth[i].x, joint.y - y - truth[i].y)) : truth.map(() => Infinity));
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The picture in a larger one of even grey. */
function placed({ data, width, height }: Picture, x: number, y: number, canvas: { width: number; height: number }): Picture {
  const all = plain(canvas.width, canvas.height, 230).data as Uint8Array;
  for (let row = 0; row < height; row++) all.set(data.subarray(row * width * 4, (row + 1) * width * 4), ((row + y) * canvas.width + x) * 4);
  return { ...canvas, data: all };
}

if (existsSync(model)) {
  const bytes = new Uint8Array(readFileSync(model)), squat = decodeBmp(new Uint8Array(readFileSync(path.join(shared, 'images/squat.bmp'))), 'squat.bmp');
  const withNet = async (build: 'scalar' | 'simd' | 'relaxed', check: (net: Net) => void): Promise<void> => {
    const net = await load(bytes, { build });
    check(net);
    net.dispose();
  };
  const builds = await testedBuilds(), answers = new Map<string, Pose[]>();
  for (const build of builds) {
    test(`${build}: MoveNet sees somebody squat where they do`, () => withNet(build, (net) => {
      const poses = net.pose(squat);
      answers.set(build, poses);
      assert.is(poses.length, 1);
      // Read off the picture by eye, in its pixels.
      const seen: Record<string, [number, number]> = {
        nose: [292, 207], left_shoulder: [290, 255], right_shoulder: [205, 245], left_elbow: [348, 310], right_elbow: [265, 320], left_wrist: [342, 255], right_wrist: [318, 250],
        left_knee: [293, 395], right_knee: [208, 415], left_ankle: [265, 510], right_ankle: [165, 545],
      };
      for (const [name, [x, y]] of Object.entries(seen)) {
        const joint = poses[0].keypoints.find((one) => one.name === name)!;
        assert.ok(Math.hypot(joint.x - x, joint.y - y) < 20 && joint.score > 0.4, `${name} at ${joint.x}, ${joint.y}`);
      }
      assert.equal(poses, answers.get(builds[0]), 'every build answers the same');
    }));
  }

  test('somebody small who moves is followed, and found better than in whole frames', () => withNet(builds[builds.length - 1], (net) => {
    const truth = net.pose(squat)[0].keypoints, canvas = { width: 1400, height: 1100 };
    let previous: Pose[] = [];
    for (let i = 0; i < 7; i++) {
      const x = 80 + 90 * i, y = 450 - 45 * i, frame = placed(squat, x, y, canvas), whole = net.pose(frame, { scoreThreshold: 0 });
      previous = net.pose(frame, { previous });
      const followed = mean(away(previous, truth, x, y)), unaided = mean(away(whole, truth, x, y));
      if (i > 0) assert.ok(followed < 15 && followed <= unaided, `frame ${i}: ${followed} pixels off, ${unaided} without the frame before`);
    }
    assert.equal(net.pose(plain(300, 200, 128), { previous }), [], 'nobody is there any more');
    const back = net.pose(placed(squat, 700, 100, canvas), { previous: [] });
    assert.ok(mean(away(back, truth, 700, 100)) < 60, 'found again from the whole frame');
  }));
} else console.log('NOT RUN: ../shared is absent, so no person was looked for in a real picture');

test.run();
