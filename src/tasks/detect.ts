// Knows how a detector's outputs become boxes in pixels of the picture, with labels. It does not know kernels: boxes were
// decoded and chosen by the network's last step.
import { DepthwiseError } from '../error.js';
import { regionOf } from '../image.js';
import { NUMBER, checkOptions } from '../options.js';
import type { Picture, Region } from '../image.js';
import type { Net } from '../net.js';

export interface DetectOptions {
  /** Leaves out what is less likely; default 0.5. */
  scoreThreshold?: number;
  /** How many, the likeliest; default: as many as the network gives. */
  maxResults?: number;
}

export interface Detected {
  /** In pixels of the picture, from its upper left corner; inside of it. */
  box: Region;
  /** Of the class, without the background. */
  index: number;
  label: string;
  /** Probability, 0 to 1. */
  score: number;
}

interface Places { boxes: number; classes: number; scores: number }

export function detect(net: Net, picture: Picture, options: DetectOptions = {}): Detected[] {
  checkOptions(options, { scoreThreshold: NUMBER, maxResults: [(value) => typeof value === 'number' && value >= 1, 'a number from 1 up'] });
  const { scoreThreshold = 0.5, maxResults = Infinity } = options;
  const places = placesOf(net), background = /^(background|\?\?\?)$/i.test(net.labels?.[0] ?? '') ? 1 : 0;
  // Detectors look at the whole picture unless their weights say otherwise.
  const region = net.preprocessing ? regionOf(picture, net.preprocessing) : { x: 0, y: 0, width: picture.width, height: picture.height };
  const outputs = net.run(net.shrinker.toInput(picture, net.inputs[0], net.preprocessing, region)).map(({ data }) => data);
  const boxes = outputs[places.boxes], classes = outputs[places.classes], scores = outputs[places.scores], found: Detected[] = [];
  for (let i = 0; i < scores.length; i++) { // behind the last detection all is 0
    const score = scores[i], index = classes[i], box = inPicture(boxes.subarray(i * 4, i * 4 + 4), region, picture);
    if (box && score > 0 && score >= scoreThreshold) found.push({ box, index, label: net.labels?.[index + background] ?? `class ${index}`, score });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, maxResults);
}

/** Which output is which: the step writes them one after another, files list them in any order. */
function placesOf({ info, inputs }: Net): Places {
  const step = info.steps.find(({ kind }) => kind === 'detection'), whole = step && info.tensors[step.output];
  const room = whole ? (whole.shape[0] - 1) / 6 : 0;
  const at = (bytes: number): number => info.outputs.findIndex((i) => info.tensors[i].offset === whole!.offset + bytes && info.tensors[i].first === whole!.first);
  const places = whole && { boxes: at(0), classes: at(room * 16), scores: at(room * 20) };
  if (!places || Object.values(places).some((i) => i < 0) || inputs.length !== 1) {
    throw new DepthwiseError('UNSUPPORTED', 'This network gives no boxes with classes and scores, so it detects nothing. Use a detector such as SSD MobileNet whose file ends in TFLite_Detection_PostProcess, or net.run().');
  }
  return places;
}

/** [ymin, xmin, ymax, xmax] of 0 to 1 within the region, as the part of it that lies in the picture; none where there is no such part. */
function inPicture([ymin, xmin, ymax, xmax]: ArrayLike<number> & Iterable<number>, region: Region, { width, height }: Picture): Region | undefined {
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  const left = within(region.x + xmin * region.width, width), right = within(region.x + xmax * region.width, width);
  const top = within(region.y + ymin * region.height, height), bottom = within(region.y + ymax * region.height, height);
  return right > left && bottom > top ? { x: left, y: top, width: right - left, height: bottom - top } : undefined;
}
