// Knows the networks of ../shared whose answers other programs worked out: which file, which input, whose answer, and
// whether it is to be met byte for byte. It runs nothing.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../src/formats/safetensors.js';
import { floats } from '../src/formats/graph.js';
import type { LoadOptions } from '../src/load.js';
import type { Net, Output } from '../src/net.js';

export interface Answer {
  what: string;
  got: Output;
  /** Raw bytes of the answer, as the output's type has them. */
  expected: Uint8Array;
  /** What was run, and which output of the graph this is; none where it is a layer. */
  inputs?: Uint8Array[];
  output?: number;
}

export interface OutsideNetwork {
  name: string;
  /** Whose answers these are. */
  by: string;
  /** Integers, to be the same bytes; otherwise float32 within `tolerance` of the greatest magnitude. */
  exact: boolean;
  tolerance: number;
  options: LoadOptions;
  /** Plans that give all answers; layers lie in memory in plan `layers` only. */
  plans: NonNullable<LoadOptions['plan']>[];
  bytes(): Uint8Array;
  /** Runs the net on each case. An output is a view that the next case overwrites. */
  answers(net: Net): Iterable<Answer>;
}

const shared = path.resolve('../shared');
export const sharedIsHere = existsSync(shared);
const bytesAt = (...parts: string[]): Uint8Array => new Uint8Array(readFileSync(path.join(...parts)));
const json = (...parts: string[]) => JSON.parse(readFileSync(path.join(...parts), 'utf8'));
/** int64 indices come as int32. */
const lowHalves = (bytes: Uint8Array): Uint8Array => new Uint8Array(new Int32Array(bytes.slice().buffer).filter((_, i) => i % 2 === 0).buffer);

/** The only output for the only input. */
const ran = (net: Net, what: string, input: Uint8Array, expected: Uint8Array): Answer => ({ what, got: net.run(input)[0], expected, inputs: [input], output: 0 });

interface Case { name: string; input: { file: string } | { file: string }[]; outputs: { file: string; type: string }[] }

/** `exact`: integer networks, whose outputs are exact where they are dequantised at the end as well. */
function oracle(folder: string, exact: boolean): OutsideNetwork {
  const dir = path.join(shared, 'oracle', folder), manifest = json(dir, 'manifest.json');
  return {
    name: folder, by: 'TensorFlow Lite, reference kernels', exact, tolerance: 1e-5, options: {}, plans: ['fast', 'small'], bytes: () => bytesAt(dir, manifest.model),
    *answers(net) {
      for (const { name, input, outputs } of manifest.cases as Case[]) {
        const inputs = [input].flat().map(({ file }) => bytesAt(dir, file)), results = net.run(...inputs);
        for (const [i, { file, type }] of outputs.entries()) yield { what: name, got: results[i], expected: type === 'INT64' ? lowHalves(bytesAt(dir, file)) : bytesAt(dir, file), inputs, output: i };
      }
    },
  };
}

interface Layer { name: string; offset: number; bytes: number }

function everyLayer(folder: string): OutsideNetwork {
  const dir = path.join(shared, 'oracle', folder);
  return {
    name: `${folder}, every layer`, by: 'TensorFlow Lite, reference kernels', exact: true, tolerance: 0, options: {}, plans: ['layers'], bytes: () => bytesAt(dir, json(dir, 'manifest.json').model),
    *answers(net) {
      const layers = json(dir, 'golden_retriever.layers.json') as Layer[], dump = bytesAt(dir, 'golden_retriever.layers.bin');
      net.run(bytesAt(shared, 'oracle/inputs/golden_retriever_224x224_u8.bin'));
      for (const { name, offset, bytes } of layers) yield { what: name, got: net.layer(name), expected: dump.subarray(offset, offset + bytes) };
    },
  };
}

