// Knows how the fuzzer is bundled and started; test/fuzz knows what it does.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { FOR_NODE } from './build.mjs';
import { main, prepare, root } from './prepare.mjs';

await main(async () => {
  if ((await prepare()).includes('kernels')) return 1;
  const { build } = await import('esbuild'), outfile = path.join(root, 'build/fuzz/main.mjs');
  await build({ ...FOR_NODE, entryPoints: ['test/fuzz/main.ts'], outfile });
  return spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1;
});
