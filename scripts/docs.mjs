// Knows how the API reference is made of the docstrings: TypeDoc, installed apart because it needs a TypeScript of its own
// (the compiler that checks this project has no programming interface). `npm run docs` writes build/docs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { main, root } from './prepare.mjs';

const PACKAGES = ['typedoc@0.28.20', 'typescript@5.9.3', '@types/node@26.6.6'];
const INSTALL = `npm install --prefix build/typedoc ${PACKAGES.join(' ')} --no-save --no-audit --no-fund`;
const ENTRIES = ['index', 'core', 'worker', 'quantise', 'zoo', 'js', 'compat/tfjs', 'compat/coco-ssd', 'weights/everyday'];

await main(async () => {
  const program = path.join(root, 'build/typedoc/node_modules/typedoc/bin/typedoc');
  if (!existsSync(program)) {
    mkdirSync(path.join(root, 'build/typedoc'), { recursive: true });
    spawnSync(INSTALL, { cwd: root, shell: true, stdio: 'inherit' });
  }
  if (!existsSync(program)) throw new Error(`TypeDoc could not be installed. To try by hand: ${INSTALL}`);
  const entries = ENTRIES.map((name) => `src/${name}.ts`);
  const settings = ['--tsconfig', 'tsconfig.build.json', '--readme', 'README.md', '--name', 'depthwise', '--projectDocuments', 'docs/answers.md', '--excludePrivate', '--disableSources', '--validation.notExported', 'false', '--treatWarningsAsErrors', '--out', 'build/docs'];
  const { status } = spawnSync(process.execPath, [program, ...settings, ...entries], { cwd: root, stdio: 'inherit' });
  if (status === 0) console.log('API reference in build/docs: open build/docs/index.html');
  return status ?? 1;
});
