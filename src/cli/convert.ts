// Knows the command that saves any readable weights file as .dw; the formats themselves it does not know.
import path from 'node:path';
import { convert as convertBytes } from '../index.js';
import { archList, loadOptions, only, parse, termsOf, usage, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { writeWhole } from './files.js';
import { bytes, print } from './report.js';
import { namingFile, openWeights } from './weights.js';

const { build: _build, threads: _threads, ...OPTIONS } = WEIGHTS_OPTIONS;

export const convert: Command = {
  name: 'convert',
  summary: 'save .tflite, .onnx or .safetensors weights as .dw',
  help: `depthwise convert IN -o OUT.dw [options]

  -o, --out FILE   the .dw file to write
  --arch A         for .safetensors that do not tell:
${archList()}
  --alpha X        width multiplier; read from the file's shapes and checked when given
  --size N         pixels a side of the input; for .onnx where the file leaves it open
  --style S        torch (default) or tf padding, for .safetensors
  --float16        store float32 weights as float16: half the file, the same answers to 3 digits
  --plan P         fast (default), small (least memory) or layers (every layer kept)
  --labels FILE    one label a line, or a JSON list
  --licence TEXT   terms of the weights, kept in the file
  --source TEXT    where they come from, kept in the file

An .onnx file has opset 9 to 21, its weights inside, float32 or quantised as QDQ; its pictures become NHWC.
IN is a file or zoo:NAME, which \`depthwise list\` names; labels and terms come along.`,
  async run(args) {
    const parsed = parse(args, { ...OPTIONS, out: { type: 'string', short: 'o' }, float16: { type: 'boolean' }, licence: { type: 'string' }, source: { type: 'string' } });
    const source = only(parsed, 'weights file');
    const out = parsed.text('out');
    if (!out) throw usage('say where to write: -o OUT.dw.');
    if (path.resolve(out) === path.resolve(source)) throw usage('the output would overwrite the input; give another name.');
    const { bytes: input, options } = await openWeights(source, { ...loadOptions(parsed), ...(parsed.flag('float16') && { float16: true }), ...termsOf(parsed) });
    const saved = await namingFile(source, () => convertBytes(input, options));
    writeWhole(out, saved);
    print(`${out}  ${bytes(saved.length)} (from ${bytes(input.length)})`);
  },
};
