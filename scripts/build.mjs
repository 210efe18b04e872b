// Knows the stages of the build and which files each one reads; it rebuilds only stages whose files changed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { patchOf } from './patch.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => path.join(root, ...parts);
const TARGETS = ['scalar', 'simd', 'relaxed', 'bare']; // bare: scalar for hosts without JavaScript, which check plans inside
const SEARCH_TARGETS = ['scalar', 'simd']; // of assembly/search.ts, which is a module of its own
/** Files of assembly/ that are TypeScript as well. */
const SHARED = ['abi', 'scratch', 'extent', 'check', 'work'];
const kB = (file) => `${(statSync(at(file)).size / 1000).toFixed(1)} kB`;

/** All files under the given files and folders, sorted, so that a stamp does not depend on the disk's order. */
function filesUnder(places) {
  return places.flatMap((place) => {
    if (!existsSync(at(place)) || place === path.join('bench', 'peers')) return []; // what bench:peers installs is not ours
    if (!statSync(at(place)).isDirectory()) return [place];
    return filesUnder(readdirSync(at(place)).sort().map((name) => path.join(place, name)));
  });
}

/** SHA-256 over the names and bytes of everything a stage reads. */
export function stampOf(places) {
  const hash = createHash('sha256');
  for (const file of filesUnder(places)) hash.update(`${file}\0`).update(readFileSync(at(file))).update('\0');
  return hash.digest('hex');
}

/** Runs a package's command line with this very Node, and collects what it says. */
function tool(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [at('node_modules', script), ...args], { cwd: root });
    let said = '';
    child.stdout.on('data', (part) => (said += part));
    child.stderr.on('data', (part) => (said += part));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(said.trim() || `${script} ended with ${code}`))));
  });
}

async function compileKernels() {
  mkdirSync(at('build/wasm'), { recursive: true });
  mkdirSync(at('dist/wasm'), { recursive: true });
  await Promise.all(TARGETS.map((target) => tool('assemblyscript/bin/asc.js', ['--config', 'asconfig.json', '--target', target, ...(target === 'bare' ? ['assembly/bare.ts'] : [])])));
  for (const target of TARGETS) copyFileSync(at(`build/wasm/${target}.wasm`), at(`dist/wasm/${target}.wasm`));
  writeFileSync(at('build/wasm/relaxed.patch'), patchOf(readFileSync(at('build/wasm/simd.wasm')), readFileSync(at('build/wasm/relaxed.wasm'))));
  await toJavaScript();
  return [...TARGETS.map((target) => `${target} ${kB(`build/wasm/${target}.wasm`)}`), `scalar.js ${kB('build/wasm/scalar.js')}`].join(', ');
}

async function compileSearch() {
  mkdirSync(at('build/wasm'), { recursive: true });
  mkdirSync(at('dist/wasm'), { recursive: true });
  await Promise.all(SEARCH_TARGETS.map((target) => tool('assemblyscript/bin/asc.js', ['--config', 'asconfig.search.json', '--target', target])));
  copyFileSync(at('build/wasm/search-simd.wasm'), at('dist/wasm/search-simd.wasm'));
  return SEARCH_TARGETS.map((target) => `${target} ${kB(`build/wasm/search-${target}.wasm`)}`).join(', ');
}

