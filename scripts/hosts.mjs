// Knows how the host suite is built and started; which hosts there are and what is asked of them is in test/hosts/.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { FOR_NODE } from './build.mjs';
import { main, prepare, root } from './prepare.mjs';

await main(async () => {
  const failed = (await prepare()).filter((stage) => stage !== 'types');
  if (failed.length) return 1;
  const { build } = await import('esbuild'), outfile = path.join(root, 'build', 'hosts', 'run.mjs');
  await build({
    ...FOR_NODE, stdin: { contents: "import { main } from './test/hosts/run.js'; process.exit(await main(process.argv.slice(2)));", resolveDir: root, loader: 'ts' },
    outfile, logLevel: 'error',
  });
  return spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1;
});
