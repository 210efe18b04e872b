// Knows how failures are told: one sentence each, at the foot of the page, until dismissed.
import { element, find } from './page-parts.js';

const MOST = 4;

/** The sentence of an error; the library's say what was wrong, where and what to do. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @param about what was being done or with which file */
export function tell(about: string, error: unknown): void {
  const list = find('messages');
  const message = element('div', 'message');
  const words = element('p');
  words.append(element('strong', '', about), ` ${sentenceOf(error)}`);
  const close = element('button', 'quiet', 'Dismiss');
  close.type = 'button';
  close.addEventListener('click', () => message.remove());
  message.append(words, close);
  list.append(message);
  while (list.children.length > MOST) list.firstElementChild?.remove();
}

export const wasCancelled = (error: unknown): boolean => (error as { code?: string })?.code === 'ABORTED' || (error as Error)?.name === 'AbortError';
