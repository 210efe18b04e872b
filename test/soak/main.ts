// Knows the command line of the soak: `npm run soak -- [--inferences N] [--cycles N] [--guards]`; 0 leaves a part out. Ctrl-C
// ends early, with a verdict over what was done until then; a second one ends at once.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { interruption } from '../../src/cli/interruption.js';
import { note, progress } from '../../src/cli/report.js';
import { coldAnswers, guardEverything, soakAddressSpace, soakCycles, soakInferences } from './parts.js';
import type { Verdict } from './parts.js';
import { bundleProcess } from './start.js';

const { values } = parseArgs({ options: { inferences: { type: 'string', default: '1000000' }, cycles: { type: 'string', default: '10000' }, guards: { type: 'boolean', default: false } } });
const inferences = Number(values.inferences), cycles = Number(values.cycles);
if (![inferences, cycles].every((count) => Number.isInteger(count) && count >= 0)) throw new Error('--inferences and --cycles take whole numbers.');
const signal = interruption(), file = await bundleProcess();
let wrong = 0;

async function part<V extends Verdict>(name: string, total: number, work: (how: { signal: AbortSignal; told(done: number, of?: number): void }) => Promise<V>): Promise<V | undefined> {
  if (signal.aborted) return note(`${name}: not begun`) as undefined;
  const start = performance.now();
  try {
    const verdict = await work({ signal, told: (done, of = total) => progress(name, done, of) });
    wrong += verdict.faults.length;
    console.log(`\n${verdict.faults.length ? 'FAIL' : ' ok '} ${name} (${((performance.now() - start) / 1000).toFixed(0)} s)\n${[verdict.said, ...verdict.faults].join('\n').replace(/^/gm, '     ')}`);
    return verdict;
  } catch (error) {
    if (signal.aborted) return note(`${name}: cancelled too early for a verdict`) as undefined;
    wrong++;
    console.log(`\nFAIL ${name}\n${(error as Error).message.replace(/^/gm, '     ')}`);
    return undefined;
  }
}

if (values.guards) await part('guard bytes', 1, guardEverything);
else {
  const warm = inferences ? await part('inferences', inferences, (how) => soakInferences(file, inferences, how)) : undefined;
  if (warm) await part('cold and warm', 1, () => coldAnswers(file, warm.hash));
  if (cycles) await part('loads', cycles, (how) => soakCycles(file, cycles, how));
  if (cycles) await part('loads without gc()', cycles, (how) => soakAddressSpace(file, cycles, how));
}
rmSync(file);
process.exitCode = signal.aborted ? 130 : wrong ? 1 : 0;
