// Checks the build in plain JavaScript: the scalar build's bits for every operator and for whole networks, several nets at
// once, hosts without WebAssembly (node --jitless; a page whose policy forbids it), and what `depthwise` says there.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { load, loadGraph } from '../src/load.js';
import type { TensorData } from '../src/net.js';
import { Random, randomValues } from './random-graph.js';
import { KINDS } from './random-operators.js';
import { chromium, inPage } from './page.js';

const everyday = new Uint8Array(readFileSync('weights/everyday.dw'));
const noise = { width: 120, height: 100, data: Uint8Array.from({ length: 120 * 100 * 4 }, (_, i) => (i * 2654435761) >>> 24) };
const bits = (data: TensorData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const same = (a: TensorData, b: TensorData): boolean => Buffer.compare(bits(a), bits(b)) === 0;

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind}: the scalar build's bits in float32, int8 and uint8`, async () => {
    for (const dtype of ['float32', 'int8', 'uint8'] as const) {
      for (let seed = 1; seed <= 8; seed++) {
        const random = new Random(seed * 104729), graph = make(random, dtype), inputs = graph.inputs.map((i) => randomValues(random, graph.tensors[i]));
        const answers: TensorData[] = [];
        for (const build of ['scalar', 'js'] as const) {
          const net = await loadGraph(graph, { build, plan: 'layers', guard: true });
          answers.push(net.run(...inputs)[0].data.slice());
          assert.equal(net.checkGuards(), [], `${build}, ${dtype}, seed ${seed}`);
        }
        assert.ok(same(answers[0], answers[1]), `${dtype}, seed ${seed}: js differs from scalar`);
      }
    }
  });
}

for (const family of ['v1', 'v2', 'v3-small', 'v3-large'] as const) {
  test(`${family}: the scalar build's bits at every tensor`, async () => {
    for (const dtype of ['int8', 'float32'] as const) {
      const graph = randomModel(family, dtype, 0.25, 33), input = randomValues(new Random(11), graph.tensors[graph.inputs[0]]);
      const scalar = await loadGraph(graph, { build: 'scalar' }), js = await loadGraph(graph, { build: 'js' });
      scalar.run(input), js.run(input);
      for (const { name } of js.steps) assert.ok(same(js.layer(name).data, scalar.layer(name).data), `${dtype}: ${name} differs`);
    }
  });
}

test('two nets at a time keep to their own memory', async () => {
  const graphs = [randomModel('v1', 'int8', 0.25, 33), randomModel('v2', 'int8', 0.25, 65)];
  const inputs = graphs.map((graph) => randomValues(new Random(3), graph.tensors[graph.inputs[0]]));
  const alone = await Promise.all(graphs.map(async (graph, i) => (await loadGraph(graph, { build: 'scalar' })).run(inputs[i])[0].data.slice()));
  const [first, second] = await Promise.all(graphs.map((graph) => loadGraph(graph, { build: 'js' })));
  for (let round = 0; round < 2; round++) {
    assert.ok(same(first.run(inputs[0])[0].data, alone[0]), 'the first net');
    assert.ok(same(second.run(inputs[1])[0].data, alone[1]), 'the second net');
  }
});

test('a net in plain JavaScript says so, has one thread and tells why', async () => {
  const net = await load(everyday, { build: 'js', threads: 2 });
  assert.is(net.build, 'js');
  assert.is(net.threads.count, 1);
  assert.match(net.threads.reason!, /plain JavaScript/);
});

/** A program for a host without WebAssembly: loads from `entry`, prints its best label with the score. */
const program = (entry: string, more = '') => `
  const { load, availableBuilds } = await import('${entry}');
  const { readFileSync } = await import('node:fs');
  const net = await load(new Uint8Array(readFileSync('weights/everyday.dw'))${more}), again = await load(new Uint8Array(readFileSync('weights/everyday.dw'))${more});
  const data = Uint8Array.from({ length: 120 * 100 * 4 }, (_, i) => (i * 2654435761) >>> 24);
  console.log(JSON.stringify({ wasm: typeof WebAssembly, build: again.build, builds: await availableBuilds(), top: net.classify({ width: 120, height: 100, data }, { topK: 2 }) }));`;

async function withoutWebAssembly(entry: string, more?: string): Promise<string> {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--jitless', '--input-type=module', '-e', program(entry, more)], { encoding: 'utf8', timeout: 300_000 });
  assert.is(status, 0, stderr);
  const expected = (await load(everyday, { build: 'scalar' })).classify(noise, { topK: 2 });
  assert.equal(JSON.parse(stdout), { wasm: 'undefined', build: 'js', builds: [], top: expected });
  return stderr.replace(/^Warning: disabling flag --expose_wasm .*\n/m, ''); // Node's own
}

test('node --jitless: depthwise/js gives the same answer and no warning', async () => assert.is(await withoutWebAssembly('./dist/js.js'), ''));

test('node --jitless: depthwise goes on in JavaScript and warns once, in words; not when it was asked to', async () => {
  const said = await withoutWebAssembly('./dist/index.js');
  assert.is(said.trim().split('\n').length, 1, said);
  assert.match(said, /^depthwise: no WebAssembly runs here, .*slower.*wasm-unsafe-eval.*depthwise\/js.*\(relaxed: WebAssembly is not defined\)/);
  assert.is(await withoutWebAssembly('./dist/index.js', `, { build: 'js' }`), '');
});

test('depthwise/core does not go on in JavaScript by itself: who brings a build wants that one', async () => {
  const { load: loadCore } = await import(new URL('../../dist/core.js', import.meta.url).href) as { load: typeof load };
  const error = await loadCore(everyday).then(() => undefined, (cause: Error & { code?: string }) => cause);
  assert.is(error?.code, 'NO_BUILD');
});

if (!chromium) console.log('NOT RUN: a page that forbids WebAssembly; apt-get install chromium');
else {
  for (const [entry, warns] of [['js', false], ['index', true]] as const) {
    test(`Chromium, script-src 'self': dist/${entry}.js gives the same answer`, async () => {
      const page = await inPage("default-src 'self'; script-src 'self'", `
        const said = [];
        console.warn = (text) => said.push(text);
        const { load } = await import('/dist/${entry}.js');
        const net = await load('/weights/everyday.dw');
        const data = Uint8Array.from({ length: 120 * 100 * 4 }, (_, i) => (i * 2654435761) >>> 24);
        return { build: net.build, said: said.length, top: net.classify({ width: 120, height: 100, data }, { topK: 2 }) };`);
      assert.equal(page, { build: 'js', said: Number(warns), top: (await load(everyday, { build: 'scalar' })).classify(noise, { topK: 2 }) });
    });
  }
}

test('how much slower it is', async () => {
  const best: Record<string, number> = {};
  for (const build of ['simd', 'scalar', 'js'] as const) {
    const net = await load(everyday, { build }), times = Array.from({ length: 12 }, () => {
      const start = performance.now();
      net.run(new Int8Array(net.inputs[0].shape.reduce((n, d) => n * d)));
      return performance.now() - start;
    });
    best[build] = Math.min(...times);
  }
  console.log(`everyday, ms at best: ${Object.entries(best).map(([build, ms]) => `${build} ${ms.toFixed(1)}`).join(', ')}; js takes ${(best.js / best.simd).toFixed(1)} times simd, ${(best.js / best.scalar).toFixed(1)} times scalar`);
  assert.ok(best.js < 1000 * best.simd, 'this is too slow to be of use');
});

test.run();
