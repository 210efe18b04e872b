// Checks the WebAssembly modules as a host without our engine meets them: names, imports, and a step that no kernel does.
import { instantiateSync } from '@assemblyscript/loader';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import relaxed from '../build/wasm/relaxed.wasm';
import scalar from '../build/wasm/scalar.wasm';
import simd from '../build/wasm/simd.wasm';
import { COUNT, DST, OP, OP_FLIP, SRC, STEP_WORDS } from '../assembly/abi.js';
import { testedBuilds } from './builds.js';

interface Door extends Record<string, unknown> {
  build(): number;
  place(steps: number, weights: number, arena: number, scratch: number): void;
  run(first: number, last: number): number;
  widenWeights(dst: number, src: number, count: number, zero: number): void;
  widenToFloat(dst: number, src: number, count: number, zero: number): void;
}

const wasm = { scalar, simd, relaxed };

for (const build of await testedBuilds()) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = instantiateSync<Door>(Buffer.from(wasm[build], 'base64'), { env: { memory } });

  test(`${build}: exports the door and nothing else`, () => {
    const names = WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(wasm[build], 'base64'))).map(({ name }) => name);
    assert.equal(names.filter((name) => name !== 'memory').sort(), ['build', 'place', 'run', 'share', 'sumRows', 'widenToFloat', 'widenWeights', 'writeRow']);
    assert.is(exports.build(), ['scalar', 'simd', 'relaxed'].indexOf(build));
  });

  test(`${build}: runs a step by hand, and stops at one it does not know`, () => {
    const steps = new Int32Array(memory.buffer, 1024, 2 * STEP_WORDS), arena = new Uint8Array(memory.buffer, 4096, 32);
    exports.place(1024, 2048, 4096, 8192);
    Object.assign(steps, { [OP]: OP_FLIP, [SRC]: 0, [DST]: 0, [COUNT]: 19 });
    steps[STEP_WORDS + OP] = 999;
    arena.fill(3);
    assert.is(exports.run(0, 2), 1, 'the number of the unknown step');
    assert.equal(Array.from(arena), Array.from({ length: 32 }, (_, i) => (i < 19 ? 131 : 3)));
  });

  test(`${build}: widens weights of any count and zero point, and nothing after them`, () => {
    const COUNTS = [0, 1, 7, 8, 9, 16, 37], bytes = new Int8Array(memory.buffer, 4096, 64), after = -12345;
    for (let i = 0; i < bytes.length; i++) bytes[i] = i < 2 ? [-128, 127][i] : i * 89;
    for (const zero of [0, 3, -128, 127]) {
      for (const count of COUNTS) {
        const expected = Array.from({ length: count + 8 }, (_, i) => (i < count ? bytes[i] - zero : after));
        const words = new Int16Array(memory.buffer, 8192, count + 8).fill(after), floats = new Float32Array(memory.buffer, 16384, count + 8).fill(after);
        exports.widenWeights(8192, 4096, count, zero);
        exports.widenToFloat(16384, 4096, count, zero);
        assert.equal(Array.from(words), expected, `int16, ${count} less ${zero}`);
        assert.equal(Array.from(floats), expected, `float32, ${count} less ${zero}`);
      }
    }
  });
}

test.run();
