// Knows the command `pose` from outside: what it says of people, draws, and refuses.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Canvas } from '../src/cli/draw.js';
import { drawPose } from '../src/cli/skeleton.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { KEYPOINTS } from '../src/tasks/posenet.js';
import { depthwise, fails } from './command-line.js';
import { mapsOf, person, posenetGraph } from './people.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-pose-')), inFolder = (name: string): string => path.join(folder, name);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const people = [person(10, 20, 0.9), person(140, 40)], weights = inFolder('two.dw');
writeFileSync(weights, await savePlan(compile(posenetGraph(mapsOf(people, 257, 257, 8), 257, 257))));

const pose = (...args: string[]) => depthwise('pose', ...args);
const refused = (args: string[], says: RegExp, status: number): void => fails(['pose', ...args], says, status);

test('tells two people, to a person and to a program', () => {
  const shown = pose('weights/sample.png', '--weights', weights);
  assert.is(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /person 1 .*left shoulder.*person 2 /s);
  const drawing = inFolder('drawn.png'), { status, stdout } = pose('weights/sample.png', '--weights', weights, '--json', '--threshold', '0.5', '--out', drawing);
  assert.is(status, 0);
  const { build, photos: [{ photo, width, height, results, drawing: named }], failed } = JSON.parse(stdout);
  assert.equal([photo, named, failed], ['weights/sample.png', drawing, []]);
  assert.ok(typeof build === 'string' && width > 0 && height > 0);
  assert.equal(results.map(({ keypoints }: { keypoints: { name: string }[] }) => keypoints.map(({ name }) => name)), [[...KEYPOINTS], [...KEYPOINTS]]);
  assert.equal([...readFileSync(drawing).subarray(1, 4)], [...'PNG'].map((letter) => letter.charCodeAt(0)));
});

test('a skeleton has its left and right in two colours, and no joint that is unsure', () => {
  const canvas: Canvas = { data: new Uint8ClampedArray(200 * 200 * 4), width: 200, height: 200, scale: 0.5 };
  const joints = person(100, 100).map((joint, i) => ({ ...joint, name: KEYPOINTS[i], score: KEYPOINTS[i] === 'left_wrist' ? 0.1 : 0.9 }));
  drawPose(canvas, { keypoints: joints, score: 0.9 }, 0.2);
  const colourAt = (x: number, y: number): number[] => [...canvas.data.subarray((Math.floor(y / 2) * 200 + Math.floor(x / 2)) * 4, (Math.floor(y / 2) * 200 + Math.floor(x / 2)) * 4 + 3)];
  const at = (name: string): number[] => colourAt(joints.find((joint) => joint.name === name)!.x, joints.find((joint) => joint.name === name)!.y);
  for (const joint of ['ankle', 'knee', 'shoulder']) {
    const left = at(`left_${joint}`), right = at(`right_${joint}`);
    assert.ok(left[0] > 200 && left[2] < 100 && right[2] > 200 && right[0] < 100, `${joint}: left ${left}, right ${right}`);
  }
  const [knee, ankle] = ['left_knee', 'left_ankle'].map((name) => joints.find((joint) => joint.name === name)!);
  assert.ok(colourAt((knee.x + ankle.x) / 2, (knee.y + ankle.y) / 2)[0] > 200, 'bones connect joints');
  assert.equal(at('left_wrist'), [0, 0, 0]);
});

test('at most --top people; a folder gets a drawing for each photo', () => {
  const { stdout } = pose('weights/sample.png', 'weights/sample.png', '--weights', weights, '--json', '--top', '1', '--out', inFolder('drawings'));
  const { photos } = JSON.parse(stdout);
  assert.equal(photos.map(({ results }: { results: unknown[] }) => results.length), [1, 1]);
  for (const name of ['sample.png', 'sample-2.png']) assert.ok(existsSync(inFolder(path.join('drawings', name))), name);
});

test('says what is missing or wrong', () => {
  refused([], /at least one photo/, 2);
  refused(['weights/sample.png'], /which pose network: --weights FILE/, 2);
  refused(['weights/sample.png', '--weights', weights, '--threshold', '2'], /--threshold needs a number from 0 to 1/, 2);
  refused(['weights/sample.png', '--weights', weights, '--top', '0'], /--top/, 2);
  refused(['weights/sample.png', 'weights/sample.png', '--weights', weights, '--out', inFolder('one.png')], /one file, and there are 2 photos/, 2);
  refused(['weights/sample.png', '--weights', 'weights/everyday.dw'], /finds no keypoints.*MoveNet single pose/, 1);
  refused([weights, '--weights', weights], /two\.dw is not a JPEG/, 1);
});

test.run();
