// Checks that threads give the same bits as one thread, that a lost thread is an error and never a hang, and that a host
// without threads says why.
import type { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError, load } from '../src/index.js';
import type { LoadOptions } from '../src/index.js';
import { savePlan } from '../src/convert.js';
import type { Net } from '../src/net.js';
import { STEP_WORDS, SRC } from '../assembly/abi.js';
import { testedBuilds } from './builds.js';

const builds = (await testedBuilds()).filter((build) => build !== 'scalar');

/** The workers that the library starts, so that a test can kill one. */
const started: Worker[] = [];
const threadsModule = process.getBuiltinModule('node:worker_threads');
const Original = threadsModule.Worker;
threadsModule.Worker = class extends Original {
  constructor(...args: ConstructorParameters<typeof Original>) {
    super(...args);
    started.push(this);
  }
};

const file = async (dtype: 'float32' | 'int8', family: 'v1' | 'v2' | 'v3-small' = 'v3-small', plan: 'fast' | 'small' = 'fast'): Promise<Uint8Array> =>
  savePlan(compile(randomModel(family, dtype, 0.35, 96), { plan }));

function inputOf(net: Net): Uint8Array {
  const { shape, dtype } = net.inputs[0], count = shape.reduce((a, b) => a * b, 1);
  return dtype === 'float32' ? new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer) : Uint8Array.from({ length: count }, (_, i) => i * 77);
}

async function answer(bytes: Uint8Array, options: LoadOptions, runs: number): Promise<Uint8Array[]> {
  const net = await load(bytes, options);
  assert.equal(net.threads, { count: options.threads ?? 1 });
  const answers = Array.from({ length: runs }, () => {
    const { data } = net.run(inputOf(net))[0];
    return Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
  net.dispose();
  return answers;
}

function failsWith(code: string, work: () => unknown): void {
  assert.throws(work, (error: unknown) => error instanceof DepthwiseError && error.code === code);
}

for (const build of builds) {
  for (const dtype of ['float32', 'int8'] as const) {
    for (const family of ['v1', 'v2', 'v3-small'] as const) {
      test(`${build}: ${family} ${dtype} on 2 and 3 threads gives the bits of one, run after run`, async () => {
        for (const plan of ['fast', 'small'] as const) {
          const bytes = await file(dtype, family, plan), [one] = await answer(bytes, { build }, 1);
          for (const threads of [2, 3]) for (const other of await answer(bytes, { build, threads }, 12)) assert.ok(Buffer.compare(other, one) === 0, `${threads} threads, ${plan} plan`);
        }
      });
    }
  }
}

test('layers and profiles work with threads', async () => {
  const bytes = await file('int8'), net = await load(bytes, { threads: 2 }), single = await load(bytes);
  const name = single.steps[5].name;
  net.run(inputOf(net));
  single.run(inputOf(single));
  assert.equal(net.layer(name).data, single.layer(name).data);
  assert.is(net.profile(inputOf(net)).length, single.steps.length);
  net.dispose();
});

test('a thread that has ended is an error', async () => {
  const net = await load(await file('int8'), { threads: 2 });
  net.run(inputOf(net));
  await started.at(-1)!.terminate();
  failsWith('THREAD_LOST', () => net.run(inputOf(net)));
  failsWith('THREAD_LOST', () => net.run(inputOf(net)));
  net.dispose();
});

test('a thread that dies without anybody hearing of it is an error ten seconds later', async () => {
  const net = await load(await file('int8'), { threads: 2 }), input = inputOf(net);
  net.run(input);
  const end = started.at(-1)!.terminate();
  // Long enough for the thread to be gone, without a turn of the event loop that would tell.
  for (const start = Date.now(); Date.now() - start < 500;);
  failsWith('THREAD_LOST', () => net.run(input));
  await end;
  net.dispose();
});

test('a step that leaves its memory is an error on every thread, and the net lives on', async () => {
  const plan = compile(randomModel('v3-small', 'int8', 0.35, 32));
  const { Engine } = await import('../src/engine.js');
  const { Team, asShared } = await import('../src/threads.js');
  const simd = (await import('../build/wasm/simd.wasm')).default;
  const module = new WebAssembly.Module(asShared(Buffer.from(simd, 'base64')));
  const broken = { ...plan, steps: plan.steps.slice() };
  broken.steps[3 * STEP_WORDS + SRC] = 0x7000_0000;
  const engine = new Engine(broken, 'simd', module, 2);
  await engine.startThreads(Team, module);
  for (let i = 0; i < 3; i++) failsWith('BAD_FILE', () => engine.run(0, plan.info.steps.length));
  engine.run(0, 2);
  engine.dispose();
});

test('a host without shared memory runs on one thread and says why', async () => {
  const bytes = await file('int8'), simd = (await import('../build/wasm/simd.wasm')).default;
  const given = await load(bytes, { threads: 2, wasm: new WebAssembly.Module(Buffer.from(simd, 'base64')) });
  assert.is(given.threads.count, 1);
  assert.match(given.threads.reason!, 'not shared');
  const host = globalThis as { crossOriginIsolated?: boolean };
  host.crossOriginIsolated = false;
  const page = await load(bytes, { threads: 2 });
  delete host.crossOriginIsolated;
  assert.is(page.threads.count, 1);
  assert.match(page.threads.reason!, 'Cross-Origin-Opener-Policy');
  assert.is(page.run(inputOf(page)).length, 1);
});

test('threads is a whole number from 1 to 64', async () => {
  const bytes = await file('int8');
  for (const threads of [0, -1, 1.5, 65, NaN]) {
    await load(bytes, { threads }).then(() => assert.unreachable(), (error: DepthwiseError) => assert.is(error.code, 'BAD_INPUT'));
  }
});

test.run();
