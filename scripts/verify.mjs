// Knows whether a packed tarball is what this source makes: it builds the source again in a folder of its own, from packages
// with the hashes of package-lock.json and without their install scripts, and compares file by file.
// Usage: npm run verify [-- TARBALL.tgz …]; without a tarball, what is built here is packed and compared. --twice compares
// two builds from nothing with each other, the second in another place, time zone and language.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { main, prepare, root } from './prepare.mjs';

/** What the environment says in the build that runs; only a second one is elsewhere. */
let elsewhere = {};

/** What a command says; an error with its last words where it fails. */
function run(cwd, file, ...args) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, ...elsewhere, npm_config_ignore_scripts: 'true' } });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} failed in ${cwd}: ${error?.message ?? (stderr || stdout).slice(-2000)}`);
  return stdout;
}

/** The files of this checkout that git knows or would add, without what was built. */
function copySource(to) {
  const names = run(root, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0').filter(Boolean);
  for (const name of names) cpSync(path.join(root, name), path.join(to, name), { recursive: true });
}

function pack(from, to) {
  mkdirSync(to, { recursive: true });
  const [{ filename }] = JSON.parse(run(from, 'npm', 'pack', '--json', '--loglevel=error', '--pack-destination', to));
  return path.join(to, filename);
}

/** A tarball of this checkout's source, built from nothing. */
function built(source, to) {
  copySource(source);
  run(source, 'npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
  run(source, process.execPath, 'scripts/build.mjs');
  return pack(source, to);
}

/** The same, far from the first: nothing of the place, the clock's zone or the language may show in the bytes. */
function builtElsewhere(place) {
  elsewhere = { TZ: 'Pacific/Kiritimati', LC_ALL: 'C', LANG: 'tr_TR.UTF-8' };
  const tarball = built(path.join(place, 'a second place', 'deeper', 'depthwise'), path.join(place, 'second'));
  elsewhere = {};
  return tarball;
}

/** SHA-256 of each file in a tarball, by its name. */
function contents(tarball, to) {
  mkdirSync(to, { recursive: true });
  run(to, 'tar', 'xzf', path.resolve(root, tarball), '-C', to);
  const top = path.join(to, 'package');
  return new Map(readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    return [path.relative(top, file), createHash('sha256').update(readFileSync(file)).digest('hex')];
  }));
}

/** One line for each file that is not the same in both. */
function differences(given, made) {
  const names = [...new Set([...given.keys(), ...made.keys()])].sort();
  return names.filter((name) => given.get(name) !== made.get(name))
    .map((name) => `  ${name}: ${!made.has(name) ? 'the source does not make it' : !given.has(name) ? 'missing in the tarball' : 'differs from what the source makes'}`);
}

await main(async () => {
  const words = process.argv.slice(2), twice = words.includes('--twice'), given = words.filter((word) => word !== '--twice');
  const place = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'depthwise-verify-')));
  try {
    if (!given.length && !twice && (await prepare()).length) return 1;
    const tarballs = twice ? [...given, builtElsewhere(place)] : given.length ? given : [pack(root, path.join(place, 'here'))];
    const made = contents(built(path.join(place, 'source'), path.join(place, 'again')), path.join(place, 'made'));
    let wrong = 0;
    for (const [i, tarball] of tarballs.entries()) {
      const lines = differences(contents(tarball, path.join(place, `given-${i}`)), made);
      console.log(lines.length ? `${tarball}: ${lines.length} of ${made.size} files are not what this source makes:\n${lines.join('\n')}` : `${tarball}: all ${made.size} files are what this source makes, byte for byte.`);
      wrong += lines.length;
    }
    return wrong ? 1 : 0;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
