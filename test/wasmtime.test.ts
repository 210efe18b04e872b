// Checks the host in a page of Python: a .dw file in wasmtime, with no JavaScript, gives the bytes of TensorFlow Lite and of
// the scalar build here, and damaged files are refused.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { savePlan } from '../src/convert.js';
import { compile } from '../src/compile/plan.js';
import { convert, loadGraph } from '../src/load.js';
import { pythonApart } from './apart.js';
import { Random, randomValues } from './random-graph.js';

const place = pythonApart('wasmtime', ['wasmtime==49.0.0']), installed = place ? test : test.skip;
const shared = path.resolve('../shared'), both = place && existsSync(shared) ? test : test.skip;
const folder = path.resolve('build', 'wasmtime-files');
mkdirSync(folder, { recursive: true });

function written(name: string, bytes: Uint8Array): string {
  writeFileSync(path.join(folder, name), bytes);
  return path.join(folder, name);
}

const run = (dw: string, ...inputs: string[]) =>
  spawnSync('python3', ['examples/microcontroller/run.py', 'dist/wasm/bare.wasm', dw, ...inputs], { encoding: 'utf8', env: { ...process.env, PYTHONPATH: place }, maxBuffer: 1 << 26 });

/** Bytes of the outputs, each in a line after its name. */
function answers(dw: string, ...inputs: string[]): string[] {
  const { status, stdout, stderr } = run(dw, ...inputs);
  assert.is(status, 0, stderr);
  return stdout.trim().split('\n').map((line) => line.split(' ').at(-1)!);
}

both('person_detect.dw gives the bytes of TensorFlow Lite Micro', async () => {
  const dir = path.join(shared, 'oracle', 'person_detect_int8'), { cases } = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as { cases: { input: { file: string }; outputs: { file: string }[] }[] };
  const dw = written('person_detect.dw', await convert(new Uint8Array(readFileSync(path.join(shared, 'models', 'person_detect.tflite'))), { plan: 'small' }));
  assert.ok(cases.length >= 5);
  for (const { input, outputs } of cases) assert.equal(answers(dw, path.join(dir, input.file)), outputs.map(({ file }) => readFileSync(path.join(dir, file)).toString('hex')));
});

for (const family of ['v1', 'v2', 'v3-small'] as const) {
  installed(`${family} in float32 gives the bits of the scalar build, planned fast and small`, async () => {
    const graph = randomModel(family, 'float32', 0.25, 64, 100), input = randomValues(new Random(9), graph.tensors[graph.inputs[0]]), file = written('input.bin', new Uint8Array(input.buffer));
    const net = await loadGraph(graph, { build: 'scalar' }), expected = net.run(input).map(({ data: { buffer, byteOffset, byteLength } }) => Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)).toString('hex'));
    for (const plan of ['fast', 'small'] as const) assert.equal(answers(written(`${family}.dw`, await savePlan(compile(graph, { plan }))), file), expected, plan);
    net.dispose();
  });
}

installed('a file that is none, one with a kernel of the future and an input of another size are refused', async () => {
  const graph = randomModel('v1', 'int8', 0.25, 32, 10), plan = compile(graph), input = written('some.bin', new Uint8Array(32 * 32 * 3));
  const refuses = (dw: string, why: RegExp, ...inputs: string[]): void => {
    const { status, stderr } = run(dw, ...inputs);
    assert.not.equal(status, 0);
    assert.match(stderr, why);
  };
  refuses(written('none.dw', new Uint8Array(100)), /no \.dw file/, input);
  refuses(written('ok.dw', await savePlan(plan)), /takes 3072 bytes, not 5/, written('short.bin', new Uint8Array(5)));
  plan.steps[0] = 99;
  refuses(written('future.dw', await savePlan(plan)), /record 0 may not run: fault 3 /, input);
});

test.run();
