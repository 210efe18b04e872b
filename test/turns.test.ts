// Checks that runAsync answers as run does whatever comes in between, gives the host turns, ends at a signal before the next
// step, and leaves the net usable. It has no time limits: clocks are put forward by hand and steps are counted.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { STEP_WORDS, SRC } from '../assembly/abi.js';
import { randomModel } from '../bench/random-model.js';
import { compile } from '../src/compile/plan.js';
import { savePlan } from '../src/convert.js';
import { Engine } from '../src/engine.js';
import { DepthwiseError, load } from '../src/index.js';
import type { LoadOptions, Output } from '../src/index.js';
import type { Net } from '../src/net.js';
import { Shrinker } from '../src/shrinker.js';
import { turn } from '../src/turns.js';
import { testedBuilds } from './builds.js';
import { photo } from './photos.js';
import { quantisedModel, withoutSoftmax } from './quantised-model.js';

const builds = await testedBuilds();
const plans = { int8: compile(await quantisedModel('v3-small', 0.35, 64, 20)), float32: compile(withoutSoftmax(randomModel('v3-small', 'float32', 0.35, 64, 20))) };
const files = { int8: await savePlan(plans.int8), float32: await savePlan(plans.float32) };
const start = (options: LoadOptions = {}, dtype: keyof typeof files = 'int8'): Promise<Net> => load(files[dtype], { build: builds[0], ...options });

/** Numbers that differ with the seed, and stay ordinary. */
function inputOf({ inputs: [{ shape, dtype }] }: Net, seed: number): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return dtype === 'float32' ? new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed)).buffer) : Uint8Array.from({ length: count }, (_, i) => (i * 77 * seed) >> 3);
}

const copied = (outputs: Output[]): Output[] => outputs.map((output) => ({ ...output, data: output.data.slice() }));

async function fails(work: Promise<unknown>, code: string, words: RegExp): Promise<DepthwiseError> {
  const error = await work.then(() => assert.unreachable('should have failed'), (cause) => cause);
  assert.instance(error, DepthwiseError);
  assert.is(error.code, code, error.message);
  assert.match(error.message, words);
  return error;
}

/** While `work` runs, every look at the clock finds it `ms` later. */
async function withClock<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const real = performance.now;
  let time = 0;
  performance.now = () => (time += ms);
  try {
    return await work();
  } finally {
    performance.now = real;
  }
}
/** So that the host has a turn after each step. */
const eachStep = <T>(work: () => Promise<T>): Promise<T> => withClock(2, work);

/** Records that engines were told to run, one number a call. */
const told: number[] = [], real = Engine.prototype.run;
Engine.prototype.run = function (first, last) {
  told.push(last - first);
  real.call(this, first, last);
};
/** Calls of the host's own turns while `work` runs. */
async function turnsIn(work: () => Promise<unknown>): Promise<number> {
  const host = globalThis.setImmediate;
  let count = 0;
  globalThis.setImmediate = ((...args: Parameters<typeof host>) => (count++, host(...args))) as typeof host;
  try {
    await work();
  } finally {
    globalThis.setImmediate = host;
  }
  return count;
}

for (const build of builds) {
  for (const dtype of ['int8', 'float32'] as const) {
    test(`${build}: ${dtype} answers as run does, with copies, also of the input`, async () => {
      const net = await start({ build }, dtype), [one, two] = [1, 2].map((seed) => inputOf(net, seed)), [first, second] = [one, two].map((input) => copied(net.run(input)));
      assert.not.equal(first, second);
      const own = one.slice(), answers = [net.runAsync(own), net.runAsync(two, {})];
      own.fill(7);
      assert.equal(await Promise.all(answers), [first, second]);
      const [answer] = await answers[0];
      net.run(two);
      assert.equal(answer, first[0], 'no view into memory');
      await eachStep(async () => assert.equal(await net.runAsync(one), first));
    });
  }
}

