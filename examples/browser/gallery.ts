// Knows how the pictures that were added are laid out: small, in order of likeness, as buttons. It decides no likeness.
import { nameOf } from './answer.js';
import { percent } from './figures.js';
import { element, find, put } from './page-parts.js';
import { byLikeness, likeness } from './pictures.js';
import type { Picture } from './pictures.js';

export interface GalleryEvents { choose(picture: Picture): void; remove(picture: Picture): void; add(): void }

interface Tile { item: HTMLLIElement; pick: HTMLButtonElement; label: HTMLElement; alike: HTMLElement }

const tiles = new Map<Picture, Tile>();
const still = matchMedia('(prefers-reduced-motion: reduce)');

function tileOf(picture: Picture, events: GalleryEvents): Tile {
  const [item, pick, remove] = [element('li'), element('button', 'pick'), element('button', 'remove', '×')];
  const [image, label, alike] = [element('img'), element('span', 'label'), element('span', 'alike')];
  image.src = picture.thumbnail;
  image.alt = picture.name;
  pick.type = remove.type = 'button';
  pick.append(image, label, alike);
  pick.addEventListener('click', () => events.choose(picture));
  remove.setAttribute('aria-label', `Remove ${picture.name}`);
  remove.addEventListener('click', () => events.remove(picture));
  item.append(pick, remove);
  return { item, pick, label, alike };
}

/** Stands last, and says what a gallery of one is for. */
function adder(events: GalleryEvents): HTMLLIElement {
  const [item, button] = [element('li'), element('button', 'add', 'Add photos')];
  button.type = 'button';
  button.addEventListener('click', () => events.add());
  item.append(button);
  return item;
}
let last: HTMLLIElement | undefined;

function describe(picture: Picture, { pick, label, alike }: Tile, chosen: Picture | undefined): void {
  const best = picture.answer?.[0];
  put(label, best ? `${nameOf(best)} ${percent(best.score)}` : picture.failure ? 'no answer' : 'looking …');
  const near = chosen && picture !== chosen ? likeness(chosen, picture) : undefined;
  put(alike, picture === chosen ? 'chosen' : near === undefined ? '' : `likeness ${near.toFixed(2)}`);
  pick.setAttribute('aria-pressed', String(picture === chosen));
}

/** Lays out what there is; tiles that move glide, unless the reader wants stillness. */
export function showGallery(pictures: Picture[], chosen: Picture | undefined, events: GalleryEvents): void {
  const before = new Map([...tiles].map(([picture, { item }]) => [picture, item.getBoundingClientRect()]));
  for (const [picture, { item }] of tiles) if (!pictures.includes(picture)) item.remove(), tiles.delete(picture);
  const items = byLikeness(pictures, chosen).map((picture) => {
    const tile = tiles.get(picture) ?? tileOf(picture, events);
    tiles.set(picture, tile);
    describe(picture, tile, chosen);
    return tile.item;
  });
  arrange(find('gallery'), [...items, last ??= adder(events)]);
  if (!still.matches) for (const [picture, { item }] of tiles) glide(item, before.get(picture));
}

/** An element that moves loses the focus, so the others move around the one that has it. */
function arrange(list: HTMLElement, items: HTMLElement[]): void {
  if (items.every((item, i) => list.children[i] === item)) return;
  const at = items.findIndex((item) => item.contains(document.activeElement));
  if (at < 0) return list.append(...items);
  items[at].before(...items.slice(0, at));
  items[at].after(...items.slice(at + 1));
}

function glide(item: HTMLElement, from: DOMRect | undefined): void {
  const to = item.getBoundingClientRect();
  if (!from || (from.left === to.left && from.top === to.top)) return;
  item.animate([{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)` }, { transform: 'none' }], { duration: 320, easing: 'cubic-bezier(.2, .8, .2, 1)' });
}
