// Measures MoveNet on a real picture: the network alone and the whole way from pixels to joints, on every build of this engine.
// Rounds go A B C A B C, so that a slow moment hits all alike. It reads ../shared.
// Usage: node build/bench/pose.mjs [rounds]
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { decodeBmp } from '../src/cli/bmp.js';
import { availableBuilds, load } from '../src/load.js';
import type { Pose } from '../src/tasks/pose.js';
import { inputFor, timed } from './timing.js';

const rounds = Number(process.argv[2] ?? 20), PER_ROUND = 2;
const model = new Uint8Array(readFileSync('../shared/models/movenet_single_pose_lightning_ptq.tflite'));
const picture = decodeBmp(new Uint8Array(readFileSync('../shared/images/squat.bmp')), 'squat.bmp');

interface Row { name: string; work(): unknown; samples: number[] }

const rows: Row[] = [];
for (const build of await availableBuilds()) {
  const net = await load(model, { build }), input = inputFor(net);
  let previous: Pose[] = [];
  rows.push({ name: `${build}, net.run`, work: () => net.run(input), samples: [] });
  rows.push({ name: `${build}, net.pose of ${picture.width} x ${picture.height} pixels`, work: () => net.pose(picture), samples: [] });
  rows.push({ name: `${build}, the same, followed from frame to frame`, work: () => (previous = net.pose(picture, { previous })), samples: [] });
}

for (let round = 0; round <= rounds; round++) {
  for (const { work, samples } of rows) {
    const times = await timed(() => void work(), PER_ROUND);
    if (round > 0) samples.push(...times);
  }
}

console.log(`\n${os.cpus()[0].model}, Node ${process.version}, V8 ${process.versions.v8}, one thread, ${rounds * PER_ROUND} runs each, interleaved\n`);
console.log('| MoveNet Lightning, int8, 192x192 | min ms | median ms | p90 ms |\n|---|---|---|---|');
for (const { name, samples } of rows) {
  samples.sort((a, b) => a - b);
  const at = (q: number): string => samples[Math.floor(q * (samples.length - 1))].toFixed(2);
  console.log(`| ${name} | ${at(0)} | ${at(0.5)} | ${at(0.9)} |`);
}