test('threads', async () => {
  const net = await start({ threads: 2 }), input = inputOf(net, 3), answer = copied(net.run(input));
  assert.is(net.threads.count, 2);
  await eachStep(async () => assert.equal(await Promise.all([net.runAsync(input), net.runAsync(input)]), [answer, answer]));
  net.dispose();
});

test('the host has a turn after each step that takes long, and none before', async () => {
  const net = await start(), input = inputOf(net, 1), steps = net.steps.length;
  await net.runAsync(input); // loads what it needs
  await turn();
  assert.is(await eachStep(() => turnsIn(async () => { await net.runAsync(input); await turn(); })), steps + 2); // the one behind the answer, and ours
  const few = await withClock(1, () => turnsIn(async () => { await net.runAsync(input); await turn(); })); // steps of 1 ms, 2 at a time
  assert.ok(Math.abs(few - steps / 2) <= 2, `${few} turns for ${steps} steps`);
});

test('where the clock stands, work is counted instead', async () => {
  const net = await load(await savePlan(compile(randomModel('v1', 'int8', 1, 96))), { build: builds[0] }), input = inputOf(net, 1), answer = copied(net.run(input));
  const macs = net.steps.reduce((sum, step) => sum + step.macs, 0);
  assert.ok(macs > 100e6);
  const turns = await withClock(0, () => turnsIn(async () => assert.equal(await net.runAsync(input), answer)));
  assert.ok(turns >= 2 && turns <= macs / 50e6 + 1, `${turns} turns`);
});

test('a signal ends it before the next step, with its reason', async () => {
  const net = await start(), input = inputOf(net, 1), answer = copied(net.run(input)), reason = new Error('somebody left');
  for (const after of [1, 2, 7, net.steps.length - 1]) {
    const stop = new AbortController();
    await eachStep(async () => {
      const work = net.runAsync(input, { signal: stop.signal });
      work.catch(() => undefined);
      await turn(); // what it needs is loaded
      told.length = 0;
      while (told.length < after) await turn();
      const before = told.length;
      stop.abort(reason);
      const error = await fails(work, 'ABORTED', /cancelled/);
      assert.is(error.cause, reason);
      for (let i = 0; i < 5; i++) await turn();
      assert.is(told.length, before, 'no further step');
      assert.equal(await net.runAsync(input), answer);
      assert.equal(copied(net.run(input)), answer);
    });
  }
});

test('signals that only say so, in the midst of steps', async () => {
  await fails(start({ signal: { aborted: true } as AbortSignal }), 'ABORTED', /cancelled/);
  const net = await start({ signal: { aborted: false } as AbortSignal }), input = inputOf(net, 1), signal = { get aborted() { return told.length >= 5; } };
  told.length = 0;
  await fails(withClock(0, () => net.runAsync(input, { signal: signal as AbortSignal })), 'ABORTED', /cancelled/);
  assert.is(told.length, 5);
});

test('signals from elsewhere: a timer, a port, the time they were given', async () => {
  const net = await start(), input = inputOf(net, 1);
  const until = async (stop: AbortSignal): Promise<void> => {
    for (;;) await net.runAsync(input, { signal: stop });
  };
  const timed = new AbortController(), posted = new AbortController(), { port1, port2 } = new MessageChannel();
  setTimeout(() => timed.abort(), 20);
  await fails(until(timed.signal), 'ABORTED', /cancelled/);
  port1.onmessage = () => posted.abort();
  setTimeout(() => port2.postMessage(0), 20);
  await fails(until(posted.signal), 'ABORTED', /cancelled/);
  port1.close();
  await fails(until(AbortSignal.timeout(20)), 'ABORTED', /cancelled/);
});

