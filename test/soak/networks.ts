// Knows the small networks that soaks run: every family with random weights, float32 and int8, as files.
import { randomModel } from '../../bench/random-model.js';
import { compile } from '../../src/compile/plan.js';
import { savePlan } from '../../src/convert.js';
import type { Graph } from '../../src/formats/graph.js';
import { writeTflite } from '../fuzz/tflite-writer.js';
import { quantisedModel, withoutSoftmax } from '../quantised-model.js';

export interface Network { name: string; bytes: Uint8Array }

const ALPHA = 0.25, SIZE = 32, CLASSES = 20;

const planned = async (name: string, graph: Graph): Promise<Network> => ({ name, bytes: await savePlan(compile(graph)) });

/** The smallest of all, for many runs. Its answers differ from input to input. */
export const runners = async (): Promise<Network[]> => [
  await planned('v1 float32', withoutSoftmax(randomModel('v1', 'float32', ALPHA, SIZE, CLASSES))), await planned('v1 int8', await quantisedModel('v1', ALPHA, SIZE, CLASSES)),
];

/** Every family, and files that are compiled at each load. */
export async function loaders(): Promise<Network[]> {
  const graphs = (['v1', 'v2', 'v3-small', 'v3-large'] as const).flatMap((family) => (['float32', 'int8'] as const).map((dtype) => [`${family} ${dtype}`, randomModel(family, dtype, ALPHA, SIZE, CLASSES)] as const));
  return [...await Promise.all(graphs.map(([name, graph]) => planned(name, graph))), ...graphs.filter(([name]) => /^v[12] float32/.test(name)).map(([name, graph]) => ({ name: `${name} as .tflite`, bytes: writeTflite(graph) }))];
}
