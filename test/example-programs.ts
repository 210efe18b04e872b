// Knows how a test prepares an example program and watches its processes: packages, ports, CPU time, memory. It knows no example.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const INSTALL = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];

/** The example's folder, with its packages and this very build of depthwise in it. */
export function preparedExample(name: string): string {
  const folder = path.resolve('examples', name), stampFile = path.join(folder, 'node_modules', '.prepared');
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(path.join(folder, file)));
  for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((file) => /\.(js|wasm)$/.test(file)).sort()) hash.update(readFileSync(path.join('dist', file)));
  const stamp = hash.digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return folder;
  try {
    execFileSync('npm', INSTALL, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 10 * 60_000 });
  } catch (cause) {
    throw new Error(`The packages of examples/${name} could not be installed. Run: cd examples/${name} && npm ci\n${String((cause as { stderr?: Buffer }).stderr ?? cause)}`, { cause });
  }
  writeFileSync(stampFile, stamp);
  return folder;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface Program {
  child: ChildProcess;
  pid: number;
  /** Everything it has written so far. */
  said(): string;
  /** Exit code or signal. */
  ended: Promise<number | NodeJS.Signals>;
  /** Resolves when the program has written something that matches; fails when it ends before, or after a minute and a half. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Whatever a test has started, so that none outlives it. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => kill(child)));

/** npm and wrangler start programs of their own: each program leads a group, and the group ends with it. */
function kill({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch { /* has ended */ }
}

export function start(command: string, args: string[], options: SpawnOptions = {}): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  running.add(child);
  let said = '';
  child.stdout!.on('data', (part) => (said += part));
  child.stderr!.on('data', (part) => (said += part));
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      kill(child);
      running.delete(child);
      resolve(code ?? signal!);
    });
  });
  const says = async (pattern: RegExp): Promise<RegExpExecArray> => {
    let over: number | string | undefined;
    ended.then((code) => (over = code), (error) => (over = String(error)));
    for (const start = Date.now(); ;) {
      const found = pattern.exec(said);
      if (found) return found;
      if (over !== undefined) throw new Error(`${command} ended with ${over} before it said ${pattern}:\n${said}`);
      if (Date.now() - start > 90_000) throw new Error(`${command} has not said ${pattern} in 90 seconds:\n${said}`);
      await pause(20);
    }
  };
  return { child, pid: child.pid!, said: () => said, ended, says };
}

export const stop = async (program: Program): Promise<void> => {
  kill(program.child);
  await program.ended;
};

/** Ends whatever still runs: a test that failed leaves programs behind, and their pipes would keep it alive. */
export const stopAll = async (): Promise<void> => running.forEach((child) => kill(child));

export const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** What Linux tells of a process: its parent, milliseconds of CPU time, resident bytes. */
export function processOf(pid: number): { parent: number; cpuMs: number; bytes: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1'), fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  return { parent: fields[1], cpuMs: (fields[11] + fields[12]) * 10, bytes: fields[21] * 4096 };
}

/** The process of that name which `parent` has started. */
export function childOf(parent: number, name: string): number {
  const found = readdirSync('/proc').map(Number).find((pid) => {
    try {
      return pid && processOf(pid).parent === parent && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name;
    } catch {
      return false; // has ended meanwhile
    }
  });
  if (!found) throw new Error(`Process ${parent} has started no ${name}.`);
  return found;
}
