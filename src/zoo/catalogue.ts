// Knows the rows of `weights/zoo.json`: which checkpoints there are, where they are pinned and what comes with them. It
// fetches nothing.
import zoo from '../../weights/zoo.json' with { type: 'json' };
import { DepthwiseError } from '../error.js';
import type { Preprocessing } from '../formats/graph.js';
import { isText, shown } from '../options.js';

/** One file of one commit. `blob` is Git's id of it; sizes and SHA-256 are missing where nobody here has seen the file. */
export interface Pinned {
  /** OWNER/NAME of the repository. */
  from: string;
  path: string;
  blob: string;
  bytes?: number;
  sha256?: string;
}

export interface Row extends Pinned {
  name: string;
  family: string;
  /** Pixels a side of the input. */
  size: number;
  classes?: number;
  /** The labels themselves, or the name of a pinned list. */
  labels?: string[] | string;
  preprocessing: Preprocessing;
}

export interface Catalogue {
  repositories: Record<string, { commit: string; licence: string }>;
  labels: Record<string, Pinned>;
  weights: Row[];
}

export const ZOO = zoo as Catalogue;

const HOST = 'https://raw.githubusercontent.com';

/** `mirror` stands in for GitHub's host: the paths under it are the same. */
export function urlOf({ repositories }: Catalogue, { from, path }: Pinned, mirror = HOST): string {
  return `${mirror.replace(/\/+$/, '')}/${from}/${repositories[from].commit}/${path}`;
}

/** Names of the files in the cache, which are the names to give files that were fetched by hand. */
export const fileOf = ({ name }: Row): string => `${name}.tflite`;
export const labelsFileOf = (list: string): string => `${list}_labels.txt`;

export const hashOf = ({ sha256, blob }: Pinned): string => (sha256 ? `SHA-256 ${sha256}` : `Git blob id ${blob}`);

export function rowOf({ weights }: Catalogue, name: string): Row {
  if (!isText(name)) throw new DepthwiseError('BAD_INPUT', `The zoo's networks have names; ${shown(name)} is none. \`depthwise list\` names all.`);
  const row = weights.find((each) => each.name === name);
  if (row) return row;
  const alike = (other: string): number => [...other].findIndex((c, i) => c !== name[i]);
  const nearest = [...weights].sort((a, b) => alike(b.name) - alike(a.name)).slice(0, 3).map((each) => each.name);
  throw new DepthwiseError('NOT_FOUND', `The zoo has no "${name}". Near it are ${nearest.join(', ')}; \`depthwise list\` names all.`);
}

/** Lists end with a line feed, which ends no further label. */
export function labelsIn(text: Uint8Array, classes?: number): string[] | undefined {
  const labels = new TextDecoder().decode(text).replace(/(\r?\n)+$/, '').split(/\r?\n/);
  return classes === undefined || labels.length === classes || labels.length === classes - 1 ? labels : undefined;
}
