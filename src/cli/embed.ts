// Knows the command that turns photos into vectors, or into an index to search in; what is done with them later it does
// not know.
import { existsSync } from 'node:fs';
import type { Net } from '../net.js';
import type { IndexType } from '../search.js';
import { loadOptions, oneOf, parse, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { writeWhole } from './files.js';
import { checkNetwork, newIndex, openIndex, weightsOf } from './index-file.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed, type Looked } from './photos.js';
import { bytes, ms, paint, print, printJson } from './report.js';
import { loadWeights } from './weights.js';

interface Embedded {
  photo: string;
  ms: number;
  embedding: Float32Array;
}

/** Nine digits tell float32 numbers apart. */
const withNumbers = ({ embedding, ...rest }: Embedded) => ({ ...rest, embedding: Array.from(embedding, (value) => Number(value.toPrecision(9))) });

/** The few first values, for a person to see that there are some. */
function show({ photo, ms: time, embedding }: Embedded): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${embedding.length} values:`)} ${Array.from(embedding.subarray(0, 6), (value) => value.toFixed(3)).join(' ')} …`);
}

function look(net: Net, photos: string[], { onVector, show: each }: { onVector(photo: string, embedding: Float32Array): void; show?(embedded: Embedded): void }): Promise<Looked<Embedded>> {
  return eachPhoto<Embedded>(photos, {
    signal: interruption(),
    onPhoto(picture, photo) {
      const start = performance.now(), embedding = net.embed(picture), time = performance.now() - start;
      onVector(photo, embedding);
      return { photo, ms: time, embedding };
    },
    ...(each && { show: each }),
  });
}

export const embed: Command = {
  name: 'embed',
  summary: 'turn photos into vectors, or a folder into an index to search',
  help: `depthwise embed PHOTO… [options]

A PHOTO may be a folder: every picture under it.

  --out FILE       what to write: an index for \`depthwise search\` (.dwi), one JSON line a photo (.jsonl),
                   or one JSON document (.json); without it vectors are only shown
  --add            keep what is in FILE.dwi already, and add to it or replace photos of the same name
  --dtype T        values of a new index: int8 (default) or float32, four times as large
  --weights FILE   .dw, .tflite, .onnx or .safetensors, or zoo:NAME, which \`depthwise list\` names
                   (default: the starter weights, 100 everyday things; with --add, those of the index)
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}

A vector is what the network's classifier reads. Ctrl-C leaves FILE as it was.`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, weights: { type: 'string' }, out: { type: 'string', short: 'o' }, add: { type: 'boolean' }, dtype: { type: 'string' }, json: { type: 'boolean' } });
    const out = parsed.text('out'), json = parsed.flag('json'), kind = /\.(dwi|jsonl|json)$/.exec(out ?? '')?.[1];
    const dtype = oneOf<IndexType>('dtype', parsed.text('dtype'), ['int8', 'float32']);
    if (out && !kind) throw usage(`--out ends in .dwi, .jsonl or .json; ${out} does not.`);
    if (kind !== 'dwi' && (parsed.flag('add') || dtype)) throw usage(`--${dtype ? 'dtype' : 'add'} is for an index: --out FILE.dwi.`);
    const photos = photoFiles(parsed.positionals);
    const old = parsed.flag('add') && existsSync(out!) ? await openIndex(out!) : undefined;
    if (old && dtype && old.dtype !== dtype) throw usage(`${out} holds ${old.dtype} values; leave --dtype out.`);
    const weights = parsed.text('weights') ?? (old && weightsOf(old)), net = await loadWeights(weights, loadOptions(parsed));
    if (old) checkNetwork(old, net, out!);
    const index = kind === 'dwi' ? old ?? newIndex(net, weights, dtype ?? 'int8') : undefined;
    const looked = await look(net, photos, { onVector: (photo, vector) => index?.add(photo, vector), ...(!json && !out && { show }) });
    const document = () => ({ build: net.build, dimensions: looked.results[0].embedding.length, photos: looked.results.map(withNumbers), failed: looked.failed });
    const file = index ? await index.save() : kind === 'jsonl' ? looked.results.map((each) => `${JSON.stringify(withNumbers(each))}\n`).join('') : `${JSON.stringify(document())}\n`;
    if (out) writeWhole(out, file);
    const { length } = looked.results;
    if (json) out ? printJson({ out, build: net.build, photos: length, failed: looked.failed, ...(index && { size: index.size, dimensions: index.dimensions, dtype: index.dtype }) }) : process.stdout.write(file);
    else if (out) print(`${out}  ${bytes(file.length)}, ${length} photos${index ? `, ${index.size} vectors of ${index.dimensions} ${index.dtype} values` : ''}`);
    tellFailed(looked);
  },
};
