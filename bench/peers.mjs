// Measures this library against the runtimes a user could pick instead, in one interleaved run: the same weights for all,
// every output compared with TensorFlow.js, rounds A B C A B C so that a slow moment hits all alike.
// Usage: npm run bench:peers -- [--rounds N] [--models v1,v2,...] [--no-browser] [--markdown FILE]
// A model may also be a file of ../shared/models, FILE.tflite, which the peers that read such files run in Chromium; their
// answers are not compared, since they round otherwise than TensorFlow Lite's reference does.
// The peers' own harness lies beside the checkout (../shared/peers); it is installed into bench/peers, which git ignores.
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'bench/peers'), given = path.resolve(root, '../shared/peers');
const { values: options } = parseArgs({ options: {
  rounds: { type: 'string', default: '8' }, models: { type: 'string', default: 'v1,v2,v3l,v3s,v1-int8,v2-int8' }, markdown: { type: 'string' },
  'no-browser': { type: 'boolean' }, 'no-threads': { type: 'boolean' },
} });
process.env.MODELS_DIR ??= path.resolve(root, '../shared/models'); // the harness asks
const rounds = Number(options.rounds), models = options.models.split(','), RUNS = 4;

function install() {
  if (!existsSync(given)) throw new Error(`${given} is missing: the peers' harness lies beside the checkout.`);
  mkdirSync(folder, { recursive: true });
  for (const part of ['package.json', 'scripts']) cpSync(path.join(given, part), path.join(folder, part), { recursive: true });
  if (!existsSync(path.join(folder, 'node_modules/onnxruntime-web'))) {
    console.log('installing the peers into bench/peers (600 MB) ...');
    execFileSync('npm', ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  }
  if (!existsSync(path.join(folder, 'gen/refs.json'))) execFileSync(process.execPath, ['scripts/generate.mjs'], { cwd: folder, stdio: 'inherit' });
  rmSync(path.join(folder, 'depthwise'), { recursive: true, force: true });
  mkdirSync(path.join(folder, 'depthwise'));
  cpSync(path.join(root, 'dist'), path.join(folder, 'depthwise'), { recursive: true, filter: (from) => !/cli\.js$|types|weights/.test(from) });
}

/** A peer, or this library, in a Node process of its own. */
class NodeCell {
  constructor(engine, binary, peer, variant, threads) {
    Object.assign(this, { engine, binary, peer, variant, threads, worker: peer === 'depthwise' ? path.join(root, 'bench/peers-worker.mjs') : path.join(folder, 'scripts/node-worker.mjs') });
  }

  call(message) {
    return new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`its process ended with ${code}`));
      this.process.once('exit', ended);
      this.process.once('message', (reply) => {
        this.process.off('exit', ended);
        if (reply.ok) resolve(reply);
        else reject(new Error(reply.error));
      });
      this.process.send(message);
    });
  }

  async start() {
    this.process = fork(this.worker, [this.peer, this.variant, this.threads], { execPath: this.binary, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    await this.call({ cmd: 'setup' });
  }

  async load(model) { return (await this.call({ cmd: 'load', model })).out; }
  async time(runs) { return (await this.call({ cmd: 'time', n: runs })).wall; }
  async peak() { return (await this.call({ cmd: 'mem' })).hwmMB; }
  stop() { this.process?.kill(); }
}

/** The same in a page of its own. */
class PageCell {
  constructor(browser, peer, variant, threads) { Object.assign(this, { engine: 'chromium', browser, peer, variant, threads }); }

  async start() {
    this.page = await this.browser.open(this.browser.instance, this.browser.url);
    if (this.peer !== 'depthwise') {
      if (this.peer === 'tfjs' && this.threads > 1) {
        // It takes half of the processors that it sees.
        await (await this.page.ctx.newCDPSession(this.page)).send('Emulation.setHardwareConcurrencyOverride', { hardwareConcurrency: 2 * this.threads });
      }
      await this.page.evaluate((setup) => globalThis.setup(...setup), [this.peer, this.variant, this.threads]);
      return;
    }
    await this.page.evaluate(async (threads) => {
      const { load } = await import('/depthwise/index.js'), { testInput } = await import('/scripts/arch.mjs');
      let net;
      let input;
      const inputOf = ({ shape: [, size, , channels], dtype }) => {
        const values = testInput(size, channels);
        return dtype === 'float32' ? values : Uint8Array.from(values, (value) => Math.round((value + 1) * 127.5));
      };
      globalThis.load = async (model) => {
        net?.dispose();
        net = await load(new URL(model.endsWith('.tflite') ? `/models/${model}` : `/gen/${model}.tflite`, location.href).href, { threads });
        if (net.threads.count !== threads) throw new Error(net.threads.reason);
        input = inputOf(net.inputs[0]);
        return { out: Array.from(net.run(input)[0].data) };
      };
      globalThis.time = async (runs) => {
        const wall = [];
        for (let i = 0; i < runs; i++) {
          const start = performance.now();
          for (const { data } of net.run(input)) data.slice();
          wall.push(performance.now() - start);
        }
        return wall;
      };
    }, this.threads);
  }

  async load(model) { return (await this.page.evaluate((name) => globalThis.load(name), model)).out; }
  time(runs) { return this.page.evaluate((n) => globalThis.time(n), runs); }
  stop() { return this.page?.ctx.close(); }
}

async function browser() {
  if (options['no-browser']) return undefined;
  const found = spawnSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'], { encoding: 'utf8' }).stdout.trim();
  if (!(process.env.CHROMIUM ?? found)) throw new Error('no Chromium here: apt-get install chromium, or --no-browser.');
  const at = (file) => import(pathToFileURL(path.join(folder, 'scripts', file)).href);
  const [{ serve }, { launch, open }] = [await at('server.mjs'), await at('browser.mjs')];
  const server = await serve(), instance = await launch();
  return { instance, open, url: server.url, version: instance.version(), close: async () => { await instance.close(); server.s.close(); } };
}

const nodes = () => {
  const newer = path.join(root, 'build/node24/node_modules/node/bin/node');
  return [process.execPath, ...(existsSync(newer) ? [newer] : [])].map((binary) => ({ binary, version: execFileSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim() }));
};

function cellsFor(page) {
  const cells = nodes().flatMap(({ binary, version }) => {
    const major = Number(version.split('.')[0]), engine = `node ${major}`;
    const of = (peer, variant, threads) => new NodeCell(engine, binary, peer, variant, threads);
    return [of('depthwise', '', 1), of('tfjs', '', 1), of('ort', '', 1), of('litert', major >= 21 ? 'relaxed' : 'compat', 1), of('depthwise', '', 2), of('ort', '', 2)];
  });
  if (page) {
    for (const [peer, variant, threads] of [['depthwise', '', 1], ['tfjs', '', 1], ['ort', '', 1], ['litert', 'relaxed', 1], ['tfjstflite', '', 1],
      ['depthwise', '', 2], ['tfjs', '', 2], ['ort', '', 2], ['litert', 'threaded', 2]]) cells.push(new PageCell(page, peer, variant, threads));
  }
  return cells.filter(({ threads }) => threads === 1 || !options['no-threads']);
}

const NAMES = { depthwise: 'depthwise', tfjs: 'TensorFlow.js', ort: 'onnxruntime-web', litert: 'LiteRT.js', tfjstflite: 'tfjs-tflite' };
const quantile = (sorted, q) => sorted[Math.floor(q * (sorted.length - 1))];

const isFile = (model) => model.endsWith('.tflite');
const runs = (cell, model) => (isFile(model) ? cell.engine === 'chromium' && ['depthwise', 'litert', 'tfjstflite'].includes(cell.peer) : !(cell.peer === 'tfjs' && model.includes('int8')));

/** Greatest difference from TensorFlow.js' probabilities: float32 must agree, int8 roughly. */
function agree(cell, model, out, references) {
  if (isFile(model)) return;
  const reference = references[model.split('-')[0]], limit = model.includes('int8') ? 0.2 : 1e-4;
  const error = reference.reduce((most, value, i) => Math.max(most, Math.abs(value - out[i])), 0);
  if (!(error <= limit)) throw new Error(`${NAMES[cell.peer]} differs by ${error} from TensorFlow.js on ${model}`);
}

async function measure(model, cells, references) {
  const live = [];
  for (const cell of cells) {
    if (!cell.up || !runs(cell, model)) continue;
    try {
      agree(cell, model, await cell.load(model), references);
      await cell.time(12);
      live.push({ cell, samples: [] });
    } catch (error) {
      console.log(`left out: ${cell.engine} ${cell.peer} ${cell.threads}T ${model}: ${error.message.slice(0, 160)}`);
      if (/ended/.test(error.message)) cell.up = false;
    }
  }
  for (let round = 0; round < rounds; round++) for (const { cell, samples } of live) samples.push(...await cell.time(RUNS));
  return live.map(({ cell, samples }) => {
    samples.sort((a, b) => a - b);
    return { engine: cell.engine, peer: cell.peer, threads: cell.threads, min: samples[0], median: quantile(samples, 0.5), p90: quantile(samples, 0.9) };
  });
}

function report(model, rows) {
  const lines = [];
  for (const engine of new Set(rows.map((row) => row.engine))) {
    for (const threads of [1, 2]) {
      const group = rows.filter((row) => row.engine === engine && row.threads === threads);
      const own = group.find(({ peer }) => peer === 'depthwise'), others = group.filter(({ peer }) => peer !== 'depthwise').sort((a, b) => a.min - b.min);
      if (!own || !others.length) continue;
      const cell = ({ peer, min, median, p90 }) => `${NAMES[peer]} ${min.toFixed(1)} / ${median.toFixed(1)} / ${p90.toFixed(1)}`;
      lines.push(`| ${model} | ${engine} | ${threads} | ${own.min.toFixed(2)} / ${own.median.toFixed(2)} / ${own.p90.toFixed(2)} | ${others.map(cell).join('; ')} | ${(others[0].min / own.min).toFixed(2)} | ${(Math.min(...others.map(({ median }) => median)) / own.median).toFixed(2)} |`);
    }
  }
  return lines;
}

/** Process start to the first answer of V2, and the peak of memory after 20 more, medians of five interleaved starts. */
async function coldStarts() {
  const rows = new Map();
  const { binary, version } = nodes().at(-1);
  for (let i = 0; i < 5; i++) {
    for (const [peer, variant] of [['depthwise', ''], ['tfjs', ''], ['ort', ''], ['litert', 'relaxed']]) {
      const start = performance.now(), cell = new NodeCell(`node ${version}`, binary, peer, variant, 1);
      await cell.start();
      await cell.load('v2');
      const first = performance.now() - start;
      await cell.time(20);
      const peak = await cell.peak();
      cell.stop();
      const row = rows.get(peer) ?? rows.set(peer, { first: [], peak: [] }).get(peer);
      row.first.push(first);
      row.peak.push(peak);
    }
  }
  const sorted = (values) => [...values].sort((a, b) => a - b);
  return [...rows].map(([peer, { first, peak }]) => `| ${NAMES[peer]} | ${sorted(first)[0].toFixed(0)} / ${sorted(first)[2].toFixed(0)} | ${sorted(peak)[2].toFixed(0)} |`);
}

/** Bytes that a page downloads: JavaScript and one WebAssembly file, gzip -9. */
function shipped() {
  const zipped = (file) => gzipSync(readFileSync(file), { level: 9 }).length, kB = (files) => (files.reduce((sum, file) => sum + zipped(file), 0) / 1000).toFixed(0);
  const peer = (...files) => kB(files.map((file) => path.join(folder, 'node_modules', file)));
  return [
    `| depthwise (core and the relaxed build) | ${kB(['dist/core.js', 'dist/wasm/relaxed.wasm'].map((file) => path.join(root, file)))} |`,
    `| TensorFlow.js | ${peer('@tensorflow/tfjs-core/dist/tf-core.es2017.min.js', '@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.es2017.min.js', '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')} |`,
    `| onnxruntime-web | ${peer('onnxruntime-web/dist/ort.wasm.min.mjs', 'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs', 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm')} |`,
    `| LiteRT.js | ${peer('@litertjs/core/dist/index.js', '@litertjs/wasm-utils/dist/index.js', '@litertjs/core/wasm/litert_wasm_internal.js', '@litertjs/core/wasm/litert_wasm_internal.wasm')} |`,
  ];
}

install();
const page = await browser(), cells = cellsFor(page).filter((cell) => models.some((model) => runs(cell, model)));
for (const cell of cells) {
  try {
    await cell.start();
    cell.up = true;
  } catch (error) {
    console.log(`left out: ${cell.engine} ${cell.peer} ${cell.threads}T does not start: ${error.message.slice(0, 200)}`);
  }
}
const references = JSON.parse(readFileSync(path.join(folder, 'gen/refs.json'), 'utf8'));
const text = [`${os.cpus()[0].model}, ${nodes().map(({ version }) => `Node ${version}`).join(', ')}${page ? `, Chromium ${page.version}` : ''}; ${rounds * RUNS} runs a cell, interleaved; ms as min / median / p90`, '',
  '| network | engine | threads | depthwise | peers | best peer / depthwise, minima | medians |', '|---|---|---|---|---|---|---|'];
for (const model of models) {
  const lines = report(model, await measure(model, cells, references));
  console.log(lines.join('\n'));
  text.push(...lines);
}
for (const cell of cells) await cell.stop();
await page?.close();
if (!models.every(isFile)) text.push('', '| V2 from process start, newest Node | first answer ms, min / median | peak RSS MiB |', '|---|---|---|', ...await coldStarts(), '', '| shipped, gzip | kB |', '|---|---|', ...shipped());
console.log(`\n${text.join('\n')}`);
if (options.markdown) writeFileSync(options.markdown, `${text.join('\n')}\n`);
process.exit(0);
