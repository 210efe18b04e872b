// Knows what calibration pictures show of every tensor: a histogram, and each channel's mean and greatest size. It does
// not know what is made of it.
import type { Graph } from '../formats/graph.js';
import type { Net } from '../net.js';

const BINS = 4096; // half of them for each sign
const ONE = Float64Array.of(1);

/** Weighted counts of values from -BINS / 2 * width up; the bins double in width when a value falls outside. */
export class Histogram {
  readonly counts = new Float64Array(BINS);
  width = 0;
  least = Infinity;
  most = -Infinity;

  /** `weights` by channel; every value counts as one where there are none. */
  add(values: Float32Array, weights: Float64Array = ONE): void {
    let size = 0;
    for (const value of values) {
      if (value < this.least) this.least = value;
      if (value > this.most) this.most = value;
      size = Math.max(size, Math.abs(value));
    }
    if (this.width === 0) this.width = 2 ** Math.ceil(Math.log2((size || 1e-6) / (BINS / 2)));
    while (size >= this.width * (BINS / 2)) this.#widen();
    const scale = 1 / this.width, channels = weights.length;
    for (let i = 0; i < values.length; i++) this.counts[Math.floor(values[i] * scale) + BINS / 2] += weights[i % channels];
  }

  #widen(): void {
    const old = this.counts.slice(), half = BINS / 2;
    this.counts.fill(0);
    old.forEach((count, i) => { this.counts[Math.floor((i - half) / 2) + half] += count; });
    this.width *= 2;
  }

  /** The middle of each bin that has values, and how many. */
  *bins(): Generator<[middle: number, count: number]> {
    for (let i = 0; i < BINS; i++) if (this.counts[i]) yield [(i - BINS / 2 + 0.5) * this.width, this.counts[i]];
  }
}

export interface Observed {
  histogram: Histogram;
  /** By channel, over all pixels of all pictures. */
  mean: Float64Array;
  size: Float64Array;
}

/** Runs the float32 net, planned with every layer, on each input; `names` are the tensors to look at, in running order; `weights`: what a value counts, by tensor and channel. */
export async function observe(net: Net, inputs: Float32Array[], names: string[], weights: Map<string, Float64Array>, after: (done: number) => void | Promise<void>): Promise<Map<string, Observed>> {
  const seen = new Map<string, Observed>();
  for (const [n, input] of inputs.entries()) {
    net.run(input);
    for (const name of names) {
      const { data, shape } = net.layer(name), values = data as Float32Array, channels = shape.at(-1) ?? 1;
      const of = seen.get(name) ?? { histogram: new Histogram(), mean: new Float64Array(channels), size: new Float64Array(channels) };
      seen.set(name, of);
      of.histogram.add(values, weights.get(name));
      const share = channels / values.length / inputs.length;
      for (let i = 0; i < values.length; i++) {
        const c = i % channels;
        of.mean[c] += values[i] * share;
        of.size[c] = Math.max(of.size[c], Math.abs(values[i]));
      }
    }
    await after(n + 1);
  }
  return seen;
}

/** Tensors that operators compute or the caller gives, in running order. */
export const computed = ({ tensors, operators, inputs }: Graph): string[] => [...inputs, ...operators.flatMap((op) => op.outputs)].map((i) => tensors[i].name);
