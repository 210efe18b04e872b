// Knows the command that lists official checkpoints; what they are is known by the zoo.
import { parse, usage, type Command } from './arguments.js';
import { bytes, paint, print, printJson, table } from './report.js';

export const list: Command = {
  name: 'list',
  summary: 'list official checkpoints that `pull` fetches',
  help: `depthwise list [--json]

  --json           one JSON document on stdout and nothing else

Every row is pinned to one commit of a public repository and checked by its hash. The licence is
what the repository states. A row without a size was never seen by the authors of this list: its
Git blob id is known and checked, and everything else is taken from its siblings.`,
  async run(args) {
    const parsed = parse(args, { json: { type: 'boolean' } });
    if (parsed.positionals.length) throw usage(`list takes no names, and ${parsed.positionals[0]} was given.`);
    const rows = await (await import('../zoo.js')).list();
    if (parsed.flag('json')) return printJson(rows);
    print(table(
      ['name', 'family', 'input', 'classes', 'bytes', 'licence', 'cached'],
      rows.map(({ name, family, size, classes, bytes: count, licence, cached }) => [name, family, `${size}x${size}`, classes ?? '', count ? bytes(count) : '?', licence, cached ? 'yes' : '']),
    ));
    print(paint('dim', '\ndepthwise pull NAME fetches one; zoo:NAME stands for it wherever weights are taken.'));
  },
};
