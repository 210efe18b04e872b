// Knows which MobileNets fit a device of so much memory: all widths and sizes, planned as `convert --target mcu` plans them,
// and the code, stack and static data that come on top. It runs nothing.
import { compile } from '../compile/plan.js';
import { streamed, type Stream } from '../compile/stream.js';
import { madeUpModel, type Family } from '../models/made-up.js';
import { usage } from './arguments.js';
import { flashBytes } from './c-source.js';
import { bytes, paint, print, progress, table } from './report.js';

/** What firmware takes beside memory and model: measured on Cortex-M4, and held to by test/mcu.test.ts. */
export const CODE_BYTES = 56_000;
export const STACK_AND_STATIC_BYTES = 4096;

const CLASSES = 1000;
const SIZES = [96, 128, 160, 192, 224];
const FAMILIES: [Family, number[]][] = [['v1', [0.25, 0.5, 0.75, 1]], ['v2', [0.35, 0.5, 0.75, 1, 1.3, 1.4]], ['v3-small', [0.5, 0.75, 1]], ['v3-large', [0.5, 0.75, 1]]];
const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20 };

/** "256K", "1M" or bytes. */
export function budget(text: string): number {
  const [, digits, unit] = /^(\d+)(K|M|)(?:i?B)?$/i.exec(text) ?? [];
  if (!digits || !Number(digits)) throw usage(`--fit needs an amount of memory such as 256K, not "${text}".`);
  return Number(digits) * UNITS[unit.toUpperCase()];
}

export interface Fit { family: Family; alpha: number; size: number; memoryBytes: number; flashBytes: number; fits: boolean }

export const ramBytes = ({ memoryBytes }: Pick<Stream, 'memoryBytes'>): number => memoryBytes + STACK_AND_STATIC_BYTES;

export function* fits(limit: number): Generator<Fit> {
  const all = FAMILIES.flatMap(([family, alphas]) => alphas.flatMap((alpha) => SIZES.map((size) => ({ family, alpha, size }))));
  for (const [i, { family, alpha, size }] of all.entries()) {
    progress('planning', i + 1, all.length);
    const stream = streamed(compile(madeUpModel(family, 'int8', alpha, size, CLASSES), { plan: 'small' }));
    yield { family, alpha, size, memoryBytes: stream.memoryBytes, flashBytes: flashBytes(stream) + CODE_BYTES, fits: ramBytes(stream) <= limit };
  }
}

const kilo = (count: number): string => String(Math.ceil(count / 1024));

export function printFits(limit: number, all: Fit[]): void {
  print(`RAM in KiB of int8 networks with ${CLASSES} classes, weights in flash; ${paint('bold', `what fits ${kilo(limit)} KiB has a *`)}. Each has ${kilo(STACK_AND_STATIC_BYTES)} KiB for stack and static data in it.\n`);
  const rows = FAMILIES.flatMap(([family, alphas]) => alphas.map((alpha) => {
    const own = all.filter((fit) => fit.family === family && fit.alpha === alpha);
    return [family, alpha, ...own.map((fit) => `${kilo(ramBytes(fit))}${fit.fits ? ' *' : '  '}`), kilo(Math.max(...own.map((fit) => fit.flashBytes)))];
  }));
  print(table(['network', 'alpha', ...SIZES.map((size) => `${size}x${size}`), 'flash'], rows));
  print(`\nFlash, in KiB too, has ${kilo(CODE_BYTES)} KiB for code (Cortex-M4, -O2) in it. Fewer classes take less flash, hardly less RAM. Your own start-up code, drivers and frame buffers come on top.`);
}

export function printModelFit(limit: number, source: string, stream: Stream): void {
  const needs = ramBytes(stream);
  print(`${paint('bold', source)} ${needs <= limit ? 'fits' : 'does not fit'} ${kilo(limit)} KiB: ${bytes(needs)} of RAM (tensors ${bytes(stream.arenaBytes)}, all linear memory ${stream.memoryBytes} bytes, ${kilo(STACK_AND_STATIC_BYTES)} KiB stack and static data), ${bytes(flashBytes(stream) + CODE_BYTES)} of flash\n`);
}
