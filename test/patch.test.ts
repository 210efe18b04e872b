// Checks that a build written as changes of another comes out byte for byte.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { patched } from '../src/patch.js';
import { Random } from './random-graph.js';

const { patchOf } = await import(new URL('../../scripts/patch.mjs', import.meta.url).href) as { patchOf(base: Buffer, target: Buffer): Buffer };

function holds(base: Buffer, target: Buffer, what: string): Buffer {
  const patch = patchOf(base, target);
  assert.equal(Buffer.from(patched(base, patch)).compare(target), 0, what);
  return patch;
}

test('the relaxed build is the simd build and its changes', () => {
  const [simd, relaxed] = ['simd', 'relaxed'].map((name) => readFileSync(`dist/wasm/${name}.wasm`));
  assert.equal(Buffer.from(patched(simd, readFileSync('build/wasm/relaxed.patch'))).compare(relaxed), 0);
  assert.ok(holds(simd, relaxed, 'made anew').length < relaxed.length / 10);
});

test('any file can be made of any other', () => {
  const random = new Random(7), bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => random.below(256)));
  for (let i = 0; i < 200; i++) {
    const base = bytes(random.below(400)), cut = (): Buffer => base.subarray(random.below(base.length + 1), random.below(base.length + 1));
    holds(base, Buffer.concat(Array.from({ length: random.below(6) }, () => (random.below(2) ? cut() : bytes(random.below(300))))), `case ${i}`);
  }
  holds(Buffer.alloc(0), bytes(5), 'of nothing');
  holds(bytes(5), Buffer.alloc(0), 'nothing');
});

test.run();
