// Knows detection as naive loops: every box decoded, every pair compared, lists sorted whole. It takes from src/ only types.
import type { Detection } from '../src/formats/graph.js';

export type Box = [ymin: number, xmin: number, ymax: number, xmax: number];

export interface Detected { box: Box; kind: number; score: number }

const f = Math.fround;

/** Worked out in float64, stored as float32, unless all is to stay in float64. */
export function decodeBox([ty, tx, th, tw]: number[], [y, x, h, w]: number[], { scales, greatestSize = Infinity, clipped }: Detection, f: (value: number) => number = Math.fround): Box {
  const centre = [f((ty / scales[0]) * h + y), f((tx / scales[1]) * w + x)];
  const half = [f(0.5 * Math.exp(Math.min(th / scales[2], greatestSize)) * h), f(0.5 * Math.exp(Math.min(tw / scales[3], greatestSize)) * w)];
  const box = [f(centre[0] - half[0]), f(centre[1] - half[1]), f(centre[0] + half[0]), f(centre[1] + half[1])];
  return (clipped ? box.map((side) => Math.min(1, Math.max(0, side))) : box) as Box;
}

export function overlap(a: Box, b: Box): number {
  const area = (box: Box): number => f(f(box[2] - box[0]) * f(box[3] - box[1]));
  if (area(a) <= 0 || area(b) <= 0) return 0;
  const high = Math.max(f(Math.min(a[2], b[2]) - Math.max(a[0], b[0])), 0), wide = Math.max(f(Math.min(a[3], b[3]) - Math.max(a[1], b[1])), 0);
  return f(f(high * wide) / f(f(area(a) + area(b)) - f(high * wide)));
}

/** Numbers of the boxes that stay, best first. */
function suppress(boxes: Box[], scores: number[], most: number, { scoreThreshold, iouThreshold, candidates }: Detection): number[] {
  const sound = ([ymin, xmin, ymax, xmax]: Box): boolean => !(ymin > ymax || xmin > xmax);
  const order = scores.map((_, i) => i).filter((i) => scores[i] >= f(scoreThreshold) && sound(boxes[i])).sort((i, j) => (scores[i] === scores[j] ? i - j : scores[j] - scores[i]));
  const stay: number[] = [];
  for (const i of order.slice(0, candidates || undefined)) if (stay.length < most && stay.every((j) => !(overlap(boxes[j], boxes[i]) > f(iouThreshold)))) stay.push(i);
  return stay;
}

/** `rows` are the scores of each box, without the background. Of equal classes of one box, any may come first: none are compared. */
export function detections(boxes: Box[], rows: number[][], a: Detection): Detected[] {
  if (!a.regular) {
    const best = rows.map((row) => Math.max(...row));
    return suppress(boxes, best, a.maxDetections, a).flatMap((i) => rows[i].map((score, kind) => ({ box: boxes[i], kind, score }))
      .sort((p, q) => q.score - p.score || p.kind - q.kind).slice(0, a.maxClassesPerDetection));
  }
  const found = Array.from({ length: a.classes }, (_, kind) => suppress(boxes, rows.map((row) => row[kind]), Math.min(a.detectionsPerClass, a.maxDetections), a)
    .map((i) => ({ box: boxes[i], kind, score: rows[i][kind] }))).flat();
  return found.map((one, at) => ({ one, at })).sort((p, q) => q.one.score - p.one.score || p.at - q.at).slice(0, a.maxDetections).map(({ one }) => one);
}
