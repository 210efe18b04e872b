// Knows how the arena's plan becomes a picture: a column a step, addresses upwards, a box for each tensor while it lies
// there. It plans nothing.
import type { Net } from 'depthwise';
import { drawn } from './page-parts.js';
import { tickOf } from './timeline.js';
import type { Drawing } from './timeline.js';

export type Placed = Net['tensors'][number];

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [64, 8, 8, 24, 220];

export const arenaEnd = (tensors: Placed[]): number => tensors.reduce((end, { offset, bytes: size }) => Math.max(end, offset + size), 0);

/** Tensors that lie in the arena while this step runs. */
export const livingAt = (tensors: Placed[], step: number): Placed[] => tensors.filter(({ first, last }) => first <= step && step <= last);

/** @param kindOf the class of the step that writes a tensor, for its colour */
export function drawMemoryMap(svg: SVGSVGElement, tensors: Placed[], steps: number, kindOf: (tensor: Placed) => string, width: number): Drawing {
  const end = arenaEnd(tensors) || 1, inner = width - LEFT - RIGHT, floor = HEIGHT - BOTTOM, column = inner / Math.max(1, steps);
  const y = (address: number): number => floor - (address / end) * (floor - TOP);
  svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute('height', String(HEIGHT));
  svg.replaceChildren(...addressAxis(end, y, width), ...stepAxis(steps, column, floor));
  const boxes = tensors.map(({ first, last, offset, bytes: size, ...tensor }) => {
    const high = y(offset) - y(offset + size), wide = (last - first + 1) * column;
    const gap = Math.min(1, wide / 5);
    return drawn('rect', {
      class: `box ${kindOf({ first, last, offset, bytes: size, ...tensor })}`, x: LEFT + first * column + gap / 2, y: y(offset + size),
      width: wide - gap, height: Math.max(0.75, high - (high > 3 ? 1 : 0)), rx: Math.min(2, wide / 4, high / 4),
    });
  });
  const cursor = drawn('rect', { class: 'cursor', y: TOP - 4, height: floor - TOP + 6, width: Math.max(3, column + 2), rx: 2 });
  svg.append(...boxes, cursor);
  return {
    stepAt: (at) => Math.min(steps - 1, Math.max(0, Math.floor((at - LEFT) / column))),
    mark(step) {
      cursor.setAttribute('x', String(LEFT + step * column - 1));
      tensors.forEach(({ first, last }, i) => boxes[i].classList.toggle('living', first <= step && step <= last));
    },
  };
}

function addressAxis(end: number, y: (address: number) => number, width: number): SVGElement[] {
  const tick = tickOf(end, 4), parts: SVGElement[] = [];
  for (let address = 0; address <= end * 1.001; address += tick) {
    parts.push(drawn('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(address), y2: y(address) }));
    parts.push(drawn('text', { class: 'axis', x: LEFT - 8, y: y(address) + 4, 'text-anchor': 'end' }, address ? `${Number((address / 1e3).toPrecision(4)).toLocaleString('en')} kB` : '0'));
  }
  return parts;
}

function stepAxis(steps: number, column: number, floor: number): SVGElement[] {
  const tick = Math.max(1, tickOf(steps, Math.max(2, (steps * column) / 90))), parts: SVGElement[] = [];
  for (let step = 0; step < steps; step += tick) {
    parts.push(drawn('text', { class: 'axis', x: LEFT + (step + 0.5) * column, y: floor + 18, 'text-anchor': step ? 'middle' : 'start' }, step ? String(step) : 'step 0'));
  }
  return parts;
}
