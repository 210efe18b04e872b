// Checks that the packed tarball, installed in a project of its own, bundles without a warning with the bundlers people use,
// and that the bundles run: in Node, in Chromium where it is, and (the Worker's) with builds compiled ahead.
import { copyFileSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { apart, packed, says } from './apart.js';
import { chromium, inPage } from './page.js';

const { version: esbuild } = JSON.parse(readFileSync('node_modules/esbuild/package.json', 'utf8')) as { version: string };
const BUNDLERS = [`esbuild@${esbuild}`, 'vite@8.3.8', 'webpack@5.112.2', 'rollup@4.68.8', '@rollup/plugin-node-resolve@16.0.3'];

interface Picture { width: number; height: number; data: Uint8Array }

/** weights/sample.png, which our own script wrote: 8 bits, RGBA, not interlaced (PNG specification, section 9 for the filters). */
function readSample(): Picture {
  const bytes = readFileSync('weights/sample.png'), width = bytes.readUInt32BE(16), height = bytes.readUInt32BE(20), parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; at += bytes.readUInt32BE(at) + 12) {
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  }
  const lines = inflateSync(Buffer.concat(parts)), row = width * 4, data = new Uint8Array(row * height);
  const paeth = (a: number, b: number, c: number): number => {
    const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  for (let i = 0; i < data.length; i++) {
    const y = Math.floor(i / row), x = i % row, left = x >= 4 ? data[i - 4] : 0, above = y ? data[i - row] : 0, corner = y && x >= 4 ? data[i - row - 4] : 0;
    const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][lines[y * (row + 1)]];
    data[i] = lines[y * (row + 1) + 1 + x] + predicted;
  }
  return { width, height, data };
}

const picture = readSample();
const expected = (await load('weights/everyday.dw')).classify(picture, { topK: 2 });
assert.is(expected[0].label, 'orange', 'the sample picture shows oranges');

const tools = apart('bundlers', BUNDLERS);
if (tools) {
  const project = path.join(tools, 'project');
  rmSync(project, { recursive: true, force: true });
  cpSync('test/bundlers', project, { recursive: true });
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const { tarball } = await packed(project);
  const install = await says('npm', ['install', tarball, '--offline', '--no-audit', '--no-fund'], project);
  if (install.code !== 0) throw new Error(install.said);

  const bundle = async (bundler: string, entry: string): Promise<string> => {
    const out = path.join(project, `out-${bundler}-${path.basename(entry, '.js')}`);
    const { code, said } = await says(process.execPath, ['bundle.mjs', bundler, entry, out], project);
    assert.is(code, 0, said.slice(-2000));
    assert.equal(JSON.parse(said.trim().split('\n').at(-1)!), [], 'warnings');
    mkdirSync(out, { recursive: true });
    writeFileSync(path.join(out, 'pixels.bin'), picture.data);
    copyFileSync('weights/everyday.dw', path.join(out, 'everyday.dw'));
    return out;
  };

  /** Runs a bundle in this Node, in a process of its own. */
  const inNode = async (out: string, more: string[] = []): Promise<unknown> => {
    const program = `import { readFileSync } from 'node:fs';
      globalThis.self ??= globalThis; // bundles of webpack for pages begin with it
      await import(${JSON.stringify(path.join(out, 'bundle.js'))});
      const picture = { width: ${picture.width}, height: ${picture.height}, data: new Uint8Array(readFileSync(${JSON.stringify(path.join(out, 'pixels.bin'))})) };
      console.log(JSON.stringify(await classify(picture, ${JSON.stringify(path.join(out, 'everyday.dw'))})));`;
    const { code, said } = await says(process.execPath, [...more, '--input-type=module', '-e', program], project);
    assert.is(code, 0, said.slice(-2000));
    return JSON.parse(said);
  };

  for (const bundler of ['vite', 'esbuild', 'webpack', 'rollup']) {
    for (const entry of ['main.js', 'everything.js']) {
      test(`${bundler}, ${entry}: no warning, and the bundle runs${chromium ? '' : ' (in Node only)'}`, async () => {
        const out = await bundle(bundler, entry);
        assert.equal(await inNode(out), expected, 'in Node');
        if (!chromium) return;
        const inChromium = await inPage("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'", `
          await import('/bundle.js');
          const data = new Uint8Array(await (await fetch('/pixels.bin')).arrayBuffer());
          return [await classify({ width: ${picture.width}, height: ${picture.height}, data }, '/everyday.dw'), await complaint()];`, out);
        assert.equal(inChromium, [expected, 'NOT_FOUND'], 'in Chromium, where the zoo is fetched as a file apart');
      });
    }
  }

  test('esbuild for Workers: no warning, builds stay modules, and the bundle runs', async () => {
    const out = await bundle('workerd', 'main.js');
    const wasm = readdirSync(out).filter((name) => name.endsWith('.wasm')).map((name) => name.split('-')[0]).sort();
    assert.equal(wasm, ['relaxed', 'simd']);
    assert.not.match(readFileSync(path.join(out, 'bundle.js'), 'utf8'), 'AGFzbQ', 'a build is inlined');
    assert.equal(await inNode(out, ['--import', './wasm-hook.mjs']), expected);
  });
}
if (!chromium) console.log('NOT RUN: bundles in a browser; apt-get install chromium');

test.run();