/** What the scalar build uses beyond the first WebAssembly. */
const USED = ['sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'bulk-memory-opt', 'mutable-globals'].map((feature) => `--enable-${feature}`);

/** The scalar build as JavaScript. wasm2js writes a module with one instance, and views of it outside; here each call makes an instance of its own. */
async function toJavaScript() {
  const file = at('build/wasm/scalar.js');
  await tool('binaryen/bin/wasm2js', [at('build/wasm/scalar.wasm'), ...USED, '-O4', '-o', file]);
  const text = readFileSync(file, 'utf8'), end = text.indexOf('\nvar memasmFunc');
  if (end < 0 || /\beval\b|\bFunction\(/.test(text)) throw new Error('wasm2js writes something else than it used to: look at build/wasm/scalar.js');
  writeFileSync(file, `export default function (imports) {\n${text.slice(0, end)}\nreturn asmFunc(imports);\n}\n`);
}

/** Tests and benches are checked too, but only src/ becomes declarations; a bad test does not hold them back. */
async function checkTypes() {
  rmSync(at('dist/types'), { recursive: true, force: true });
  const results = await Promise.allSettled([
    tool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']),
    tool('typescript/bin/tsc', ['-p', 'tsconfig.json']),
    tool('typescript/bin/tsc', ['-p', 'examples/browser']),
  ]);
  for (const name of SHARED) { // they speak AssemblyScript; whoever reads the declarations has no such types
    const file = at(`dist/types/assembly/${name}.d.ts`);
    if (existsSync(file)) appendFileSync(file, '\ntype i32 = number;\ntype f64 = number;\ntype bool = boolean;\n');
  }
  const complaints = results.filter((result) => result.status === 'rejected').map((result) => result.reason.message);
  if (complaints.length) throw new Error([...new Set(complaints.join('\n').split('\n'))].join('\n'));
  return 'checked, declarations in dist/types';
}

/** Files of src/ that only some need, and fetch when they do: no other bundle holds them, but for what it says in `inside`. */
const APART = ['threads', 'convert', 'safetensors', 'onnx', 'zoo', 'kernels', 'cache', 'turns'];
const keptApart = (...inside) => ({
  name: 'kept-apart',
  setup(build) {
    const names = [...APART, 'worker-program'].filter((name) => !inside.includes(name));
    build.onResolve({ filter: new RegExp(`^\\.\\.?/(${names.join('|')})\\.js$`) }, ({ kind, path: from }) =>
      (kind === 'dynamic-import' ? { path: `./${path.basename(from)}`, external: true } : undefined));
  },
});

/** A worker's program is one file, started from text; its weights have been fetched before they reach it. */
const onlyThreads = {
  name: 'only-threads',
  setup(build) {
    build.onResolve({ filter: /^\.\/(zoo|cache)\.js$/ }, () => ({ path: 'never', namespace: 'never' }));
    build.onLoad({ filter: /.*/, namespace: 'never' }, () => ({ contents: 'throw new Error("a worker fetches nothing")' }));
  },
};

/** Entries for hosts that compile wasm when a program is deployed: index with the builds imported as modules, which each host marks its own way. */
const EDGES = [
  { name: 'workerd', builds: ['relaxed', 'simd', 'search-simd'], mark: '' },
  { name: 'edge-light', builds: ['simd', 'search-simd'], mark: '?module' }, // Next.js compiles all of them at its start, and on Node 20 fails at relaxed
];
const compiledByHost = ({ builds, mark }) => ({
  name: 'compiled-by-host',
  setup(build) {
    build.onResolve({ filter: /^\.\/load\.js$/ }, () => ({ path: at('src/load-compiled.ts') }));
    build.onResolve({ filter: /^\.\/kernels\.js$/ }, ({ importer }) => (path.dirname(importer) === at('src/search') ? { path: at('src/search/kernels-compiled.ts') } : undefined));
    build.onResolve({ filter: /\.wasm\?module$/ }, ({ path: file }) => {
      const name = path.basename(file, '.wasm?module');
      return builds.includes(name) ? { path: `./wasm/${name}.wasm${mark}`, external: true } : { path: name, namespace: 'left-out' };
    });
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export default undefined' }));
  },
});

/** `depthwise/js` is index with another `load`; the kernels stay a file of their own, which index has as well. */
const withoutWasm = {
  name: 'without-wasm',
  setup(build) {
    build.onResolve({ filter: /^\.\/load\.js$/ }, () => ({ path: at('src/load-plain.ts') }));
    build.onResolve({ filter: /^\.\/kernels\.js$/ }, () => ({ path: './kernels.js', external: true }));
  },
};

/** The entry beside it stays a file of its own, so that no kernel comes twice: ../index.js, or what a host has in its place. */
const besides = (entry) => ({
  name: 'besides',
  setup: (build) => build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path: `../${entry}.js`, external: true })),
});
const COMPAT = ['tfjs', 'coco-ssd'].flatMap((name) => ['index', ...EDGES.map((edge) => edge.name)].map((entry) => ({ name, entry, outfile: `dist/compat/${name}${entry === 'index' ? '' : `.${entry}`}.js` })));

