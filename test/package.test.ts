// Checks the package from its packed tarball, as a user gets it: what is in it, what each entry leads to and exports, that
// its types resolve (publint, Are the types wrong), and the rules that make it import anywhere.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { apart, packed, says } from './apart.js';
import { onnx } from './onnx-writer.js';

const CHECKS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];

const place = mkdtempSync(path.join(os.tmpdir(), 'depthwise-package-'));
test.after(() => rmSync(place, { recursive: true, force: true }));
const { tarball, files } = await packed(place);
const names = files.map((file) => file.path);
const installed = path.join(place, 'node_modules', 'depthwise');
await mkdir(installed, { recursive: true });
const unpacking = await says('tar', ['xzf', tarball, '--strip-components=1', '-C', installed], place);
if (unpacking.code !== 0) throw new Error(unpacking.said);

const textOf = (file: string): string => readFileSync(path.join(installed, file), 'utf8');
const manifest = JSON.parse(textOf('package.json')) as { exports: Record<string, string | Record<string, string>>; bin: Record<string, string>; sideEffects: boolean };
const entries = Object.entries(manifest.exports);

test('holds the bundles, the builds, the types, the weights, what C programs need and the licences, and nothing else', () => {
  const allowed = /^(README\.md|LICENSE|THIRD-PARTY\.md|package\.json|dist\/([\w-]+|search\.[\w-]+|compat\/[\w.-]+|weights\/everyday)\.js|dist\/licences\/(jpeg|png)\.md|dist\/wasm\/(scalar|bare|simd|relaxed|search-simd)\.wasm|dist\/types\/(src|assembly)\/[\w/.-]+\.d\.ts|weights\/(everyday[\w-]*\.dw|LICENSE-APACHE|zoo\.json|README\.md)|examples\/microcontroller\/(depthwise\.[ch]|records\.h))$/;
  assert.equal(names.filter((name) => !allowed.test(name)), []);
  assert.equal(names.filter((name) => /float16.*\.dw$|\.map$|(?<!\.d)\.ts$|^dist\/types\/src\/cli/.test(name)), [], 'float16 weights, sources and what belongs to the command line stay out');
  for (const name of ['LICENSE', 'README.md', 'weights/LICENSE-APACHE', 'weights/everyday.dw', 'dist/wasm/simd.wasm', 'examples/microcontroller/depthwise.h']) assert.ok(names.includes(name), `${name} is missing`);
  assert.match(textOf('LICENSE'), /MIT License/);
});

