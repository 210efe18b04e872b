// The entry `depthwise/worker`: the same API off the main thread, with promises. It fetches and hands over; the net itself
// lives in a worker, whose program comes with this file.
import type { PlannedTensor, PlanInfo } from './plan/plan.js';
import type { Build, MemoryReport } from './engine.js';
import { DepthwiseError } from './error.js';
import { fetched } from './fetched.js';
import type { LoadOptions } from './loader.js';
import type { Output, StepInfo, StepTime, TensorInfo, Threads } from './net.js';
import { parted } from './options.js';
import { isBytes } from './picture.js';
import type { Encoded, Image } from './picture.js';
import type { Source } from './source.js';
import type { Classification, ClassifyOptions } from './tasks/classify.js';
import type { DetectOptions, Detected } from './tasks/detect.js';
import type { EmbedOptions } from './tasks/embed.js';
import type { Pose, PoseOptions } from './tasks/pose.js';
import type { SegmentOptions, Segmentation } from './tasks/segment.js';
import { Calls } from './worker/calls.js';
import type { Sent } from './worker/calls.js';
import { framesOf } from './worker/frames.js';
import type { Watchable } from './worker/frames.js';
import type { About } from './worker/messages.js';
import { sent, sentInputs } from './worker/sent.js';
import { startWorker } from './worker/start.js';

export { DepthwiseError } from './error.js';
export { pictureFrom } from './picture.js';
export type { ErrorCode } from './error.js';
export type { Encoded, Image, PictureOptions } from './picture.js';
export type { Picture } from './image.js';
export type { Build, MemoryReport } from './engine.js';
export type { Output, StepInfo, StepTime, TensorData, TensorInfo } from './net.js';
export type { Classification, ClassifyOptions } from './tasks/classify.js';
export type { DetectOptions, Detected } from './tasks/detect.js';
export type { EmbedOptions } from './tasks/embed.js';
export type { Keypoint, Pose, PoseOptions } from './tasks/pose.js';
export type { SegmentOptions, Segmentation } from './tasks/segment.js';
export type { Watchable } from './worker/frames.js';
export type { WorkerNet };

export interface WorkerLoadOptions extends LoadOptions {
  /** Where dist/worker-host.js is served; only for pages whose content security policy forbids workers from blobs. */
  worker?: string | URL;
}

export interface CallOptions {
  /** Cancels the call while it waits; what has begun runs to its end, unheard. */
  signal?: AbortSignal;
}

export interface ImageOptions extends CallOptions {
  /** Gives bitmaps, frames and buffers away instead of copying them; they are empty for the caller afterwards. */
  transfer?: boolean;
}

export interface WatchOptions extends ClassifyOptions, CallOptions {}

export interface WatchPosesOptions extends Omit<PoseOptions, 'previous'>, CallOptions {}

export interface Watched<T = Classification> {
  results: T[];
  /** Milliseconds from the start of the video to the frame. */
  timestamp: number;
  /** Milliseconds from taking the frame to its results. */
  ms: number;
  /** Frames that were shown since the one before, and passed over. */
  dropped: number;
}

/**
 * Loads weights into a worker of their own. Takes what `load` of 'depthwise' takes.
 * @throws DepthwiseError what `load` throws; UNSUPPORTED where no worker starts, WORKER_LOST where it dies
 */
export async function load(source: Source, { signal, onProgress, integrity, cache, worker, ...options }: WorkerLoadOptions = {}): Promise<WorkerNet> {
  const calls = new Calls(), halt = new AbortController(), stop = (): void => halt.abort(signal!.reason);
  const end = (error: DepthwiseError): void => {
    calls.end(error);
    halt.abort(error); // nobody waits any more for what is being fetched
  };
  const starting = startWorker({
    answer: (answer) => calls.answer(answer),
    lost: (why) => end(new DepthwiseError('WORKER_LOST', `The worker of this net died: ${why}. Load the weights again.`)),
  }, worker).then((link) => calls.open(link), end);
  signal?.addEventListener?.('abort', stop);
  if (signal?.aborted) stop();
  try {
    const [bytes, { signal: _signal, onProgress: _onProgress, integrity: _integrity, cache: _cache, ...described }] =
      await unlessHalted(halt.signal, fetched(source, { ...options, signal: halt.signal, onProgress, integrity, cache }));
    await unlessHalted(halt.signal, starting);
    return new WorkerNet(calls, await calls.ask<About>('load', Promise.resolve(weightsSent(source, bytes, described)), signal), options.maxImagePixels);
  } catch (cause) {
    const error = calls.over ?? cause;
    end(new DepthwiseError('DISPOSED', 'This net was not loaded.'));
    throw error;
  } finally {
    signal?.removeEventListener?.('abort', stop);
  }
}

/** What a signal cannot reach is left alone: the body of an answer that the caller fetched. */
function unlessHalted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const halted = (): void => reject(new DepthwiseError('ABORTED', 'Loading was cancelled.', { cause: signal.reason }));
    if (signal.aborted) halted();
    signal.addEventListener('abort', halted);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', halted));
  });
}

/** Bytes that the caller holds are copied, others handed over. */
function weightsSent(source: Source, bytes: Uint8Array, options: object): Sent {
  const own = isBytes(source) || bytes.byteLength !== bytes.buffer.byteLength ? bytes.slice() : bytes;
  return { args: [own, options], transfer: [own.buffer as ArrayBuffer] };
}

