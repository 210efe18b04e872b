// Measures this library against tfjs-tflite on real 8-bit files, in one Chromium, turn by turn: the only peer that runs SSD. The
// same raw input for both, copies in and out included. Wall time, and the CPU time of each page's process, which other work on
// the machine does not lengthen.
// Usage: node bench/peers-tasks.mjs [rounds] [files of ../shared/models, comma-separated], after npm run bench:peers has installed the peers
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..'), folder = process.env.PEERS_DIR ?? path.join(root, 'bench/peers');
if (!existsSync(path.join(folder, 'node_modules/@tensorflow/tfjs-tflite'))) throw new Error(`the peers are not installed in ${folder}: npm run bench:peers does that.`);
process.env.MODELS_DIR ??= path.resolve(root, '../shared/models');
const rounds = Number(process.argv[2] ?? 10), files = (process.argv[3] ?? 'ssd_mobilenet_v1_coco_quant.tflite').split(','), RUNS = 4;

mkdirSync(path.join(folder, 'depthwise'), { recursive: true });
for (const file of readdirSync(path.join(root, 'dist')).filter((name) => name.endsWith('.js') && name !== 'cli.js')) cpSync(path.join(root, 'dist', file), path.join(folder, 'depthwise', file));
const at = (file) => import(pathToFileURL(path.join(folder, 'scripts', file)).href);
const [{ serve }, { launch, open }] = [await at('server.mjs'), await at('browser.mjs')], server = await serve(), browser = await launch();

const busyFor = (pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
const isOurs = (pid) => {
  for (let at = Number(pid); at > 1;) {
    if (at === process.pid) return true;
    try { at = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'latin1'))[1]); } catch { return false; }
  }
  return false;
};
const renderers = () => readdirSync('/proc').filter((pid) => {
  try { return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--type=renderer') && isOurs(pid); } catch { return false; }
});

/** A page, and the process that is busy when the page is. */
async function pageOf(name, setup) {
  const page = await open(browser, server.url);
  await setup(page);
  const known = renderers();
  const before = known.map(busyFor);
  await page.evaluate(() => { for (let i = 0, x = 1; i < 3e8; i++) globalThis.kept = x = (x * 3 + i) | 0; }); // work, not time: the machine may be busy
  const spent = known.map((pid, i) => busyFor(pid) - before[i]);
  if (!(Math.max(...spent) > 100)) throw new Error(`no process of ${name} was seen to work: ${spent}`);
  return { name, page, pid: known[spent.indexOf(Math.max(...spent))] };
}

const peer = await pageOf('tfjs-tflite', (page) => page.evaluate(() => globalThis.setup('tfjstflite', '', 1)));
const own = await pageOf('depthwise', (page) => page.evaluate(async () => {
  const { load } = await import('/depthwise/index.js');
  globalThis.load = async (file) => {
    globalThis.net = await load(`/models/${file}`);
    const input = Uint8Array.from({ length: globalThis.net.inputs[0].shape.reduce((n, d) => n * d, 1) }, (_, i) => i * 77);
    globalThis.step = () => globalThis.net.run(input).map(({ data }) => data.slice());
    globalThis.step();
    return globalThis.net.build;
  };
  globalThis.time = (runs) => Array.from({ length: runs }, () => {
    const start = performance.now();
    globalThis.step();
    return performance.now() - start;
  });
}));

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
console.log(`${os.cpus()[0].model}, Chromium ${browser.version()}, one thread, ${rounds * RUNS} runs each, interleaved; load average ${os.loadavg()[0].toFixed(1)}\n`);
console.log('| file | what | wall ms, min / median | CPU ms a run, min / median of rounds |\n|---|---|---|---|');
for (const file of files) {
  const cells = [own, peer].map((cell) => ({ ...cell, wall: [], cpu: [] }));
  for (const cell of cells) {
    await cell.page.evaluate((name) => globalThis.load(name), file);
    await cell.page.evaluate((runs) => globalThis.time(runs), 10);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { page, pid, wall, cpu } of cells) {
      const before = busyFor(pid);
      wall.push(...await page.evaluate((runs) => globalThis.time(runs), RUNS));
      cpu.push((busyFor(pid) - before) / RUNS);
    }
  }
  for (const { name, wall, cpu } of cells) console.log(`| ${file} | ${name} | ${[wall, cpu].map((values) => [0, 0.5].map((q) => quantile(values, q).toFixed(1)).join(' / ')).join(' | ')} |`);
  const [ours, theirs] = cells.map(({ cpu }) => cpu);
  console.log(`| ${file} | tfjs-tflite / depthwise, CPU | | ${(quantile(theirs, 0) / quantile(ours, 0)).toFixed(2)} / ${(quantile(theirs, 0.5) / quantile(ours, 0.5)).toFixed(2)} |`);
}
await browser.close();
server.s.close();
process.exit(0);
