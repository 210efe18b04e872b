// Knows how a bench is bundled and on which Node it runs: the newest that is there, since it runs every build.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { main, prepare, root } from './prepare.mjs';

await main(async () => {
  if ((await prepare()).includes('kernels')) return 1;
  const { build } = await import('esbuild');
  const outfile = path.join(root, 'build/bench/network.mjs');
  mkdirSync(path.dirname(outfile), { recursive: true });
  await build({
    absWorkingDir: root, entryPoints: ['bench/network.ts'], outfile, bundle: true, format: 'esm', platform: 'node', target: 'es2022',
    packages: 'external', loader: { '.wasm': 'base64' },
  });
  const newer = path.join(root, 'build/node24/node_modules/node/bin/node');
  return spawnSync(existsSync(newer) ? newer : process.execPath, [outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1;
});
