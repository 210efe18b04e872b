// Checks the decoding of PoseNet's maps: people whose joints are known, and a naive decoder on maps of noise. No PoseNet file
// is at hand; its maps are made here, and a small file with the operator that ends such files checks the reader.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load, loadGraph } from '../src/load.js';
import { EDGES, KEYPOINTS, decodePoses } from '../src/tasks/posenet.js';
import type { PlacedPose, PoseMaps } from '../src/tasks/posenet.js';
import { mapsOf, person, posenetGraph } from './people.js';
import type { Joint, Person } from './people.js';
import { Random } from './random-graph.js';

const SIZE = 257;

/** The pose of these whose joints are nearest to a person's. */
const poseOf = (poses: { keypoints: Joint[]; score: number }[], one: Person): { keypoints: Joint[]; score: number } =>
  [...poses].sort((a, b) => worst(a, one) - worst(b, one))[0];
const worst = ({ keypoints }: { keypoints: Joint[] }, one: Person): number => Math.max(...one.map(({ x, y }, i) => Math.hypot(keypoints[i].x - x, keypoints[i].y - y)));

const GROUPS: [string, Person[]][] = [
  ['one', [person(80, 30)]],
  ['two', [person(10, 20, 0.9), person(140, 40)]],
  ['three, one smaller', [person(5, 10, 0.8), person(90, 30, 0.9), person(185, 90, 0.6)]],
  ['two who overlap', [person(60, 20), person(110, 40)]],
];

for (const stride of [8, 16, 32]) {
  for (const [name, people] of GROUPS) {
    if (stride === 32 && people.length > 1) continue; // cells are then as far apart as joints
    test(`stride ${stride}: ${name}`, () => {
      const poses = decodePoses(mapsOf(people, SIZE, SIZE, stride), 5, 0.5);
      assert.is(poses.length, people.length);
      for (const one of people) assert.ok(worst(poseOf(poses, one), one) < (stride === 8 || people.length === 1 ? 0.01 : 8), `${worst(poseOf(poses, one), one)} pixels off`);
      assert.ok(poses.every(({ score }, i) => score <= 1 && (i === 0 || score <= poses[i - 1].score)), 'best first');
    });
  }
}

test('one whose legs are below the edge: what is seen is right, what is not is unsure', () => {
  const one = person(80, 120), [pose, ...others] = decodePoses(mapsOf([one], SIZE, SIZE, 8), 5, 0.3);
  assert.is(others.length, 0);
  one.forEach(({ x, y }, i) => {
    const { x: gotX, y: gotY, score } = pose.keypoints[i];
    if (y < SIZE) assert.ok(Math.hypot(gotX - x, gotY - y) < 0.01 && score > 0.9, KEYPOINTS[i]);
    else assert.ok(score < 0.5 && gotY <= SIZE - 1, `${KEYPOINTS[i]} outside`);
  });
});

test('nobody in empty maps; maxResults and scoreThreshold are kept to', () => {
  const people = GROUPS[2][1], maps = mapsOf(people, SIZE, SIZE, 8);
  assert.equal(decodePoses(mapsOf([], SIZE, SIZE, 8), 5, 0), []);
  assert.is(decodePoses(maps, 2, 0).length, 2);
  assert.equal(decodePoses(maps, 5, 1), []);
});

