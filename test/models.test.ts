// Checks the model builder: parameter counts, the same weights under Keras names, and what it says of wrong files.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DepthwiseError } from '../src/error.js';
import { compile } from '../src/compile/plan.js';
import { elements, floats } from '../src/formats/graph.js';
import type { Tensor } from '../src/formats/graph.js';
import { readSafetensors } from '../src/formats/safetensors.js';
import { modelFromSafetensors } from '../src/models/build.js';
import type { ModelOptions } from '../src/models/build.js';
import { Random } from './random-graph.js';

const shared = path.resolve('../shared/fixtures'), has = existsSync(shared);
if (!has) console.log('NOT RUN: ../shared is absent, so no fixture of torchvision or timm was built');

function write(tensors: Iterable<[string, { shape: number[]; values: Float32Array }]>, metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }, parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + values.byteLength] };
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    at += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), bytes = new Uint8Array(8 + text.length + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let to = 8 + text.length;
  for (const part of parts) {
    bytes.set(part, to);
    to += part.length;
  }
  return bytes;
}

/** A MobileNetV1 of `width` channels in timm's names, with random values. */
function timmV1(width: number): Map<string, { shape: number[]; values: Float32Array }> {
  const random = new Random(3), tensors = new Map<string, { shape: number[]; values: Float32Array }>();
  const add = (name: string, shape: number[], low = -0.5): void => {
    tensors.set(name, { shape, values: Float32Array.from({ length: elements(shape) }, () => random.between(low, 0.5)) });
  };
  const norm = (name: string, c: number): void => {
    for (const part of ['weight', 'bias', 'running_mean']) add(`${name}.${part}`, [c]);
    add(`${name}.running_var`, [c], 0.1);
  };
  const outs = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024].map((c) => (c * width) / 32);
  add('conv_stem.weight', [width, 3, 3, 3]);
  norm('bn1', width);
  let c = width, i = 0;
  [1, 2, 2, 6, 2].forEach((repeat, stage) => {
    for (let b = 0; b < repeat; b++, c = outs[i++]) {
      const prefix = `blocks.${stage}.${b}`;
      add(`${prefix}.conv_dw.weight`, [c, 1, 3, 3]);
      norm(`${prefix}.bn1`, c);
      add(`${prefix}.conv_pw.weight`, [outs[i], c, 1, 1]);
      norm(`${prefix}.bn2`, outs[i]);
    }
  });
  add('classifier.weight', [10, c]);
  add('classifier.bias', [10]);
  return tensors;
}

const transposed = (shape: number[], values: Float32Array, order: number[]): { shape: number[]; values: Float32Array } => {
  const sizes = order.map((d) => shape[d]);
  return {
    shape: sizes,
    values: Float32Array.from(values, (_, i) => {
      const index: number[] = [];
      for (let d = order.length - 1, rest = i; d >= 0; rest = Math.floor(rest / sizes[d--])) index[order[d]] = rest % sizes[d];
      return values[index.reduce((at, n, d) => at * shape[d] + n, 0)];
    }),
  };
};

/** The same network as Keras names and lays it out. */
function asKeras(tensors: ReturnType<typeof timmV1>): ReturnType<typeof timmV1> {
  const repeats = [1, 2, 2, 6, 2], norms: Record<string, string> = { weight: 'gamma', bias: 'beta', running_mean: 'moving_mean', running_var: 'moving_variance' };
  const renamed: ReturnType<typeof timmV1> = new Map();
  for (const [name, { shape, values }] of tensors) {
    const [, stage, b, part, kind] = /^blocks\.(\d)\.(\d)\.(\w+)\.(\w+)$/.exec(name) ?? [];
    const i = stage ? repeats.slice(0, Number(stage)).reduce((a, n) => a + n, 0) + Number(b) + 1 : 0;
    if (part === 'conv_dw') renamed.set(`conv_dw_${i}/kernel`, transposed(shape, values, [2, 3, 0, 1]));
    else if (part === 'conv_pw') renamed.set(`conv_pw_${i}/kernel`, transposed(shape, values, [2, 3, 1, 0]));
    else if (part) renamed.set(`conv_${part === 'bn1' ? 'dw' : 'pw'}_${i}_bn/${norms[kind]}`, { shape, values });
    else if (name === 'conv_stem.weight') renamed.set('conv1/kernel', transposed(shape, values, [2, 3, 1, 0]));
    else if (name === 'classifier.weight') renamed.set('conv_preds/kernel', { ...transposed(shape, values, [1, 0]), shape: [1, 1, shape[1], shape[0]] });
    else if (name === 'classifier.bias') renamed.set('conv_preds/bias', { shape, values });
    else renamed.set(`conv1_bn/${norms[name.split('.')[1]]}`, { shape, values });
  }
  return renamed;
}

