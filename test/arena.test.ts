// Checks the arena planner: live buffers never overlap, plans are deterministic and near the lower bound.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lowerBound, overlaps, planArena } from '../src/compile/arena.js';
import type { Life } from '../src/compile/arena.js';
import { compile } from '../src/compile/plan.js';
import { randomModel } from '../bench/random-model.js';

let state = 7;
const random = (n: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n;

function randomLives(): Life[] {
  return Array.from({ length: 2 + random(40) }, () => {
    const first = random(30);
    return { bytes: 1 + random(5000), first, last: first + random(8) };
  });
}

test('no two buffers that live at the same time share a byte', () => {
  for (let round = 0; round < 300; round++) {
    const lives = randomLives(), gap = random(2) * 64;
    const { offsets, bytes } = planArena(lives, gap);
    lives.forEach((a, i) => {
      assert.is(offsets[i] % 16, 0);
      assert.ok(offsets[i] + a.bytes + gap <= bytes);
      for (let j = 0; j < i; j++) {
        const apart = offsets[i] + a.bytes + gap <= offsets[j] || offsets[j] + lives[j].bytes + gap <= offsets[i];
        assert.ok(apart || !overlaps(a, lives[j]), `buffers ${i} and ${j} overlap`);
      }
    });
  }
});

test('the same lives give the same plan, never below the lower bound', () => {
  const lives = randomLives();
  const plan = planArena(lives);
  assert.equal(planArena(lives), plan);
  assert.ok(plan.bytes >= lowerBound(lives));
});

for (const family of ['v1', 'v2', 'v3-small', 'v3-large'] as const) {
  test(`${family}: the arena is within 5 % of its lower bound`, () => {
    const plan = compile(randomModel(family, 'int8', 0.25, 96));
    assert.ok(plan.arenaBytes <= plan.info.arenaLowerBound * 1.05, `${plan.arenaBytes} bytes, bound ${plan.info.arenaLowerBound}`);
  });
}

test.run();
