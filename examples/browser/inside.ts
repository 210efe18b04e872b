// Knows the part of the page that looks into a network: times and memory as pictures, one step chosen by pointer, finger
// or slider, and the same as a table. It loads and classifies nothing.
import type { StepTime } from 'depthwise';
import { amount, bytes, milliseconds, percent, shape, speed } from './figures.js';
import { arenaEnd, drawMemoryMap, livingAt } from './memory-map.js';
import type { Placed } from './memory-map.js';
import type { Model } from './model.js';
import { KINDS, kindOf } from './operators.js';
import { element, find, put, putTerms } from './page-parts.js';
import { drawTimeline } from './timeline.js';
import type { Drawing } from './timeline.js';

/** Clocks of pages are coarse (5 µs to 1 ms), so a step's time is the mean of many runs, for about this long. */
const MEASURE_MS = 1200;
const [FEWEST_RUNS, MOST_RUNS] = [3, 200];

export interface Measured { runs: number; ms: number[] }

/** Mean milliseconds of each step. */
export async function measure(model: Model): Promise<Measured> {
  const sums = model.steps.map(() => 0);
  await model.profile(); // the first run compiles
  const end = performance.now() + MEASURE_MS;
  let runs = 0;
  while (runs < FEWEST_RUNS || (runs < MOST_RUNS && performance.now() < end)) {
    (await model.profile()).forEach(({ ms }: StepTime, i) => (sums[i] += ms));
    runs++;
  }
  return { runs, ms: sums.map((sum) => sum / runs) };
}

const [timeline, memory] = [find<SVGSVGElement>('timeline'), find<SVGSVGElement>('memory')];
const slider = find<HTMLInputElement>('step');
let shown: { model: Model; measured: Measured; drawings: [Drawing, Drawing] } | undefined;

/** Shows a network's times and memory. */
export function showInside(model: Model, measured: Measured): void {
  const { steps, tensors } = model;
  const chosen = shown?.model === model ? Number(slider.value) : slowest(measured.ms);
  slider.max = String(steps.length - 1);
  slider.value = String(chosen);
  shown = { model, measured, drawings: draw(model, measured) };
  showTiles(model, measured);
  showLegend(model);
  showTable(model, measured);
  put(find('timeline-words'), `Timeline of ${steps.length} steps, ${milliseconds(sum(measured.ms))} in all. The slowest is step ${slowest(measured.ms)}, ${steps[slowest(measured.ms)].name}.`);
  put(find('memory-words'), `Map of ${tensors.length} tensors in ${bytes(arenaEnd(tensors))} over ${steps.length} steps.`);
  choose(chosen);
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
const slowest = (ms: number[]): number => ms.indexOf(Math.max(...ms));

function draw(model: Model, { ms }: Measured): [Drawing, Drawing] {
  const { steps, tensors } = model, width = Math.max(280, Math.floor(find('charts').clientWidth));
  const writers = new Map(steps.map((step) => [step.name, kindOf(step).id]));
  return [
    drawTimeline(timeline, steps.map((step, i) => ({ ms: ms[i], macs: step.macs, kind: kindOf(step).id })), width),
    drawMemoryMap(memory, tensors, steps.length, ({ name }: Placed) => writers.get(name) ?? 'input', width),
  ];
}

function showTiles({ steps, memory: report }: Model, { ms, runs }: Measured): void {
  const macs = sum(steps.map((step) => step.macs)), total = sum(ms);
  putTerms(find('tiles'), [
    ['one run', milliseconds(total)], ['multiply-adds', amount(macs)], ['speed', speed(macs, total)], ['steps', String(steps.length)],
    ['weights', bytes(report.weightsBytes)], ['arena', bytes(report.arenaBytes)], ['all memory', bytes(report.totalBytes)],
  ]);
  put(find('measured'), `Times are the mean of ${runs} runs on this device.`);
}

function showLegend({ steps }: Model): void {
  const used = new Set(steps.map((step) => kindOf(step).id));
  find('legend').replaceChildren(...KINDS.filter(({ id }) => used.has(id)).map(({ id, words }) => {
    const item = element('li', id, words);
    item.prepend(element('span', 'swatch'));
    return item;
  }));
}

function showTable({ steps }: Model, { ms }: Measured): void {
  const row = (cells: string[], kind: 'th' | 'td'): HTMLElement => {
    const line = element('tr');
    line.append(...cells.map((cell, i) => {
      const made = element(i === 1 && kind === 'td' ? 'th' : kind, '', cell);
      made.setAttribute('scope', kind === 'th' ? 'col' : 'row');
      if (made.tagName === 'TD') made.removeAttribute('scope');
      return made;
    }));
    return line;
  };
  const [head, body] = [element('thead'), element('tbody')];
  head.append(row(['Step', 'Writes', 'Work', 'Shape', 'MACs', 'Time', 'Speed'], 'th'));
  body.append(...steps.map((step, i) => row([
    String(i), step.name, kindOf(step).words, shape(step.output), step.macs ? amount(step.macs) : '–', milliseconds(ms[i]), speed(step.macs, ms[i])], 'td')));
  find('table').replaceChildren(head, body);
}

/** Marks a step in both pictures and says what it is. */
function choose(index: number): void {
  if (!shown) return;
  const { model: { steps, tensors }, measured: { ms }, drawings } = shown;
  const step = steps[index], living = livingAt(tensors, index);
  for (const drawing of drawings) drawing.mark(index);
  const time = `${milliseconds(ms[index])} (${percent(ms[index] / (sum(ms) || 1))})`;
  slider.setAttribute('aria-valuetext', `step ${index} of ${steps.length}, ${kindOf(step).words}, ${shape(step.input)} to ${shape(step.output)}, ${time}`);
  putTerms(find('readout'), [
    ['step', `${index} of ${steps.length}`], ['work', kindOf(step).words], ['writes', step.name], ['shape', `${shape(step.input)} → ${shape(step.output)}`],
    ['multiply-adds', step.macs ? amount(step.macs) : 'none'], ['time', time], ['speed', speed(step.macs, ms[index])],
    ['in the arena', `${bytes(sum(living.map((tensor) => tensor.bytes)))} in ${living.length} tensor${living.length === 1 ? '' : 's'}`],
  ]);
}

function follow(svg: SVGSVGElement, which: 0 | 1): void {
  const move = ({ clientX }: PointerEvent): void => {
    if (!shown) return;
    const { left, width } = svg.getBoundingClientRect();
    const step = shown.drawings[which].stepAt(((clientX - left) / width) * svg.viewBox.baseVal.width);
    if (String(step) === slider.value) return;
    slider.value = String(step);
    choose(step);
  };
  svg.addEventListener('pointermove', move);
  svg.addEventListener('pointerdown', move);
}

/** Joins the pictures to pointer and slider, and draws them again when the page changes its width. */
export function openInside(): void {
  follow(timeline, 0);
  follow(memory, 1);
  slider.addEventListener('input', () => choose(Number(slider.value)));
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (!shown || Math.floor(contentRect.width) === width) return;
    width = Math.floor(contentRect.width);
    shown.drawings = draw(shown.model, shown.measured);
    choose(Number(slider.value));
  }).observe(find('charts'));
}
