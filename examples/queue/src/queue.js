// Knows what producer and workers agree on: the queue's name, its Redis, how long a silent worker counts as alive. It knows no picture.
import { Redis } from 'ioredis';

export const NAME = process.env.QUEUE ?? 'embeddings';

/** A worker renews its lock on a picture; when it is silent for this long, another takes the picture over. */
export const LOCK_MS = 5000;

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

/** A connection, or a sentence about why there is none. */
export async function connect() {
  const redis = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true, retryStrategy: (times) => (ready ? Math.min(100 * times, 3000) : null) });
  let ready = false;
  redis.on('error', () => undefined); // told below; later ones end by themselves, ioredis connects again
  try {
    await redis.connect();
    ready = true;
    return redis;
  } catch (cause) {
    console.error(`There is no Redis at ${url} (${cause.message}). Start one: redis-server --save '' --appendonly no\nIf it is not installed: apt-get install -y redis-server`);
    return process.exit(1);
  }
}
