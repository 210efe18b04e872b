// Knows the graphs that fuzzing starts from: random operators and small networks of this suite, and the real files of
// ../shared, whole or a few operators of them. A name gives the same graph anywhere. It does not know how graphs are written.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { randomModel } from '../../bench/random-model.js';
import type { Family } from '../../bench/random-model.js';
import { elements } from '../../src/formats/graph.js';
import type { Graph } from '../../src/formats/graph.js';
import { readTflite } from '../../src/formats/tflite.js';
import * as operators from '../random-graph.js';
import { argMaxGraph, dilatedGraph, resizeGraph, tileGraph } from '../random-maps.js';
import { arithmeticGraph, castGraph, pickGraph, rootGraph, spreadGraph } from '../random-number-graph.js';

const { Random } = operators;
type Make = (random: operators.Random, dtype: operators.ActivationType) => Graph;

const MAKES: Record<string, Make> = {
  conv: (random, dtype) => operators.convGraph(random, dtype, false), depthwise: (random, dtype) => operators.convGraph(random, dtype, true), block: operators.blockGraph,
  fully: operators.fullyConnectedGraph, binary: operators.binaryGraph, pool: operators.poolGraph, unary: operators.unaryGraph, move: operators.moveGraph,
  concatenation: operators.concatenationGraph, softmax: operators.softmaxGraph, quantize: operators.quantizeGraph, resize: resizeGraph, argMax: argMaxGraph, tile: tileGraph,
  dilated: dilatedGraph, arithmetic: arithmeticGraph, spread: spreadGraph, cast: castGraph, pick: pickGraph, root: rootGraph, detection: detectionGraph,
};
const DTYPES = ['float32', 'int8', 'uint8'] as const;
const OF_EACH = 24;

/** Boxes, scores and anchors as SSD has them. */
function detectionGraph(random: operators.Random): Graph {
  const b = new operators.OneOperator(random, 'float32'), boxes = random.of([1, 3, 10]), classes = random.of([1, 2, 5]), most = random.of([1, 4, 10]);
  const inputs = [b.input([1, boxes, 4]), b.input([1, boxes, classes + random.below(2)]), b.add({ shape: [boxes, 4], dtype: 'float32', data: new Uint8Array(Float32Array.from({ length: boxes * 4 }, () => random.next()).buffer) })];
  const outputs = [[1, most, 4], [1, most], [1, most], [1]].map((shape) => b.activation(shape));
  const attributes = { kind: 'detection', maxDetections: most, maxClassesPerDetection: 1, classes, detectionsPerClass: 100, regular: random.below(2) === 1, scoreThreshold: 0.1, iouThreshold: 0.6, scales: [10, 10, 5, 5] } as const;
  b.graph.operators.push({ attributes: { ...attributes, scales: [...attributes.scales] }, inputs, outputs, where: 'operator 0 (detection)' });
  b.graph.outputs.push(...outputs);
  return b.graph;
}

export const SHARED = '../shared';
const FILES = new Map<string, Uint8Array>();

export function file(name: string): Uint8Array {
  const known = FILES.get(name);
  if (known) return known;
  const bytes = new Uint8Array(readFileSync(name));
  FILES.set(name, bytes);
  return bytes;
}

/** Real files with an ending, where ../shared lies beside the checkout. */
export function realFiles(ending: string): string[] {
  return ['models', ...['keras', 'onnx', 'timm', 'torchvision'].map((each) => `fixtures/${each}`)].map((each) => `${SHARED}/${each}`).filter((each) => existsSync(each))
    .flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(ending) && !name.includes('features')).map((name) => `${folder}/${name}`));
}

export const operatorSeeds = (): string[] => Object.keys(MAKES).flatMap((name) => DTYPES.flatMap((dtype) => Array.from({ length: OF_EACH }, (_, n) => `${name}:${dtype}:${n}`)));

export const networkSeeds = (): string[] => (['v1', 'v2', 'v3-small', 'v3-large'] as const).flatMap((family) => (['float32', 'int8'] as const).map((dtype) => `net:${family}:${dtype}`));

const SLICE_BYTES = 24_000, SLICE_VALUES = 20_000;

/** One to four operators of each real file, where they are small. */
export const sliceSeeds = (): string[] => realFiles('.tflite').flatMap((name) => {
  const graph = realGraph(name);
  return graph.operators.flatMap((_, start) => [1, 2, 4].filter((count) => start + count <= graph.operators.length && isSmall(sliceOf(graph, start, count))).map((count) => `slice:${name}:${start}:${count}`));
});

const GRAPHS = new Map<string, Graph>();

function realGraph(name: string): Graph {
  const graph = GRAPHS.get(name) ?? readTflite(file(name));
  GRAPHS.set(name, graph);
  return graph;
}

const isSmall = ({ tensors }: Graph): boolean =>
  tensors.reduce((sum, { data }) => sum + (data?.length ?? 0), 0) <= SLICE_BYTES && tensors.every(({ shape, data }) => data || elements(shape) <= SLICE_VALUES);

function sliceOf(graph: Graph, start: number, count: number): Graph {
  const some = graph.operators.slice(start, start + count), written = new Set(some.flatMap((op) => op.outputs)), used = [...new Set(some.flatMap((op) => [...op.inputs, ...op.outputs]))].filter((i) => i >= 0);
  const renumbered = new Map(used.map((i, n) => [i, n])), of = (i: number): number => renumbered.get(i) ?? -1;
  const read = new Set([...graph.operators.slice(start + count).flatMap((op) => op.inputs), ...graph.outputs]);
  return {
    tensors: used.map((i) => graph.tensors[i]), operators: some.map((op) => ({ ...op, inputs: op.inputs.map(of), outputs: op.outputs.map(of) })), about: {},
    inputs: used.filter((i) => !written.has(i) && !graph.tensors[i].data).map(of), outputs: used.filter((i) => written.has(i) && read.has(i)).map(of),
  };
}

export function graphOf(seed: string): Graph {
  const [kind, a, b, c] = seed.split(':');
  if (kind === 'net') return randomModel(a as Family, b as 'float32', 0.1, 16, 7);
  if (kind === 'slice') return sliceOf(realGraph(a), Number(b), Number(c));
  const make = MAKES[kind];
  return make(new Random(Number(b) * 7919 + kind.length), a as operators.ActivationType);
}
