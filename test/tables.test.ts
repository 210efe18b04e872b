// Checks that chains of functions of one byte become one table, with the bits of the chain, and only where nobody else reads
// what lies between.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../src/compile/plan.js';
import type { Graph, Tensor } from '../src/formats/graph.js';
import { loadGraph } from '../src/load.js';
import { testedBuilds } from './builds.js';
import { Random } from './random-graph.js';

type Kind = 'sqrt' | 'dequantize' | 'quantize' | 'hardSwish' | 'relu' | 'square';

const shape = [1, 16, 16, 1];
/** All values of a byte. */
const input = Int8Array.from({ length: 256 }, (_, i) => i - 128);

class Chain {
  readonly graph: Graph = { tensors: [], operators: [], inputs: [0], outputs: [], about: {} };
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.#tensor('int8');
  }

  #tensor(dtype: 'int8' | 'float32', affine?: [scale: number, zero: number]): number {
    const [scale, zero] = affine ?? [this.#random.between(0.01, 0.1), this.#random.of([-128, 0, 3])];
    const quantization: Tensor['quantization'] = dtype === 'int8' ? { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zero), axis: 0 } : undefined;
    return this.graph.tensors.push({ name: `t${this.graph.tensors.length}`, shape, dtype, ...(quantization && { quantization }) }) - 1;
  }

  add(kind: Kind, from = this.graph.tensors.length - 1, affine?: [number, number]): number {
    const { dtype } = this.graph.tensors[from], to = this.#tensor(kind === 'quantize' || (dtype === 'int8' && kind !== 'dequantize') ? 'int8' : 'float32', affine);
    const attributes = kind === 'square' ? { kind: 'mul' as const, activation: 'none' as const } : { kind };
    this.graph.operators.push({ attributes, inputs: kind === 'square' ? [from, from] : [from], outputs: [to], where: `operator ${this.graph.operators.length} (${kind})` });
    return to;
  }

  done(...outputs: number[]): Graph {
    this.graph.outputs.push(...(outputs.length ? outputs : [this.graph.tensors.length - 1]));
    return this.graph;
  }
}

const builds = await testedBuilds();

const kindsOf = (graph: Graph): string[] => compile(graph).info.steps.map(({ kind }) => kind);

/** The plan that keeps every layer merges none: its bits are the chain's. */
async function sameBits(graph: Graph): Promise<void> {
  for (const build of builds) {
    const answers: Uint8Array[][] = [];
    for (const plan of ['layers', 'fast', 'small'] as const) {
      const net = await loadGraph(graph, { build, plan });
      answers.push(net.run(input).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()));
      net.dispose();
    }
    assert.equal(answers[1], answers[0], `${build}, ${kindsOf(graph)}`);
    assert.equal(answers[2], answers[0], `${build}, ${kindsOf(graph)}`);
  }
}

test('by way of float32 and back: one table', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const chain = new Chain(new Random(seed));
    for (const kind of ['relu', 'dequantize', 'sqrt', 'quantize', 'hardSwish', 'quantize'] as const) chain.add(kind);
    const graph = chain.done();
    assert.equal(kindsOf(graph), ['table']);
    await sameBits(graph);
  }
});

test('what leaves the bytes as they are is no step', async () => {
  const chain = new Chain(new Random(5)), { quantization } = chain.graph.tensors[0];
  chain.add('dequantize');
  chain.add('quantize', 1, [quantization!.scale[0], quantization!.zeroPoint[0]]);
  chain.add('square');
  const graph = chain.done();
  assert.equal(kindsOf(graph), ['mul']);
  await sameBits(graph);
});

test('a value that something else reads stays, and one that is an output', async () => {
  const read = new Chain(new Random(6)), middle = read.add('hardSwish');
  read.add('quantize');
  read.add('square', middle);
  const two = read.done(2, 3);
  assert.equal(kindsOf(two), ['hardSwish', 'quantize', 'mul']);
  await sameBits(two);
  const given = new Chain(new Random(7)), first = given.add('hardSwish'), graph = given.done(first, given.add('relu'));
  assert.equal(kindsOf(graph), ['hardSwish', 'relu']);
  await sameBits(graph);
});

test('a chain that ends in float32 keeps its last step', async () => {
  const chain = new Chain(new Random(8));
  for (const kind of ['hardSwish', 'relu', 'dequantize', 'sqrt'] as const) chain.add(kind);
  const graph = chain.done();
  assert.equal(kindsOf(graph), ['table', 'dequantize', 'sqrt']);
  await sameBits(graph);
});

test.run();
