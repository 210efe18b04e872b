// Knows the service's addresses, limits and refusals; the pool does the work. It does not know when the process ends.
import { bodyLimit } from 'hono/body-limit';
import { Hono } from 'hono';
import { Piscina } from 'piscina';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const failure = (context, status, code, message) => context.json({ error: { code, message } }, status);

/** Reads what a client is still sending and keeps none of it: who cannot finish sending sees a broken connection instead of the answer. */
async function discardBody({ req }, most) {
  let bytes = 0;
  try {
    for await (const part of req.raw.body ?? []) if ((bytes += part.length) > most) return;
  } catch { /* the client has gone */ }
}

function metersOf(state) {
  const registry = new Registry(), registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: 'classify_in_flight', help: 'Requests taken and not yet answered', registers, collect() { this.set(state.inFlight); } });
  return {
    registry,
    answers: new Counter({ name: 'classify_answers_total', help: 'Answers by status', labelNames: ['status'], registers }),
    seconds: new Histogram({ name: 'classify_seconds', help: 'From taking a request to its answer', registers, buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] }),
  };
}

/**
 * @param {{ threads: number, waiting: number, mostBytes: number, mostPixels: number }} limits `waiting`: requests taken beyond those
 *   that the threads work on; more are refused, and nothing of them is kept
 */
export function makeService({ threads, waiting, mostBytes, mostPixels }) {
  const pool = new Piscina({ filename: new URL('classify.js', import.meta.url).href, minThreads: threads, maxThreads: threads, workerData: { mostPixels } });
  const state = { inFlight: 0, stopping: false }, meters = metersOf(state), app = new Hono();

  /** Takes a request, or refuses it: a queue that grows only makes everyone wait. */
  async function takeOrRefuse(context, next) {
    const refusal = state.stopping ? ['STOPPING', 'This server is being stopped. Try again: another one answers.']
      : state.inFlight >= threads + waiting ? ['BUSY', `${state.inFlight} pictures are being worked on or wait. Try again in a second.`] : undefined;
    if (refusal) {
      await discardBody(context, mostBytes);
      context.header('Retry-After', '1');
      context.res = failure(context, 503, ...refusal);
    } else {
      state.inFlight++;
      const stop = meters.seconds.startTimer();
      try {
        await next();
      } finally {
        stop();
        state.inFlight--;
      }
    }
    if (state.stopping) context.res.headers.set('Connection', 'close');
    meters.answers.inc({ status: context.res.status });
  }

  app.post('/classify', takeOrRefuse, bodyLimit({
    maxSize: mostBytes,
    onError: async (context) => {
      await discardBody(context, 4 * mostBytes);
      return failure(context, 413, 'BAD_IMAGE', `The body is larger than ${mostBytes} bytes. Make the picture smaller.`);
    },
  }), async (context) => {
    const topK = Number(context.req.query('top') ?? 5), bytes = new Uint8Array(await context.req.arrayBuffer());
    const { answer, error } = await pool.run({ bytes, topK }, { transferList: [bytes.buffer] });
    return error ? failure(context, 400, error.code, error.message) : context.json(answer);
  });
  app.get('/health', (context) => (state.stopping ? context.json({ status: 'stopping' }, 503) : context.json({ status: 'ok', inFlight: state.inFlight })));
  app.get('/metrics', async (context) => context.text(await meters.registry.metrics(), 200, { 'Content-Type': meters.registry.contentType }));
  app.notFound((context) => failure(context, 404, 'NOT_FOUND', 'There are POST /classify?top=5, GET /health and GET /metrics.'));
  app.onError((error, context) => {
    console.error(error);
    return failure(context, 500, 'INTERNAL', 'The server failed; its log says how.');
  });

  return {
    fetch: app.fetch,
    /** From now on new pictures are refused. */
    refuse: () => (state.stopping = true),
    /** Resolves when every thread has ended. */
    close: () => pool.close(),
  };
}
