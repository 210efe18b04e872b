// Checks whole networks that the project makes itself against the naive reference, at every tensor: what runs where no
// outside model is at hand.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import type { Family } from '../bench/random-model.js';
import { loadGraph } from '../src/load.js';
import { testedBuilds } from './builds.js';
import { Random, randomValues } from './random-graph.js';
import { interpret } from './reference.js';

const builds = await testedBuilds();
const FAMILIES: Family[] = ['v1', 'v2', 'v3-small', 'v3-large'];

for (const family of FAMILIES) {
  for (const dtype of ['int8', 'float32'] as const) {
    test(`${family} 0.25, 33x33, ${dtype}: every tensor on ${builds.join(', ')}`, async () => {
      const graph = randomModel(family, dtype, 0.25, 33);
      const input = randomValues(new Random(11), graph.tensors[graph.inputs[0]]);
      const expected = interpret(graph, [input]);
      for (const build of builds) {
        const net = await loadGraph(graph, { build });
        net.run(input);
        for (const { name } of net.steps) {
          const { data } = net.layer(name), want = expected.get(Number(name.slice(1)))!; // tensors are called t0, t1 ...
          const range = want.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
          const worst = want.reduce((most, x, i) => Math.max(most, Math.abs(x - data[i])), 0);
          assert.ok(data.length === want.length && worst <= (dtype === 'int8' ? 0 : 1e-5 * range), `${build}: ${name} is off by ${worst} of ${range}`);
        }
      }
    });
  }
}

test.run();
