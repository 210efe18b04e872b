// Knows the command that finds the joints of people in photos and draws them as skeletons; the network is elsewhere.
import type { Pose } from '../index.js';
import type { Net } from '../net.js';
import { loadOptions, parse, share, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { canvasOf, type Canvas } from './draw.js';
import { drawingsInto } from './drawings.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson, table } from './report.js';
import { drawPose } from './skeleton.js';
import type { Picture } from './upright.js';
import { loadWeights } from './weights.js';

interface Answer {
  photo: string;
  width: number;
  height: number;
  ms: number;
  results: Pose[];
  drawing?: string;
}

function drawn(net: Net, picture: Picture, poses: Pose[], threshold: number): Canvas {
  const canvas = canvasOf(picture, net.shrinker);
  for (const one of poses) drawPose(canvas, one, threshold);
  return canvas;
}

function show(net: Net, { photo, ms: time, results, drawing }: Answer, threshold: number): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${net.build} build${drawing ? `, drawn into ${drawing}` : ''}`)}`);
  if (!results.length) return print('  nobody who is likely enough; --threshold lowers what is');
  results.forEach(({ keypoints, score }, i) => {
    print(`  person ${i + 1}  ${percent(score)}`);
    const rows = keypoints.filter((joint) => joint.score >= threshold).map(({ name, x, y, score: own }) => [name.replace('_', ' '), x.toFixed(0), y.toFixed(0), bar(own, 10), percent(own)]);
    print(table(['joint', 'x', 'y', '', ''], rows).replace(/^/gm, '    '));
  });
}

const percent = (score: number): string => `${(score * 100).toFixed(0)} %`;

export const pose: Command = {
  name: 'pose',
  summary: 'find the joints of people in photos and draw skeletons',
  help: `depthwise pose PHOTO… --weights FILE [options]

A PHOTO may be a folder: every picture under it.

  --weights FILE   a pose network as .tflite or .dw: MoveNet single pose for one person,
                   PoseNet for several
  --threshold X    the least score of a person and of a joint that is told, 0 to 1 (default 0.2)
  --top N          at most so many people a photo (default 5)
  --out FILE|DIR   draws skeletons into a .png file, or into a folder with one for each photo;
                   the person's own left is orange, the right blue, what is unsure faint
  --json           one JSON document on stdout and nothing else; places are in pixels of the photo
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, {
      ...WEIGHTS_OPTIONS, weights: { type: 'string' }, threshold: { type: 'string' }, top: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' },
    });
    const photos = photoFiles(parsed.positionals), weights = parsed.text('weights'), json = parsed.flag('json');
    if (weights === undefined) throw usage('say which pose network: --weights FILE. The starter weights only classify.');
    const threshold = share('threshold', parsed.text('threshold')) ?? 0.2, maxResults = parsed.count('top', 5);
    const draw = drawingsInto(parsed.text('out'), photos), net = await loadWeights(weights, loadOptions(parsed));
    const looked = await eachPhoto<Answer>(photos, {
      signal: interruption(),
      async onPhoto(picture, photo) {
        const start = performance.now(), results = net.pose(picture, { scoreThreshold: threshold, maxResults }), time = performance.now() - start;
        const drawing = await draw?.(drawn(net, picture, results, threshold), photo);
        return { photo, width: picture.width, height: picture.height, ms: time, results, ...(drawing !== undefined && { drawing }) };
      },
      ...(!json && { show: (answer) => show(net, answer, threshold) }),
    });
    if (json) printJson({ build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
