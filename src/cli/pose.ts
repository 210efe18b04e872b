// Knows the command that finds the joints of people in photos and draws them as skeletons; the network is elsewhere.
import path from 'node:path';
import type { Net } from '../net.js';
import type { Keypoint, Pose } from '../tasks/pose.js';
import { loadOptions, parse, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command, type Parsed } from './arguments.js';
import { canvasOf, dot, line, type Canvas, type Colour } from './draw.js';
import { toPng } from './encode.js';
import { makeFolder, writeWhole } from './files.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson, table } from './report.js';
import type { Picture } from './upright.js';
import { loadWeights } from './weights.js';

interface Answer {
  photo: string;
  ms: number;
  results: Pose[];
  /** The picture with skeletons. */
  drawing?: string;
}

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

function thresholdOf(parsed: Parsed): number {
  const text = parsed.text('threshold') ?? '0.2', value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw usage(`--threshold is a number from 0 to 1, not "${text}".`);
  return value;
}

/** Where the drawing of a photo goes: the file that was named, or a file of the photo's name in a folder. */
function drawingFile(out: string, photo: string, photos: readonly string[]): string {
  if (/\.png$/i.test(out)) {
    if (photos.length > 1) throw usage(`--out ${out} is one file, and there are ${photos.length} photos. Name a folder.`);
    return out;
  }
  const { name } = path.parse(photo), alike = photos.filter((other) => path.parse(other).name === name);
  return path.join(out, `${name}${alike.length > 1 ? `-${alike.indexOf(photo) + 1}` : ''}.png`);
}

async function draw(picture: Picture, poses: Pose[], threshold: number, file: string): Promise<void> {
  const canvas = canvasOf(picture);
  for (const pose of poses) drawPose(canvas, pose, threshold);
  writeWhole(file, await toPng(canvas));
}

function show(net: Net, { photo, ms: time, results, drawing }: Answer, threshold: number): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${net.build} build`)}`);
  if (!results.length) print('  nobody');
  results.forEach(({ keypoints, score }, i) => {
    print(`  person ${i + 1}  ${(score * 100).toFixed(1)} %`);
    const rows = keypoints.filter((joint) => joint.score >= threshold).map(({ name, x, y, score: own }) => [name.replace('_', ' '), x.toFixed(0), y.toFixed(0), bar(own, 10), `${(own * 100).toFixed(0)} %`]);
    print(table(['joint', 'x', 'y', '', ''], rows).replace(/^/gm, '    '));
  });
  if (drawing) print(`  ${drawing}`);
}

export const pose: Command = {
  name: 'pose',
  summary: 'find the joints of people in photos',
  help: `depthwise pose PHOTO… --weights FILE [options]

A PHOTO may be a folder: every picture under it. Weights: MoveNet single pose, or PoseNet for several people.

  --weights FILE   .dw or .tflite of such a network
  --threshold T    leaves out people and joints that are less sure, 0 to 1 (default 0.2)
  --most N         how many people a photo (default 5)
  --out PLACE      draws skeletons: a .png file for one photo, or a folder. The person's left is orange, the right blue
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, weights: { type: 'string' }, threshold: { type: 'string' }, most: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } });
    const photos = photoFiles(parsed.positionals), weights = parsed.text('weights'), out = parsed.text('out');
    if (!weights) throw usage('name the weights of a network that finds joints: --weights movenet.tflite. None come with the library.');
    const threshold = thresholdOf(parsed), maxResults = parsed.count('most', 5), json = parsed.flag('json');
    const files = new Map(photos.map((photo) => [photo, out === undefined ? undefined : drawingFile(out, photo, photos)]));
    const net = await loadWeights(weights, loadOptions(parsed));
    if (out !== undefined) makeFolder(/\.png$/i.test(out) ? path.dirname(out) : out);
    const looked = await eachPhoto<Answer>(photos, {
      signal: interruption(),
      async onPhoto(picture, photo) {
        const start = performance.now(), results = net.pose(picture, { scoreThreshold: threshold, maxResults }), time = performance.now() - start;
        const drawing = files.get(photo);
        if (drawing) await draw(picture, results, threshold, drawing);
        return { photo, ms: time, results, ...(drawing && { drawing }) };
      },
      ...(!json && { show: (answer) => show(net, answer, threshold) }),
    });
    if (json) printJson({ build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