test('what waits can be cancelled at once, alone; before it begins it costs nothing', async () => {
  const net = await start(), [one, two] = [1, 2].map((seed) => inputOf(net, seed)), answers = [one, two].map((input) => copied(net.run(input)));
  await eachStep(async () => {
    const stop = new AbortController(), order: string[] = [], note = (name: string) => () => void order.push(name);
    const calls = [net.runAsync(one), net.runAsync(two, { signal: stop.signal }), net.runAsync(two)];
    calls.forEach((call, i) => call.then(note(`answer ${i}`), note(`error ${i}`)));
    await turn();
    await turn();
    stop.abort();
    await fails(calls[1], 'ABORTED', /cancelled/);
    assert.equal(await Promise.all([calls[0], calls[2]]), answers);
    assert.equal(order, ['error 1', 'answer 0', 'answer 2']);
    const busy = net.runAsync(one);
    told.length = 0;
    await fails(net.runAsync(two, { signal: AbortSignal.abort() }), 'ABORTED', /cancelled/);
    assert.ok(told.length < net.steps.length, 'not behind the one under way');
    assert.equal(await busy, answers[0]);
  });
});

test('a signal that outlives its calls keeps nothing of them', async () => {
  const net = await start(), { signal } = new AbortController(), counts = { addEventListener: 0, removeEventListener: 0 };
  for (const name of ['addEventListener', 'removeEventListener'] as const) signal[name] = (...args: unknown[]) => (counts[name]++, (EventTarget.prototype[name] as (...args: unknown[]) => void).apply(signal, args));
  for (let i = 0; i < 3; i++) await net.runAsync(inputOf(net, i), { signal });
  assert.equal(counts, { addEventListener: 3, removeEventListener: 3 });
});

test('whatever comes in between, every answer is right', async () => {
  const net = await start(), there = await start(), picture = [photo(40, 30, 1), photo(64, 64, 2)];
  const inputs = [1, 2, 3, 4].map((seed) => inputOf(net, seed)), names = [1, 9, net.steps.length - 1].map((i) => net.steps[i].name);
  assert.not.equal(there.embed(picture[0]), there.embed(picture[1]));
  const answers = inputs.map((input) => copied(there.run(input))), layers = inputs.map((input) => names.map((name) => there.layer(name, input)));
  let seed = 8;
  const random = (below: number): number => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8) % below;
  const seen = new Map<string, number>(), count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  const pending: Promise<unknown>[] = [], outcome = (work: Promise<void>): Promise<unknown> => work.catch((error: unknown) => error);
  const acts = [
    () => {
      const i = random(4), stop = random(3) ? undefined : new AbortController();
      pending.push(outcome(net.runAsync(inputs[i], { signal: stop?.signal }).then((answer) => (count('answered'), assert.equal(answer, answers[i])), (error) => (count('cancelled'), assert.ok(stop?.signal.aborted), assert.is(error.code, 'ABORTED')))));
      if (stop) pending.push(wait(random(40)).then(() => stop.abort()));
    },
    () => {
      const i = random(4);
      assert.equal(copied(net.run(inputs[i])), answers[i]);
      if (random(2)) assert.equal(net.layer(names[1]), layers[i][1]);
    },
    () => {
      const i = random(4), n = random(3);
      assert.equal(net.layer(names[n], inputs[i]), layers[i][n]);
    },
    () => {
      const i = random(4);
      assert.is(net.profile(inputs[i]).length, net.steps.length);
      assert.equal(net.layer(names[2]), layers[i][2]);
    },
    () => {
      const one = picture[random(2)];
      assert.equal(net.embed(one), there.embed(one));
    },
    () => {
      assert.throws(() => net.run(new Uint8Array(3)), /bytes; 3 were given/);
      assert.throws(() => net.layer('nowhere'), /No tensor/);
    },
  ];
  const wait = async (turns: number): Promise<void> => { for (let i = 0; i < turns; i++) await turn(); };
  await eachStep(async () => {
    for (let i = 0; i < 400; i++) {
      const act = random(acts.length);
      count(`act ${act}`);
      acts[act]();
      if (random(2)) acts[0]();
      await wait(random(20));
    }
    for (const error of await Promise.all(pending)) if (error) throw error;
  });
  assert.ok(seen.get('answered')! > 100 && seen.get('cancelled')! > 20, JSON.stringify([...seen]));
});

