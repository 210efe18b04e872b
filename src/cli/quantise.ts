// Knows the command that makes float32 weights int8 with the pictures of a folder; how that is done it does not know.
import path from 'node:path';
import { quantise as quantiseBytes } from '../quantise.js';
import { loadOptions, only, parse, termsOf, usage, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { decode } from './decode.js';
import { readBytes, writeWhole } from './files.js';
import { picturesUnder } from './photos.js';
import { bytes, print, progress } from './report.js';
import { namingFile, openWeights } from './weights.js';

const { build: _build, threads: _threads, ...OPTIONS } = WEIGHTS_OPTIONS;
const MOST_PICTURES = 256;

/** Evenly thinned to at most as many as asked for. */
function thinned(pictures: string[], most: number): string[] {
  const count = Math.min(most, pictures.length);
  return Array.from({ length: count }, (_, i) => pictures[Math.floor((i * pictures.length) / count)]);
}

async function* decoded(files: string[]): AsyncGenerator<Awaited<ReturnType<typeof decode>>> {
  for (const [i, file] of files.entries()) {
    progress('reading pictures', i, files.length);
    yield await decode(readBytes(file, 'picture'), file);
  }
}

export const quantise: Command = {
  name: 'quantise',
  summary: 'make float32 weights int8 with a folder of pictures',
  help: `depthwise quantise IN --images DIR -o OUT.dw [options]

  --images DIR     JPEG, PNG and BMP pictures, anywhere under it, like those the model is for; no labels
                   are needed. 16 do, 100 are better; of more than ${MOST_PICTURES} every so many-th is taken
  -o, --out FILE   the int8 .dw file to write
  --arch A         what a .safetensors file holds, as for convert; also --alpha X, --size N, --style S
  --plan P         fast (default), small (least memory) or layers (every layer kept)
  --labels FILE    one label a line, or a JSON list
  --licence TEXT   terms of the weights, kept in the file
  --source TEXT    where they come from, kept in the file

IN is a float32 .tflite, .safetensors or .onnx file. The same file and pictures give the same bytes.`,
  async run(args) {
    const parsed = parse(args, { ...OPTIONS, images: { type: 'string' }, out: { type: 'string', short: 'o' }, licence: { type: 'string' }, source: { type: 'string' } });
    const source = only(parsed, 'weights file'), folder = parsed.text('images'), out = parsed.text('out');
    if (!folder) throw usage('say where the pictures are: --images DIR.');
    if (!out) throw usage('say where to write: -o OUT.dw.');
    if (path.resolve(out) === path.resolve(source)) throw usage('the output would overwrite the input; give another name.');
    const files = thinned(picturesUnder(folder), MOST_PICTURES);
    const { bytes: input, options } = await openWeights(source, { ...loadOptions(parsed), ...termsOf(parsed) });
    const onProgress = (done: number, total: number): void => progress('looking at pictures', done, total);
    const { weights, methods, equalised } = await namingFile(source, () => quantiseBytes(input, decoded(files), { ...options, onProgress }));
    writeWhole(out, weights);
    print(`${out}  ${bytes(weights.length)} (from ${bytes(input.length)}), ${files.length} pictures`);
    print(`ranges: ${Object.entries(methods).map(([method, count]) => `${count} ${method}`).join(', ')}; channels equalised at ${equalised} places`);
  },
};
