// Checks that kernels keep to the errors that docs/numerics.md states, on every build, and that the page says what is
// measured and leaves out no kernel.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { fixedCells } from '../bench/numerics-page.js';
import type { Build } from '../src/engine.js';
import { testedBuilds } from './builds.js';
import { Errors, differing } from './numerics/error.js';
import { unequalPairs } from './numerics/hosts.js';
import { MEASURES } from './numerics/kernels.js';
import type { Measured } from './numerics/measure.js';
import { measureNetworks } from './numerics/networks.js';
import { FROM_FLOAT64 } from './numerics/shapes.js';
import { sharedIsHere } from './outside-networks.js';

const page = readFileSync('docs/numerics.md', 'utf8'), tested = await testedBuilds();
/** Plain JavaScript is the same on every Node: once is enough. */
const builds: Build[] = tested.includes('scalar') ? [...tested, 'js'] : tested;

function keepsTo({ name, shapes, bound, float, whole, otherBits }: Measured): void {
  for (const build of builds) {
    const error = float[build], what = `${build}: ${name}, ${shapes}`;
    if (error) {
      assert.ok(error.relative <= bound.relative, `${what} is off by ${error.relative} of its row; ${bound.relative} is promised`);
      assert.ok(bound.worst === undefined || error.worst <= bound.worst, `${what} is off by ${error.worst} ulp; ${bound.worst} is promised`);
    }
    assert.is(whole.differing[build] ?? 0, 0, `${what}: ${whole.differing[build]} of ${whole.values} whole values differ`);
  }
  assert.is(otherBits, 0, `${name}, ${shapes}: float32 bits of simd, scalar and js differ`);
}

const measured: Measured[] = [];
for (const [i, measure] of MEASURES.entries()) {
  test(`measure ${i + 1} of ${MEASURES.length} on ${builds.join(', ')}: no further from the exact values than the page says`, async () => {
    const found = await measure(builds);
    measured.push(found);
    keepsTo(found);
    assert.ok(Object.keys(found.float).length || found.whole.values, `${found.name}: something was compared`);
    if (builds.includes('simd')) assert.ok(page.includes(`| ${fixedCells(found).join(' | ')} |`), `${found.name}, ${found.shapes}: the page has other figures; npm run bench numerics kernels`);
  });
}

test(`float32 networks end no further from float64 than ${FROM_FLOAT64} on ${tested.join(', ')}`, async () => {
  const networks = await measureNetworks(tested, () => undefined, ({ exact, name }) => !exact && name !== 'deeplabv3_float'); // that one is too large for naive loops
  for (const { name, exactly } of networks) for (const build of tested) {
    assert.ok(exactly!.ours[build]! <= Number(FROM_FLOAT64), `${build}: ${name} ends ${exactly!.ours[build]} from float64`);
  }
  if (sharedIsHere) assert.ok(networks.length > 8);
  else console.log('NOT RUN: ../shared is absent, so no whole network was compared with float64');
});

test('every kernel that a plan can name ran, and is on the page', () => {
  const names = Object.keys(abi).filter((name) => name.startsWith('OP_')), ran = new Set(measured.flatMap(({ kernels }) => kernels));
  assert.ok(names.length > 20);
  assert.equal(names.filter((name) => !ran.has(name)), []);
  assert.equal(names.filter((name) => !page.includes(`\`${name}\``)), []);
});

test('the page tells of both kinds of networks and of hosts, and of no figure that is missing', () => {
  for (const heading of ['## Hosts', '## Whole networks', 'Integer networks: bytes that differ', 'float32 networks: the greatest difference']) assert.ok(page.includes(heading), heading);
  assert.not.match(page, /undefined|NaN|\{\{/);
});

test('the page says that no two hosts disagreed on an 8-bit answer, nor on an input', () => {
  const rows = [...page.matchAll(/^\| (\S+\.(?:dw|tflite)) \| [\d,]+ \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| \S+ \| [^|]+ \|$/gm)].filter(([, name]) => !/float/.test(name));
  assert.ok(rows.length >= 10, `${rows.length} networks`);
  assert.equal(rows.filter(([, , compared, labels, bytes]) => compared === '0' || labels !== '0' || bytes !== '0').map(([row]) => row), []);
  const asked = [...page.matchAll(/^\| [^|]+ \| [\d.]+ \| [a-z, ]+ \| (?:yes|no|–) \| ([\d,]+) \| (\d+) \|$/gm)];
  assert.ok(asked.length > 0);
  assert.equal(asked.filter(([, answers, inputs]) => answers === '0' || inputs !== '0').map(([row]) => row), []);
});

test('errors are counted in ulp of the exact value and in parts of the row', () => {
  const errors = new Errors();
  errors.add(Float32Array.of(1 + 2 ** -23, 4, 0, -2), Float64Array.of(1, 4, 0, -2 - 2 ** -22 / 2), 2);
  assert.equal(errors.found, { values: 4, median: 0.5, worst: 1, relative: 2 ** -23 / (2 + 2 ** -23) > 2 ** -25 ? 2 ** -23 / (2 + 2 ** -23) : 0 });
  errors.add([NaN], Float64Array.of(1), 1);
  assert.ok(Number.isNaN(errors.found.relative), 'NaN is not lost');
  assert.is(differing([1, 2, 3], [1, 0, 4]), 2);
  assert.is(unequalPairs(['a', 'a', 'b', 'c']), 5);
});

test.run();