/** A model in a worker. Calls wait for each other; any number may be made at once. Made by `load`. */
class WorkerNet {
  readonly build: Build;
  readonly threads: Threads;
  readonly memory: MemoryReport;
  readonly inputs: TensorInfo[];
  readonly outputs: TensorInfo[];
  readonly steps: StepInfo[];
  readonly tensors: PlannedTensor[];
  readonly labels: string[] | undefined;
  readonly preprocessing: PlanInfo['preprocessing'];
  readonly about: PlanInfo['about'];
  readonly #calls: Calls;
  readonly #maxImagePixels: number | undefined;

  constructor(calls: Calls, about: About, maxImagePixels?: number) {
    this.#calls = calls;
    this.#maxImagePixels = maxImagePixels;
    this.build = about.build;
    this.threads = about.threads;
    this.memory = about.memory;
    this.inputs = about.inputs;
    this.outputs = about.outputs;
    this.steps = about.steps;
    this.tensors = about.tensors;
    this.labels = about.labels;
    this.preprocessing = about.preprocessing;
    this.about = about.about;
  }

  /** The likeliest labels of a picture, best first. Elements are taken as they look now, files as they are. */
  classify(image: Image | Encoded, { signal, transfer = false, ...options }: ClassifyOptions & ImageOptions = {}): Promise<Classification[]> {
    return this.#calls.ask('classify', this.#withImage(image, transfer, options), signal);
  }

  /** The picture as a feature vector: what the network's classifier reads. */
  embed(image: Image | Encoded, { signal, transfer = false, ...options }: EmbedOptions & ImageOptions = {}): Promise<Float32Array> {
    return this.#calls.ask('embed', this.#withImage(image, transfer, options), signal);
  }

  /** Copies of several tensors of one run on a picture; without names, the last map of each stride. */
  features(image: Image | Encoded, names?: readonly string[], { signal, transfer = false }: ImageOptions = {}): Promise<Output[]> {
    return this.#calls.ask('features', this.#withImage(image, transfer, names), signal);
  }

  /** What is where in a picture, by a detector: boxes in its pixels, the likeliest first. */
  detect(image: Image | Encoded, { signal, transfer = false, ...options }: DetectOptions & ImageOptions = {}): Promise<Detected[]> {
    return this.#calls.ask('detect', this.#withImage(image, transfer, options), signal);
  }

  /** Joints of the people in a picture, in its pixels, best person first. */
  pose(image: Image | Encoded, { signal, transfer = false, ...options }: PoseOptions & ImageOptions = {}): Promise<Pose[]> {
    return this.#calls.ask('pose', this.#withImage(image, transfer, options), signal);
  }

  /** The class of every pixel of a picture, and each class's share; depthwise/overlay draws it. */
  segment(image: Image | Encoded, { signal, transfer = false, ...options }: SegmentOptions & ImageOptions = {}): Promise<Segmentation> {
    return this.#calls.ask('segment', this.#withImage(image, transfer, options), signal);
  }

  /** Runs the model once on raw bytes, one view for each input; options may come last. Returns copies of the outputs. */
  run(...args: ArrayBufferView[] | [...inputs: ArrayBufferView[], options: CallOptions]): Promise<Output[]> {
    const [inputs, { signal }] = parted<CallOptions>(args);
    return this.#calls.ask('run', sentInputs(inputs), signal);
  }

  /** A copy of any tensor of the last run, by name; with inputs, of a new run. */
  layer(name: string, ...args: ArrayBufferView[] | [...inputs: ArrayBufferView[], options: CallOptions]): Promise<Output> {
    const [inputs, { signal }] = parted<CallOptions>(args);
    return this.#calls.ask('layer', sentInputs(inputs, [name]), signal);
  }

  /** Times each step of one run. */
  profile(...args: ArrayBufferView[] | [...inputs: ArrayBufferView[], options: CallOptions]): Promise<StepTime[]> {
    const [inputs, { signal }] = parted<CallOptions>(args);
    return this.#calls.ask('profile', sentInputs(inputs), signal);
  }

  /**
   * Classifies a video as it plays, always the newest frame; those that come meanwhile are passed over. Ends when the video
   * ends, when the signal aborts or when the loop is left.
   */
  watch(video: Watchable, { signal, ...options }: WatchOptions = {}): AsyncGenerator<Watched, void, void> {
    return this.#watch(video, signal, (image, transfer) => this.classify(image, { ...options, signal, transfer }));
  }

  /** The same with the joints of people; each frame is looked at where the one before had the person. */
  watchPoses(video: Watchable, { signal, ...options }: WatchPosesOptions = {}): AsyncGenerator<Watched<Pose>, void, void> {
    let previous: Pose[] = [];
    return this.#watch(video, signal, async (image, transfer) => (previous = await this.pose(image, { ...options, previous, signal, transfer })));
  }

  async *#watch<T>(video: Watchable, signal: AbortSignal | undefined, look: (image: Image, own: boolean) => Promise<T[]>): AsyncGenerator<Watched<T>, void, void> {
    const frames = await framesOf(video, signal);
    try {
      for (let frame = await frames.next(); frame; frame = await frames.next()) {
        const start = performance.now();
        const results = await look(frame.image, frame.own);
        yield { results, timestamp: frame.timestamp, ms: performance.now() - start, dropped: frame.dropped };
      }
    } catch (cause) {
      if (!signal?.aborted) throw cause;
    } finally {
      frames.end();
    }
  }

  /** Ends the worker. What waits is rejected; disposing again is no error. */
  dispose(): void {
    this.#calls.end(new DepthwiseError('DISPOSED', 'This net was disposed of. Load the weights again.'));
  }
  [Symbol.dispose](): void { this.dispose(); }

  async #withImage(image: Image | Encoded, own: boolean, options: unknown): Promise<Sent> {
    const { image: sentImage, transfer } = await sent(image, own, this.#maxImagePixels);
    return { args: [sentImage, options], transfer };
  }
}

