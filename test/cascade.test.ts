// Checks cascades: who answers at the edge of a threshold, what is counted, and what happens when the large one fails or the
// question is cancelled; and that thresholds add up.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cascade, chooseThreshold, thresholds } from '../src/cascade.js';
import type { Asked, CascadeOptions, Escalation } from '../src/cascade.js';
import { DepthwiseError } from '../src/error.js';
import type { Picture } from '../src/image.js';
import { load } from '../src/load.js';
import { testedBuilds } from './builds.js';

const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(`weights/${name}`));
const picture: Picture = { width: 50, height: 40, data: Uint8Array.from({ length: 50 * 40 * 4 }, (_, i) => (i * 2654435761) >>> 24) };
const small = await load(bytes('everyday.dw')), large = await load(bytes('everyday-v1.dw'));
const [first, second] = small.classify(picture);
const answer = [{ index: 0, label: 'something else', score: 1 }];

const refused = async (work: () => unknown, code: string, says: RegExp): Promise<void> => {
  const error = await (async () => work())().then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(error instanceof DepthwiseError, `not refused, or by ${String(error)}`);
  assert.is((error as DepthwiseError).code, code);
  assert.match((error as DepthwiseError).message, says);
};

for (const build of await testedBuilds()) {
  test(`${build}: the small net's answer stands where it is sure, the large one's elsewhere`, async () => {
    const [a, b] = [await load(bytes('everyday.dw'), { build }), await load(bytes('everyday-v1.dw'), { build })];
    const sure = await cascade(a, b, { accept: 0 }).classify(picture, { topK: 3 }), unsure = await cascade(a, b, { accept: 1 }).classify(picture, { topK: 3 });
    assert.equal(sure, { results: a.classify(picture, { topK: 3 }), answeredBy: 'small', escalated: false });
    assert.equal(unsure, { results: b.classify(picture, { topK: 3 }), answeredBy: 'large', escalated: true });
  });
}

test('a score that equals the threshold is enough, and so is a lead that equals the margin', async () => {
  const by = async (options: CascadeOptions): Promise<string> => (await cascade(small, () => answer, options).classify(picture, { topK: 1 })).answeredBy;
  const above = first.score * (1 + 2 ** -24), lead = first.score - second.score;
  assert.ok(first.score > 0 && above > first.score && lead > 0);
  assert.is(await by({ accept: first.score }), 'small');
  assert.is(await by({ accept: above }), 'large');
  assert.is(await by({ accept: 0, margin: lead }), 'small');
  assert.is(await by({ accept: 0, margin: lead * (1 + 2 ** -24) }), 'large');
});

test('results are as many and as likely as asked for, whoever answers; the decision does not depend on that', async () => {
  const all = cascade(small, large, { accept: first.score });
  assert.equal((await all.classify(picture, { topK: 1 })).results, [first]);
  assert.equal((await all.classify(picture, { scoreThreshold: 1 })), { results: [], answeredBy: 'small', escalated: false });
  assert.is((await cascade(small, large, { accept: 1 }).classify(picture, { topK: 2 })).results.length, 2);
});

test('an escalation gets the picture, the small answer and the signal', async () => {
  const { signal } = new AbortController(), calls: unknown[][] = [];
  const escalation: Escalation = async (...call) => (calls.push(call), answer);
  const { results, answeredBy } = await cascade(small, escalation, { accept: 1 }).classify(picture, { signal, topK: 2 });
  assert.is(results, answer);
  assert.is(answeredBy, 'large');
  assert.is(calls.length, 1);
  assert.is(calls[0][0], picture);
  assert.equal(calls[0][1], { signal, small: [first, second] });
});

test('counters count, and multiply-adds add up', async () => {
  const macs = (net: typeof small): number => net.steps.reduce((sum, step) => sum + step.macs, 0);
  const both = cascade(small, large, { accept: first.score });
  await both.classify(picture);
  await both.classify(picture);
  const { smallMs, largeMs, ...counted } = both.counters;
  assert.equal(counted, { asked: 2, accepted: 2, escalated: 0, failed: 0, macsSaved: 2 * (macs(large) - macs(small)) });
  assert.ok(smallMs > 0);
  assert.is(largeMs, 0);
  const never = cascade(small, large, { accept: 1 });
  await never.classify(picture);
  assert.is(never.counters.macsSaved, -macs(small), 'asking both costs more than the large one');
  assert.ok(never.counters.largeMs > 0);
  assert.equal([never.counters.accepted, never.counters.escalated], [0, 1]);
  never.counters.asked = 99;
  assert.is(never.counters.asked, 1, 'a copy');
});

