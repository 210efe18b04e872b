// Knows how this library is driven as one cell of the peers' bench: the same messages as the peers' own worker.
// Usage: node peers-worker.mjs depthwise '' THREADS, as a child process
import { readFileSync } from 'node:fs';
import { testInput } from './peers/scripts/arch.mjs';
import { load } from '../dist/index.js';

const threads = Number(process.argv[4]);
let net;

const commands = {
  setup: () => ({}),
  async load({ model }) {
    net?.dispose();
    net = await load(readFileSync(new URL(`./peers/gen/${model}.tflite`, import.meta.url)), { threads });
    if (net.threads.count !== threads) throw new Error(net.threads.reason);
    return { out: Array.from(net.run(testInput())[0].data) };
  },
  time({ n }) {
    const input = testInput(), wall = [];
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      net.run(input)[0].data.slice();
      wall.push(performance.now() - start);
    }
    return { wall };
  },
  mem: () => ({ hwmMB: Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024 }),
};

process.on('message', async (message) => {
  try {
    process.send({ ok: true, ...await commands[message.cmd](message) });
  } catch (error) {
    process.send({ ok: false, error: String(error.message) });
  }
});
