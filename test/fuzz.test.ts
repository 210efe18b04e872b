// Fuzzes for a minute, tries again what fuzzing found before, and sees that each kind of fault is found (test/fuzz/planted.ts).
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { campaign, replay, table } from './fuzz/campaign.js';
import type { Case } from './fuzz/case.js';
import { bundleWorker } from './fuzz/instrument.js';
import { TARGET_NAMES } from './fuzz/names.js';
import { GUIDED_TOOLS, NATIVE_TOOLS, fuzzNatively, guidedCompiler, hasNativeTools } from './fuzz/native.js';

const SECONDS = 60;
/** Cases that ended in faults once, and what the fault was. Those of real files name a file of ../shared. */
const CASES = (JSON.parse(readFileSync('test/fuzz/cases.json', 'utf8')) as { was: string; case: Case }[]).filter(({ case: { seed } }) => !seed.includes('../shared') || existsSync('../shared'));

const { file, counts } = await bundleWorker();
if (!counts) console.log('NOT GUIDED by coverage: acorn could not be installed');

const FAULTS: [string, RegExp][] = [
  ['throws', /^no DepthwiseError/], ['mumbles', /^no sentence/], ['invents', /^unknown code/], ['traps', /^trap/], ['takes', /^took much memory/], ['waits', /^never ends/], ['hangs', /^hangs/], ['grows', /^dies of memory/], ['works', /^ran$/],
];

test('each kind of fault is found', async () => {
  for (const [seed, found] of FAULTS) {
    const [ended] = await replay(file, [{ target: 'planted', seed, edits: [] }], seed === 'hangs' ? 10_000 : undefined);
    assert.match(ended, found, seed);
  }
});

test('what was found before is no fault any more', async () => {
  const ends = await replay(file, CASES.map((each) => each.case)), wrong = CASES.filter((_, i) => !/^(ran|read|refused)$/.test(ends[i]));
  assert.ok(CASES.length > 20);
  assert.equal(wrong.map((each) => `${JSON.stringify(each)}: ${ends[CASES.indexOf(each)]}`), []);
});

test(`${SECONDS} seconds of fuzzing find nothing`, async () => {
  const report = await campaign({ seconds: SECONDS, targets: TARGET_NAMES, seed: 1, processes: 1 }, file);
  console.log(table(report));
  assert.equal(report.found.map(({ fuzzed, key, what }) => `${key}\n${what}\n${JSON.stringify(fuzzed)}`), []);
  for (const name of TARGET_NAMES) assert.ok(report.counts[name]?.executions > 0, `${name} was tried`);
});

const NATIVE_SECONDS = 15;
if (hasNativeTools()) {
  test(`${NATIVE_SECONDS} seconds of the kernels as C, under AddressSanitizer, find nothing`, () => {
    const clang = guidedCompiler(), { code, said } = fuzzNatively(NATIVE_SECONDS, 1, clang);
    assert.is(code, 0, said);
    const { executions, refused } = JSON.parse(said.trim().split('\n').at(-1)!) as { executions: number; refused: number };
    console.log(`native: ${executions} executions, ${refused} refused, ${clang ? `guided by ${clang}'s libFuzzer` : `NOT GUIDED by coverage. To guide it: ${GUIDED_TOOLS}`}`);
    assert.ok(executions > refused && refused > 0);
  });
} else console.log(`NOT RUN: the kernels as C, under AddressSanitizer. To run: ${NATIVE_TOOLS}`);

test.run();
