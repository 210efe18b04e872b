// Runs the built command line for tests, and knows what every failure of it looks like. It knows no command.
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

/** What ships with the library. */
export const SAMPLE = 'weights/sample.png';
export const EVERYDAY = 'weights/everyday.dw';

export function depthwise(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8', env: { ...process.env, DEPTHWISE_DEBUG: '' }, maxBuffer: 2 ** 26 });
  return { status, stdout, stderr };
}

/** A failure is one friendly sentence on stderr: no stack, no rejected promise, nothing on stdout. */
export function fails(args: string[], says: RegExp, status = 1): void {
  const result = depthwise(...args);
  assert.is(result.status, status, `exit ${result.status}: ${result.stderr}`);
  assert.match(result.stderr, /^depthwise: /);
  assert.match(result.stderr, says);
  assert.not.match(result.stderr, /\n\s+at |UnhandledPromise|a bug: please report|\[object/);
  assert.is(result.stdout, '');
}
