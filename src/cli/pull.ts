// Knows the command that fetches official checkpoints into the cache; how they come is known by the zoo.
import { DepthwiseError } from '../error.js';
import { parse, usage, type Command } from './arguments.js';
import { interruption } from './interruption.js';
import { bytes, print, progressInBytes } from './report.js';

export const pull: Command = {
  name: 'pull',
  summary: 'fetch official checkpoints, checked by hash, into the cache',
  help: `depthwise pull NAME…

Fetches the weights and their labels, once; \`depthwise list\` names them. A download that was broken
off goes on where it stopped. Bytes with another hash than the pinned one are refused.

  DEPTHWISE_CACHE    the folder for them (default: ${process.platform === 'win32' ? '%LOCALAPPDATA%\\depthwise' : process.platform === 'darwin' ? '~/Library/Caches/depthwise' : '$XDG_CACHE_HOME/depthwise or ~/.cache/depthwise'})
  DEPTHWISE_MIRROR   stands in for https://raw.githubusercontent.com, with the same paths under it

Then: depthwise classify PHOTO --weights zoo:NAME`,
  async run(args) {
    const names = parse(args, {}).positionals.map((name) => name.replace(/^zoo:/, ''));
    if (!names.length) throw usage('give the name of a checkpoint; `depthwise list` has them.');
    const zoo = await import('../zoo.js'), signal = interruption(); // what came so far is kept
    for (const name of names) {
      const { weights, labels, licence, path, unsaved } = await zoo.pull(name, { signal, onProgress: progressInBytes(name) });
      if (!path) throw new DepthwiseError('BAD_INPUT', `${name} came, but ${unsaved}. Name another folder by DEPTHWISE_CACHE.`);
      print(`${path}  ${bytes(weights.length)}, ${labels ? `${labels.length} labels, ` : ''}${licence}`);
    }
  },
};
