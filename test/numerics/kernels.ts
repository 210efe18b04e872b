// Knows everything that is measured of kernels, in the order of the page: the shapes of the networks, what is no operator
// of one output, and every kind of random graph.
import type { Build } from '../../src/engine.js';
import { KINDS } from '../random-operators.js';
import { measureKind, measureShape } from './measure.js';
import type { Measured } from './measure.js';
import { measureBoxes, measureLikeness, measurePictures } from './others.js';
import { SHAPES } from './shapes.js';

/** What is measured, each by itself. Random graphs: this many of each kind and type. */
const CASES = 20;

export type Measure = (builds: readonly Build[]) => Promise<Measured>;
export const MEASURES: readonly Measure[] = [
  ...SHAPES.map((shape): Measure => (builds) => measureShape(shape, builds)), measureBoxes, measurePictures, measureLikeness,
  ...Object.keys(KINDS).map((kind): Measure => (builds) => measureKind(kind, CASES, builds)),
];

export async function measureKernels(builds: readonly Build[], progress: (line: string) => void): Promise<Measured[]> {
  const found: Measured[] = [];
  for (const measure of MEASURES) found.push(await measure(builds)), progress(found.at(-1)!.name);
  return found;
}