test('layer reads the run that was answered, although others wait', async () => {
  const net = await start(), inputs = [1, 2, 3].map((seed) => inputOf(net, seed)), { name } = net.steps[9], layers = inputs.map((input) => net.layer(name, input));
  assert.equal(await Promise.all(inputs.map((input) => net.runAsync(input).then(() => net.layer(name)))), layers);
});

test('disposing ends what is under way and what waits', async () => {
  const net = await start(), input = inputOf(net, 1);
  await eachStep(async () => {
    const calls = [net.runAsync(input), net.runAsync(input)];
    await turn();
    await turn();
    told.length = 0;
    net.dispose();
    for (const call of calls) await fails(call, 'DISPOSED', /disposed/);
    for (let i = 0; i < 3; i++) await turn();
    assert.is(told.length, 0);
  });
  await fails(net.runAsync(input), 'DISPOSED', /disposed/);
  const quick = await start(), call = quick.runAsync(input);
  quick.dispose();
  await fails(call, 'DISPOSED', /disposed/);
});

test('bad inputs and options are refused, and harm nobody', async () => {
  const net = await start(), input = inputOf(net, 1), answer = copied(net.run(input)), good = net.runAsync(input);
  await fails(net.runAsync(), 'BAD_INPUT', /takes 1 input/);
  await fails(net.runAsync(new Uint8Array(5)), 'BAD_INPUT', /5 were given/);
  await fails(net.runAsync(input, { signal: 'stop' as never }), 'BAD_INPUT', /signal is an AbortSignal/);
  assert.equal(await good, answer);
});

test('a step that leaves its memory is an error of that run only', async () => {
  const plan = plans.int8, { default: simd } = await import('../build/wasm/simd.wasm');
  const broken = { ...plan, steps: plan.steps.slice() };
  broken.steps[9 * STEP_WORDS + SRC] = 0x7000_0000;
  const module = new WebAssembly.Module(Buffer.from(simd, 'base64')), { Net } = await import('../src/net.js');
  const net = new Net(plan, new Engine(broken, 'simd', module), new Shrinker(module)), input = inputOf(net, 1), { name } = net.steps[2];
  await eachStep(async () => {
    const calls = [net.runAsync(input), net.runAsync(input)];
    calls[1].catch(() => undefined);
    await fails(calls[0], 'BAD_FILE', /left its memory/);
    assert.equal(net.layer(name).data, (await start()).layer(name, input).data);
    await fails(calls[1], 'BAD_FILE', /left its memory/);
    const third = net.runAsync(input);
    for (let i = 0; i < 4; i++) await turn();
    net.layer(name, input); // what the one under way meets is not told to who comes in between
    await fails(third, 'BAD_FILE', /left its memory/);
  });
});

test('turns come from what a host has', async () => {
  const host = globalThis as { setImmediate?: unknown; MessageChannel?: unknown; navigator?: unknown };
  const { setImmediate, MessageChannel } = globalThis, navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const net = await start(), input = inputOf(net, 1), answer = copied(net.run(input));
  /** Whether timers come before it ends. */
  const lets = async (): Promise<boolean> => {
    let came = false;
    const timer = setTimeout(() => (came = true), 1);
    await eachStep(async () => { for (let i = 0; i < 20; i++) assert.equal(await net.runAsync(input), answer); });
    clearTimeout(timer);
    return came;
  };
  try {
    assert.is(await lets(), true);
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Cloudflare-Workers' }, configurable: true });
    assert.is(await lets(), false, 'in workerd, in one go');
    if (navigator) Object.defineProperty(globalThis, 'navigator', navigator);
    else delete host.navigator;
    delete host.setImmediate;
    assert.is(await lets(), true, 'by messages');
    delete host.MessageChannel;
    assert.is(await lets(), false, 'nothing to turn to');
  } finally {
    Object.assign(globalThis, { setImmediate, MessageChannel });
  }
});

test.run();
