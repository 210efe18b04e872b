// Knows the command that finds things in photos: boxes with labels, told and drawn; decoding and the network are elsewhere.
import type { Detected } from '../index.js';
import type { Net } from '../net.js';
import { loadOptions, parse, share, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { canvasOf, colourOf, frame, label } from './draw.js';
import type { Canvas } from './draw.js';
import { drawingsInto } from './drawings.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson } from './report.js';
import type { Picture } from './upright.js';
import { loadWeights } from './weights.js';

interface Answer {
  photo: string;
  width: number;
  height: number;
  ms: number;
  results: Detected[];
  drawing?: string;
}

const percent = (score: number): string => `${(score * 100).toFixed(0)} %`;

/** The likeliest last, on top of the others. */
function drawn(net: Net, picture: Picture, results: Detected[]): Canvas {
  const canvas = canvasOf(picture, net.shrinker);
  const upwards = [...results].reverse();
  for (const { box, index } of upwards) frame(canvas, box, colourOf(index));
  for (const { box, index, label: name, score } of upwards) label(canvas, box, `${name} ${percent(score)}`, colourOf(index));
  return canvas;
}

function show(net: Net, { photo, ms: time, results, drawing }: Answer): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${net.build} build${drawing ? `, drawn into ${drawing}` : ''}`)}`);
  if (!results.length) return print('  nothing that is likely enough; --threshold lowers what is');
  const width = Math.max(...results.map(({ label: name }) => name.length));
  for (const { label: name, score, box } of results) {
    const [left, top, wide, high] = [box.x, box.y, box.width, box.height].map((value) => String(Math.round(value)).padStart(5));
    print(`  ${name.padEnd(width)}  ${bar(score, 10)}  ${percent(score).padStart(5)}  at ${left},${top}  ${wide} x ${high}`);
  }
}

export const detect: Command = {
  name: 'detect',
  summary: 'find things in photos and draw boxes round them',
  help: `depthwise detect PHOTO… --weights FILE [options]

A PHOTO may be a folder: every picture under it.

  --weights FILE   a detector: an SSD MobileNet as .tflite or .dw, or torchvision's SSDLite as
                   .safetensors (--arch ssdlite-v3-large)
  --threshold X    the least score that is told, 0 to 1 (default 0.5)
  --top N          at most so many boxes a photo
  --out FILE|DIR   draws the boxes into a .png file, or into a folder with one for each photo
  --json           one JSON document on stdout and nothing else; boxes are in pixels of the photo
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, {
      ...WEIGHTS_OPTIONS, weights: { type: 'string' }, threshold: { type: 'string' }, top: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' },
    });
    const photos = photoFiles(parsed.positionals), weights = parsed.text('weights'), json = parsed.flag('json');
    if (weights === undefined) throw usage('say which detector: --weights FILE. The starter weights only classify.');
    const options = { scoreThreshold: share('threshold', parsed.text('threshold')), ...(parsed.text('top') !== undefined && { maxResults: parsed.count('top', 1) }) };
    const draw = drawingsInto(parsed.text('out'), photos), net = await loadWeights(weights, loadOptions(parsed));
    const looked = await eachPhoto<Answer>(photos, {
      signal: interruption(),
      async onPhoto(picture, photo) {
        const start = performance.now(), results = net.detect(picture, options), time = performance.now() - start;
        const drawing = await draw?.(drawn(net, picture, results), photo);
        return { photo, width: picture.width, height: picture.height, ms: time, results, ...(drawing !== undefined && { drawing }) };
      },
      ...(!json && { show: (answer) => show(net, answer) }),
    });
    if (json) printJson({ build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
