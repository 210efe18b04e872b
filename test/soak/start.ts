// Knows how a soak's process is bundled and started, in as little address space as wanted. It does not know what it does.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { BuildOptions } from 'esbuild';
import type { Message, Result, Task } from './task.js';

const { FOR_NODE } = await import(pathToFileURL('scripts/build.mjs').href) as { FOR_NODE: BuildOptions };

/** Bundles the process, once for each caller. */
export async function bundleProcess(): Promise<string> {
  const outfile = path.resolve(`build/soak/process-${process.pid}.mjs`);
  await build({ ...FOR_NODE, entryPoints: ['test/soak/process.ts'], outfile, sourcemap: 'inline' });
  return outfile;
}

export interface How {
  flags?: string[];
  /** Most bytes of address space; where the shell can say so. */
  addressSpace?: number;
  told?(done: number): void;
  /** Ends the task early; what was done until then comes back. */
  signal?: AbortSignal;
}

/** glibc gives threads arenas of their own and keeps what they leave: 20 MB over 300 threads, that nobody holds. With one, what is resident is what is held. */
const ONE_ARENA = { MALLOC_ARENA_MAX: '1' };

/** What the task gave; throws what it said where it failed. */
export function run<T extends Task>(file: string, task: T, { flags = ['--expose-gc'], addressSpace, told, signal }: How = {}): Promise<Result<T['kind']>> {
  const args = ['--enable-source-maps', ...flags, file, JSON.stringify(task)];
  const [program, given] = addressSpace ? ['sh', ['-c', `ulimit -v ${Math.floor(addressSpace / 1024)} && exec "$0" "$@"`, process.execPath, ...args]] : [process.execPath, args];
  const child = spawn(program, given, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { ...process.env, ...ONE_ARENA } }), stop = (): void => void child.send('stop');
  signal?.addEventListener('abort', stop);
  let result: { value: unknown } | undefined, failed = '';
  child.stderr!.on('data', (part: Buffer) => (failed = (failed + part.toString()).slice(-4000)));
  child.on('message', (message: Message) => {
    if ('done' in message) told?.(message.done);
    else if ('result' in message) result = { value: message.result };
    else failed = message.failed;
  });
  return new Promise((resolve, reject) => child.on('close', (code) => {
    signal?.removeEventListener('abort', stop);
    if (result) resolve(result.value as Result<T['kind']>);
    else reject(new Error(failed || `the process ended with ${code}`));
  }));
}
