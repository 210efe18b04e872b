// Knows the command line of the fuzzer: `npm run fuzz -- [--minutes N] [--target A,B] [--seed S] [--processes N] [--replay FILE]`.
// What it finds is written to build/fuzz/found.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, replay, table } from './campaign.js';
import type { Found } from './campaign.js';
import type { Case } from './case.js';
import { bundleWorker } from './instrument.js';
import { TARGET_NAMES } from './names.js';
import { NATIVE_TOOLS, fuzzNatively, hasNativeTools } from './native.js';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, target: { type: 'string' }, seed: { type: 'string', default: String(Date.now() % 1e9) }, processes: { type: 'string', default: '1' }, replay: { type: 'string' } } });
const isNative = values.target === 'native', targets = isNative ? [] : values.target?.split(',') ?? TARGET_NAMES, wrong = targets.find((name) => !TARGET_NAMES.includes(name));
if (wrong) throw new Error(`There is no target "${wrong}"; there are ${TARGET_NAMES.join(', ')}, and native.`);

if (isNative) {
  const { code, said } = hasNativeTools() ? fuzzNatively(Number(values.minutes) * 60, Number(values.seed)) : { code: 69, said: `To fuzz natively: ${NATIVE_TOOLS}` };
  console.log(said);
  process.exit(code);
}

/** Returns the file that a case is kept in. */
function written({ fuzzed, key }: Found): string {
  const name = `build/fuzz/found/${key.replace(/[^\w]+/g, '-').slice(0, 80)}.json`;
  mkdirSync('build/fuzz/found', { recursive: true });
  writeFileSync(name, `${JSON.stringify(fuzzed)}\n`);
  return name;
}

const { file, counts } = await bundleWorker(path.resolve(`build/fuzz/worker-${process.pid}.mjs`)); // its own, since campaigns may run side by side
if (values.replay) console.log((await replay(file, [JSON.parse(readFileSync(values.replay, 'utf8')) as Case]))[0]);
else {
  console.log(`seed ${values.seed}, ${counts ? 'guided by coverage' : 'blind'}`);
  const report = await campaign({ seconds: Number(values.minutes) * 60, targets, seed: Number(values.seed), processes: Number(values.processes), told: (each) => console.log(`found: ${written(each)}`) }, file);
  console.log(table(report));
  for (const each of report.found) console.log(`\n${each.key}\n  ${written(each)}\n  ${each.what.split('\n').slice(0, 6).join('\n  ')}`);
  process.exitCode = report.found.length ? 1 : 0;
}
rmSync(file);
