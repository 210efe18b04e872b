// Knows how elements of the page are found, made and written; no more than that.

/** The element with this id; the page is ours, so a missing one is a mistake of ours. */
export function find<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found as unknown as T;
}

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, className = '', text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function drawn<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Record<string, string | number>, text?: string): SVGElementTagNameMap[K] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Writes text where it differs: screen readers hear changes only. */
export function put(where: Element, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}

/** A list of terms and what they are. */
export function putTerms(list: HTMLElement, terms: [term: string, value: string][]): void {
  list.replaceChildren(...terms.map(([term, value]) => {
    const pair = element('div');
    pair.append(element('dt', '', term), element('dd', '', value));
    return pair;
  }));
}
