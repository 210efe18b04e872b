// Knows how the times of a run become a picture: a bar a step, as wide as its time and as tall as its speed, so that
// area is work. It measures nothing.
import { drawn } from './page-parts.js';

export interface Bar { ms: number; macs: number; kind: string }

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [36, 8, 28, 24, 216];
/** Steps without multiply-adds are drawn this tall, in pixels. */
const LEAST = 5;

export interface Drawing {
  /** The step at this distance from the left, in pixels. */
  stepAt(x: number): number;
  /** Marks one step. */
  mark(step: number): void;
}

/** A round number of units between marks, so that about `most` fit. */
export function tickOf(range: number, most: number): number {
  const rough = range / most, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((tick) => tick >= rough) ?? rough;
}

/** Noise makes the speed of the shortest steps absurd; those that take a hundredth of the time say how tall the picture is. */
function topSpeed(bars: Bar[], total: number): number {
  const long = bars.filter(({ ms, macs }) => macs && ms > total / 100);
  return Math.max(1e-9, ...(long.length ? long : bars.filter(({ ms }) => ms)).map(({ ms, macs }) => macs / ms / 1e6));
}

export function drawTimeline(svg: SVGSVGElement, bars: Bar[], width: number): Drawing {
  const total = bars.reduce((sum, { ms }) => sum + ms, 0) || 1, top = topSpeed(bars, total);
  const inner = width - LEFT - RIGHT, floor = HEIGHT - BOTTOM, room = floor - TOP;
  const x = (ms: number): number => LEFT + (ms / total) * inner;
  svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute('height', String(HEIGHT));
  svg.replaceChildren(...speedAxis(top, width, floor, room), ...timeAxis(total, x, inner, floor));
  const edges = [LEFT];
  let done = 0;
  for (const { ms, macs, kind } of bars) {
    const height = Math.max(LEAST, Math.min(1, ms ? macs / ms / 1e6 / top : 0) * room);
    const wide = (ms / total) * inner;
    svg.append(drawn('rect', { class: `bar ${kind}`, x: x(done), y: floor - height, width: Math.max(0.4, wide - (wide > 3 ? 1 : 0)), height }));
    edges.push(x(done += ms));
  }
  const cursor = drawn('rect', { class: 'cursor', y: TOP - 4, height: room + 6, rx: 2 });
  svg.append(cursor);
  return {
    stepAt: (at) => Math.min(bars.length - 1, Math.max(0, edges.findLastIndex((edge) => edge <= at))),
    mark(step) {
      cursor.setAttribute('x', String(edges[step] - 1.5));
      cursor.setAttribute('width', String(Math.max(3, edges[step + 1] - edges[step] + 2)));
    },
  };
}

function speedAxis(top: number, width: number, floor: number, room: number): SVGElement[] {
  const tick = tickOf(top, 4), parts: SVGElement[] = [drawn('text', { class: 'axis', x: 0, y: 12 }, 'GMAC/s')];
  for (let value = 0; value <= top * 1.001; value += tick) {
    const y = floor - (value / top) * room;
    parts.push(drawn('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
    parts.push(drawn('text', { class: 'axis', x: LEFT - 8, y: y + 4, 'text-anchor': 'end' }, String(Number(value.toPrecision(3)))));
  }
  return parts;
}

function timeAxis(total: number, x: (ms: number) => number, inner: number, floor: number): SVGElement[] {
  const tick = tickOf(total, Math.max(2, inner / 110)), parts: SVGElement[] = [];
  for (let value = 0; value <= total * 1.001; value += tick) {
    const near = x(value);
    parts.push(drawn('text', { class: 'axis', x: near, y: floor + 18, 'text-anchor': value ? (near > x(total) - 24 ? 'end' : 'middle') : 'start' }, value ? `${Number(value.toPrecision(3))} ms` : '0'));
  }
  return parts;
}
