// The program inside a worker of depthwise/worker: it holds one net and answers one question after another. It fetches
// nothing; what it is asked for comes with the question.
import { DepthwiseError } from '../error.js';
import { load } from '../load.js';
import { copyOf } from '../net.js';
import type { Net } from '../net.js';
import { pictureFrom } from '../picture.js';
import { asFailure } from './messages.js';
import type { About, Answer, Call, Question } from './messages.js';

interface Port {
  postMessage(message: Answer, transfer: ArrayBuffer[]): void;
  listen(take: (question: Question) => void): void;
}

let net: Net | undefined;

function loaded(): Net {
  if (!net) throw new DepthwiseError('DISPOSED', 'This worker holds no net. Load the weights again.');
  return net;
}

/** Pixels of what came; frames and bitmaps were handed over, so it is for us to close them. */
async function seen(image: never): Promise<ReturnType<typeof pictureFrom>> {
  try {
    return await pictureFrom(image, { maxImagePixels: loaded().maxImagePixels });
  } finally {
    (image as { close?(): void } | undefined)?.close?.();
  }
}

const answers: Record<Call, (...args: never[]) => unknown> = {
  async load(...args: Parameters<typeof load>): Promise<About> {
    const { build, threads, memory, inputs, outputs, steps, tensors, labels, preprocessing, about } = net = await load(...args);
    return { build, threads, memory, inputs, outputs, steps, tensors, labels, preprocessing, about };
  },
  classify: async (image, options) => loaded().classify(await seen(image), options),
  embed: async (image, options) => loaded().embed(await seen(image), options),
  features: async (image, names) => loaded().features(await seen(image), names),
  detect: async (image, options) => loaded().detect(await seen(image), options),
  pose: async (image, options) => loaded().pose(await seen(image), options),
  segment: async (image, options) => loaded().segment(await seen(image), options),
  run: (inputs: ArrayBufferView[]) => loaded().run(...inputs).map(copyOf),
  layer: (name: string, inputs: ArrayBufferView[]) => loaded().layer(name, ...inputs),
  profile: (inputs: ArrayBufferView[]) => loaded().profile(...inputs),
};

/** The large parts of an answer, which go without being copied; each once, though it be there twice. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  return [...new Set([value].flat().flatMap((one) => Object.values(one ?? {}).filter((part) => ArrayBuffer.isView(part)).map((part) => part.buffer as ArrayBuffer)))];
}

/** A browser's worker speaks through its global object, Node's through its parent port. */
function openPort(): Port {
  const scope = globalThis as unknown as { postMessage?: Port['postMessage']; onmessage: unknown; process?: { getBuiltinModule(name: string): unknown } };
  if (typeof scope.postMessage === 'function') {
    return { postMessage: (message, transfer) => scope.postMessage!(message, transfer), listen: (take) => (scope.onmessage = ({ data }: { data: Question }) => take(data)) };
  }
  const { parentPort } = scope.process!.getBuiltinModule('node:worker_threads') as { parentPort: Pick<Port, 'postMessage'> & { on(event: 'message', take: (question: Question) => void): void } };
  return { postMessage: (message, transfer) => parentPort.postMessage(message, transfer), listen: (take) => parentPort.on('message', take) };
}

const port = openPort();

async function reply({ id, call, args }: Question): Promise<void> {
  try {
    const value = await answers[call](...args as never[]);
    port.postMessage({ id, value }, buffersOf(value));
  } catch (error) {
    port.postMessage({ id, failed: asFailure(error) }, []);
  }
}

port.listen((question) => void reply(question));
port.postMessage({ ready: true }, []);
