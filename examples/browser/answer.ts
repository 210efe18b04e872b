// Knows how an answer is shown and said: the likeliest name in large, five bars, the pace. It knows no network.
import type { Classification } from 'depthwise';
import { percent } from './figures.js';
import { element, find, put } from './page-parts.js';

export const TOP = 5;
/** A live answer is said aloud only when it has stood this long. */
const SETTLED_MS = 1500;

export const nameOf = ({ label, index }: Classification): string => label ?? `class ${index}`;

const bars = find('bars');
const rows = Array.from({ length: TOP }, () => {
  const [name, share, fill] = [element('span', 'name'), element('span', 'share'), element('span', 'fill')];
  const track = element('span', 'track');
  track.setAttribute('aria-hidden', 'true');
  track.append(fill);
  const row = element('li', '');
  row.append(name, share, track);
  bars.append(row);
  return { row, name, share, fill };
});

/** The same five rows are written over again, so that bars glide and nothing jumps. */
export function showAnswer(results: Classification[], pace: string): void {
  const best = results[0];
  put(find('best'), best ? nameOf(best) : '\u00a0');
  find('best').classList.toggle('unsure', Boolean(best) && best.score < 0.35);
  put(find('answer-title'), best && best.score < 0.35 ? 'Perhaps' : 'Looks like');
  rows.forEach(({ row, name, share, fill }, i) => {
    const result = results[i];
    row.hidden = !result;
    put(name, result ? nameOf(result) : '');
    put(share, result ? percent(result.score) : '');
    fill.style.transform = `scaleX(${result?.score ?? 0})`;
  });
  put(find('pace'), pace);
  find('bars').classList.toggle('old', false);
}

/** Leaves an answer that no longer holds, faded, until the next comes: nothing jumps. */
export function stillWaiting(words: string): void {
  put(find('pace'), words);
  find('bars').classList.toggle('old', true);
}

export function showWaiting(words: string): void {
  showAnswer([], words);
}

/** Says an answer in full, for those who do not see it. */
export function say(what: string, results: Classification[]): void {
  const parts = results.slice(0, 3).map((result) => `${nameOf(result)}, ${percent(result.score)}`);
  put(find('spoken'), parts.length ? `${what}: ${parts.join('; ')}.` : what);
}

let [standing, since, said] = ['', 0, ''];

/** For live answers: says the best name once it has settled, not thirty times a second. */
export function saySettled(results: Classification[], now: number): void {
  const name = results[0] ? nameOf(results[0]) : '';
  if (name !== standing) [standing, since] = [name, now];
  if (!name || name === said || now - since < SETTLED_MS) return;
  said = name;
  say('Camera', results);
}
