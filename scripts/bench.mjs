// Knows the benches: which there are, how they are bundled, and that they run on the newest Node there is, since it runs
// every build. Usage: npm run bench [networks|kernels|scaling|weights|quantise|tasks|heads|cascade|search|numerics|abort] [...]; without a name, networks and kernels.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { INLINED } from './build.mjs';
import { main, prepare, root } from './prepare.mjs';

const BENCHES = Object.fromEntries(['networks', 'kernels', 'scaling', 'weights', 'quantise', 'tasks', 'heads', 'cascade', 'search', 'numerics', 'abort'].map((name) => [name, `bench/${name}.ts`]));
const newer = path.join(root, 'build/node24/node_modules/node/bin/node');
const node = process.env.NODE_BIN ?? (existsSync(newer) ? newer : process.execPath);

const run = (binary, cwd, ...args) => spawnSync(binary, args, { cwd, stdio: 'inherit' }).status ?? 1;

/** The register loops that the kernels are compared with; from their own folder, where no asconfig.json of ours applies. */
function compilePeaks() {
  const compile = (name, ...features) => run(process.execPath, path.join(root, 'bench/peak'), path.join(root, 'node_modules/assemblyscript/bin/asc.js'),
    'index.ts', '-O2', '--runtime', 'stub', ...features.flatMap((feature) => ['--enable', feature]), '-o', `../../build/bench/peak-${name}.wasm`);
  return compile('simd', 'simd') || compile('relaxed', 'simd', 'relaxed-simd');
}

async function bench(name, args) {
  const { build } = await import('esbuild');
  const outfile = path.join(root, `build/bench/${name}.mjs`);
  await build({
    absWorkingDir: root, entryPoints: [BENCHES[name]], outfile, bundle: true, format: 'esm', platform: 'node', target: 'es2022',
    loader: INLINED, external: ['esbuild'],
  });
  return run(node, root, outfile, ...args);
}

await main(async () => {
  if ((await prepare()).includes('kernels')) return 1;
  mkdirSync(path.join(root, 'build/bench'), { recursive: true });
  const [first = '', ...rest] = process.argv.slice(2), named = Object.hasOwn(BENCHES, first);
  const names = named ? [first] : ['networks', 'kernels'], args = named ? rest : process.argv.slice(2);
  for (const name of names) {
    const status = (name === 'kernels' && compilePeaks()) || await bench(name, args);
    if (status !== 0) return status;
  }
  return 0;
});
