// Knows how a worker is started on each kind of host: from text where that is allowed, else from its file; in Node as a
// thread. It does not know what is said.
import { DepthwiseError } from '../error.js';
import { notBeside } from '../fetched.js';
import type { Answer, Question } from './messages.js';

export interface Link {
  post(question: Question, transfer: Transferable[]): void;
  /** Whether the process must stay alive for this worker (Node and Bun). */
  hold(busy: boolean): void;
  stop(): void;
}

export interface Ears {
  answer(answer: Answer): void;
  lost(why: string): void;
}

/** Node's, and what Bun's and Deno's have of it. */
interface AnyWorker {
  postMessage(message: unknown, transfer: readonly unknown[]): void;
  terminate(): unknown;
  ref?(): void;
  unref?(): void;
}

interface NodeWorker extends AnyWorker {
  on(event: string, listener: (value: never) => void): void;
}

const host = globalThis as { Bun?: unknown; Deno?: unknown; process?: { versions?: { node?: string }; getBuiltinModule?(name: string): unknown } };

const linkOf = (worker: AnyWorker): Link => ({
  post: (question, transfer) => worker.postMessage(question, transfer),
  hold: (busy) => (busy ? worker.ref?.() : worker.unref?.()),
  stop: () => void worker.terminate(),
});

/**
 * A worker whose program runs.
 * @param file where dist/worker-host.js is served, for pages that may not start workers from text
 * @throws DepthwiseError UNSUPPORTED with what every way said
 */
export async function startWorker(ears: Ears, file?: string | URL): Promise<Link> {
  const { default: program } = await import('../worker-program.js').catch(notBeside('worker-program.js'));
  if (host.process?.versions?.node && !host.Bun && !host.Deno) return startThread(program, ears);
  if (typeof Worker !== 'function') throw new DepthwiseError('UNSUPPORTED', 'This host has no workers. Use `load` from \'depthwise\' itself.');
  const reasons: string[] = [];
  for (const make of file !== undefined ? [() => new Worker(file)] : [() => fromText(program), fromFile]) {
    try {
      return await opened(make, ears);
    } catch (cause) {
      reasons.push((cause as Error).message);
    }
  }
  throw new DepthwiseError('UNSUPPORTED', `No worker starts here (${reasons.join('; ')}). Allow worker-src blob: in the page's content security policy, or serve dist/worker-host.js from your own site and pass its address as options.worker.`);
}

function startThread(program: string, ears: Ears): Promise<Link> {
  const threads = host.process!.getBuiltinModule?.('node:worker_threads') as { Worker: new (program: string, options: object) => NodeWorker } | undefined;
  if (!threads) throw new DepthwiseError('UNSUPPORTED', 'depthwise/worker needs Node 20.16, 22.3 or newer. Use `load` from \'depthwise\' itself.');
  const worker = new threads.Worker(program, { eval: true });
  return new Promise((resolve, reject) => {
    const lost = (why: string): void => {
      ears.lost(why);
      reject(new DepthwiseError('WORKER_LOST', `The worker did not start: ${why}.`));
    };
    worker.on('message', (answer: Answer) => ('ready' in answer ? resolve(linkOf(worker)) : ears.answer(answer)));
    worker.on('error', (error: Error) => lost(error.message));
    worker.on('exit', () => lost('it ended'));
  });
}

/** From text: no file has to be found, by no bundler. Deno has only modules for workers. */
function fromText(program: string): Worker {
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
  try {
    return host.Deno ? new Worker(url, { type: 'module' }) : new Worker(url);
  } finally {
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}

/** From the file beside this one. Vite and webpack find this very form and bring the file along. */
const fromFile = (): Worker => new Worker(new URL('./worker-host.js', import.meta.url), { type: 'module' });

function opened(make: () => Worker, ears: Ears): Promise<Link> {
  return new Promise((resolve, reject) => {
    const worker = make();
    let open = false;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (!('ready' in data)) return ears.answer(data);
      open = true;
      resolve(linkOf(worker as AnyWorker));
    };
    const lost = (why: string): void => {
      if (open) ears.lost(why);
      else worker.terminate();
      reject(new Error(why));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // it is told by us
      lost(event.message || 'the page\'s content security policy may forbid it, or the file is missing');
    };
    worker.onmessageerror = () => lost('it sent what cannot be read');
  });
}