type V4Row = [start: number, middle: number, expand: number, out: number];

/** Channels of MobileNetV4 (Qin et al. 2024), written down apart from src/models/v4.ts. */
const V4: Record<string, { stem: number; fused: number; stages: V4Row[][]; size: number; parameters: number; macs: number }> = {
  'v4-conv-medium': {
    stem: 32, fused: 48, size: 256, parameters: 9_715_512, macs: 1080,
    stages: [
      [[3, 5, 192, 80], [3, 3, 160, 80]],
      [[3, 5, 480, 160], [3, 3, 640, 160], [3, 3, 640, 160], [3, 5, 640, 160], [3, 3, 640, 160], [3, 0, 640, 160], [0, 0, 320, 160], [3, 0, 640, 160]],
      [[5, 5, 960, 256], [5, 5, 1024, 256], [3, 5, 1024, 256], [3, 5, 1024, 256], [0, 0, 1024, 256], [3, 0, 1024, 256], [3, 5, 512, 256], [5, 5, 1024, 256],
        [0, 0, 1024, 256], [0, 0, 1024, 256], [5, 0, 512, 256]],
    ],
  },
  'v4-conv-large': {
    stem: 24, fused: 48, size: 384, parameters: 32_590_864, macs: 6376,
    stages: [
      [[3, 5, 192, 96], [3, 3, 384, 96]],
      [[3, 5, 384, 192], [3, 3, 768, 192], [3, 3, 768, 192], [3, 3, 768, 192], [3, 5, 768, 192], [5, 3, 768, 192], [5, 3, 768, 192], [5, 3, 768, 192], [5, 3, 768, 192],
        [5, 3, 768, 192], [3, 0, 768, 192]],
      [[5, 5, 768, 512], [5, 5, 2048, 512], [5, 5, 2048, 512], [5, 5, 2048, 512], [5, 0, 2048, 512], [5, 3, 2048, 512], [5, 0, 2048, 512], [5, 0, 2048, 512],
        [5, 3, 2048, 512], [5, 5, 2048, 512], [5, 0, 2048, 512], [5, 0, 2048, 512], [5, 0, 2048, 512]],
    ],
  },
};

/** A V4 of zeros in timm's names: for shapes and counts only. */
function timmV4({ stem, fused, stages }: (typeof V4)[string]): Map<string, { shape: number[]; values: Float32Array }> {
  const tensors = new Map<string, { shape: number[]; values: Float32Array }>();
  const add = (name: string, shape: number[]): void => void tensors.set(name, { shape, values: new Float32Array(elements(shape)) });
  const conv = (name: string, shape: number[], norm: string): void => {
    add(`${name}.weight`, shape);
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) add(`${norm}.${part}`, [shape[0]]);
  };
  conv('conv_stem', [stem, 3, 3, 3], 'bn1');
  conv('blocks.0.0.conv_exp', [stem * 4, stem, 3, 3], 'blocks.0.0.bn1');
  conv('blocks.0.0.conv_pwl', [fused, stem * 4, 1, 1], 'blocks.0.0.bn2');
  let c = fused;
  stages.forEach((rows, stage) => rows.forEach(([start, middle, expand, out], i) => {
    const part = (role: string, shape: number[]): void => conv(`blocks.${stage + 1}.${i}.${role}.conv`, shape, `blocks.${stage + 1}.${i}.${role}.bn`);
    if (start) part('dw_start', [c, 1, start, start]);
    part('pw_exp', [expand, c, 1, 1]);
    if (middle) part('dw_mid', [expand, 1, middle, middle]);
    part('pw_proj', [out, expand, 1, 1]);
    c = out;
  }));
  conv('blocks.4.0.conv', [960, c, 1, 1], 'blocks.4.0.bn1');
  conv('conv_head', [1280, 960, 1, 1], 'norm_head');
  add('classifier.weight', [1000, 1280]);
  add('classifier.bias', [1000]);
  return tensors;
}