test('when the large one fails, the small answer stands and says so, or the error goes on', async () => {
  const why = new Error('the server is asleep');
  for (const failing of [async () => { throw why; }, () => { throw why; }] as Escalation[]) {
    const kind = cascade(small, failing, { accept: 1 });
    assert.equal(await kind.classify(picture, { topK: 1 }), { results: [first], answeredBy: 'small', escalated: true, failure: why });
    assert.equal([kind.counters.escalated, kind.counters.failed], [1, 1]);
    const strict = cascade(small, failing, { accept: 1, onFailure: 'throw' });
    assert.is(await strict.classify(picture).catch((error: unknown) => error), why);
    assert.is(strict.counters.failed, 1);
  }
  const strange = await cascade(small, (async () => ({ label: 'cat' })) as unknown as Escalation, { accept: 1 }).classify(picture);
  assert.match((strange.failure as DepthwiseError).message, /best first/);
});

test('a question is cancelled at any time, whether or not the server listens, and that is no failure', async () => {
  const never: Escalation = () => new Promise(() => undefined), deaf = cascade(small, never, { accept: 1 }), controller = new AbortController();
  await refused(() => deaf.classify(picture, { signal: AbortSignal.abort() }), 'ABORTED', /cancelled/);
  assert.is(deaf.counters.asked, 0);
  setTimeout(() => controller.abort(), 10);
  await refused(() => deaf.classify(picture, { signal: controller.signal }), 'ABORTED', /cancelled/);
  assert.equal([deaf.counters.escalated, deaf.counters.failed], [1, 0]);
  const during = new AbortController(), hears: Escalation = async (_, { signal }) => { during.abort(); signal!.throwIfAborted(); return answer; };
  await refused(() => cascade(small, hears, { accept: 1, onFailure: 'throw' }).classify(picture, { signal: during.signal }), 'ABORTED', /cancelled/);
});

test('thresholds, failure rules and nets that make no sense are refused', async () => {
  for (const accept of [-0.1, 1.1, NaN, '0.5' as unknown as number]) await refused(() => cascade(small, large, { accept }), 'BAD_INPUT', /accept is a score/);
  await refused(() => cascade(small, large, { accept: 0.5, margin: 2 }), 'BAD_INPUT', /margin is a score/);
  await refused(() => cascade(small, large, { accept: 0.5, onFailure: 'retry' as 'throw' }), 'BAD_INPUT', /onFailure/);
  const other = await load(bytes('everyday.dw'), { labels: Array.from({ length: 100 }, (_, i) => `class ${i}`) });
  await refused(() => cascade(small, other, { accept: 0.5 }), 'BAD_INPUT', /no label in common/);
  await refused(() => cascade(small, large, { accept: 0.5 }).classify({ width: 0, height: 0, data: new Uint8Array(0) }), 'BAD_IMAGE', /nothing/);
});

/** Four pictures: the small network is right about the second and the fourth, the large one about the first three. */
const SAID: Asked[] = [
  { score: 0.3, second: 0.25, smallRight: false, largeRight: true, smallMs: 1, largeMs: 4 },
  { score: 0.5, second: 0.1, smallRight: true, largeRight: true, smallMs: 1, largeMs: 4 },
  { score: 0.6, second: 0.3, smallRight: false, largeRight: true, smallMs: 1, largeMs: 4 },
  { score: 0.9, second: 0.1, smallRight: true, largeRight: false, smallMs: 1, largeMs: 4 },
];

test('what a threshold gives is counted by hand', () => {
  assert.equal(thresholds(SAID, { at: [0, 0.5, 0.7, 0.9, 1] }), [
    { accept: 0, accuracy: 0.5, small: 1, ms: 1 },
    { accept: 0.5, accuracy: 0.75, small: 0.75, ms: 2 },
    { accept: 0.7, accuracy: 1, small: 0.25, ms: 4 },
    { accept: 0.9, accuracy: 1, small: 0.25, ms: 4 },
    { accept: 1, accuracy: 0.75, small: 0, ms: 5 },
  ]);
  assert.equal(thresholds(SAID, { at: [0], margin: 0.4 }), [{ accept: 0, accuracy: 1, small: 0.5, ms: 3 }]);
  assert.is(thresholds(SAID).length, 21);
});

test('the fastest threshold that is accurate enough is chosen', () => {
  assert.equal(chooseThreshold(SAID, { targetAccuracy: 0.75 }), { accept: 0.35, accuracy: 0.75, small: 0.75, ms: 2 });
  assert.is(chooseThreshold(SAID).accuracy, 1);
  assert.is(chooseThreshold(SAID, { targetAccuracy: 0 }).accept, 0);
  assert.throws(() => chooseThreshold(SAID.slice(0, 2), { targetAccuracy: 1.01 }), (error: unknown) => error instanceof DepthwiseError && /best is 1.0000 on these 2/.test(error.message));
  assert.throws(() => chooseThreshold([]), (error: unknown) => error instanceof DepthwiseError && /no labelled picture/.test(error.message));
});

test.run();
