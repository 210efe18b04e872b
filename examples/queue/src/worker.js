// Knows what a worker does: take a picture from the queue, embed it, give the vector back. It knows no folder and no output file.
import { readFile } from 'node:fs/promises';
import { UnrecoverableError, Worker } from 'bullmq';
import { load } from 'depthwise';
import everyday from 'depthwise/weights/everyday';
import { decodePicture } from './picture.js';
import { LOCK_MS, NAME, connect } from './queue.js';

const connection = await connect(), net = await load(everyday);

/** Vectors of length 1: their dot product is the cosine similarity. float32 as base64, which any language reads. */
async function embed({ data: { file } }) {
  try {
    const vector = net.embed(await decodePicture(await readFile(file)), { l2Normalize: true });
    return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
  } catch (error) {
    if (error.name === 'DepthwiseError') throw new UnrecoverableError(error.message); // the next try would find the same picture
    throw error; // a disk that is not there for a moment: tried again
  }
}

// A picture that three workers died of is given up instead of killing a fourth.
const worker = new Worker(NAME, embed, { connection, concurrency: 2, lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 2, maxStalledCount: 3 });
worker.on('error', (error) => console.error(error.message));
await worker.waitUntilReady();
console.log(`worker ${process.pid} waits for pictures; Ctrl-C ends it after those in hand`);

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (stopping) process.exit(1); // asked twice: at once; others take over
    stopping = true;
    await worker.close();
    await connection.quit();
    console.log(`worker ${process.pid} stopped`);
  });
}
