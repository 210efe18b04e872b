// Knows the program that every host runs: the packed tarball unpacked as a user would have it, the suite or another asker,
// and what it computes with. It knows how each kind of host takes a program, and starts none.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'esbuild';
import { material } from './vectors.js';

export const APP = path.resolve('build', 'hosts', 'app');
const PACKAGE = path.join(APP, 'node_modules', 'depthwise');
export const at = (...parts: string[]): string => path.join(APP, ...parts);
const write = (name: string, text: string): void => writeFileSync(at(name), text);

export const storedVector = (): string => readFileSync('test/hosts/vector.json', 'utf8');

/** Packs what would be published and unpacks it where programs look for packages. Returns the tarball's bytes. */
function pack(): number {
  const folder = path.resolve('build', 'hosts', 'tarball');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { shell: process.platform === 'win32' });
  const [tarball] = readdirSync(folder);
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  mkdirSync(path.dirname(PACKAGE), { recursive: true });
  renameSync(path.join(folder, 'package'), PACKAGE);
  return readFileSync(path.join(folder, tarball)).length;
}

/** What the two entries are in a host that finds packages by name; and the files, for those that do not. */
const BY_NAME = { depthwise: 'depthwise', everyday: 'depthwise/weights/everyday' };
function files(prefix: string): typeof BY_NAME {
  const { exports } = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8')) as { exports: Record<string, { default: string }> };
  const file = (entry: string): string => `${prefix}node_modules/depthwise/${exports[entry].default.slice(2)}`;
  return { depthwise: file('.'), everyday: file('./weights/everyday') };
}

/** What hosts are to run: a module with a function `run(depthwise, everyday, material)` to a report, and its material. */
export interface Asker {
  entry: string;
  material(): Promise<object>;
}

const SUITE: Asker = { entry: 'test/hosts/suite.ts', material: async () => ({ material: await material(), vector: JSON.parse(storedVector()) }) };

const IMPORTED = "import { material } from './material.mjs';\nconst given = async () => material;";
/** Service workers refuse scripts of many megabytes. */
const FETCHED = "const given = async () => (await fetch('material.json')).json();";

/** A module that runs the asker; `answer` is what it does with `run`, a function to the report. */
const program = ({ depthwise, everyday }: typeof BY_NAME, answer: string, material = IMPORTED): string => `import * as depthwise from '${depthwise}';
import everyday from '${everyday}';
import * as asker from './asker.mjs';
${material}
const run = async () => asker.run(depthwise, everyday, await given());
${answer}
`;

/** Failures come as text, so that a host that cannot even start says why. */
const POST = 'run().then((report) => report, (error) => ({ failed: String(error?.stack ?? error) }))';
const page = (imports: string, script: string): string => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>depthwise</title>${imports}
<script>addEventListener('error', (event) => { globalThis.report ??= { failed: event.message || 'a script did not load' }; }, true);</script>
<script type="module">
${script}
</script>
`;

function writePrograms(): void {
  const urls = files('/'), keep = `${POST}.then((report) => { globalThis.report = report; });`;
  const map = `<script type="importmap">${JSON.stringify({ imports: { [BY_NAME.depthwise]: urls.depthwise, [BY_NAME.everyday]: urls.everyday } })}</script>`;
  write('package.json', JSON.stringify({ name: 'host-suite', private: true, type: 'module', dependencies: { depthwise: '*' } }));
  write('console.mjs', program(BY_NAME, "run().then((report) => console.log('REPORT ' + JSON.stringify(report)));"));
  write('shell.mjs', program(files('./'), "run().then((report) => print('REPORT ' + JSON.stringify(report)), (error) => print(error + '\\n' + error.stack));"));
  write('page.html', page(map, program(BY_NAME, keep)));
  write('page-without-map.html', page('', program(urls, keep)));
  write('worker.mjs', program(urls, `${POST}.then((report) => postMessage(report));`));
  write('worker.html', page('', `const worker = new Worker('worker.mjs', { type: 'module' });
worker.onmessage = ({ data }) => { globalThis.report = data; };
worker.onerror = ({ message }) => { globalThis.report = { failed: message || 'the worker did not start' }; };`));
  write('service-worker.mjs', program(urls, `addEventListener('install', () => skipWaiting());
addEventListener('message', (event) => event.waitUntil(${POST}.then((report) => event.source.postMessage(report))));`, FETCHED));
  write('service-worker.html', page('', `navigator.serviceWorker.onmessage = ({ data }) => { globalThis.report = data; };
navigator.serviceWorker.register('service-worker.mjs', { type: 'module' }).then((registration) => {
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  const start = () => worker.state === 'activated' && worker.postMessage('run');
  worker.onstatechange = start;
  start();
}).catch((error) => { globalThis.report = { failed: String(error) }; });`));
  write('edge.mjs', program(BY_NAME, `export default { async fetch() { return new Response(JSON.stringify(await ${POST})); } };`));
  write('vercel.mjs', program(BY_NAME, `addEventListener('fetch', (event) => event.respondWith(${POST}.then((report) => new Response(JSON.stringify(report)))));`));
  write('wrangler.toml', 'name = "host-suite"\nmain = "edge.mjs"\ncompatibility_date = "2026-04-01"\n');
}

/** Next.js hands a module that a route imports as ?module to the sandbox as a global; here too. */
const asGlobals: Plugin = {
  name: 'as-globals',
  setup(build) {
    build.onResolve({ filter: /\.wasm\?module$/ }, ({ path: file }) => ({ path: path.basename(file, '.wasm?module'), namespace: 'global' }));
    build.onLoad({ filter: /.*/, namespace: 'global' }, ({ path: name }) => ({ contents: `export default globalThis.wasm_${name}` }));
  },
};

/** What a bundler makes of the package for each edge host, by that host's condition. */
async function bundleForEdges(): Promise<void> {
  const { build } = await import('esbuild');
  const shared = { absWorkingDir: APP, bundle: true, target: 'es2022', tsconfigRaw: {}, logLevel: 'silent' } as const; // ours is not a user's
  await build({ ...shared, entryPoints: ['edge.mjs'], outdir: 'workerd', format: 'esm', conditions: ['workerd'], loader: { '.wasm': 'copy' }, outExtension: { '.js': '.mjs' } });
  await build({ ...shared, entryPoints: ['vercel.mjs'], outfile: 'vercel/vercel.js', format: 'iife', conditions: ['edge-light'], plugins: [asGlobals] });
}

/** Makes build/hosts/app from what is built. Returns the tarball's size. */
export async function prepareApp(asker = SUITE): Promise<number> {
  rmSync(APP, { recursive: true, force: true });
  mkdirSync(APP, { recursive: true });
  const bytes = pack();
  const { build } = await import('esbuild');
  await build({ entryPoints: [asker.entry], outfile: at('asker.mjs'), bundle: true, format: 'esm', target: 'es2022', logLevel: 'silent' });
  const json = JSON.stringify(await asker.material());
  write('material.mjs', `export const material = ${json};\n`);
  write('material.json', json);
  writePrograms();
  await bundleForEdges();
  return bytes;
}
