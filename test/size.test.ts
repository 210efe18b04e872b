// Knows the byte budgets: what a page downloads is part of the product. Raising a number here is a decision, not a fix.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const WASM_RAW = 48_000;
const DOWNLOAD_GZIP = 39_500; // a program that loads a .dw, with every task and every check of what strangers say
const ENTRY_GZIP = 90_000; // depthwise with its three builds; the smallest peer takes 247,000
const CONVERT_GZIP = 25_000; // what the other files take more
const ONNX_GZIP = 16_000;
const PLAIN_GZIP = 38_000;
const HEADS_GZIP = 16_000; // convert.js, which saves them, comes beside it
const CASCADE_GZIP = 3_000;
const SEARCH_GZIP = 7_000;
const WORKER_GZIP = 9_000;
const PROGRAM_GZIP = 125_000; // a page fetches it beside its first photo, and it holds four builds
const BUILDS = ['scalar', 'simd', 'relaxed'];

const gzip = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 }).length;
const core = readFileSync('dist/core.js');
const rows = BUILDS.map((build) => {
  const wasm = readFileSync(`dist/wasm/${build}.wasm`);
  return { build, raw: wasm.length, gzip: gzip(wasm), download: gzip(core) + gzip(wasm) };
});

const column = (value: string | number) => String(value).padStart(14);
console.log(['file', 'raw', 'gzip', 'with core.js'].map(column).join(''));
for (const row of rows) console.log([`${row.build}.wasm`, row.raw, row.gzip, row.download].map(column).join(''));
for (const file of ['core.js', 'index.js', 'convert.js', 'safetensors.js', 'onnx.js', 'zoo.js', 'threads.js', 'cache.js', 'worker.js', 'worker-program.js', 'workerd.js', 'edge-light.js', 'js.js', 'kernels.js', 'compat/tfjs.js', 'search.js', 'heads.js', 'cascade.js']) {
  const bytes = readFileSync(`dist/${file}`);
  console.log([file, bytes.length, gzip(bytes), ''].map(column).join(''));
}

for (const { build, raw, download } of rows) {
  test(`${build}.wasm is under ${WASM_RAW} bytes`, () => {
    assert.ok(raw < WASM_RAW, `${build}.wasm has ${raw} bytes, the budget is ${WASM_RAW}`);
  });
  test(`core.js and ${build}.wasm are under ${DOWNLOAD_GZIP} bytes gzipped`, () => {
    assert.ok(download < DOWNLOAD_GZIP, `together ${download} bytes, the budget is ${DOWNLOAD_GZIP}`);
  });
}

const gzipOf = (...files: string[]): number => files.reduce((sum, file) => sum + gzip(readFileSync(`dist/${file}`)), 0);

test(`depthwise, three builds and every operator, is under ${ENTRY_GZIP} bytes gzipped`, () => {
  assert.ok(gzipOf('index.js') < ENTRY_GZIP, `index.js has ${gzipOf('index.js')} bytes gzipped, the budget is ${ENTRY_GZIP}`);
});

test(`in a Worker, entry and builds are under ${DOWNLOAD_GZIP + 16_500} bytes gzipped`, () => {
  assert.ok(gzipOf('workerd.js', 'wasm/simd.wasm', 'wasm/relaxed.wasm') < DOWNLOAD_GZIP + 16_500, 'one more build than core and its .wasm');
  assert.ok(gzipOf('edge-light.js', 'wasm/simd.wasm') < DOWNLOAD_GZIP, 'what Vercel Edge takes');
});

test(`depthwise/js with its kernels is under ${PLAIN_GZIP} bytes gzipped`, () => {
  assert.ok(gzipOf('js.js', 'kernels.js') < PLAIN_GZIP, `they have ${gzipOf('js.js', 'kernels.js')} bytes`);
});

for (const [file, budget, what] of [
  ['convert.js', CONVERT_GZIP, 'what makes plans'], ['onnx.js', ONNX_GZIP, 'a reader without what makes plans'], ['worker.js', WORKER_GZIP, 'what a page itself holds'], ['worker-program.js', PROGRAM_GZIP, 'everything, in the worker'],
  ['search.js', SEARCH_GZIP, 'with its two builds'], ['heads.js', HEADS_GZIP, 'heads, without what makes files of them'], ['cascade.js', CASCADE_GZIP, 'cascades'],
] as const) {
  test(`${file} (${what}) is under ${budget} bytes gzipped`, () => {
    const bytes = gzip(readFileSync(`dist/${file}`));
    assert.ok(bytes < budget, `${file} has ${bytes} bytes, the budget is ${budget}`);
  });
}

test('only the entries for hosts that compile hold WebAssembly', () => {
  for (const file of ['core.js', 'workerd.js', 'edge-light.js', 'js.js', 'compat/tfjs.js', 'compat/coco-ssd.js', 'search.workerd.js', 'search.edge-light.js']) {
    assert.not.match(readFileSync(`dist/${file}`, 'utf8'), 'AGFzbQ', `${file} holds the base64 of a WebAssembly module`);
  }
});

test.run();
