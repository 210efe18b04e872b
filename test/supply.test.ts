// Checks where the package comes from: locked packages without install scripts, what other people's code ships and under
// which terms, and that a tarball which the source does not make is told file by file.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packed, says } from './apart.js';

interface Locked { version: string; resolved?: string; integrity?: string; hasInstallScript?: boolean; link?: boolean }

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const manifest = json('package.json') as { scripts: Record<string, string>; dependencies?: object; devDependencies: Record<string, string> };
const locked = Object.entries(json('package-lock.json').packages as Record<string, Locked>).filter(([at]) => at !== '');

test('installing runs nothing, and brings no package along', () => {
  assert.equal(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?(install|prepare|publish|pack|prepublishOnly)$/.test(name)), []);
  assert.equal(manifest.dependencies, undefined);
});

// The lock file names no addresses, so a mirror can stand for the registry: the hash says what is right. One that names another place would be an exception.
test('every package of the lock file has a hash and no place of its own; one has an install script, which nothing needs', () => {
  assert.ok(locked.length > 10);
  assert.equal(locked.filter(([, { integrity, resolved }]) => !/^sha512-/.test(integrity ?? '') || resolved !== undefined).map(([at]) => at), []);
  assert.equal(locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([at]) => at), ['node_modules/esbuild']);
});

test('ARCHITECTURE.md says of each development package why it is there', () => {
  const page = readFileSync('ARCHITECTURE.md', 'utf8');
  assert.equal(Object.keys(manifest.devDependencies).filter((name) => !new RegExp(`^\\| .*${name}\\b.* \\|`, 'm').test(page)), []);
});

test('THIRD-PARTY.md names every package in the bundles, with its version and licence', () => {
  const page = readFileSync('THIRD-PARTY.md', 'utf8'), bundled = json('build/bundled.json') as Record<string, string[]>;
  const shipped = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js') && name !== 'worker-program.js');
  assert.equal(Object.keys(bundled).sort(), shipped.map((name) => `dist/${name}`).sort()); // worker-program.js is worker-host.js as text
  for (const [bundle, inside] of Object.entries(bundled)) {
    assert.equal(inside, bundle === 'dist/cli.js' ? ['@jsquash/jpeg', '@jsquash/png'] : [], bundle);
    for (const name of inside) {
      const { version, license } = json(`node_modules/${name}/package.json`) as { version: string; license?: string };
      const row = page.split('\n').find((line) => line.includes(`${name} ${version}`));
      assert.ok(row?.includes(bundle) && row.includes(license ?? 'Apache-2.0'), `${name} ${version}, ${license}`);
    }
  }
});

test('the tarball of what is built here is what the source makes; one that was changed is told by its files', async () => {
  const place = mkdtempSync(path.join(os.tmpdir(), 'depthwise-supply-'));
  try {
    const { tarball } = await packed(place), inside = path.join(place, 'package'), changed = path.join(place, 'changed.tgz');
    await says('tar', ['xzf', tarball, '-C', place], place);
    const wasm = path.join(inside, 'dist/wasm/simd.wasm'), bytes = readFileSync(wasm);
    bytes[bytes.length - 9] ^= 1;
    writeFileSync(wasm, bytes);
    writeFileSync(path.join(inside, 'dist/more.js'), '');
    rmSync(path.join(inside, 'weights/LICENSE-APACHE'));
    assert.is((await says('tar', ['czf', changed, 'package'], place)).code, 0);
    const { code, said } = await says(process.execPath, ['scripts/verify.mjs', tarball, changed], '.');
    assert.match(said, /\.tgz: all \d+ files are what this source makes/);
    assert.match(said, /changed\.tgz: 3 of \d+ files are not what this source makes:\n {2}dist\/more\.js: the source does not make it\n {2}dist\/wasm\/simd\.wasm: differs from what the source makes\n {2}weights\/LICENSE-APACHE: missing in the tarball\n/);
    assert.is(code, 1);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test.run();
