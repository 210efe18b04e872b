// Knows how the page reaches a network, and is the only file here that does.
import { load as loadHere } from 'depthwise';
import type { Classification, MemoryReport, Net, Source, StepInfo, StepTime } from 'depthwise';

type Looked = Blob | ImageBitmap | HTMLVideoElement;
export interface Seen { results: Classification[]; timestamp: number; ms: number; dropped: number }

export interface Model {
  readonly labels: string[] | undefined;
  readonly build: string;
  readonly about: Net['about'];
  readonly memory: MemoryReport;
  readonly steps: StepInfo[];
  readonly tensors: Net['tensors'];
  classify(image: Looked, options?: { topK?: number; signal?: AbortSignal }): Promise<Classification[]>;
  embed(image: Looked): Promise<Float32Array>;
  profile(): Promise<StepTime[]>;
  watch(video: HTMLVideoElement, options: { topK?: number; signal: AbortSignal }): AsyncIterable<Seen>;
  dispose(): void;
}

export interface Loading { signal?: AbortSignal; labels?: string[]; onProgress?: (done: number, total: number) => void }

async function pixels(image: Looked): Promise<ImageData> {
  const source = image instanceof Blob ? await createImageBitmap(image).catch(() => { throw new Error('This browser cannot decode that file as a picture.'); }) : image;
  const [width, height] = source instanceof HTMLVideoElement ? [source.videoWidth, source.videoHeight] : [source.width, source.height];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(source, 0, 0);
  return context.getImageData(0, 0, width, height);
}

export async function load(source: Source, options: Loading): Promise<Model> {
  const net = await loadHere(source, options);
  return {
    labels: net.labels, build: net.build, about: net.about, memory: net.memory, steps: net.steps, tensors: net.tensors,
    classify: async (image, { topK } = {}) => net.classify(await pixels(image), { topK }),
    embed: async (image) => net.embed(await pixels(image)),
    profile: async () => net.profile(),
    async *watch(video, { topK, signal }) {
      while (!signal.aborted) {
        const timestamp = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
        const start = performance.now();
        const results = net.classify(await pixels(video), { topK });
        yield { results, timestamp, ms: performance.now() - start, dropped: 0 };
      }
    },
    dispose: () => net.dispose(),
  };
}
