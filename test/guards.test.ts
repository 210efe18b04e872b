// Checks that no step of a whole network writes anything but its output and its scratch memory, nor reads what is not its
// own, in any plan and build, with threads, and streamed. `npm run soak -- --guards` does all files in all ways.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import type { Plan } from '../src/plan/plan.js';
import { testedBuilds } from './builds.js';
import { judged, randomNetworks, realNetworks } from './guarded-networks.js';
import type { Guarded, Way } from './guarded-networks.js';

const builds = await testedBuilds(), random = randomNetworks();
/** One or two of each family, float32 and int8. */
const REAL = /^(person_detect|mobilenet_v1_0.25_224_float|tf2_mobilenet_v2|mobilenet_v3_small|keras_v3_large|timm_mobilenetv4|onnx_v3_small_0.5_qdq|torchvision_mobilenet_v3_large|ssd_mobilenet|movenet|deeplabv3_mnv2_dm05)/;
const real = realNetworks().filter(({ name }) => REAL.test(name));
if (!real.length) console.log('NOT RUN: ../shared is absent, so only random networks ran between guard bytes');

async function sound(networks: Guarded[], purposes: ('fast' | 'small' | 'layers')[], way: Way): Promise<void> {
  for (const network of networks) for (const purpose of purposes) {
    const { steps, faults } = await judged(network, purpose, way);
    assert.ok(steps > 0);
    assert.equal(faults, []);
  }
}

for (const build of builds) {
  test(`${build}: random networks of every family, in every plan`, () => sound(random, ['fast', 'small', 'layers'], { build }));
  if (build !== 'scalar') test(`${build}: the same on three threads`, () => sound(random, ['fast', 'small'], { build, threads: 3 }));
}
test(`${builds[0]}: real files`, () => sound(real, ['fast'], { build: builds[0] }));
if (builds.includes('scalar')) test('plain JavaScript: the same in one plan', () => sound(random, ['fast'], { build: 'js' }));
if (builds.includes('scalar')) test('streamed as on a device', () => sound([...random, ...real.filter(({ name }) => /^(person|keras)/.test(name))], ['small'], 'streamed'));

/** The network with a word of one step changed. */
const changed = (network: Guarded, step: number, word: number, by: number): Guarded => ({
  name: 'changed',
  async plan(purpose): Promise<Plan> {
    const plan = await network.plan(purpose), steps = plan.steps.slice();
    steps[step * abi.STEP_WORDS + word] += by;
    return { ...plan, steps };
  },
});

test('a step that writes too much or elsewhere is told, and one that reads what is not its own', async () => {
  const [, network] = random, told = async (step: number, word: number, by: number, way: Way = { build: builds[0] }): Promise<string> => (await judged(changed(network, step, word, by), 'layers', way)).faults.join('\n');
  assert.match(await told(1, abi.DST, 1), /step 1 \(depthwiseConv2d, "t6"\) wrote byte \d+, 0 behind the arena's end/);
  assert.match(await told(1, abi.DST, -1), /step 1 \(depthwiseConv2d, "t6"\) wrote byte \d+, -\d+ behind its output's end/);
  assert.match(await told(1, abi.DST, 1, { build: builds[0], threads: 2 }), /step 1 .* wrote byte/);
  assert.match(await told(2, abi.COUNT, 1), /step 2 \(conv2d, "t9"\) wrote byte \d+, 0 behind its output's end, in "t6", which lives/);
  assert.match(await told(1, abi.OH, 1), /step 1 .* wrote byte \d+/);
  assert.match(await told(1, abi.SRC, 288), /step 1 .* reads bytes that are not its own/);
  assert.match(await told(1, abi.SCRATCH_BYTES, -400), /step 1 .* wrote byte \d+, \d+ behind the arena's end/);
});

test.run();