function keras(): OutsideNetwork[] {
  const dir = path.join(shared, 'fixtures/keras');
  return (json(dir, 'manifest.json') as { model: string; cases: { input: string; output: string }[] }[]).map(({ model, cases }) => ({
    name: model, by: 'TensorFlow Lite, reference kernels', exact: /int8/.test(model), tolerance: 1e-4, options: {}, plans: ['fast'], bytes: () => bytesAt(dir, model),
    *answers(net) {
      for (const { input, output } of cases) yield ran(net, input, bytesAt(dir, input), bytesAt(dir, output));
    },
  }));
}

interface TorchModel { model: string; family: string; width: number | string; resolution: number; timm?: string; cases: { input: string; logits: string; features?: string }[] }

function safetensors(folder: 'torchvision' | 'timm'): OutsideNetwork[] {
  const dir = path.join(shared, 'fixtures', folder);
  return (json(dir, 'manifest.json') as TorchModel[]).map(({ model, family, width, resolution, timm, cases }) => ({
    name: model, by: `${folder}, PyTorch's float32`, exact: false, tolerance: 1e-4, plans: ['fast'], bytes: () => bytesAt(dir, model),
    options: {
      arch: family.replaceAll('_', '-') as LoadOptions['arch'], size: resolution,
      ...(typeof width === 'number' && { alpha: width }), ...(timm?.startsWith('tf_') && { style: 'tf' as const }),
    },
    *answers(net) {
      for (const { input, logits, features } of cases) {
        yield ran(net, logits, bytesAt(dir, input), bytesAt(dir, logits));
        if (!features) continue;
        for (const [name, tensor] of readSafetensors(bytesAt(dir, features)).tensors) yield { what: name, got: net.layer(name), expected: new Uint8Array(Float32Array.from(floats(tensor)).buffer) };
      }
    },
  }));
}

const starter = (): OutsideNetwork => ({
  name: 'everyday-v3-small.safetensors', by: "our training's PyTorch", exact: false, tolerance: 1e-4, options: {}, plans: ['fast'], bytes: () => bytesAt(shared, 'weights/everyday-v3-small.safetensors'),
  *answers(net) {
    yield ran(net, 'logits', bytesAt(shared, 'weights/everyday-v3-small.case0.input.bin'), bytesAt(shared, 'weights/everyday-v3-small.case0.logits.bin'));
  },
});

const INTEGERS = [
  'mobilenet_v1_0.25_128_quant', 'mobilenet_v1_0.75_192_quant', 'mobilenet_v2_1.0_224_quant', 'tf2_mobilenet_v2_1.0_224_ptq', 'mobilenet_v3_small_1.0_224_uint8', 'person_detect_int8',
  'movenet_single_pose_lightning_ptq', 'deeplabv3_mnv2_dm05_pascal_quant', 'ssd_mobilenet_v1_uint8',
];
const DUMPED = ['mobilenet_v2_1.0_224_quant', 'tf2_mobilenet_v2_1.0_224_ptq', 'mobilenet_v3_small_1.0_224_uint8'];

/** All of them; none where ../shared is absent. */
export const outsideNetworks = (): OutsideNetwork[] => (sharedIsHere ? [
  ...INTEGERS.map((folder) => oracle(folder, true)), ...DUMPED.map(everyLayer), ...keras(),
  ...['mobilenet_v1_0.25_224_float', 'deeplabv3_float'].map((folder) => oracle(folder, false)), ...safetensors('torchvision'), ...safetensors('timm'), starter(),
] : []);

export const bytesOf = ({ data }: Output): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

/** Greatest difference over the greatest magnitude of what was wanted; NaN where either holds one. */
export function relativeError(data: ArrayLike<number>, wanted: Float32Array | Float64Array): number {
  if (data.length !== wanted.length) return Infinity;
  let range = 1e-9, error = 0;
  for (let i = 0; i < wanted.length; i++) range = Math.max(range, Math.abs(wanted[i])), error = Math.max(error, Math.abs(wanted[i] - data[i]));
  return error / range;
}
