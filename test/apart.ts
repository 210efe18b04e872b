// Knows how a tool that only some tests need is installed apart, under build/, and where it then lies. It knows no tool.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The command for people, with every version pinned. */
export const commandFor = (folder: string, packages: string[]): string => `npm install --prefix build/${folder} ${packages.join(' ')} --no-save --no-audit --no-fund`;

/**
 * Installs packages ("name@version") in build/FOLDER where they are not, once.
 * @returns the folder that holds node_modules; undefined, and a line that names the command, where they cannot be had
 */
export function apart(folder: string, packages: string[]): string | undefined {
  const place = path.resolve('build', folder), command = commandFor(folder, packages), stamp = path.join(place, 'installed.txt');
  const ready = (): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === command;
  if (ready()) return place;
  mkdirSync(place, { recursive: true });
  if (!existsSync(path.join(place, 'package.json'))) writeFileSync(path.join(place, 'package.json'), '{ "private": true, "type": "module" }\n');
  if (spawnSync(command, { shell: true, stdio: 'ignore', timeout: 10 * 60_000 }).status === 0) writeFileSync(stamp, command);
  if (ready()) return place;
  console.log(`NOT RUN: ${packages.join(', ')} could not be installed. To run: ${command}`);
  return undefined;
}

/** The same for Python packages ("name==version"): the folder is a place for PYTHONPATH. */
export function pythonApart(folder: string, packages: string[]): string | undefined {
  const place = path.resolve('build', folder), command = `python3 -m pip install --quiet --target build/${folder} ${packages.join(' ')}`, stamp = path.join(place, 'installed.txt');
  const ready = (): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === command;
  if (!ready() && spawnSync(command, { shell: true, stdio: 'ignore', timeout: 10 * 60_000 }).status === 0) writeFileSync(stamp, command);
  if (ready()) return place;
  console.log(`NOT RUN: ${packages.join(', ')} could not be installed. To run: ${command}`);
  return undefined;
}

/** Runs a program and collects what it says, stdout and stderr together. */
export function says(file: string, args: string[], cwd: string): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26, timeout: 10 * 60_000, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', CI: '1' } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) || 1 : 0, said: `${stdout}${stderr}` });
    });
  });
}

/** The package as npm would publish it, from what is built now. Returns the path of the .tgz and the files in it. */
export async function packed(to: string): Promise<{ tarball: string; files: { path: string; size: number }[] }> {
  mkdirSync(to, { recursive: true });
  const { code, said } = await says('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', to], '.');
  if (code !== 0) throw new Error(said);
  const [{ filename, files }] = JSON.parse(said) as [{ filename: string; files: { path: string; size: number }[] }];
  return { tarball: path.join(to, filename), files };
}
