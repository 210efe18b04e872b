// Knows how words on a command line become checked values; what a command then does with them it does not know.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ARCHITECTURES } from '../models/build.js';
import { PURPOSES } from '../plan/plan.js';
import { DepthwiseError } from '../error.js';
import type { Build, LoadOptions } from '../load.js';
import { readLabels } from './files.js';

/** One command: `help` is what `depthwise NAME --help` prints. */
export interface Command {
  name: string;
  summary: string;
  help: string;
  run(args: string[]): Promise<void>;
}

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Parsed {
  positionals: string[];
  text(name: string): string | undefined;
  list(name: string): string[];
  flag(name: string): boolean;
  count(name: string, fallback: number): number;
}

export const usage = (message: string) => new DepthwiseError('USAGE', message);

/** Options of every command that loads weights; those after `plan` say what a bare .safetensors file does not. */
export const WEIGHTS_OPTIONS = {
  build: { type: 'string' },
  labels: { type: 'string' },
  threads: { type: 'string' },
  plan: { type: 'string' },
  arch: { type: 'string' },
  alpha: { type: 'string' },
  size: { type: 'string' },
  style: { type: 'string' },
} as const satisfies Options;

export const WEIGHTS_HELP = `  --build B        scalar, simd, relaxed or js (default: the fastest that runs here; js is plain JavaScript)
  --threads N      threads that share the work (default: 1)
  --labels FILE    one label a line, or a JSON list
  --plan P         fast (default), small (least memory) or layers (every layer kept)
  --arch A         for .safetensors that do not tell:
${archList()}
                   also --alpha X, --size N, --style torch|tf`;

/** The architectures, three a line, as helps show them. */
export function archList(): string {
  const lines = Array.from({ length: Math.ceil(ARCHITECTURES.length / 3) }, (_, i) => ARCHITECTURES.slice(3 * i, 3 * i + 3).join(', '));
  return lines.map((line) => ' '.repeat(19) + line).join(',\n');
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw usage(`--${name} needs a number above 0, not "${text}".`);
}

export function wholePositive(name: string, text: string): number {
  const value = positive(name, text);
  if (Number.isInteger(value)) return value;
  throw usage(`--${name} needs a whole number, not "${text}".`);
}

/** A share or score, where one was given. */
export function share(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() && value >= 0 && value <= 1) return value;
  throw usage(`--${name} needs a number from 0 to 1, not "${text}".`);
}

export function oneOf<T extends string>(name: string, text: string | undefined, allowed: readonly T[]): T | undefined {
  if (text === undefined || allowed.includes(text as T)) return text as T | undefined;
  throw usage(`--${name} is ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, not "${text}".`);
}

export function parse(args: string[], options: Options): Parsed {
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    const said = (error as Error).message.split('. ')[0].replace(/\.$/, '');
    throw usage(`${said[0].toLowerCase()}${said.slice(1)}.`);
  }
  const values = parsed.values as Record<string, unknown>;
  const text = (name: string) => values[name] as string | undefined;
  return {
    positionals: parsed.positionals,
    text,
    list: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
    count: (name, fallback) => (text(name) === undefined ? fallback : wholePositive(name, text(name)!)),
  };
}

/** The one positional argument of commands that take exactly one. */
export function only(parsed: Parsed, what: string): string {
  const { positionals } = parsed;
  if (positionals.length === 1) return positionals[0];
  throw usage(positionals.length ? `give one ${what}, not ${positionals.length} (${positionals.join(', ')}).` : `give the ${what} to read.`);
}

/** What is said of the terms and origin of weights that are written; left out where nothing is. */
export function termsOf({ text }: Parsed): { licence?: string; source?: string } {
  const licence = text('licence'), source = text('source');
  return { ...(licence && { licence }), ...(source && { source }) };
}

export function loadOptions(parsed: Parsed): LoadOptions {
  const { text } = parsed;
  const labels = text('labels');
  const options: LoadOptions = {
    build: oneOf<Build>('build', text('build'), ['scalar', 'simd', 'relaxed', 'js']),
    threads: text('threads') === undefined ? undefined : wholePositive('threads', text('threads')!),
    plan: oneOf('plan', text('plan'), PURPOSES),
    arch: text('arch') as LoadOptions['arch'], // the library knows the list, and says it
    alpha: text('alpha') === undefined ? undefined : positive('alpha', text('alpha')!),
    size: text('size') === undefined ? undefined : wholePositive('size', text('size')!),
    style: oneOf('style', text('style'), ['torch', 'tf']),
    labels: labels === undefined ? undefined : readLabels(labels),
  };
  // What was not said is left out, so that the library's own defaults hold.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
