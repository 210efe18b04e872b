// Knows the way of a folder through the queue: which pictures there are, which still wait, and that each comes out once.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Queue } from 'bullmq';
import { openOutput } from './output.js';
import { NAME, connect } from './queue.js';

const [folder, file] = process.argv.slice(2);
const refuse = (words) => {
  console.error(words);
  process.exit(2);
};
if (!folder || !file) refuse('usage: npm run embed -- FOLDER OUT.jsonl');
if (existsSync(file)) refuse(`${file} is there already. Move it away, or choose another name.`);
if (!existsSync(folder)) refuse(`There is no folder ${folder}.`);

/** Pictures in the queue at once: Redis stays small, however large the folder is. */
const MOST_QUEUED = 500, AT_ONCE = 50;
const out = path.resolve(file);

/** Same picture at the same place, same id, in every run: what waits in the queue already is not added a second time. */
async function jobOf(name) {
  const from = path.resolve(folder, name), bytes = await readFile(from);
  const jobId = createHash('sha256').update(JSON.stringify([out, name])).update(bytes).digest('hex');
  return { name: 'embed', data: { file: from, name, out }, opts: { jobId, attempts: 3, backoff: { type: 'exponential', delay: 500 } } };
}

const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
const connection = await connect(), queue = new Queue(NAME, { connection }), output = await openOutput(out);
const known = output.done.size, waiting = new Set(), lost = [];
let next = 0, takenOver = 0;

/** Adds pictures until enough wait. */
async function fill() {
  while (!stopping && next < names.length && waiting.size < MOST_QUEUED) {
    const jobs = (await Promise.all(names.slice(next, next + AT_ONCE).map(jobOf))).filter(({ opts }) => !output.done.has(opts.jobId));
    next += AT_ONCE;
    await queue.addBulk(jobs);
    jobs.forEach(({ opts }) => waiting.add(opts.jobId));
  }
}

const vectorOf = (base64) => [...new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer)];

/** Moves what is finished from the queue to the file: written first, then removed, so that a cut between leaves both, and `add` knows. */
async function collect() {
  const jobs = (await queue.getJobs(['completed', 'failed'])).filter((job) => job?.data.out === out);
  const good = jobs.filter(({ failedReason }) => failedReason === undefined);
  await output.add(good.map(({ id, data, returnvalue }) => ({ id, name: data.name, vector: vectorOf(returnvalue) })));
  for (const { id, data, failedReason, stalledCounter } of jobs) {
    if (failedReason !== undefined) lost.push(`${data.name}: ${failedReason}`);
    else if (stalledCounter > 0) takenOver++;
    waiting.delete(id);
  }
  await Promise.all(jobs.map((job) => job.remove()));
  return jobs.length;
}

const begin = performance.now();
let told = 0;
function tell(last = false) {
  const seconds = (performance.now() - begin) / 1000, onTerminal = process.stdout.isTTY;
  if (!last && seconds - told < (onTerminal ? 0.2 : 1)) return;
  told = seconds;
  const line = `${output.done.size + lost.length} of ${names.length} pictures, ${((output.done.size - known) / seconds).toFixed(1)} a second${takenOver ? `, ${takenOver} taken over from a lost worker` : ''}`;
  process.stdout.write(`${onTerminal ? '\r\x1b[K' : ''}${line}${onTerminal && !last ? '' : '\n'}`);
}

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (stopping ? process.exit(1) : (stopping = true)));

if (!(await queue.getWorkersCount())) console.log('No worker is running yet. In other terminals: npm run worker');
do {
  await fill();
  const collected = await collect();
  tell();
  if (!collected) await new Promise((wake) => setTimeout(wake, 100));
} while (!stopping && (next < names.length || waiting.size));
tell(true);

if (stopping) {
  await output.close();
  console.log('stopped; the same command goes on from here');
} else {
  await output.finish();
  lost.forEach((line) => console.error(line));
  console.log(`${file}: ${output.done.size} vectors${lost.length ? `; ${lost.length} pictures could not be read, see above` : ''}`);
  process.exitCode = lost.length ? 1 : 0;
}
await queue.close();
await connection.quit();
