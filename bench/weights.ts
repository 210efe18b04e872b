// Measures the shipped weights: how often each names the validation pictures of Everyday-100 rightly, its bytes,
// multiply-adds and time. It does not know how the weights were made. Usage: npm run weights:check [-- EVERY [FILE…]],
// each EVERY-th picture, of FILEs instead of the shipped ones
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { load } from '../src/load.js';
import { accuracy, misses, photos, validation } from './accuracy.js';
import { inputFor, timed } from './timing.js';

const data = '../shared/data', every = Number(process.argv[2] ?? 1);
const shipped = readdirSync('weights').filter((name) => name.endsWith('.dw')).sort().map((name) => `weights/${name}`);
if (!existsSync(data)) throw new Error(`${data} is absent: the validation pictures of Everyday-100 are needed.`);
const pictures = await validation(data, every);

console.log(`${os.cpus()[0].model}, Node ${process.version}, one thread; ${pictures.length} validation pictures of 64x64, through this runtime\n`);
console.log('| file | network | type | top-1 % | top-5 % | photos | MB | million MACs | ms (min) |\n|---|---|---|---|---|---|---|---|---|');
const taken: string[] = [];
for (const file of process.argv.length > 3 ? process.argv.slice(3) : shipped) {
  const bytes = new Uint8Array(readFileSync(file)), net = await load(bytes);
  const { top1, top5 } = accuracy(net, pictures), input = inputFor(net);
  const large = await photos('../shared/images', net.labels!), wrong = misses(net, large);
  taken.push(`${file.split('/').pop()}: ${wrong.join('; ')}`);
  const samples = await timed(() => { net.run(input); }, 60);
  const macs = net.steps.reduce((sum, step) => sum + step.macs, 0), [, height, width] = net.inputs[0].shape;
  const type = net.inputs[0].dtype === 'int8' ? 'int8' : file.includes('float16') ? 'float32, stored as float16' : 'float32';
  console.log(`| ${file.split('/').pop()} | ${net.about.name}, ${width}x${height} | ${type} | ${top1.toFixed(2)} | ${top5.toFixed(2)} | ${large.length - wrong.length} of ${large.length} | ${(bytes.length / 1e6).toFixed(2)} | ${(macs / 1e6).toFixed(0)} | ${Math.min(...samples).toFixed(2)} |`);
  net.dispose();
}
console.log(`\nphotos of normal size taken for something else\n${taken.join('\n')}`);
