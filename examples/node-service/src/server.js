// Knows when the process starts and ends: settings from the environment, SIGTERM and SIGINT. It knows no picture.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { serve } from '@hono/node-server';
import { makeService } from './service.js';

const setting = (name, standard) => {
  const value = Number(process.env[name] ?? standard);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`${name} is a whole number from 0 up, not "${process.env[name]}".`);
  return process.exit(2);
};

const threads = Math.max(1, setting('THREADS', availableParallelism()));
const service = makeService({
  threads, waiting: setting('WAITING', 8 * threads), mostBytes: setting('MOST_BYTES', 10_000_000), mostPixels: setting('MOST_PIXELS', 50_000_000),
});
const server = serve({ fetch: service.fetch, port: setting('PORT', 8080), hostname: process.env.HOST ?? '127.0.0.1', serverOptions: { requestTimeout: 30_000 } }, ({ address, port }) => {
  console.log(`listening on http://${address}:${port} with ${threads} threads`);
});
server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `Port ${error.port} is in use. Choose another: PORT=8081 npm start` : error.message);
  process.exit(1);
});

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    if (stopping) process.exit(1); // asked twice: at once
    stopping = true;
    console.log(`${signal}: finishing what runs, refusing what comes`);
    service.refuse();
    server.close();
    await once(server, 'close');
    await service.close();
    console.log('stopped');
  });
}
