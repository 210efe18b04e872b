// Knows the command that says which part of a photo is what: shares told, masks drawn; decoding and the network are elsewhere.
import type { Net } from '../net.js';
import { colourOf } from '../tasks/colours.js';
import { overlay } from '../overlay.js';
import type { Segmentation } from '../tasks/segment.js';
import { loadOptions, parse, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { canvasOf, label } from './draw.js';
import { filesInto } from './drawings.js';
import { toPng } from './encode.js';
import { interruption } from './interruption.js';
import { maskPng } from './mask-png.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson } from './report.js';
import type { Picture } from './upright.js';
import { loadWeights } from './weights.js';

interface Answer {
  photo: string;
  width: number;
  height: number;
  ms: number;
  results: Segmentation['classes'];
  drawing?: string;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** What a legend has room for, and what is more than a speck. */
const MOST_LABELS = 12, LEAST_SHARE = 0.002;

/** Classes in colours over the photo, and which colour is what. */
function drawn(net: Net, picture: Picture, segmentation: Segmentation): Promise<Uint8Array> {
  const canvas = canvasOf(picture, net.shrinker), seen = { ...canvas, ...overlay(canvas, segmentation) };
  const named = segmentation.classes.filter(({ label: name, share }) => name !== 'background' && share >= LEAST_SHARE).slice(0, MOST_LABELS);
  for (let i = 0, y = 0; i < named.length; i++) {
    const { index, label: name, share } = named[i];
    const height = label(seen, { x: 0, y: y / seen.scale }, `${name} ${percent(share)}`, colourOf(index));
    y = (i + 2) * height; // where the next one ends
  }
  return toPng(seen);
}

function show(net: Net, { photo, ms: time, results, drawing }: Answer): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${net.build} build${drawing ? `, drawn into ${drawing}` : ''}`)}`);
  const width = Math.max(...results.map(({ label: name }) => name.length));
  for (const { label: name, share } of results) print(`  ${name.padEnd(width)}  ${bar(share)}  ${percent(share).padStart(7)}`);
}

export const segment: Command = {
  name: 'segment',
  summary: 'say which pixels of photos are what and colour them',
  help: `depthwise segment PHOTO… --weights FILE [options]

A PHOTO may be a folder: every picture under it. Prints which share of each photo is what.

  --weights FILE   a segmentation network: a DeepLab as .tflite or .dw, or torchvision's LR-ASPP or
                   DeepLabV3 as .safetensors (--arch lraspp-v3-large, deeplabv3-v3-large)
  --out FILE|DIR   draws the classes over the photo, with a legend, into a .png file, or into a
                   folder with one for each photo
  --mask           --out takes the mask alone: a .png of the photo's size whose bytes are the classes
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, weights: { type: 'string' }, out: { type: 'string' }, mask: { type: 'boolean' }, json: { type: 'boolean' } });
    const photos = photoFiles(parsed.positionals), weights = parsed.text('weights'), json = parsed.flag('json'), mask = parsed.flag('mask');
    if (weights === undefined) throw usage('say which network: --weights FILE. The starter weights only classify.');
    if (mask && parsed.text('out') === undefined) throw usage('--mask says what --out takes: give --out FILE.png or a folder.');
    const write = filesInto(parsed.text('out'), photos), net = await loadWeights(weights, loadOptions(parsed));
    const looked = await eachPhoto<Answer>(photos, {
      signal: interruption(),
      async onPhoto(picture, photo) {
        const start = performance.now(), found = net.segment(picture), time = performance.now() - start;
        const drawing = await write?.(mask ? maskPng(found) : await drawn(net, picture, found), photo);
        return { photo, width: found.width, height: found.height, ms: time, results: found.classes, ...(drawing !== undefined && { drawing }) };
      },
      ...(!json && { show: (answer) => show(net, answer) }),
    });
    if (json) printJson({ build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
