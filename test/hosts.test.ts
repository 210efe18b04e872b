// Checks every host that is on this machine with the suite of test/hosts/, from the packed tarball; a host that is missing
// is skipped and named with the command that installs it. And checks that the suite itself would notice.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as depthwise from '../src/index.js';
import { prepareApp, storedVector } from './hosts/app.js';
import { HOSTS } from './hosts/hosts.js';
import type { Host } from './hosts/hosts.js';
import { HEAD, disagreements, row, runHost } from './hosts/run.js';
import type { Result } from './hosts/run.js';
import { suite } from './hosts/suite.js';
import type { Vector } from './hosts/suite.js';
import { everydayVector, material, referenceVector } from './hosts/vectors.js';

const stored = JSON.parse(storedVector()) as Vector;
const weights = new Uint8Array(readFileSync('weights/everyday.dw'));

test('the stored vector is what the naive reference computes, and the scalar build of the starter weights', async () => {
  const { int8, float32 } = referenceVector();
  assert.equal(stored.int8, int8);
  assert.equal(stored.float32, float32);
  assert.equal(stored.everyday, await everydayVector(), 'new weights? npm run test:hosts -- --vector');
});

test('the suite notices one other byte, one other logit, another label and a library that accepts mistakes', async () => {
  const other = structuredClone(stored), [name] = Object.keys(other.int8.v2), { logits } = other.float32;
  other.int8.v2[name] = other.int8.v2[name].replace(/./, (c) => (c === '0' ? '1' : '0'));
  logits[3] += 1e-4 * Math.max(...logits.map(Math.abs));
  other.everyday.labels[2].label += '?';
  const load: typeof depthwise.load = async (source, options) => {
    if (options?.build === 'js') throw new depthwise.DepthwiseError('NO_BUILD', 'Left out here.');
    return depthwise.load((source as Uint8Array)?.length === 0 ? weights : source, options);
  };
  const lenient = { ...depthwise, availableBuilds: async () => ['simd' as const], load };
  const { checks } = await suite(lenient, weights, await material(), other);
  assert.equal(checks.filter(({ ok }) => !ok).map((check) => check.name), ['simd: every layer of int8 v2', 'simd: classify', 'simd: float32 logits', 'bad input: empty file']);
});

test('a host with other bytes, without a due build, or that does not answer, fails', async () => {
  const report = { checks: [], builds: ['simd'], int8: { simd: 'a' }, float32: { simd: 'f' }, first: { simd: '1 2' }, threads: '1' };
  const host = (name: string, int8: string, float32: string, first = '1 2'): Host => ({
    name, builds: ['simd', 'scalar'], missing: () => [], run: async () => ({ version: '1', report: { ...report, int8: { simd: int8 }, float32: { simd: float32 }, first: { simd: first } } }),
  });
  const results = await Promise.all([host('one', 'a', 'f'), host('two', 'b', 'f')].map(runHost));
  assert.match(results[0].failures.join(), 'it ran simd; simd, scalar were due');
  assert.match(disagreements(results).join(), 'int8 bytes differ between hosts: a one; b two');
  assert.match(disagreements(await Promise.all([host('one', 'a', 'f'), host('two', 'a', 'g')].map(runHost))).join(), 'float32 bits of js, scalar and simd differ');
  assert.match(disagreements(await Promise.all([host('one', 'a', 'f'), host('two', 'a', 'f', '1 3')].map(runHost))).join(), 'first labels differ between hosts: 1 2 one; 1 3 two');
  assert.equal(disagreements([results[0], results[0]]), []);
  const silent = await runHost({ ...host('three', 'a', 'f'), run: () => Promise.reject(new Error('no answer')) });
  assert.equal(silent.failures, ['no answer']);
});

await prepareApp();
const results: Result[] = [], rows: string[] = [HEAD];
for (const host of HOSTS) {
  const missing = host.missing();
  if (missing.length) {
    rows.push(row({ host, missing, failures: [], seconds: 0 }));
    test.skip(host.name);
    continue;
  }
  test(host.name, async () => {
    const result = await runHost(host);
    results.push(result);
    rows.push(row(result));
    assert.equal(result.failures, []);
  });
}

test('all hosts and builds give the same int8 bytes, and all but relaxed the same float32 bits', () => {
  console.log(`\n${rows.join('\n')}`);
  assert.ok(results.some(({ report }) => report), 'no host ran');
  assert.equal(disagreements(results), []);
});

test.run();
