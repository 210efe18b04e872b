// Checks LR-ASPP and DeepLabV3 on MobileNetV3-Large against torchvision, whole networks with weights that both sides make.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { modelFromSafetensors } from '../src/models/build.js';
import { testedBuilds } from './builds.js';
import { hashed, hashedSafetensors } from './hashed-weights.js';

interface Model { shapes: Record<string, number[]>; scores: string }

const { size, every, models } = JSON.parse(readFileSync('test/vectors/segmentation-torchvision.json', 'utf8')) as { size: number; every: number; models: Record<string, Model> };

const builds = await testedBuilds();

for (const [arch, { shapes, scores }] of Object.entries(models)) {
  const bytes = hashedSafetensors(shapes);
  for (const build of builds) {
    test(`${build}: ${arch} gives torchvision's scores`, async () => {
      const net = await load(bytes, { build, size });
      assert.equal([net.about.name, net.outputs[0].shape], [`MobileNet ${arch}`, [1, size, size, 4]]);
      const [{ data }] = net.run(Float32Array.from(hashed('input', size * size * 3), (v) => v * 2));
      const expected = new Float32Array(new Uint8Array(Buffer.from(scores, 'base64')).buffer), across = Math.ceil(size / every);
      assert.is(expected.length, across * across * 4);
      const range = Math.max(...expected.map(Math.abs));
      assert.ok(range > 0.5, 'scores that say something');
      expected.forEach((value, i) => {
        const pixel = Math.floor(i / 4), got = data[(Math.floor(pixel / across) * every * size + (pixel % across) * every) * 4 + (i % 4)];
        assert.ok(Math.abs(got - value) <= 1e-4 * range, `value ${i}: ${got}, not ${value}`);
      });
      net.dispose();
    });
  }
}

test('they look at the whole picture at 520 pixels, and a file of other layers is refused by name', () => {
  const { shapes } = models['lraspp-v3-large'], bytes = hashedSafetensors(shapes), graph = modelFromSafetensors(bytes);
  assert.equal(graph.tensors[graph.inputs[0]].shape, [1, 520, 520, 3]);
  assert.is(graph.preprocessing!.fit, 'stretch');
  assert.throws(() => modelFromSafetensors(bytes, { arch: 'deeplabv3-v3-large' }), /no tensor "classifier.0.convs.0.0.weight"/);
  const { 'classifier.scale.1.weight': _gone, ...rest } = shapes;
  assert.throws(() => modelFromSafetensors(hashedSafetensors(rest)), /no tensor "classifier.scale.1.weight"/);
  assert.throws(() => modelFromSafetensors(bytes, { alpha: 0.5 }), /alpha 0.5 gives the last block of lraspp-v3-large 80 channels, but the file has 160/);
});

test.run();
