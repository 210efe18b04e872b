// Checks whole models against TensorFlow Lite's reference kernels, Keras, torchvision and timm: integers byte for byte,
// at every layer where a dump exists. It reads ../shared and makes nothing up where that is absent.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../src/formats/safetensors.js';
import { floats } from '../src/formats/graph.js';
import { load } from '../src/load.js';
import type { LoadOptions } from '../src/load.js';
import type { Net, Output } from '../src/net.js';
import { testedBuilds } from './builds.js';

const shared = path.resolve('../shared');
const bytesAt = (...parts: string[]): Uint8Array => new Uint8Array(readFileSync(path.join(...parts)));
const json = (...parts: string[]) => JSON.parse(readFileSync(path.join(...parts), 'utf8'));

function sameBytes({ data }: Output, expected: Uint8Array, what: string): void {
  const got = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  assert.is(got.length, expected.length, `${what}: length`);
  const differ = got.reduce((n, byte, i) => n + Number(byte !== expected[i]), 0);
  assert.is(differ, 0, `${what}: ${differ} of ${got.length} bytes differ`);
}

/** Greatest difference over the greatest magnitude of the reference. */
function closeTo({ data }: Output, expected: Float32Array, tolerance: number, what: string): void {
  assert.is(data.length, expected.length, `${what}: length`);
  const range = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
  const error = expected.reduce((most, x, i) => (Math.abs(x - data[i]) <= most ? most : Math.abs(x - data[i])), 0) / range;
  assert.ok(error <= tolerance, `${what}: relative error ${error}, more than ${tolerance}`);
}

/** int64 indices come as int32. */
const lowHalves = (bytes: Uint8Array): Uint8Array => new Uint8Array(new Int32Array(bytes.slice().buffer).filter((_, i) => i % 2 === 0).buffer);
const asFloats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

async function withNet(bytes: Uint8Array, options: LoadOptions, check: (net: Net) => void): Promise<void> {
  const net = await load(bytes, options);
  check(net);
  net.dispose();
}

interface Case { name: string; input: { file: string } | { file: string }[]; outputs: { file: string; type: string }[] }

function oracle(build: LoadOptions['build'], folder: string): void {
  const dir = path.join(shared, 'oracle', folder), manifest = json(dir, 'manifest.json');
  for (const plan of ['fast', 'small'] as const) test(`${build}: ${folder}, every case, ${plan} plan`, () => withNet(bytesAt(dir, manifest.model), { build, plan }, (net) => {
    for (const { name, input, outputs } of manifest.cases as Case[]) {
      const results = net.run(...[input].flat().map(({ file }) => bytesAt(dir, file)));
      outputs.forEach(({ file, type }, i) => {
        if (type === 'FLOAT32' && !BYTE_EXACT.includes(folder)) closeTo(results[i], asFloats(bytesAt(dir, file)), 1e-5, name);
        else sameBytes(results[i], type === 'INT64' ? lowHalves(bytesAt(dir, file)) : bytesAt(dir, file), name);
      });
    }
  }));
}

interface Layer { name: string; offset: number; bytes: number }

function everyLayer(build: LoadOptions['build'], folder: string): void {
  const dir = path.join(shared, 'oracle', folder);
  test(`${build}: ${folder}, every layer`, () => withNet(bytesAt(dir, json(dir, 'manifest.json').model), { build, plan: 'layers' }, (net) => {
    const layers = json(dir, 'golden_retriever.layers.json') as Layer[], dump = bytesAt(dir, 'golden_retriever.layers.bin');
    net.run(bytesAt(shared, 'oracle/inputs/golden_retriever_224x224_u8.bin'));
    assert.ok(layers.length > 60);
    for (const { name, offset, bytes } of layers) sameBytes(net.layer(name), dump.subarray(offset, offset + bytes), name);
  }));
}

function keras(build: LoadOptions['build']): void {
  const dir = path.join(shared, 'fixtures/keras');
  for (const { model, cases } of json(dir, 'manifest.json')) {
    test(`${build}: ${model}`, () => withNet(bytesAt(dir, model), { build }, (net) => {
      for (const { input, output } of cases) {
        const [result] = net.run(bytesAt(dir, input));
        if (/int8/.test(model)) sameBytes(result, bytesAt(dir, output), input);
        else closeTo(result, asFloats(bytesAt(dir, output)), 1e-4, input);
      }
    }));
  }
}

interface TorchModel { model: string; family: string; width: number | string; resolution: number; timm?: string; cases: { input: string; logits: string; features?: string }[] }

function safetensors(build: LoadOptions['build'], folder: string): void {
  const dir = path.join(shared, 'fixtures', folder);
  for (const { model, family, width, resolution, timm, cases } of json(dir, 'manifest.json') as TorchModel[]) {
    if (family.startsWith('v4')) continue; // not an architecture of this release
    const options: LoadOptions = {
      build, arch: family.replaceAll('_', '-') as LoadOptions['arch'], size: resolution,
      ...(typeof width === 'number' && { alpha: width }), ...(timm?.startsWith('tf_') && { style: 'tf' as const }),
    };
    test(`${build}: ${model}`, () => withNet(bytesAt(dir, model), options, (net) => {
      for (const { input, logits, features } of cases) {
        closeTo(net.run(bytesAt(dir, input))[0], asFloats(bytesAt(dir, logits)), 1e-4, logits);
        if (!features) continue;
        for (const [name, tensor] of readSafetensors(bytesAt(dir, features)).tensors) closeTo(net.layer(name), floats(tensor), 1e-4, name);
      }
    }));
  }
}

/** Integer networks, whose outputs are exact where they are dequantised at the end as well. */
const BYTE_EXACT = ['mobilenet_v1_0.25_128_quant', 'mobilenet_v1_0.75_192_quant', 'mobilenet_v2_1.0_224_quant', 'tf2_mobilenet_v2_1.0_224_ptq', 'mobilenet_v3_small_1.0_224_uint8', 'person_detect_int8', 'movenet_single_pose_lightning_ptq', 'deeplabv3_mnv2_dm05_pascal_quant'];
const DUMPED = ['mobilenet_v2_1.0_224_quant', 'tf2_mobilenet_v2_1.0_224_ptq', 'mobilenet_v3_small_1.0_224_uint8'];

const builds = await testedBuilds();

for (const build of builds) {
  test(`${build}: the embedded weights give the bytes of test/everyday.golden.json`, () => withNet(bytesAt('weights/everyday.dw'), { build }, (net) => {
    const input = Uint8Array.from({ length: 128 * 128 * 3 }, (_, i) => (i * 37) % 256);
    sameBytes(net.run(input)[0], new Uint8Array(Int8Array.from(json('test/everyday.golden.json').output as number[]).buffer), 'output');
  }));
}

if (existsSync(shared)) {
  for (const build of builds) {
    for (const folder of [...BYTE_EXACT, 'mobilenet_v1_0.25_224_float', 'deeplabv3_float']) oracle(build, folder);
    for (const folder of DUMPED) everyLayer(build, folder);
    keras(build);
    safetensors(build, 'torchvision');
    safetensors(build, 'timm');
    test(`${build}: the starter weights`, () => withNet(bytesAt(shared, 'weights/everyday-v3-small.safetensors'), { build }, (net) => {
      closeTo(net.run(bytesAt(shared, 'weights/everyday-v3-small.case0.input.bin'))[0], asFloats(bytesAt(shared, 'weights/everyday-v3-small.case0.logits.bin')), 1e-4, 'logits');
    }));
  }
} else console.log('NOT RUN: ../shared is absent, so no real model was compared with its reference');

test.run();
