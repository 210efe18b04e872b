// Knows the list of commands, their help and the exit codes: 0 done, 1 failed, 2 wrong usage.
import about from '../../package.json' with { type: 'json' };
import { DepthwiseError } from '../error.js';
import type { Command } from './arguments.js';
import { bench } from './bench.js';
import { cascade } from './cascade.js';
import { classify } from './classify.js';
import { convert } from './convert.js';
import { detect } from './detect.js';
import { embed } from './embed.js';
import { inspect } from './inspect.js';
import { list } from './list.js';
import { pose } from './pose.js';
import { pull } from './pull.js';
import { quantise } from './quantise.js';
import { run } from './run.js';
import { search } from './search.js';
import { segment } from './segment.js';
import { trainHead } from './train-head.js';

const COMMANDS: Command[] = [classify, embed, search, detect, segment, pose, run, inspect, bench, convert, quantise, trainHead, cascade, list, pull];

const HELP = `depthwise ${about.version}: MobileNets for any JavaScript host

${COMMANDS.map(({ name, summary }) => `  depthwise ${name.padEnd(10)} ${summary}`).join('\n')}

depthwise COMMAND --help says more. Weights are .dw, .tflite, .onnx or .safetensors files,
or zoo:NAME for an official checkpoint.`;

const asksForHelp = (args: string[]) => args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).some((arg) => arg === '--help' || arg === '-h');

async function dispatch([word, ...args]: string[]): Promise<void> {
  if (word === undefined) throw new DepthwiseError('USAGE', 'give a command.');
  if (word === '--help' || word === '-h' || word === 'help') return void process.stdout.write(`${COMMANDS.find(({ name }) => name === args[0])?.help ?? HELP}\n`);
  if (word === '--version' || word === '-V') return void process.stdout.write(`${about.version}\n`);
  const command = COMMANDS.find(({ name }) => name === word);
  if (!command) throw new DepthwiseError('USAGE', `there is no command "${word}". Commands: ${COMMANDS.map(({ name }) => name).join(', ')}.`);
  if (asksForHelp(args)) return void process.stdout.write(`${command.help}\n`);
  await command.run(args);
}

/** One sentence for people; a stack trace only for whoever asks by DEPTHWISE_DEBUG. */
function complain(error: unknown, word: string | undefined): number {
  const known = error instanceof DepthwiseError;
  const message = error instanceof Error ? error.message : String(error);
  const place = COMMANDS.some(({ name }) => name === word) ? ` ${word}` : '';
  const wrongUsage = known && error.code === 'USAGE';
  process.stderr.write(`depthwise: ${known ? message : `unexpected: ${message} (a bug: please report it)`}\n`);
  if (wrongUsage) process.stderr.write(`Try: depthwise${place} --help\n`);
  if (process.env.DEPTHWISE_DEBUG) console.error(error);
  return wrongUsage ? 2 : 1;
}

// A reader that has seen enough (`| head`) closes the pipe; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const words = process.argv.slice(2);
try {
  await dispatch(words);
} catch (error) {
  process.exitCode = complain(error, words[0]);
}
