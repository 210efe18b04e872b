// Knows the command that finds the photos of an index which are most like others; how they are compared it does not know.
import type { Match } from '../search.js';
import { loadOptions, parse, usage, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { checkNetwork, openIndex, weightsOf } from './index-file.js';
import { interruption } from './interruption.js';
import { eachPhoto, photoFiles, tellFailed } from './photos.js';
import { bar, ms, paint, print, printJson } from './report.js';
import { loadWeights } from './weights.js';

interface Found {
  photo: string;
  /** To embed the photo, and to search. */
  ms: { embed: number; search: number };
  results: Match[];
}

function show(size: number, { photo, ms: time, results }: Found): void {
  print(`${paint('bold', photo)}  ${paint('dim', `${ms(time.embed)} to embed, ${ms(time.search)} among ${size}`)}`);
  results.forEach(({ key, score }, rank) => {
    const line = `  ${score.toFixed(4)}  ${bar(score)}  ${key}`;
    print(rank === 0 ? paint('green', line) : line);
  });
}

export const search: Command = {
  name: 'search',
  summary: 'find the photos of an index that are most like others',
  help: `depthwise search INDEX PHOTO… [options]

INDEX is a .dwi file; \`depthwise embed FOLDER --out photos.dwi\` makes one. A PHOTO may be a folder:
every picture under it.

  --top N          how many a photo (default 10)
  --weights FILE   where the weights of the index lie now (default: where they lay when it was made)
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, weights: { type: 'string' }, top: { type: 'string' }, json: { type: 'boolean' } });
    const [file, ...places] = parsed.positionals, topK = parsed.count('top', 10), json = parsed.flag('json');
    if (!file) throw usage('give an index and a photo.');
    const photos = photoFiles(places), index = await openIndex(file);
    const net = await loadWeights(parsed.text('weights') ?? weightsOf(index), loadOptions(parsed));
    checkNetwork(index, net, file);
    const looked = await eachPhoto<Found>(photos, {
      signal: interruption(),
      onPhoto(picture, photo) {
        const start = performance.now(), vector = net.embed(picture), embedded = performance.now(), results = index.search(vector, { topK });
        return { photo, ms: { embed: embedded - start, search: performance.now() - embedded }, results };
      },
      ...(!json && { show: (found) => show(index.size, found) }),
    });
    if (json) printJson({ index: file, size: index.size, build: net.build, photos: looked.results, failed: looked.failed });
    tellFailed(looked);
  },
};