test('every entry leads to a file that is there, types first, by the conditions workerd, edge-light and default only', () => {
  for (const [entry, target] of entries) {
    const leads = typeof target === 'string' ? [target] : Object.values(target);
    for (const file of leads) assert.ok(names.some((name) => new RegExp(`^${file.slice(2).replace(/[.]/g, '\\.').replace('*', '.+')}$`).test(name)), `${entry}: ${file} is not in the package`);
    if (typeof target === 'string') continue;
    const conditions = Object.keys(target);
    assert.is(conditions[0], 'types', entry);
    assert.is(conditions.at(-1), 'default', entry);
    assert.equal(conditions.filter((name) => !['types', 'workerd', 'edge-light', 'default'].includes(name)), [], entry);
  }
  assert.is(manifest.sideEffects, false);
  for (const file of Object.values(manifest.bin)) assert.match(textOf(file), /^#!\/usr\/bin\/env node\n/);
});

test('no library file awaits at its top, knows Node, evaluates text, or sets a global', async () => {
  const wrong: string[] = [];
  for (const name of names.filter((file) => file.endsWith('.js') && file !== 'dist/cli.js')) {
    const text = textOf(name);
    for (const pattern of [/(?<![.\w])eval\(/, /\bnew Function\b/, /\bglobalThis\.[\w$]+\s*=[^=]/, /(?:from|import\(|import)\s*["']node:/]) {
      if (pattern.test(text)) wrong.push(`${name}: ${pattern}`);
    }
    if (/\bimport\.meta\b/.test(text) && name !== 'dist/worker.js') wrong.push(`${name}: import.meta`); // there it leads bundlers to the worker's file
    await transform(text, { format: 'esm', supported: { 'top-level-await': false }, logLevel: 'silent' }).catch((error: Error) => wrong.push(`${name}: ${error.message}`));
  }
  assert.equal(wrong, []);
});

test('every file imports in a bare realm: no process, no page, no network, no WebAssembly until something is loaded', async () => {
  const libraries = names.filter((name) => /^dist\/.*\.js$/.test(name) && !/cli|workerd|edge-light|worker-host/.test(name));
  const program = `for (const name of Object.getOwnPropertyNames(globalThis)) if (/^(process|Buffer|fetch|WebAssembly|navigator|performance|crypto|setTimeout)$/.test(name)) delete globalThis[name];
    const before = Object.getOwnPropertyNames(globalThis).join();
    for (const file of ${JSON.stringify(libraries.map((name) => pathToFileURL(path.join(installed, name)).href))}) await import(file);
    if (Object.getOwnPropertyNames(globalThis).join() !== before) throw new Error('a global was set');
    console.log('imported');`;
  const { said } = await says(process.execPath, ['--input-type=module', '-e', program], place);
  assert.is(said.trim(), 'imported');
});

test('entries of Workers and Vercel Edge export what depthwise and its search export, and core all but availableBuilds', () => {
  const exported = (file: string): string[] => [...textOf(file).matchAll(/export\s*\{([^}]*)\}/g)].flatMap(([, list]) => list.split(',').map((each) => each.trim().split(' as ').at(-1)!)).sort();
  const index = exported('dist/index.js');
  assert.equal(index, ['DepthwiseError', 'Net', 'availableBuilds', 'convert', 'load', 'memoryFor', 'pictureFrom']);
  for (const name of ['workerd', 'edge-light', 'js']) assert.equal(exported(`dist/${name}.js`), index, name);
  assert.equal(exported('dist/core.js'), index.filter((name) => name !== 'availableBuilds'));
  const imports = (file: string): string[] => [...textOf(file).matchAll(/import\s*[\w$]+\s*from\s*"([^"]+)"/g)].map(([, from]) => from).sort();
  assert.equal(imports('dist/workerd.js'), ['./wasm/relaxed.wasm', './wasm/simd.wasm']);
  assert.equal(imports('dist/edge-light.js'), ['./wasm/simd.wasm?module']);
  const search = exported('dist/search.js');
  assert.equal(search, ['DepthwiseError', 'cosine', 'createIndex', 'loadIndex']);
  for (const [host, mark] of [['workerd', ''], ['edge-light', '?module']]) {
    assert.equal(exported(`dist/search.${host}.js`), search, host);
    assert.equal(imports(`dist/search.${host}.js`), [`./wasm/search-simd.wasm${mark}`], host);
  }
});

test('core.js runs other files by way of convert.js, and says so where that is missing', async () => {
  const model = onnx({ nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], input: { shape: [1, 2, 1, 2] } });
  await writeFile(path.join(place, 'relu.onnx'), model);
  const program = `import { readFileSync } from 'node:fs';
    import { load } from 'depthwise/core';
    const wasm = new WebAssembly.Module(readFileSync('node_modules/depthwise/dist/wasm/simd.wasm'));
    const [onnx, everyday, broken] = [readFileSync('relu.onnx'), readFileSync('node_modules/depthwise/weights/everyday.dw'), new TextEncoder().encode('\\x20\\0\\0\\0TFL3')];
    const answer = (work) => work.then((net) => [...(net.labels ? ['labels'] : net.run(Float32Array.of(-1, 2, -3, 4))[0].data)].join(), ({ code, message }) => code + ': ' + message);
    console.log(await answer(load(onnx, { wasm })) + '\\n' + await answer(load(broken, { wasm })) + '\\n' + await answer(load(everyday, { wasm })));`;
  const run = async (): Promise<string[]> => (await says(process.execPath, ['--input-type=module', '-e', program], place)).said.trim().split('\n');
  const beside = await run(), file = path.join(installed, 'dist', 'convert.js');
  assert.is(beside[0], '0,2,0,4');
  assert.match(beside[1], /^BAD_FILE: This \.tflite file is truncated or damaged/);
  assert.is(beside[2], 'labels');
  await rename(file, `${file}.away`);
  const [without, , plan] = await run();
  await rename(`${file}.away`, file);
  assert.match(without, /^NOT_FOUND: convert\.js is not beside this module/);
  assert.is(plan, 'labels', 'a .dw needs no converter');
});

test('what Next.js refuses or warns of in code for the edge is not spelt there', () => {
  for (const file of ['edge-light', 'threads', 'zoo', 'convert', 'onnx', 'safetensors', 'heads', 'cascade']) {
    assert.not.match(textOf(`dist/${file}.js`), /WebAssembly\.compile\b(?!\(bytes\); in)|(?<![.\w?])process\./, file); // but for one message
  }
});

const checks = apart('package-checks', CHECKS);
if (checks) {
  const bin = (name: string): string => path.join(checks, 'node_modules', '.bin', name);

  test('publint finds nothing', async () => {
    const { code, said } = await says(bin('publint'), [tarball, '--strict'], place);
    assert.is(code, 0, said);
    assert.match(said, /All good/);
  });

  test('types resolve for bundlers and for Node, without a problem inside (Are the types wrong)', async () => {
    const { code, said } = await says(bin('attw'), [tarball, '--exclude-entrypoints', './worker-host.js', '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'], place);
    assert.is(code, 0, said);
  });
}

test.run();
