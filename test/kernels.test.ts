// Checks every kernel of every build against the naive reference, on random graphs of one operator with guard bytes
// around all memory. SEED=n replays one case; CASES=n changes how many of each there are.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Build } from '../src/engine.js';
import type { Graph } from '../src/formats/graph.js';
import { loadGraph } from '../src/load.js';
import type { TensorData } from '../src/net.js';
import { testedBuilds } from './builds.js';
import { KINDS } from './random-operators.js';
import { Random, randomValues } from './random-graph.js';
import { interpret } from './reference.js';

const CASES = Number(process.env.CASES ?? 60);
const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: CASES }, (_, i) => i + 1);
const builds = await testedBuilds();

/** The answer of guarded plans, which plans without guards, where results may lie over inputs, must repeat bit for bit. */
async function run(graph: Graph, build: Build, inputs: ArrayBufferView[]): Promise<TensorData> {
  const answers: TensorData[] = [];
  for (const options of [{ plan: 'layers', guard: true }, { plan: 'layers' }, ...(graph.operators.length > 1 ? [{ plan: 'small', guard: true }, { plan: 'small' }] as const : [])] as const) {
    const net = await loadGraph(graph, { build, ...options });
    answers.push(net.run(...inputs)[0].data.slice());
    if ('guard' in options) assert.equal(net.checkGuards(), [], 'bytes outside of a buffer were written');
    assert.equal(asBits(answers[answers.length - 1]), asBits(answers[0]), JSON.stringify(options));
    net.dispose();
  }
  return answers[0];
}

/** Float32 within 1e-5 of the greatest magnitude, 8 bits exactly. */
function compare(got: TensorData, expected: Float64Array, what: string): void {
  assert.is(got.length, expected.length, what);
  const tolerance = got instanceof Float32Array ? 1e-5 * expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6) : 0;
  for (let i = 0; i < got.length; i++) {
    if (!(Math.abs(got[i] - expected[i]) <= tolerance)) assert.unreachable(`${what}: value ${i} is ${got[i]}, expected ${expected[i]}`);
  }
}

const asBits = (data: TensorData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

for (const [kind, make] of Object.entries(KINDS)) {
  for (const dtype of ['float32', 'int8', 'uint8'] as const) {
    test(`${kind}, ${dtype}: ${seeds.length} random cases on ${builds.join(', ')}`, async () => {
      for (const seed of seeds) {
        const random = new Random(seed * 7919), graph = make(random, dtype);
        const inputs = graph.inputs.map((i) => randomValues(random, graph.tensors[i]));
        const expected = interpret(graph, inputs).get(graph.outputs[0])!;
        const results = new Map<Build, TensorData>();
        for (const build of builds) {
          const what = `${build}, SEED=${seed}, ${JSON.stringify(graph.operators[0].attributes)} ${graph.tensors.map((t) => `[${t.shape}]`).join(' ')}`;
          results.set(build, await run(graph, build, inputs));
          compare(results.get(build)!, expected, what);
        }
        const [scalar, simd] = [results.get('scalar'), results.get('simd')];
        if (scalar && simd) assert.equal(asBits(simd), asBits(scalar), `SEED=${seed}: scalar and simd differ in bits`);
      }
    });
  }
}

for (const build of builds) {
  test(`${build}: NaN, infinity and denormals neither trap nor hang`, async () => {
    for (const [kind, make] of Object.entries(KINDS)) {
      for (const value of [NaN, Infinity, -Infinity, 1e-40]) {
        const graph = make(new Random(99), 'float32');
        const data = await run(graph, build, graph.inputs.map((i) => randomValues(new Random(1), graph.tensors[i]).fill(value)));
        assert.ok(data.length > 0, kind);
      }
    }
  });

  test(`${build}: softmax of 1001 equal 8-bit logits, where TFLite's reference aborts`, async () => {
    const shape = [1, 1001];
    const quantization = (scale: number): Graph['tensors'][0]['quantization'] => ({ scale: Float32Array.of(scale), zeroPoint: Int32Array.of(-128), axis: 0 });
    const graph: Graph = {
      tensors: [{ name: 'x', shape, dtype: 'int8', quantization: quantization(0.1) }, { name: 'y', shape, dtype: 'int8', quantization: quantization(1 / 256) }],
      operators: [{ attributes: { kind: 'softmax', beta: 1 }, inputs: [0], outputs: [1], where: 'softmax' }], inputs: [0], outputs: [1], about: {},
    };
    const data = await run(graph, build, [new Int8Array(1001).fill(5)]);
    assert.ok(data.every((q) => q === -128));
  });
}

test.run();