/** Files that become base64 text in a bundle. */
export const INLINED = { '.wasm': 'base64', '.patch': 'base64', '.dw': 'base64' };

/** How esbuild makes one file for Node of a test, the fuzzer and other programs of this checkout. */
export const FOR_NODE = { absWorkingDir: root, bundle: true, format: 'esm', platform: 'node', target: 'es2022', packages: 'external', loader: INLINED, logLevel: 'silent' };

const SEARCH = [{ outfile: 'dist/search.js' }, ...EDGES.map((edge) => ({ outfile: `dist/search.${edge.name}.js`, plugins: [compiledByHost(edge)] }))];

/** Other people's packages in a bundle, for THIRD-PARTY.md. */
const packagesIn = ({ inputs }) => [...new Set(Object.keys(inputs).flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []))].sort();

async function bundle() {
  const { build } = await import('esbuild');
  const shared = {
    absWorkingDir: root, bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none', metafile: true,
    loader: INLINED, logLevel: 'silent', plugins: [keptApart()],
  };
  const works = [
    { entryPoints: ['src/index.ts'], outfile: 'dist/index.js', platform: 'neutral', plugins: [keptApart('convert', 'turns')] }, // from a CDN it is one file, which runs .tflite too
    { entryPoints: ['src/core.ts'], outfile: 'dist/core.js', platform: 'neutral' },
    { entryPoints: ['src/worker.ts'], outfile: 'dist/worker.js', platform: 'neutral' },
    { entryPoints: ['src/worker/program.ts'], outfile: 'dist/worker-host.js', platform: 'neutral', format: 'iife', plugins: [onlyThreads] },
    ...EDGES.map((edge) => ({ entryPoints: ['src/index.ts'], outfile: `dist/${edge.name}.js`, platform: 'neutral', plugins: [...shared.plugins, compiledByHost(edge)] })),
    { entryPoints: ['src/js.ts'], outfile: 'dist/js.js', platform: 'neutral', plugins: [...shared.plugins, withoutWasm] },
    ...APART.map((name) => ({ entryPoints: [`src/${name}.ts`], outfile: `dist/${name}.js`, platform: 'neutral' })),
    ...COMPAT.map(({ name, entry, outfile }) => ({ entryPoints: [`src/compat/${name}.ts`], outfile, platform: 'neutral', plugins: [besides(entry)] })),
    ...SEARCH.map((each) => ({ entryPoints: ['src/search.ts'], platform: 'neutral', ...each })),
    ...['heads', 'cascade', 'overlay'].map((name) => ({ entryPoints: [`src/${name}.ts`], outfile: `dist/${name}.js`, platform: 'neutral' })),
    { entryPoints: ['src/quantise.ts'], outfile: 'dist/quantise.js', platform: 'neutral', plugins: [keptApart('convert')] },
    { entryPoints: ['src/weights/everyday.ts'], outfile: 'dist/weights/everyday.js', platform: 'neutral' },
    { entryPoints: ['src/cli/main.ts'], outfile: 'dist/cli.js', platform: 'node', plugins: [keptApart('convert')], banner: { js: '#!/usr/bin/env node' } },
  ];
  const results = await Promise.allSettled(works.map((work) => build({ ...shared, external: ['node:*'], ...work })));
  const complaints = results.flatMap((result) => (result.status === 'rejected' ? result.reason.errors ?? [{ text: String(result.reason) }] : []));
  if (complaints.length) {
    throw new Error(complaints.map(({ location, text }) => `${location ? `${location.file}:${location.line}: ` : ''}${text}`).join('\n'));
  }
  writeFileSync(at('build/bundled.json'), JSON.stringify(Object.fromEntries(works.map(({ outfile }, i) => [outfile, packagesIn(results[i].value.metafile)])), undefined, 1));
  writeFileSync(at('dist/worker-program.js'), `export default ${JSON.stringify(readFileSync(at('dist/worker-host.js'), 'utf8'))};\n`);
  chmodSync(at('dist/cli.js'), 0o755);
  mkdirSync(at('dist/licences'), { recursive: true });
  for (const format of ['jpeg', 'png']) copyFileSync(at(`node_modules/@jsquash/${format}/codec/LICENSE.codec.md`), at(`dist/licences/${format}.md`)); // notices that binaries must carry
  return works.map(({ outfile }) => `${path.relative('dist', outfile)} ${kB(outfile)}`).join(', ');
}