/** By the description alone: each joint by the path from the root, found by trying all. */
function naive(maps: PoseMaps, maxResults: number, scoreThreshold: number): PlacedPose[] {
  const { height: H, width: W, stride } = maps, sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  const cellOf = (map: Float32Array, channels: number, x: number, y: number, c: number): number => map[(y * W + x) * channels + c];
  const between = (map: Float32Array, channels: number, x: number, y: number, c: number): number => {
    let sum = 0;
    for (let j = 0; j < H; j++) for (let i = 0; i < W; i++) {
      const weight = Math.max(0, 1 - Math.abs(x - i)) * Math.max(0, 1 - Math.abs(y - j));
      if (weight > 0) sum += weight * cellOf(map, channels, i, j, c);
    }
    return sum;
  };
  const move = ({ x, y }: Joint, map: Float32Array, channels: number, c: number): Joint => ({
    x: Math.min(W - 1, Math.max(0, x + between(map, channels * 2, x, y, channels + c) / stride)),
    y: Math.min(H - 1, Math.max(0, y + between(map, channels * 2, x, y, c) / stride)),
  });
  const roots: (Joint & { id: number; score: number })[] = [];
  for (let id = 0; id < 17; id++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++) {
    const own = cellOf(maps.heatmaps, 17, x, y, id);
    const around = [-1, 0, 1].flatMap((j) => [-1, 0, 1].map((i) => [x + i, y + j])).filter(([i, j]) => i >= 0 && j >= 0 && i < W && j < H);
    if (sigmoid(own) >= 0.5 && around.every(([i, j]) => cellOf(maps.heatmaps, 17, i, j, id) <= own)) roots.push({ id, ...move({ x, y }, maps.offsets, 17, id), score: sigmoid(own) });
  }
  const poses: { joints: (Joint & { score: number })[]; score: number }[] = [];
  for (const root of roots.sort((a, b) => b.score - a.score)) {
    const near = (a: Joint, b: Joint): boolean => Math.hypot(a.x - b.x, a.y - b.y) * stride <= 20;
    if (poses.length === maxResults || poses.some(({ joints }) => near(root, joints[root.id]))) continue;
    const joints: (Joint & { score: number })[] = [];
    joints[root.id] = root;
    for (let round = 0; round < 17; round++) EDGES.forEach(([parent, child], edge) => {
      for (const [from, to, map] of [[parent, child, maps.forward], [child, parent, maps.backward]] as const) {
        if (!joints[from] || joints[to]) continue;
        let at = move(joints[from], map, 16, edge);
        for (let i = 0; i < 2; i++) at = move(at, maps.offsets, 17, to);
        joints[to] = { ...at, score: sigmoid(between(maps.heatmaps, 17, at.x, at.y, to)) };
      }
    });
    const score = joints.reduce((sum, joint, id) => sum + (poses.some((other) => near(joint, other.joints[id])) ? 0 : joint.score), 0) / 17;
    if (score >= scoreThreshold) poses.push({ joints, score });
  }
  return poses.sort((a, b) => b.score - a.score).map(({ joints, score }) => ({ score, keypoints: joints.map(({ x, y, score: own }) => ({ x: x * stride, y: y * stride, score: own })) }));
}

test('noise is read as the naive decoder reads it', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed), height = 2 + random.below(8), width = 2 + random.below(8), noise = (channels: number, size: number): Float32Array =>
      Float32Array.from({ length: height * width * channels }, () => random.between(-size, size));
    const maps: PoseMaps = { height, width, stride: random.of([8, 16, 32]), heatmaps: noise(17, 3), offsets: noise(34, 20), forward: noise(32, 60), backward: noise(32, 60) };
    const got = decodePoses(maps, 6, 0.1), expected = naive(maps, 6, 0.1);
    assert.is(got.length, expected.length, `seed ${seed}`);
    got.forEach(({ keypoints, score }, i) => {
      assert.ok(Math.abs(score - expected[i].score) < 1e-6, `seed ${seed}: score`);
      keypoints.forEach(({ x, y }, k) => assert.ok(Math.hypot(x - expected[i].keypoints[k].x, y - expected[i].keypoints[k].y) < 1e-3, `seed ${seed}: ${KEYPOINTS[k]}`));
    });
  }
});

for (const options of [{}, { apart: true }, { quantised: true }]) {
  test(`a network whose outputs are such maps, ${JSON.stringify(options)}: people in pixels of a wide picture`, async () => {
    const people = GROUPS[1][1], net = await loadGraph(posenetGraph(mapsOf(people, SIZE, SIZE, 8), SIZE, SIZE, options));
    const picture = { width: 514, height: 300, data: new Uint8Array(514 * 300 * 4) }, poses = net.pose(picture, { scoreThreshold: 0.5 });
    assert.is(poses.length, 2);
    // The picture is twice as wide as the input, and 107 rows of black are above it.
    for (const one of people) {
      const there = one.map(({ x, y }) => ({ x: x * 2, y: y * 2 - 107 })), pose = poseOf(poses, there);
      assert.ok(worst(pose, there) < ('quantised' in options ? 4 : 0.01), `${worst(pose, there)} pixels off`);
    }
    assert.equal(poses[0].keypoints.map(({ name }) => name), [...KEYPOINTS]);
    assert.is(net.pose(picture, { maxResults: 1 }).length, 1);
    net.dispose();
  });
}

test('a file that ends in PosenetDecoderOp has what that operator reads as its outputs', async () => {
  const { model, outputs } = JSON.parse(readFileSync('test/vectors/posenet.json', 'utf8')) as { model: string; outputs: { name: string; shape: number[] }[] };
  const net = await load(Uint8Array.from(Buffer.from(model, 'base64')));
  assert.equal(net.outputs.map(({ name, shape }) => ({ name, shape })), outputs);
  assert.ok(net.pose({ width: 40, height: 30, data: new Uint8Array(40 * 30 * 4) }, { scoreThreshold: 0 }).every(({ keypoints }) => keypoints.length === 17));
});

test.run();
