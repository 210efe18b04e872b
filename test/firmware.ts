// Knows how the microcontroller example is built for a model and booted in QEMU, or run under AddressSanitizer, and what the
// tools are. It does not know what the answers should be.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Stream } from '../src/compile/stream.js';
import { cSource } from '../src/cli/c-source.js';

export const INSTALL = 'apt-get install -y --no-install-recommends make gcc libc6-dev wabt gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm';
const TOOLS = ['make', 'gcc', 'wasm2c', 'arm-none-eabi-gcc', 'qemu-system-arm'];
const LIMIT_MS = 10 * 60_000;

/** What is not there, or not of the version that is needed. */
export function missingTools(): string[] {
  const version = (tool: string): string => String(spawnSync(tool, ['--version']).stdout ?? '').split('\n')[0];
  return TOOLS.filter((tool) => (tool === 'wasm2c' ? version(tool) !== '1.0.32' : !version(tool)));
}

export type Board = 'm4' | 'm7' | 'm55';
export const BOARDS: readonly Board[] = ['m4', 'm7', 'm55'];

export interface Ran { code: number; said: string }

const example = path.resolve('examples', 'microcontroller'), build = path.resolve('build', 'mcu');

function make(target: string, variables: Record<string, string>): Ran {
  const { status, stdout, stderr } = spawnSync('make', ['-s', target, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)], { cwd: example, encoding: 'utf8', timeout: LIMIT_MS, maxBuffer: 1 << 26 });
  return { code: status ?? -1, said: `${stdout}${stderr}` };
}

/** A model's C file; what is built of it lies in the same folder. `change` damages the text. */
export function writeModel(stream: Stream, name: string, change: (text: string) => string = (text) => text): string {
  const out = path.join(build, name), file = path.join(out, 'model.c'), text = change(cSource(stream, 'model', name));
  mkdirSync(out, { recursive: true });
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
  return out;
}

/** `pictures` are files, or the word "empty"; `variables` those of the Makefile. */
export function boot(target: `run-${Board}` | `layers-${Board}` | 'host', out: string, pictures: string[], variables: Record<string, string> = {}): Ran {
  return make(target, { OUT: out, KERNELS: path.join(build, 'kernels'), MODEL: '', PICTURES: pictures.join(' '), WASM: path.resolve('build/wasm/bare.wasm'), ...variables });
}

/** Bytes of each output, one list after another for each picture. */
export function bytesIn({ code, said }: Ran): Buffer[] {
  if (code !== 0) throw new Error(`it ended with ${code}: ${said.slice(-2000)}`);
  return [...said.matchAll(/^bytes ([0-9a-f]*)$/gm)].map(([, hex]) => Buffer.from(hex, 'hex'));
}

/** Bytes of flash and of static data, as the linker placed them. */
export function sizes(out: string, board: Board): { flash: number; ram: number } {
  const { stdout } = spawnSync('arm-none-eabi-size', ['-A', path.join(out, 'unchecked', board, 'firmware.elf')], { encoding: 'utf8' });
  const of = (name: string): number => Number(new RegExp(`^\\${name}\\s+(\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  return { flash: of('.text') + of('.weights') + of('.ARM.exidx') + of('.data'), ram: of('.data') + of('.bss') };
}

export interface Layer { kind: string; macs: number; instructions: number }

export function layersIn({ code, said }: Ran): Layer[] {
  if (code !== 0) throw new Error(`it ended with ${code}: ${said.slice(-2000)}`);
  return [...said.matchAll(/^ *\d+ {2}(\w+) +(\d+) +(\d+) /gm)].map(([, kind, macs, instructions]) => ({ kind, macs: Number(macs), instructions: Number(instructions) }));
}
