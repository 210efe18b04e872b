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

export function applyJson(document: unknown, [how, path, value]: JsonEdit): unknown {
  const given = how === 'copy' ? structuredClone(valueAt(document, value as Path)) : value, last = path.at(-1);
  if (last === undefined) return given;
  const parent = valueAt(document, path.slice(0, -1));
  if (parent === null || typeof parent !== 'object') return document;
  if (how !== 'drop') Object.defineProperty(parent, last, { value: given, configurable: true, enumerable: true, writable: true }); // "__proto__" too
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string | number, unknown>)[last];
  return document;
}
