// Knows the output file: one line of JSON for each picture, each picture once, whenever the writer was cut off. It knows no queue.
import { createReadStream, existsSync } from 'node:fs';
import { open, rename, stat, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/**
 * Lines are appended to FILE.part, which becomes FILE when all are there. What a writer that was cut off has left is read first:
 * whole lines count as done, half a line at the end is taken away.
 */
export async function openOutput(file) {
  const part = `${file}.part`, done = new Set();
  if (existsSync(part)) await truncate(part, await readDone(part, done));
  const handle = await open(part, 'a');
  return {
    /** Ids of the pictures that are in the file. */
    done,
    /** Resolves when the rows are on the disk; rows that are there already are left out. */
    async add(rows) {
      const fresh = rows.filter(({ id }) => !done.has(id));
      fresh.forEach(({ id }) => done.add(id));
      await handle.write(fresh.map((row) => `${JSON.stringify(row)}\n`).join(''));
      await handle.sync();
    },
    async finish() {
      await handle.close();
      await rename(part, file);
    },
    close: () => handle.close(),
  };
}

/** Collects the ids and returns the length of the whole lines. */
async function readDone(part, done) {
  const { size } = await stat(part);
  let whole = 0;
  for await (const line of createInterface({ input: createReadStream(part), crlfDelay: Infinity })) {
    const end = whole + Buffer.byteLength(line) + 1;
    if (end > size) break; // no line break: cut off in the middle
    done.add(JSON.parse(line).id);
    whole = end;
  }
  return whole;
}
