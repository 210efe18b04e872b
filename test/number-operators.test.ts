// Checks operators on whole numbers, quotients, slices and picks against TensorFlow Lite's reference kernels: every byte of
// every case of test/vectors/number-operators.json, on every build.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { testedBuilds } from './builds.js';

interface Case { name: string; model: string; inputs: string[]; outputs: string[] }

const cases = JSON.parse(readFileSync('test/vectors/number-operators.json', 'utf8')) as Case[];
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

for (const build of [...await testedBuilds(), 'js'] as const) {
  for (const plan of ['fast', 'layers'] as const) {
    test(`${build}, plan ${plan}: ${cases.length} cases of TensorFlow Lite`, async () => {
      for (const { name, model, inputs, outputs } of cases) {
        const net = await load(bytes(model), { build, plan });
        const got = net.run(...inputs.map(bytes)).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        assert.is(got.length, outputs.length, name);
        outputs.forEach((output, i) => assert.equal(Buffer.from(got[i]), Buffer.from(bytes(output)), `${name}, output ${i}`));
        net.dispose();
      }
    });
  }
}

test.run();
