// Knows every kind of fault, so that tests can see that each is found. It is no part of a campaign.
import type { Target } from './case.js';
import { judged } from './verdict.js';
import { DepthwiseError } from '../../src/error.js';
import type { ErrorCode } from '../../src/error.js';

const FAULTS: Record<string, () => unknown> = {
  throws: () => { throw new TypeError('x is not a function'); },
  mumbles: () => { throw new DepthwiseError('BAD_FILE', 'no'); },
  invents: () => { throw new DepthwiseError('ODD' as ErrorCode, 'This is a code that nobody knows.'); },
  traps: () => { throw new DepthwiseError('BAD_FILE', 'A step left its memory.', { cause: new WebAssembly.RuntimeError('unreachable') }); },
  takes: () => new Uint8Array(200 << 20),
  waits: () => new Promise(() => undefined),
  hangs: () => { for (;;); },
  grows: () => { for (const list: unknown[][] = []; ;) list.push(Array.from({ length: 1e6 }, () => ({}))); },
  works: () => 1,
};

export const planted: Target = {
  seeds: () => [[1, Object.keys(FAULTS)]],
  mutate: () => ['nothing'],
  run: ({ seed }) => judged(async () => {
    await FAULTS[seed]();
    return { end: 'ran' };
  }, 1000, () => 0),
};
