// Knows how examples/browser becomes static files in build/demo, and serves them: `npm run demo`. Any other host can serve
// the folder as well: all addresses in it are relative.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { main, prepare, root } from './prepare.mjs';

const from = path.join(root, 'examples', 'browser');
const out = path.join(root, 'build', 'demo');
/** The parts of dist/ that `depthwise/worker` is made of; the worker's own program holds all the others. */
const WORKER = /^(worker.*|zoo|cache)\.js$/;

const named = (folder, pattern) => readdirSync(folder).filter((name) => pattern.test(name));

/** The library is served as it is published, beside the page, and not bundled again: its parts fetch each other. */
const library = {
  name: 'library-beside',
  setup(build) {
    build.onResolve({ filter: /^depthwise(\/.*)?$/ }, ({ path: entry }) => ({ path: `./depthwise/${entry.split('/')[1] ?? 'index'}.js`, external: true }));
  },
};

async function bundle() {
  const { build } = await import('esbuild');
  const weights = named(path.join(root, 'weights'), /^everyday.*\.dw$/);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(path.join(out, 'depthwise'), { recursive: true });
  mkdirSync(path.join(out, 'weights'));
  await build({
    absWorkingDir: root, entryPoints: ['examples/browser/page.ts', 'examples/browser/page.css'], outdir: out, bundle: true, format: 'esm', target: 'es2022',
    minify: true, legalComments: 'none', logLevel: 'warning', plugins: [library], define: { SHIPPED: JSON.stringify(weights) },
  });
  for (const file of named(from, /\.(html|svg)$|^sample-.*\.webp$/)) copyFileSync(path.join(from, file), path.join(out, file));
  copyFileSync(path.join(root, 'weights', 'sample.png'), path.join(out, 'sample.png'));
  for (const file of weights) copyFileSync(path.join(root, 'weights', file), path.join(out, 'weights', file));
  for (const file of named(path.join(root, 'dist'), WORKER)) copyFileSync(path.join(root, 'dist', file), path.join(out, 'depthwise', file));
}

/** With these headers browsers give pages sharper clocks, for the timeline; nothing needs them. */
const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

async function serve(port, host) {
  const { default: sirv } = await import('sirv');
  const files = sirv(out, { dev: true, setHeaders: (response) => Object.entries(isolated).forEach(([name, value]) => response.setHeader(name, value)) });
  const server = createServer((request, response) => files(request, response, () => response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such file.')));
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  console.log(`http://${host === '127.0.0.1' ? 'localhost' : host}:${server.address().port}/`);
}

const USAGE = 'npm run demo -- [--port 8080] [--host 127.0.0.1] [--build]     --build makes build/demo and serves nothing';

await main(async () => {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, host: { type: 'string', default: '127.0.0.1' }, build: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) return void console.log(USAGE);
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`--port is a number from 0 to 65535, not "${values.port}".\n${USAGE}`);
  const failed = (await prepare()).filter((stage) => stage !== 'types'); // a type error keeps no page from running
  if (failed.length) throw new Error(`Nothing to serve: the build failed at ${failed.join(' and ')} (see above).`);
  await bundle();
  if (values.build) return void console.log(`build/demo is ready: static files for any host`);
  await serve(port, values.host);
});
