// Knows the command that takes raw tensors in and writes raw tensors out, byte for byte; it interprets none of them.
import path from 'node:path';
import type { Net, Output } from '../net.js';
import { loadOptions, only, parse, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { makeFolder, readBytes, writeWhole } from './files.js';
import { bytes, print } from './report.js';
import { loadWeights } from './weights.js';

/** A copy: what the network answers are views that its next use overwrites. */
function raw({ data, dtype }: Output): Uint8Array {
  if (dtype === 'int64') return new Uint8Array(BigInt64Array.from(data, BigInt).buffer);
  return Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function concatenate(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function writeLayers(net: Net, folder: string): number {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const layers = net.steps.map(({ name, op }) => {
    const layer = net.layer(name);
    const part = raw(layer);
    const { shape, dtype, scale, zeroPoint } = layer;
    const entry = { name, op, shape, dtype, scale, zeroPoint, offset, bytes: part.length };
    parts.push(part);
    offset += part.length;
    return entry;
  });
  writeWhole(path.join(folder, 'layers.bin'), concatenate(parts));
  writeWhole(path.join(folder, 'layers.json'), `${JSON.stringify(layers, null, 1)}\n`);
  return layers.length;
}

export const run: Command = {
  name: 'run',
  summary: 'run raw tensors through a network and write raw tensors',
  help: `depthwise run WEIGHTS --input IN.bin [--input …] --out DIR [options]

  --input FILE     an input tensor's raw bytes, NHWC, little-endian; once per input, in order
  --out DIR        gets output0.bin, output1.bin, …
  --layers         also writes layers.bin (every step's output) and layers.json (where each lies in it)
${WEIGHTS_HELP}

WEIGHTS is a file, an address or zoo:NAME, which \`depthwise list\` names.`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, input: { type: 'string', multiple: true }, out: { type: 'string' }, layers: { type: 'boolean' } });
    const weights = only(parsed, 'weights file');
    const out = parsed.text('out');
    if (!parsed.list('input').length) throw usage('give an input: --input IN.bin.');
    if (!out) throw usage('say where the outputs go: --out DIR.');
    const inputs = parsed.list('input').map((file) => readBytes(file, 'input'));
    const options = loadOptions(parsed);
    // Steps that run as one keep no layers; a .dw file is planned already and shows what it has.
    if (parsed.flag('layers') && !weights.endsWith('.dw')) options.plan ??= 'layers';
    const net = await loadWeights(weights, options);
    const outputs = net.run(...inputs).map((output) => ({ ...output, bytes: raw(output) }));
    makeFolder(out);
    outputs.forEach((output, i) => {
      const file = path.join(out, `output${i}.bin`);
      writeWhole(file, output.bytes);
      print(`${file}  ${output.dtype} ${output.shape.join('x')}  ${bytes(output.bytes.length)}`);
    });
    if (parsed.flag('layers')) print(`${path.join(out, 'layers.bin')}  ${writeLayers(net, out)} layers, listed in layers.json`);
  },
};
