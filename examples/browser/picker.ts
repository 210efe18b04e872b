// Knows the controls with which a network is picked, and what is told of the one in use. It loads nothing.
import { addressOf, FAMILIES, NUMBERS, official, shipped } from './catalogue.js';
import { amount, bytes } from './figures.js';
import type { Model } from './model.js';
import { element, find, put, putTerms } from './page-parts.js';

/** What to load, and how it is called meanwhile. */
export interface Choice { name: string; source: URL | string | File; labels?: string[] }

const WEIGHTS = /\.(tflite|onnx|safetensors|dw)$/i;
const choiceOf = (group: string): string | undefined => document.querySelector<HTMLInputElement>(`input[name="${group}"]:checked`)?.value;

function addRadios(group: string, values: readonly string[], changed: () => void): void {
  for (const value of values) {
    const label = element('label'), input = element('input');
    [input.type, input.name, input.value] = ['radio', group, value];
    input.addEventListener('change', changed);
    label.append(input, element('span', '', value));
    find(group).append(label);
  }
}

/** The file for the family and the numbers that are checked. */
export function shippedChoice(family = choiceOf('families'), numbers = choiceOf('numbers')): Choice | undefined {
  const row = shipped.find((each) => each.family === family && each.numbers === numbers);
  return row && { name: `${row.family}, ${row.numbers}`, source: addressOf(row) };
}

/** Weights among files, with a list of labels beside them if there is one. */
export async function fileChoice(files: File[]): Promise<Choice | undefined> {
  const weights = files.find(({ name }) => WEIGHTS.test(name)), list = files.find(({ name }) => /\.txt$/i.test(name));
  if (!weights) return undefined;
  const labels = list && (await list.text()).replace(/\s+$/, '').split(/\r?\n/);
  return { name: weights.name, source: weights, ...(labels && { labels }) };
}

export const isWeights = ({ name }: File): boolean => WEIGHTS.test(name);

/** Fills the controls; `pick` is called with whatever the reader picks. */
export function openPicker(pick: (choice: Choice) => void): void {
  const ours = (): void => {
    find<HTMLSelectElement>('official').value = '';
    const choice = shippedChoice();
    if (choice) pick(choice);
  };
  addRadios('families', FAMILIES.filter((family) => shipped.some((row) => row.family === family)), ours);
  addRadios('numbers', NUMBERS, ours);
  const select = find<HTMLSelectElement>('official');
  for (const family of new Set(official.map((row) => row.family))) {
    const group = element('optgroup');
    group.label = family;
    for (const row of official.filter((each) => each.family === family)) {
      group.append(new Option([row.name, row.bytes && bytes(row.bytes)].filter(Boolean).join(', '), row.name));
    }
    select.append(group);
  }
  select.addEventListener('change', () => (select.value ? pick({ name: select.value, source: `zoo:${select.value}` }) : ours()));
  const input = find<HTMLInputElement>('weights');
  find('open').addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    const choice = await fileChoice([...input.files ?? []]);
    input.value = '';
    if (choice) pick(choice);
  });
}

/** Makes the controls say what is in use, whichever way it came. */
export function showChoice({ source }: Choice): void {
  const row = source instanceof URL ? shipped.find((each) => addressOf(each).href === source.href) : undefined;
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="families"]')) input.checked = input.value === row?.family;
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="numbers"]')) if (row) input.checked = input.value === row.numbers;
  find<HTMLSelectElement>('official').value = typeof source === 'string' ? source.slice('zoo:'.length) : '';
}

export function showLoading(name: string, done: number, total: number): void {
  const bar = find<HTMLProgressElement>('progress');
  find('loading').hidden = false;
  put(find('loading-words'), total ? `Loading ${name}: ${bytes(done)} of ${bytes(total)}` : done ? `Loading ${name}: ${bytes(done)}` : `Loading ${name}`);
  if (total) bar.value = done / total;
  else bar.removeAttribute('value');
}

export function showFacts(name: string, { about, build, labels, steps, tensors, memory }: Model): void {
  find('loading').hidden = true;
  const input = tensors.find(({ first }) => first === 0)?.shape ?? [];
  putTerms(find('facts'), [
    ['in use', name], ['tells apart', labels ? `${labels.length} things` : 'things without names'], ['looks at', `${input[1]} × ${input[2]} pixels`],
    ['work', `${amount(steps.reduce((sum, { macs }) => sum + macs, 0))} MACs`], ['memory', bytes(memory.totalBytes)], ['build', build],
    ...(about?.licence ? [['terms', about.licence] as [string, string]] : []),
  ]);
}
