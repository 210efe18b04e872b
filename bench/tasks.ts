// Measures tasks on real files: one run of the network, and the whole task from a decoded photo to the answer, on every build
// of this engine. Rounds go A B C A B C, so that a slow moment hits all alike; CPU time is what the work itself took.
// Usage: npm run bench tasks [rounds] [names, comma-separated]
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decode } from '../src/cli/decode.js';
import type { Picture } from '../src/image.js';
import { availableBuilds, load } from '../src/load.js';
import type { Net } from '../src/net.js';
import { inputFor } from './timing.js';

interface Task {
  name: string;
  /** Weights and photo beside the checkout, in ../shared. */
  file: string;
  photo: string;
  run(net: Net, picture: Picture): unknown;
}

const TASKS: Task[] = [
  { name: 'detect', file: 'models/ssd_mobilenet_v1_coco_quant.tflite', photo: 'images/kite_and_cold.jpg', run: (net, picture) => net.detect(picture) },
  { name: 'segment', file: 'models/deeplabv3_mnv2_float.tflite', photo: 'images/cat.bmp', run: (net, picture) => net.segment(picture) },
  { name: 'segment', file: 'models/deeplabv3_mnv2_dm05_pascal_quant.tflite', photo: 'images/cat.bmp', run: (net, picture) => net.segment(picture) },
  { name: 'pose', file: 'models/movenet_single_pose_lightning_ptq.tflite', photo: 'images/squat.bmp', run: (net, picture) => net.pose(picture) },
];

const rounds = Number(process.argv[2] ?? 15), wanted = process.argv[3]?.split(',');
const PER_ROUND = 2, WARM_UP = 3;

interface Row { name: string; net: Net; work(): unknown; wall: number[]; cpu: number[] }

/** Milliseconds that this thread has been on a processor; the wall clock where the system does not tell. */
function onProcessor(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

function time({ work, wall, cpu }: Row): void {
  const before = onProcessor(), start = performance.now();
  work();
  wall.push(performance.now() - start);
  cpu.push(onProcessor() - before);
}

const rows: Row[] = [], builds = (await availableBuilds()).filter((build) => build !== 'scalar'), shared = (file: string): string => path.resolve('../shared', file);
for (const { name, file, photo, run } of TASKS.filter((task) => !wanted || wanted.includes(task.name))) {
  if (!existsSync(shared(file)) || !existsSync(shared(photo))) {
    console.log(`NOT MEASURED: ${name}, because ../shared has no ${file} or ${photo}`);
    continue;
  }
  const picture = await decode(new Uint8Array(readFileSync(shared(photo))), photo);
  for (const build of builds) {
    const net = await load(new Uint8Array(readFileSync(shared(file))), { build }), input = inputFor(net);
    rows.push({ name: `${path.basename(file)}, net.run, ${build}`, net, work: () => net.run(input), wall: [], cpu: [] });
    rows.push({ name: `${name} ${photo} (${picture.width} x ${picture.height}), ${build}`, net, work: () => run(net, picture), wall: [], cpu: [] });
  }
}
for (const row of rows) for (let i = 0; i < WARM_UP; i++) row.work();
for (let round = 0; round < rounds; round++) for (const row of rows) for (let i = 0; i < PER_ROUND; i++) time(row);

console.log(`\n${os.cpus()[0].model}, Node ${process.version}, V8 ${process.versions.v8}, one thread, ${rounds * PER_ROUND} runs each, interleaved\n`);
console.log('| what | min ms | median ms | p90 ms | min ms of CPU | median | GMAC/s at min of CPU |\n|---|---|---|---|---|---|---|');
for (const { name, net, wall, cpu } of rows) {
  const at = (samples: number[], q: number): number => samples.sort((a, b) => a - b)[Math.floor(q * (samples.length - 1))];
  const macs = net.steps.reduce((sum, step) => sum + step.macs, 0);
  console.log(`| ${[name, ...[at(wall, 0), at(wall, 0.5), at(wall, 0.9), at(cpu, 0), at(cpu, 0.5)].map((ms) => ms.toFixed(1)), (macs / at(cpu, 0) / 1e6).toFixed(1)].join(' | ')} |`);
}
