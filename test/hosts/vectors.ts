// Knows what the host suite computes with: small random networks of each family, the starter weights, one picture. And it
// makes the vector, test/hosts/vector.json, from the naive reference; it knows no host.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { randomModel } from '../../bench/random-model.js';
import type { Family } from '../../bench/random-model.js';
import type { Graph } from '../../src/formats/graph.js';
import { compile } from '../../src/compile/plan.js';
import { savePlan } from '../../src/convert.js';
import { load } from '../../src/load.js';
import { Random, randomValues } from '../random-graph.js';
import { interpret } from '../reference.js';
import { inputBytes, picture } from './picture.js';
import type { FloatVector, Material, Vector } from './suite.js';

const FAMILIES: Family[] = ['v1', 'v2', 'v3-small', 'v3-large'];
const FLOAT: Family = 'v3-small';
const SIZE = 33, ALPHA = 0.25, CLASSES = 10;

const sha256 = (data: Uint8Array | Int8Array | Float32Array | Int32Array): string => createHash('sha256').update(data).digest('hex');
const base64 = (data: ArrayBufferView): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
const graphOf = (family: Family, dtype: 'int8' | 'float32'): Graph => randomModel(family, dtype, ALPHA, SIZE, CLASSES);
const inputOf = (graph: Graph): ReturnType<typeof randomValues> => randomValues(new Random(11), graph.tensors[graph.inputs[0]]);

/** Weights and inputs; from nothing but code, so that no file has to be kept. */
export async function material(): Promise<Material> {
  const model = async (family: Family, dtype: 'int8' | 'float32'): Promise<Material['int8'][0]> => {
    const graph = graphOf(family, dtype);
    return { name: family, dw: base64(await savePlan(compile(graph, { plan: 'layers' }))), input: base64(inputOf(graph)) };
  };
  return { int8: await Promise.all(FAMILIES.map((family) => model(family, 'int8'))), float32: await model(FLOAT, 'float32') };
}

/** What the naive reference says of every tensor of the random networks. */
export function referenceVector(): Pick<Vector, 'int8' | 'float32'> {
  const int8 = Object.fromEntries(FAMILIES.map((family) => {
    const graph = graphOf(family, 'int8'), values = interpret(graph, [inputOf(graph)]);
    const computed = graph.operators.map(({ outputs: [at] }) => [graph.tensors[at].name, sha256(Int8Array.from(values.get(at)!))]);
    return [family, Object.fromEntries(computed) as Record<string, string>];
  }));
  return { int8, float32: floatVector() };
}

/** Logits are what goes into the softmax. */
function floatVector(): FloatVector {
  const graph = graphOf(FLOAT, 'float32'), values = interpret(graph, [inputOf(graph)]);
  const logits = graph.operators.find(({ outputs }) => outputs[0] === graph.outputs[0])!.inputs[0];
  return { name: graph.tensors[logits].name, logits: Array.from(values.get(logits)!) };
}

/** The starter weights are a plan, which the reference cannot read: theirs come from the scalar build. */
export async function everydayVector(): Promise<Vector['everyday']> {
  const net = await load(new Uint8Array(readFileSync('weights/everyday.dw')), { build: 'scalar' });
  const layers: Record<string, string> = {}, output = sha256(net.run(inputBytes(net.inputs[0].shape))[0].data);
  for (const { name } of net.steps) layers[name] = sha256(net.layer(name).data);
  return { output, layers, embedding: sha256(net.embed(picture())), labels: net.classify(picture()).map(({ index, label, score }) => ({ index, label, score })) };
}

export async function vector(): Promise<Vector> {
  return {
    what: 'SHA-256 of the bytes of each tensor of random networks (bench/random-model.ts) and of the starter weights, on the inputs of test/hosts/vectors.ts',
    made: 'int8 and float32: the naive reference, test/reference.ts. everyday: the scalar build, whose kernels are compared with TensorFlow Lite\'s elsewhere. By npm run test:hosts -- --vector',
    ...referenceVector(), everyday: await everydayVector(),
  };
}