const settings = ['package-lock.json', 'scripts/build.mjs', 'scripts/patch.mjs'];
const networkKernels = readdirSync(at('assembly')).sort().filter((name) => name !== 'search.ts').map((name) => path.join('assembly', name));
const shared = SHARED.map((name) => `assembly/${name}.ts`);
const STAGES = [
  { name: 'kernels', reads: [...networkKernels, 'asconfig.json', ...settings], makes: TARGETS.flatMap((t) => [`build/wasm/${t}.wasm`, `dist/wasm/${t}.wasm`]).concat('build/wasm/scalar.js', 'build/wasm/relaxed.patch'), work: compileKernels },
  { name: 'search', reads: ['assembly/search.ts', 'asconfig.search.json', ...settings], makes: [...SEARCH_TARGETS.map((t) => `build/wasm/search-${t}.wasm`), 'dist/wasm/search-simd.wasm'], work: compileSearch },
  { name: 'types', reads: ['src', 'test', 'bench', 'examples/browser', ...shared, 'weights/zoo.json', 'tsconfig.json', 'tsconfig.build.json', ...settings], makes: ['dist/types'], work: checkTypes },
  { name: 'bundles', reads: ['src', ...shared, 'build/wasm', 'weights/everyday.dw', 'weights/zoo.json', 'package.json', ...settings], makes: ['dist/index.js', 'dist/core.js', 'dist/worker.js', 'dist/worker-host.js', 'dist/worker-program.js', 'dist/js.js', ...[...EDGES.map(({ name }) => name), ...APART].map((name) => `dist/${name}.js`), ...[...COMPAT, ...SEARCH].map(({ outfile }) => outfile), 'dist/quantise.js', 'dist/heads.js', 'dist/cascade.js', 'dist/overlay.js', 'dist/cli.js', 'dist/licences/jpeg.md', 'dist/licences/png.md', 'dist/weights/everyday.js', 'build/bundled.json'], work: bundle },
];

async function runStage({ name, reads, makes, work }) {
  const stampFile = at('build', `${name}.stamp`);
  const stamp = stampOf(reads);
  const fresh = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp && makes.every((made) => existsSync(at(made)));
  if (fresh) return true;
  rmSync(stampFile, { force: true });
  const start = performance.now();
  try {
    const summary = await work();
    writeFileSync(stampFile, stamp);
    console.log(`${name.padEnd(10)} ${summary} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    console.error(`${name.padEnd(10)} FAILED\n${error.message}\n`);
    return false;
  }
}

/** Builds what changed. Returns the names of the stages that failed. */
export async function build() {
  mkdirSync(at('build'), { recursive: true });
  mkdirSync(at('dist'), { recursive: true });
  const [kernels, search, types, bundles] = STAGES;
  const checked = runStage(types); // nothing waits for it
  const stages = [kernels, search], compiled = await Promise.all(stages.map(runStage));
  const failed = stages.filter((_, i) => !compiled[i]).map(({ name }) => name);
  if (failed.length || !(await runStage(bundles))) failed.push('bundles');
  if (!(await checked)) failed.push('types');
  return failed;
}

// Not awaited here: prepare.mjs imports this module, and would wait for it for ever.
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  import('./prepare.mjs').then(({ main, prepare }) => main(async () => ((await prepare()).length ? 1 : 0)));
}
