// Knows how to change one value of a JSON document, named by its path. It does not know what documents mean.
import type { Random } from '../random-graph.js';
import { NUMBERS, nearby } from './case.js';

export type Path = (string | number)[];

/** What no JSON text can say is left out: values travel inside cases. */
const VALUES: unknown[] = [null, true, false, '', 'x', '__proto__', 'toString', [], {}, [[]], [null], { length: 3 }, -0.5, 0.1, 1e308, -1e308, 1e-320, 2 ** 53, 2 ** 32, 'a'.repeat(300), [1, 2, 3], ...NUMBERS];

/** A value anywhere in the document: a walk that stops more often the deeper it is. */
export function somewhere(random: Random, document: unknown): Path {
  const path: Path = [];
  for (let at = document; at !== null && typeof at === 'object' && (path.length === 0 || random.below(5)); ) {
    const keys = Object.keys(at);
    if (!keys.length) break;
    const key = random.of(keys);
    path.push(Array.isArray(at) ? Number(key) : key);
    at = (at as Record<string, unknown>)[key];
  }
  return path;
}

export const valueAt = (document: unknown, path: Path): unknown => path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | null | undefined)?.[key], document);

export type JsonEdit = ['put', Path, unknown] | ['drop', Path] | ['copy', Path, Path];

export function mutateJson(random: Random, document: unknown): JsonEdit {
  const path = somewhere(random, document), value = valueAt(document, path);
  if (random.below(8) === 0) return ['drop', path];
  if (random.below(4) === 0) return ['copy', path, somewhere(random, document)];
  if (typeof value === 'number' && random.below(4)) return ['put', path, nearby(random, value)];
  if (typeof value === 'string' && random.below(3) === 0) return ['put', path, random.of([`${value}x`, value.slice(1), value.toUpperCase()])];
  return ['put', path, random.of(VALUES)];
}

/** The document with one change; what is not on the way to it is shared. */
export function applyJson(document: unknown, [how, path, value]: JsonEdit): unknown {
  return changed(document, path, how, how === 'copy' ? valueAt(document, value as Path) : value);
}

function changed(at: unknown, [key, ...rest]: Path, how: JsonEdit[0], given: unknown): unknown {
  if (key === undefined) return given;
  if (at === null || typeof at !== 'object') return at;
  const copy = (Array.isArray(at) ? [...at as unknown[]] : { ...at }) as Record<string | number, unknown>;
  if (how !== 'drop' || rest.length) Object.defineProperty(copy, key, { value: rest.length ? changed(copy[key], rest, how, given) : given, configurable: true, enumerable: true, writable: true }); // "__proto__" too
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy;
}
