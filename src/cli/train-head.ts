// Knows the command that makes a classifier of one's own from folders of pictures; how a head learns it does not know.
import path from 'node:path';
import { createHead, type Evaluation, type Head, type TrainOptions } from '../heads.js';
import { load } from '../index.js';
import type { Net } from '../net.js';
import { loadOptions, only, oneOf, parse, share, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, wholePositive, type Command, type Parsed } from './arguments.js';
import { writeWhole } from './files.js';
import { interruption } from './interruption.js';
import { labelledPhotos, type LabelledPhoto } from './labelled.js';
import { eachPhoto, tellFailed, type Looked } from './photos.js';
import { bytes, paint, percent, print, printJson, progress, table } from './report.js';
import { namingFile, openSource } from './weights.js';

const { labels: _labels, ...OPTIONS } = WEIGHTS_OPTIONS;
const MOST_COLUMNS = 10;
const HOLD_OUT = 0.2;

interface Seen {
  example: Float32Array;
  label: string;
}

/** What a photo is to the network; labels are the folders' names. */
function embedded(net: Net, photos: readonly LabelledPhoto[], signal: AbortSignal): Promise<Looked<Seen>> {
  const labels = new Map(photos.map(({ file, label }) => [file, label]));
  return eachPhoto(photos.map(({ file }) => file), { signal, onPhoto: (picture, file) => ({ example: net.embed(picture), label: labels.get(file)! }) });
}

/** Of each label, evenly spread, as near to the share as whole pictures come; a label's last picture is never held out. */
function heldOut(seen: readonly Seen[], part: number): Set<Seen> {
  const held = new Set<Seen>();
  for (const label of new Set(seen.map((each) => each.label))) {
    const own = seen.filter((each) => each.label === label), count = Math.min(Math.round(own.length * part), own.length - 1);
    for (let i = 0; i < count; i++) held.add(own[Math.floor(((i + 0.5) * own.length) / count)]);
  }
  return held;
}

async function trainedOn(net: Net, seen: Iterable<Seen>, options: TrainOptions): Promise<Head> {
  const head = createHead(net);
  for (const { example, label } of seen) head.add(example, label);
  await head.train({ ...options, onProgress: (done, total) => progress('training', done, total) });
  return head;
}

function showEvaluation({ count, accuracy, classes, confusion }: Evaluation, which: string): void {
  print(`${paint('green', percent(accuracy))} of ${count} pictures ${which} recognised`);
  const labels = classes.map(({ label }) => label);
  if (labels.length <= MOST_COLUMNS) {
    return print(`\n${table(['is / taken for', ...labels], confusion.map((row, i) => [labels[i], ...row]))}`);
  }
  const mistakes = confusion.flatMap((row, i) => row.map((times, j) => ({ times, is: labels[i], as: labels[j] })).filter(({ times, is, as }) => times && is !== as));
  mistakes.sort((a, b) => b.times - a.times);
  print(`\n${table(['is', 'taken for', 'times'], mistakes.slice(0, MOST_COLUMNS).map(({ is, as, times }) => [is, as, times]))}`);
}

function trainOptions({ text }: Parsed): TrainOptions {
  const k = text('k');
  return { kind: oneOf('kind', text('kind'), ['linear', 'nearest']) ?? 'linear', ...(k !== undefined && { k: wholePositive('k', k) }) };
}

export const trainHead: Command = {
  name: 'train-head',
  summary: 'make a classifier of your own from folders of pictures',
  help: `depthwise train-head FOLDER -o OUT.dw [options]

FOLDER holds one folder a label, called like the label, with its pictures. A few do, 20 are better.
OUT.dw is a whole classifier: depthwise classify PHOTO --weights OUT.dw

  -o, --out FILE   the .dw file to write
  --weights FILE   the network whose features are used: .dw, .tflite, .onnx or .safetensors, or
                   zoo:NAME (default: the starter weights)
  --kind K         linear (default: softmax regression) or nearest (the nearest pictures vote)
  --k N            how many vote (default 10)
  --test FOLDER    pictures to measure with, in folders of the same names
  --hold-out X     else this share of each label is kept back to measure with, and learnt
                   afterwards (default ${HOLD_OUT}; 0 measures nothing)
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP.replace(/ {2}--labels.*\n/, '')}

The same pictures and weights give the same file.`,
  async run(args) {
    const parsed = parse(args, {
      ...OPTIONS, out: { type: 'string', short: 'o' }, weights: { type: 'string' }, kind: { type: 'string' }, k: { type: 'string' }, test: { type: 'string' }, 'hold-out': { type: 'string' }, json: { type: 'boolean' },
    });
    const folder = only(parsed, 'folder of labelled pictures'), out = parsed.text('out'), test = parsed.text('test'), part = share('hold-out', parsed.text('hold-out')) ?? (test ? 0 : HOLD_OUT);
    if (!out) throw usage('say where to write: -o OUT.dw.');
    if (test && part) throw usage('give --test or --hold-out, not both.');
    const source = parsed.text('weights'), signal = interruption(), options = { ...trainOptions(parsed), signal };
    if (source && path.resolve(out) === path.resolve(source)) throw usage('the output would overwrite the weights; give another name.');
    const photos = labelledPhotos(folder), tests = test ? labelledPhotos(test) : [];
    const strange = tests.find(({ label }) => !photos.some((photo) => photo.label === label));
    if (strange) throw usage(`${test} has a folder "${strange.label}", which ${folder} has not.`);
    const weights = await openSource(source, loadOptions(parsed)), name = source ?? 'the starter weights';
    const net = await namingFile(name, () => load(weights.bytes, weights.options));
    const looked = await embedded(net, photos, signal), held = heldOut(looked.results, part);
    const lookedAt = tests.length ? await embedded(net, tests, signal) : undefined, judges = lookedAt?.results ?? [...held];
    const learner = held.size ? await trainedOn(net, looked.results.filter((seen) => !held.has(seen)), options) : undefined;
    const head = await trainedOn(net, looked.results, options);
    const evaluation = judges.length ? (learner ?? head).evaluate(judges) : undefined;
    const saved = await head.graft(weights.bytes, weights.options);
    writeWhole(out, saved);
    const failed = [...looked.failed, ...(lookedAt?.failed ?? [])];
    if (parsed.flag('json')) printJson({ out, bytes: saved.length, weights: name, kind: head.kind, examples: head.examples, heldOut: held.size, evaluation, failed });
    else {
      print(`${paint('bold', out)}  ${bytes(saved.length)}, ${head.kind} head of ${head.labels.length} labels from ${looked.results.length} pictures, on ${name}`);
      if (evaluation) showEvaluation(evaluation, tests.length ? `of ${test}` : 'kept back');
      if (held.size) print('\nThe file has learnt those as well.');
    }
    tellFailed({ results: looked.results, failed });
  },
};
