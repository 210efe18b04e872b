// Knows which room may look into which, and the few rules of the house that a search can check.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

function filesUnder(place: string): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(place).flatMap((name) => {
    const file = `${place}/${name}`;
    return statSync(file).isDirectory() ? filesUnder(file) : [file];
  });
}

const sources = ['src', 'assembly', 'test', 'bench', 'scripts'].flatMap(filesUnder).filter((file) => /\.(ts|mjs|js)$/.test(file) && !file.includes('node_modules') && !file.startsWith('bench/peers/'));
const textOf = (file: string) => readFileSync(file, 'utf8');

/** Rooms from the ground up: a file may import from its own height or below. Ground files serve everyone. */
const HEIGHTS: [RegExp, number, string][] = [
  [/^src\/(error|options|source|image|picture|threads|base64|builtin|patch|sha256|text|turns|wasm\.d)\.ts$/, 0, 'ground'],
  [/^src\/((formats|models)\/|(onnx|safetensors)\.ts)/, 1, 'formats and models'],
  [/^src\/zoo(\/|\.ts$)/, 2, 'zoo'],
  [/^src\/search(\/|\.ts$)/, 1, 'search'],
  [/^src\/(cache|fetched)\.ts$/, 2, 'fetched'],
  [/^src\/plan\//, 2, 'plan'],
  [/^src\/(compile\/|convert\.ts)/, 3, 'compile'],
  [/^src\/(engine|probe|kernels|shrinker)\.ts$/, 3, 'engine'],
  [/^src\/tasks\//, 4, 'tasks'],
  [/^src\/net\.ts$/, 5, 'net'],
  [/^src\/loader\.ts$/, 6, 'loader'],
  [/^src\/load(-compiled|-plain)?\.ts$/, 7, 'load'],
  [/^src\/quantise\//, 8, 'quantise'],
  [/^src\/(heads|cascade)(\/|\.ts$)/, 8, 'heads and cascades'],
  [/^src\/(core|index|js|overlay|quantise)\.ts$/, 8, 'entries'],
  [/^src\/worker(\/|(-program\.d)?\.ts$)/, 8, 'worker'],
  [/^src\/(cli|weights|compat)\//, 9, 'cli'],
];
const roomOf = (file: string) => HEIGHTS.find(([pattern]) => pattern.test(file));

const IMPORT = /(?:^|\n)\s*(import|export)\b(\s+type\b)?[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Relative imports of a file. `type` imports vanish when compiled, so they bind no room to another; `import()` may lead to a file apart. */
function importsOf(file: string): { target: string; typeOnly: boolean; apart: boolean }[] {
  return [...textOf(file).matchAll(IMPORT)]
    .map(([, , type, from, dynamic]) => ({ from: from ?? dynamic, typeOnly: Boolean(type), apart: dynamic !== undefined }))
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from, ...how }) => ({ ...how, target: path.posix.join(path.posix.dirname(file), from).replace(/\.js$/, '.ts').replace(/(?<!\.[a-z]+)$/, '.ts') }));
}

test('imports point one way: cli, load, net, tasks, engine, compile, formats and models', () => {
  const wrong: string[] = [];
  for (const file of sources.filter((name) => name.startsWith('src/'))) {
    const from = roomOf(file);
    assert.ok(from, `${file} is in no room this test knows; say in HEIGHTS where it belongs`);
    for (const { target, typeOnly } of importsOf(file)) {
      const to = roomOf(target);
      if (to && !typeOnly && to[1] > from[1]) wrong.push(`${file} (${from[2]}) imports ${target} (${to[2]})`);
    }
  }
  assert.equal(wrong, []);
});

test('a program with a .dw holds no reader of other files and no compiler', () => {
  const held = new Set(['src/core.ts']);
  for (const file of held) for (const { target, typeOnly, apart } of importsOf(file)) if (!typeOnly && !apart && existsSync(target)) held.add(target);
  assert.ok(held.has('src/engine.ts') && held.has('src/plan/check.ts'), 'the walk reaches what runs a plan');
  assert.equal([...held].filter((file) => /^src\/(compile|models)\//.test(file)), []);
  assert.equal([...held].filter((file) => file.startsWith('src/formats/')).sort(), ['dw', 'float16', 'graph'].map((name) => `src/formats/${name}.ts`));
});

test('src/ takes nothing from assembly/ but what is TypeScript as well', () => {
  const both = ['abi', 'scratch', 'extent', 'check', 'work'].map((name) => `assembly/${name}.ts`);
  const wrong = sources.filter((file) => file.startsWith('src/'))
    .flatMap((file) => importsOf(file).map(({ target }) => ({ file, target })))
    .filter(({ target }) => target.startsWith('assembly/') && !both.includes(target));
  assert.equal(wrong, []);
});

test('assembly/ takes nothing from outside', () => {
  const wrong = sources.filter((file) => file.startsWith('assembly/'))
    .flatMap((file) => importsOf(file).map(({ target }) => ({ file, target })))
    .filter(({ target }) => !target.startsWith('assembly/'));
  assert.equal(wrong, []);
});

test('relaxed instructions are named in assembly/lanes.ts only', () => {
  const wrong = sources.filter((file) => file.startsWith('assembly/') && file !== 'assembly/lanes.ts' && /\brelaxed_/.test(textOf(file)));
  assert.equal(wrong, []);
});

for (const build of ['scalar', 'bare', 'simd', 'relaxed', 'search-scalar', 'search-simd']) {
  test(`${build}.wasm imports env.memory and nothing else`, () => {
    const module = new WebAssembly.Module(withoutCode(readFileSync(`build/wasm/${build}.wasm`)));
    const imports = WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => `${from}.${name}: ${kind}`);
    assert.equal(imports, ['env.memory: memory']);
  });
}

/** Keeps the type and import sections: a host that cannot run a build can still say what it asks for. */
function withoutCode(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept: number[] = [...wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const start = at;
    const section = wasm[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      size |= (wasm[at] & 127) << shift;
      more = wasm[at++] > 127;
    }
    at += size;
    if (section === 1 || section === 2) kept.push(...wasm.subarray(start, at));
  }
  return Uint8Array.from(kept);
}

test('no file is called utils, helpers or common', () => {
  const wrong = sources.filter((file) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.)/i.test(file));
  assert.equal(wrong, []);
});

test('every source file opens with a sentence about what it knows', () => {
  const wrong = sources.filter((file) => !/^(#!.*\n)?(\/\/ \S.{20,}|\/\*\*?\s+(\* )?\S)/.test(textOf(file)));
  assert.equal(wrong, []);
});

test('files stay short', () => {
  const wrong = sources.map((file) => ({ file, lines: textOf(file).split('\n').length })).filter(({ lines }) => lines > 400);
  assert.equal(wrong, []);
});

test.run();
