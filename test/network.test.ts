// Checks whole models against TensorFlow Lite's reference kernels, Keras, torchvision and timm: integers byte for byte,
// at every layer where a dump exists. It reads ../shared and makes nothing up where that is absent.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { testedBuilds } from './builds.js';
import { bytesOf, floatsOf, outsideNetworks, relativeError, sharedIsHere } from './outside-networks.js';

function sameBytes(got: Uint8Array, expected: Uint8Array, what: string): void {
  assert.is(got.length, expected.length, `${what}: length`);
  const differ = got.reduce((n, byte, i) => n + Number(byte !== expected[i]), 0);
  assert.is(differ, 0, `${what}: ${differ} of ${got.length} bytes differ`);
}

for (const build of await testedBuilds()) {
  test(`${build}: the embedded weights give the bytes of test/everyday.golden.json`, async () => {
    const input = Uint8Array.from({ length: 128 * 128 * 3 }, (_, i) => (i * 37) % 256), net = await load(new Uint8Array(readFileSync('weights/everyday.dw')), { build });
    const golden = JSON.parse(readFileSync('test/everyday.golden.json', 'utf8')).output as number[];
    sameBytes(bytesOf(net.run(input)[0]), new Uint8Array(Int8Array.from(golden).buffer), 'output');
    net.dispose();
  });

  for (const network of outsideNetworks()) for (const plan of network.plans) {
    test(`${build}: ${network.name}, ${plan} plan, as ${network.by}`, async () => {
      const net = await load(network.bytes(), { ...network.options, build, plan });
      let answers = 0;
      for (const answer of network.answers(net)) {
        answers++;
        if (network.exact) sameBytes(bytesOf(answer.got), answer.expected, answer.what);
        else {
          const error = relativeError(answer.got.data, floatsOf(answer.expected));
          assert.ok(error <= network.tolerance, `${answer.what}: relative error ${error}, more than ${network.tolerance}`);
        }
      }
      assert.ok(answers > (plan === 'layers' ? 60 : 0), `${answers} answers`);
      net.dispose();
    });
  }
}

if (!sharedIsHere) console.log('NOT RUN: ../shared is absent, so no real model was compared with its reference');

test.run();
