// Knows the command that finds when a small network's answer is good enough, on labelled pictures; what a cascade is it does
// not know.
import { chooseThreshold, thresholds, type Asked, type Threshold } from '../cascade.js';
import { checkShared } from '../cascade/cascade.js';
import type { Net } from '../net.js';
import { loadOptions, only, parse, share, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { interruption } from './interruption.js';
import { labelledPhotos } from './labelled.js';
import { eachPhoto, tellFailed } from './photos.js';
import { ms, paint, percent, print, printJson, table } from './report.js';
import { loadWeights } from './weights.js';

const { labels: _labels, ...OPTIONS } = WEIGHTS_OPTIONS;

function timed<T>(work: () => T): { result: T; time: number } {
  const start = performance.now(), result = work();
  return { result, time: performance.now() - start };
}

/** A folder that no network can name is a spelling mistake, not a hard picture. */
function checkLabels(folder: string, labels: Iterable<string>, small: Net, large: Net): void {
  const known = new Set([...small.labels!, ...large.labels!]);
  for (const label of labels) {
    if (!known.has(label)) throw usage(`${folder} has a folder "${label}", which neither network has as a label; \`depthwise inspect --json\` lists them.`);
  }
}

const row = ({ accept, accuracy, small, ms: time }: Threshold): string[] => [accept.toFixed(2), percent(accuracy), percent(small), ms(time)];

const alone = (asked: readonly Asked[], right: 'smallRight' | 'largeRight', time: 'smallMs' | 'largeMs'): { accuracy: number; ms: number } => ({
  accuracy: asked.filter((each) => each[right]).length / asked.length, ms: asked.reduce((sum, each) => sum + each[time], 0) / asked.length,
});

export const cascade: Command = {
  name: 'cascade',
  summary: 'find when a small network may answer for a larger one',
  help: `depthwise cascade FOLDER --small WEIGHTS --large WEIGHTS [options]

FOLDER holds one folder a label, called like the label, with its pictures; both networks look at all.
A cascade takes the small one's answer where its best score is at least a threshold, else asks the
large one. Printed is what each threshold would give, and the fastest that is accurate enough.

  --small, --large WEIGHTS   .dw, .tflite, .onnx or .safetensors files, or zoo:NAME
  --target-accuracy X        enough, 0 to 1 (default: the best, less half a standard error)
  --accept X                 only this threshold
  --margin X                 the best score must also lead the second by this (default 0)
  --json                     one JSON document on stdout and nothing else
${WEIGHTS_HELP.replace(/ {2}--labels.*\n/, '')}`,
  async run(args) {
    const parsed = parse(args, {
      ...OPTIONS, small: { type: 'string' }, large: { type: 'string' }, accept: { type: 'string' }, margin: { type: 'string' }, 'target-accuracy': { type: 'string' }, json: { type: 'boolean' },
    });
    const folder = only(parsed, 'folder of labelled pictures'), [smallFile, largeFile] = [parsed.text('small'), parsed.text('large')];
    if (!smallFile || !largeFile) throw usage('name both networks: --small WEIGHTS --large WEIGHTS.');
    const accept = share('accept', parsed.text('accept')), margin = share('margin', parsed.text('margin')) ?? 0, targetAccuracy = share('target-accuracy', parsed.text('target-accuracy'));
    if (accept !== undefined && targetAccuracy !== undefined) throw usage('give --accept or --target-accuracy, not both.');
    const photos = labelledPhotos(folder), labels = new Map(photos.map(({ file, label }) => [file, label])), options = loadOptions(parsed);
    const small = await loadWeights(smallFile, options), large = await loadWeights(largeFile, options);
    checkShared(small, large);
    checkLabels(folder, labels.values(), small, large);
    for (const net of [small, large]) net.profile(); // a first run is slower than the others
    const looked = await eachPhoto<Asked>(photos.map(({ file }) => file), {
      signal: interruption(),
      onPhoto(picture, file) {
        const a = timed(() => small.classify(picture, { topK: 2 })), b = timed(() => large.classify(picture, { topK: 1 })), label = labels.get(file);
        return {
          score: a.result[0].score, second: a.result[1]?.score ?? 0, smallRight: a.result[0].label === label, largeRight: b.result[0].label === label, smallMs: a.time, largeMs: b.time,
        };
      },
    });
    const asked = looked.results, rows = thresholds(asked, { margin, ...(accept !== undefined && { at: [accept] }) });
    const one = { small: alone(asked, 'smallRight', 'smallMs'), large: alone(asked, 'largeRight', 'largeMs') };
    const chosen = accept === undefined ? chooseThreshold(asked, { margin, targetAccuracy }) : rows[0];
    if (parsed.flag('json')) printJson({ small: smallFile, large: largeFile, pictures: asked.length, margin, alone: one, thresholds: rows, chosen, failed: looked.failed });
    else {
      print(`${asked.length} pictures, ${small.build} build\n`);
      print(table(['accept', 'right', 'small alone', 'mean'], rows.map(row)));
      print(`\n${smallFile} alone: ${percent(one.small.accuracy)} right, ${ms(one.small.ms)}; ${largeFile} alone: ${percent(one.large.accuracy)} right, ${ms(one.large.ms)}`);
      print(`${accept === undefined ? 'recommended' : 'with'} ${paint('green', `accept: ${chosen.accept.toFixed(2)}`)}  ${percent(chosen.accuracy)} right, ${ms(chosen.ms)}, ${percent(chosen.small)} answered by the small one`);
      if (chosen.ms > one.large.ms) print('The large network alone takes less time than this cascade.');
    }
    tellFailed(looked);
  },
};
