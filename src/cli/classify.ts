// Knows the command that says what is in photos: label, score and time; decoding and the network are elsewhere.
import type { Net } from '../net.js';
import { loadOptions, parse, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson } from './report.js';
import { loadWeights } from './weights.js';

interface Answer {
  photo: string;
  ms: number;
  results: { index: number; label: string; score: number }[];
}

function show(net: Net, { photo, ms: time, results }: Answer): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time)}, ${net.build} build`)}`);
  const width = Math.max(...results.map(({ label }) => label.length), 0);
  results.forEach(({ label, score }, rank) => {
    const line = `  ${label.padEnd(width)}  ${bar(score)}  ${(score * 100).toFixed(1).padStart(5)} %`;
    print(rank === 0 ? paint('green', line) : line);
  });
}

export const classify: Command = {
  name: 'classify',
  summary: 'say what is in photos (JPEG, PNG or BMP)',
  help: `depthwise classify PHOTO… [options]

A PHOTO may be a folder: every picture under it.

  --weights FILE   .dw, .tflite, .onnx or .safetensors, or zoo:NAME, which \`depthwise list\` names
                   (default: the starter weights, 100 everyday things)
  --top N          how many answers a photo (default 5)
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, weights: { type: 'string' }, top: { type: 'string' }, json: { type: 'boolean' } });
    const photos = photoFiles(parsed.positionals);
    const topK = parsed.count('top', 5);
    const json = parsed.flag('json');
    const net = await loadWeights(parsed.text('weights'), loadOptions(parsed));
    const looked = await eachPhoto<Answer>(photos, {
      signal: interruption(),
      onPhoto(picture, photo) {
        const start = performance.now();
        const results = net.classify(picture, { topK });
        return { photo, ms: performance.now() - start, results };
      },
      ...(!json && { show: (answer) => show(net, answer) }),
    });
    if (json) printJson({ build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
