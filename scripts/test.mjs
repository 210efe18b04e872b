// Knows how tests are bundled, run and counted, on this Node and on one that runs every build; it knows no test.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { FOR_NODE } from './build.mjs';
import { main, prepare, root } from './prepare.mjs';

const AT_ONCE = 2;
const LIMIT_MS = 15 * 60_000;
const outDir = path.join(root, 'build', 'test');
const node24Dir = path.join(root, 'build', 'node24');
const node24Command = 'npm install --prefix build/node24 node@24 --no-save --no-audit --no-fund';

async function bundleTests(names) {
  const { build } = await import('esbuild');
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const bundled = [];
  const broken = [];
  for (const name of names) {
    const outfile = path.join(outDir, `${name}.mjs`);
    try {
      await build({ ...FOR_NODE, entryPoints: [`test/${name}.test.ts`], outfile, sourcemap: 'inline' });
      bundled.push({ name, outfile });
    } catch (error) {
      const said = (error.errors ?? []).map(({ location, text }) => `${location ? `${location.file}:${location.line}: ` : ''}${text}`).join('\n');
      broken.push({ name, node: '-', passed: 0, failed: 1, skipped: 0, ms: 0, said: said || String(error) });
    }
  }
  return { bundled, broken };
}

/** uvu ends a file with "Total: / Passed: / Skipped:". A file that crashed or said no such thing counts as one failure. */
function readSummary(said, code) {
  const number = (word) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(said)?.[1] ?? NaN);
  const total = number('Total');
  const passed = number('Passed');
  const skipped = number('Skipped') || 0;
  if (!(total >= 0) || !(passed >= 0)) return { passed: 0, failed: 1, skipped: 0, note: code === 0 ? 'ended without a summary' : `crashed (exit ${code})` };
  const failed = total - passed; // uvu leaves skipped tests out of its total
  if (total === 0 && !skipped) return { passed, failed: 1, skipped, note: 'holds no test' };
  if (code !== 0 && failed === 0) return { passed, failed: 1, skipped, note: `exit ${code}` };
  return { passed, failed, skipped, note: '' };
}

function runFile({ name, outfile }, runtime) {
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(runtime.node, ['--enable-source-maps', outfile], {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', ...(runtime.builds ? { DEPTHWISE_BUILDS: runtime.builds } : {}) },
    });
    let said = '';
    child.stdout.on('data', (part) => (said += part));
    child.stderr.on('data', (part) => (said += part));
    const timer = setTimeout(() => {
      said += `\nstopped after ${LIMIT_MS / 60_000} minutes\n`;
      child.kill('SIGKILL');
    }, LIMIT_MS);
    child.on('error', (error) => (said += error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const plain = said.replace(/\x1b\[[0-9;]*m/g, '');
      resolve({ name, node: runtime.label, said: plain, ms: performance.now() - start, ...readSummary(plain, code ?? signal) });
    });
  });
}

async function runAll(jobs, report) {
  const waiting = [...jobs];
  const results = [];
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const result = await runFile(job.file, job.runtime);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function node24() {
  const binary = path.join(node24Dir, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const answers = () => existsSync(binary) && statSync(binary).size > 0 && spawnSync(binary, ['-v']).stdout?.toString().startsWith('v24.');
  if (answers()) return binary;
  console.log('node 24    installing apart in build/node24, once: it runs the relaxed build, which this Node cannot');
  mkdirSync(node24Dir, { recursive: true });
  spawnSync(node24Command, { cwd: root, shell: true, stdio: 'ignore', timeout: 5 * 60_000 });
  return answers() ? binary : undefined;
}

/** Relaxed SIMD is on by default from Node 22; with Node 20's flag it validates and then computes wrongly. */
function runtimes() {
  const here = { node: process.execPath, label: `node ${process.versions.node.split('.')[0]}` };
  if (Number(process.versions.node.split('.')[0]) >= 22) return { here, there: undefined, relaxedRuns: true };
  const node = node24();
  return { here, there: node && { node, label: 'node 24', builds: 'relaxed' }, relaxedRuns: Boolean(node) };
}

const usesBuilds = ({ outfile }) => /testedBuilds/.test(readFileSync(outfile, 'utf8'));
const mark = (result) => (result.failed ? 'FAIL' : ' ok ');
const row = (result) => `${mark(result)} ${result.name.padEnd(24)} ${result.node.padEnd(8)} ${String(result.passed).padStart(5)} passed ` +
  `${String(result.failed).padStart(4)} failed${result.skipped ? ` ${result.skipped} skipped` : ''} ${(result.ms / 1000).toFixed(1).padStart(7)} s ${result.note ?? ''}`;

/** On success only what a test itself printed (tables, warnings) is shown, not uvu's dots. */
const spoken = (said) => said.split('\n').filter((line) => line.trim() && !/^\s*(Total|Passed|Skipped|Duration):/.test(line) && !/[•✘] .*\(\d+ \/ \d+\)\s*$/.test(line)).join('\n');

function report(result) {
  console.log(row(result));
  const words = result.failed ? result.said.trim() : spoken(result.said);
  if (words) console.log(words.replace(/^/gm, '       '));
}

await main(async () => {
  const [pattern] = process.argv.slice(2);
  const failedStages = await prepare();
  const names = readdirSync(path.join(root, 'test')).filter((file) => file.endsWith('.test.ts')).map((file) => file.slice(0, -'.test.ts'.length)).sort()
    .filter((name) => !pattern || name.includes(pattern) || new RegExp(pattern).test(name));
  if (!names.length) throw new Error(pattern ? `No test file matches "${pattern}".` : 'There are no tests in test/.');
  const stages = failedStages.map((stage) => ({ name: `build: ${stage}`, node: '-', passed: 0, failed: 1, skipped: 0, ms: 0, said: '' }));
  const { bundled, broken } = await bundleTests(names);
  const { here, there, relaxedRuns } = runtimes();
  const jobs = bundled.map((file) => ({ file, runtime: here }));
  if (there) jobs.push(...bundled.filter(usesBuilds).map((file) => ({ file, runtime: there })));
  broken.forEach(report);
  const results = [...stages, ...broken, ...(await runAll(jobs, report))];
  results.sort((a, b) => a.name.localeCompare(b.name) || a.node.localeCompare(b.node));
  console.log(`\n${results.map(row).join('\n')}\n`);
  if (!relaxedRuns) {
    console.log('!!!! THE RELAXED BUILD WAS NOT RUN: this Node cannot, and Node 24 could not be installed.');
    console.log(`!!!! To run it: ${node24Command} && npm test\n`);
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed || !passed ? 1 : 0;
});