for (const [arch, table] of Object.entries(V4)) {
  test(`${arch} is recognised and has the published parameters and multiply-adds`, () => {
    const tensors = timmV4(table);
    const parameters = [...tensors].filter(([name]) => !name.includes('running')).reduce((sum, [, { values }]) => sum + values.length, 0);
    assert.is(parameters, table.parameters);
    const graph = modelFromSafetensors(write(tensors), { size: table.size, alpha: 1 });
    assert.is(graph.about.name, `MobileNet ${arch}`);
    const macs = graph.operators.reduce((sum, { attributes: { kind }, inputs, outputs }) => {
      const weights = graph.tensors[inputs[1]]?.shape, out = elements(graph.tensors[outputs[0]].shape);
      return sum + (kind === 'conv2d' || kind === 'fullyConnected' ? out * elements(weights.slice(1)) : kind === 'depthwiseConv2d' ? out * weights[1] * weights[2] : 0);
    }, 0);
    assert.is(Math.round(macs / 1e6), table.macs);
  });
}

const constants = (bytes: Uint8Array, options: ModelOptions): number[][] =>
  modelFromSafetensors(bytes, options).tensors.filter((tensor: Tensor) => tensor.data).map((tensor) => Array.from(floats(tensor)));

const refuses = (code: string, bytes: Uint8Array, options: ModelOptions = {}): string => {
  try {
    modelFromSafetensors(bytes, options);
  } catch (error) {
    assert.ok(error instanceof DepthwiseError && error.code === code, String(error));
    return (error as Error).message;
  }
  throw new Error(`expected ${code}`);
};

test('Keras names and layouts give the same weights as timm names', () => {
  const tensors = timmV1(8), options: ModelOptions = { size: 32, style: 'tf' };
  assert.equal(constants(write(asKeras(tensors)), options), constants(write(tensors), options));
  compile(modelFromSafetensors(write(asKeras(tensors)), options));
});

test('alpha is checked against the file', () => {
  const bytes = write(timmV1(8));
  modelFromSafetensors(bytes, { alpha: 0.25, size: 32 });
  assert.match(refuses('BAD_INPUT', bytes, { alpha: 0.5, size: 32 }), /alpha 0.25/);
});

test('a missing tensor, a wrong shape and foreign names are named', () => {
  const tensors = timmV1(8);
  tensors.delete('blocks.3.2.bn1.running_mean');
  assert.match(refuses('BAD_FILE', write(tensors)), /blocks\.3\.2\.bn1\.running_mean/);
  const misshapen = timmV1(8);
  misshapen.set('classifier.weight', { shape: [10, 3], values: new Float32Array(30) });
  assert.match(refuses('BAD_FILE', write(misshapen)), /classifier\.weight.*\[10,3\]/);
  assert.match(refuses('UNSUPPORTED', write([['encoder.layer.0', { shape: [1], values: new Float32Array(1) }]])), /encoder\.layer\.0/);
  refuses('BAD_INPUT', write(timmV1(8)), { arch: 'v9' as 'v1' });
  refuses('BAD_INPUT', write(timmV1(8)), { size: 0 });
});

test('labels and preprocessing come from the metadata', () => {
  const graph = modelFromSafetensors(write(timmV1(8), { labels: '["a","b"]', preprocessing: '{"crop":"centre square","scale":"x / 127.5 - 1"}', resolution: '64' }));
  assert.equal(graph.labels, ['a', 'b']);
  assert.equal(graph.preprocessing, { fit: 'centre', crop: 1, mean: [127.5], std: [127.5] });
  assert.equal(graph.tensors[graph.inputs[0]].shape, [1, 64, 64, 3]);
});

if (has) {
  for (const folder of ['torchvision', 'timm']) {
    for (const { model, params } of JSON.parse(readFileSync(path.join(shared, folder, 'manifest.json'), 'utf8'))) {
      test(`${model} has ${params} parameters`, () => {
        const bytes = new Uint8Array(readFileSync(path.join(shared, folder, model)));
        const graph = modelFromSafetensors(bytes, { size: 96 }), names = new Set(graph.tensors.filter(({ data }) => data).map(({ name }) => name));
        const used = [...readSafetensors(bytes).tensors].filter(([name]) => names.has(name) && !/running_|num_batches/.test(name));
        assert.is(used.reduce((sum, [, { shape }]) => sum + elements(shape), 0), params);
      });
    }
  }
}

test.run();
