// Knows what `npm start` shows: what is in the given photo, or in the sample picture when none is given.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { main, prepare, root } from './prepare.mjs';

const sample = path.join(root, 'weights', 'sample.png');

/** Options that take a value; what follows them is not a photo. */
const VALUED = new Set(['--weights', '--labels', '--top', '--build', '--threads', '--plan', '--arch', '--alpha', '--size', '--style']);
const namesAPhoto = (args) => args.some((arg, i) => !arg.startsWith('-') && !VALUED.has(args[i - 1]));

await main(async () => {
  const failed = (await prepare()).filter((stage) => stage !== 'types'); // a type error does not keep a picture from being read
  if (failed.length) throw new Error(`Nothing to start: the build failed at ${failed.join(' and ')} (see above).`);
  const args = process.argv.slice(2);
  const wantsHelp = args.includes('--help') || args.includes('-h');
  const photos = namesAPhoto(args) || wantsHelp ? [] : [path.relative(process.cwd(), sample) || sample];
  const cli = path.join(root, 'dist', 'cli.js');
  const { status } = spawnSync(process.execPath, [cli, 'classify', ...photos, ...args], { stdio: 'inherit' });
  return status ?? 1;
});
