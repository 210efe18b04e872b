// Knows the command that saves any readable weights file as .dw; the formats themselves it does not know.
import path from 'node:path';
import { convert as convertBytes, type ConvertOptions } from '../index.js';
import { archList, loadOptions, oneOf, only, parse, termsOf, usage, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { cSource, flashBytes, identifier } from './c-source.js';
import { writeWhole } from './files.js';
import { bytes, note, print } from './report.js';
import { loadStream, namingFile, openWeights } from './weights.js';

const { build: _build, threads: _threads, ...OPTIONS } = WEIGHTS_OPTIONS;

/** The model as C, with its weights in flash. */
async function writeC(source: string, options: ConvertOptions, out: string): Promise<void> {
  const stream = await loadStream(source, options), name = identifier(path.basename(out, path.extname(out)));
  writeWhole(out, cSource(stream, name, path.basename(source)));
  print(`${out}  dw_model ${name}: ${stream.memoryBytes} bytes of memory (tensors ${stream.arenaBytes}), ${flashBytes(stream)} of flash, beside code and stack`);
  if (stream.info.purpose === 'fast') note('This .dw file was planned to be fast. Made again with --plan small, it needs less memory on a device.');
}

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
  --target T       dw (default), or mcu: a C file for microcontrollers, weights apart from the plan so that
                   they stay in flash, planned small (examples/microcontroller)
  --labels FILE    one label a line, or a JSON list
  --licence TEXT   terms of the weights, kept in the file
  --source TEXT    where they come from, kept in the file

An .onnx file has opset 9 to 21, its weights inside, float32 or quantised as QDQ; its pictures become NHWC.
IN is a file or zoo:NAME, which \`depthwise list\` names; labels and terms come along.`,
  async run(args) {
    const parsed = parse(args, { ...OPTIONS, out: { type: 'string', short: 'o' }, float16: { type: 'boolean' }, target: { type: 'string' }, licence: { type: 'string' }, source: { type: 'string' } });
    const source = only(parsed, 'weights file');
    const out = parsed.text('out');
    if (!out) throw usage('say where to write: -o OUT.dw.');
    if (path.resolve(out) === path.resolve(source)) throw usage('the output would overwrite the input; give another name.');
    const asked = { ...loadOptions(parsed), ...termsOf(parsed) };
    if (oneOf('target', parsed.text('target'), ['dw', 'mcu']) === 'mcu') {
      if (parsed.flag('float16')) throw usage('--float16 is a form of the .dw file; the C file holds weights as the kernels read them.');
      return writeC(source, asked, out);
    }
    const { bytes: input, options } = await openWeights(source, { ...asked, ...(parsed.flag('float16') && { float16: true }) });
    const saved = await namingFile(source, () => convertBytes(input, options));
    writeWhole(out, saved);
    print(`${out}  ${bytes(saved.length)} (from ${bytes(input.length)})`);
  },
};
