// Knows how a fresh clone becomes a built one: packages first, then the build. It knows no compiler and no test.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const readJson = (file) => {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
  } catch {
    return undefined;
  }
};

/**
 * npm leaves its own stamp in node_modules, written last: a list of what it installed. When that list agrees with
 * package-lock.json there is nothing to do; an install that was cut short, or a changed lock file, does not agree.
 */
export function packagesAreInstalled() {
  const wanted = readJson('package-lock.json')?.packages;
  const installed = readJson('node_modules/.package-lock.json')?.packages;
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([place, entry]) => {
    if (place === '') return true;
    const found = installed[place];
    if (!found) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return found.version === entry.version && (found.optional || existsSync(path.join(root, place)));
  });
}

function installPackages() {
  if (packagesAreInstalled()) return;
  console.log('packages   installing from package-lock.json (npm ci), once');
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  throw new Error(`packages could not be installed (${error?.message ?? `npm ci ended with ${status}`}). ` +
    'Check the network and run `npm ci` by hand to see more.');
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Two terminals may ask for the same build; the second waits for the first and then finds nothing to do. */
async function alone(work) {
  const lock = path.join(root, 'build', 'lock');
  mkdirSync(path.dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      await new Promise((wake) => setTimeout(wake, 200));
      const owner = Number(existsSync(lock) ? readFileSync(lock, 'utf8') : 0);
      if (owner && !isAlive(owner)) rmSync(lock, { force: true });
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Returns the names of the build stages that failed; an empty list means everything is ready. */
export async function prepare() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new Error(`depthwise is developed on Node 20 or newer; this is ${process.version}. Please install a newer Node.`);
  }
  return alone(async () => {
    installPackages();
    const { build } = await import('./build.mjs');
    return build();
  });
}

/** Runs a script's work, and says a failure in one sentence instead of a stack trace. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(`\n${process.env.DEPTHWISE_DEBUG ? error.stack : error.message}`);
    process.exitCode = 1;
  }
}
