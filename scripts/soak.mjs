// Knows how the soak is bundled and started, on the newest Node there is, since it runs every build; test/soak knows what it does.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { FOR_NODE } from './build.mjs';
import { main, prepare, root } from './prepare.mjs';

const newer = path.join(root, 'build/node24/node_modules/node/bin/node');
const node = existsSync(newer) ? newer : process.execPath;

await main(async () => {
  if ((await prepare()).length) return 1;
  const { build } = await import('esbuild'), outfile = path.join(root, 'build/soak/main.mjs');
  await build({ ...FOR_NODE, entryPoints: ['test/soak/main.ts'], outfile });
  process.on('SIGINT', () => undefined); // the soak ends by itself, and says how it went
  const child = spawn(node, ['--enable-source-maps', outfile, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
});
