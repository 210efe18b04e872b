// Checks that memory stays flat over many runs and many nets, in short, and that the criterion tells leaks that are planted;
// that answers stay the same bytes on cold and warm engines; `npm run soak` does the same at length.
import { rmSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testedBuilds } from './builds.js';
import { faultsOf } from './soak/flat.js';
import type { Sample } from './soak/memory.js';
import { canNarrow, coldAnswers, soakAddressSpace, soakCycles, soakInferences } from './soak/parts.js';
import { bundleProcess } from './soak/start.js';

const INFERENCES = 20_000, CYCLES = 150, LEAKING = 60;
const builds = await testedBuilds();
/** What leaks is no matter of builds: looked at where most of them run. */
const hasMost = builds.includes('scalar');
const file = await bundleProcess();

/** Samples with growth, and noise that repeats. */
const series = (of: (i: number) => Partial<Sample>): Sample[] => Array.from({ length: 40 }, (_, i) =>
  ({ done: i * 100, rss: 100e6 + (i % 7) * 3e5, heap: 10e6 + (i % 5) * 1e5, external: 5e6 + (i % 2) * 4e5, wasm: 1 << 20, memories: 3, threads: 0, listeners: 2, ...of(i) }));

test('noise and a start that grows are flat; a slope of any kind is not', () => {
  assert.equal(faultsOf(series(() => ({}))), []);
  assert.equal(faultsOf(series((i) => ({ heap: 10e6 + Math.min(i, 9) * 1e6 }))), []);
  assert.equal(faultsOf(series((i) => ({ heap: 10e6 + i * 5e4 + (i % 5) * 1e5 }))), ['the JavaScript heap grew by 1.46 MiB over 2900']);
  assert.equal(faultsOf(series((i) => ({ rss: 100e6 + i * 1e6 }))), ['resident memory grew by 27.66 MiB over 2900']);
  assert.equal(faultsOf(series((i) => ({ wasm: (1 << 20) + (i > 30 ? 65536 : 0), memories: i > 30 ? 4 : 3 }))), ['WebAssembly memory grew by 0.06 MiB over 2900', 'the number of WebAssembly memories grew by 1 over 2900']);
  assert.equal(faultsOf(series((i) => ({ listeners: i > 38 ? 3 : 2 }))), ['the number of listeners grew by 1 over 2900']);
  assert.equal(faultsOf(series(() => ({ rss: 600 << 20 }))), ['resident memory reached 600.00 MiB']);
  assert.throws(() => faultsOf(series(() => ({})).slice(0, 6)), /too few/);
});

test(`${INFERENCES} runs by turns: each answer is the first one's, memory is flat, and any fresh process answers the same`, async () => {
  const { said, faults, hash } = await soakInferences(file, INFERENCES);
  console.log(said);
  assert.equal(faults, []);
  const cold = await coldAnswers(file, hash);
  console.log(cold.said);
  assert.equal(cold.faults, []);
  assert.is((await coldAnswers(file, 'another')).faults.length, 4, 'other bytes would be told');
});

if (hasMost) test('a kilobyte that each run keeps is told', async () => {
  const { faults } = await soakInferences(file, INFERENCES / 4, {}, 'a kilobyte');
  assert.match(faults.join('\n'), /memory outside of the heap grew by 3\.\d+ MiB/);
});

test(`${CYCLES} nets loaded and disposed of leave nothing: no memory, no thread, no listener`, async () => {
  const { said, faults } = await soakCycles(file, CYCLES);
  console.log(said);
  assert.equal(faults, []);
});

if (hasMost) test('nets that are kept are told, and so are listeners', async () => {
  const nets = (await soakCycles(file, LEAKING, {}, 'nets')).faults.join('\n');
  for (const what of [/WebAssembly memory grew by [34]\d\.\d+ MiB/, /the number of WebAssembly memories grew by 4\d/, /the number of threads grew by/]) assert.match(nets, what);
  assert.match((await soakCycles(file, LEAKING, {}, 'listeners')).faults.join('\n'), /the number of listeners grew by 4\d/);
});

if (hasMost) test('nets may come and go without gc(), in address space for three memories; kept ones are refused', async () => {
  console.log((await soakAddressSpace(file, CYCLES)).said);
  if (!canNarrow) return;
  const error = await soakAddressSpace(file, 20, {}, 'nets').then(() => undefined, (cause: Error) => cause);
  assert.match(error?.message ?? 'kept nets found room', /DepthwiseError: This model needs \d+ MiB of memory in one piece, which this host does not give/);
});

test.after(() => rmSync(file));
test.run();
