// Knows the way from a float32 model and some pictures to an int8 model: what is observed, changed and chosen, in which
// order. It does not know files.
import { DepthwiseError } from '../error.js';
import { toInput } from '../image.js';
import type { Picture } from '../image.js';
import type { Graph, Preprocessing } from '../formats/graph.js';
import type { Net } from '../net.js';
import { equalise } from './equalise.js';
import { integerGraph } from './integer.js';
import { computed, observe } from './observe.js';
import type { Observed } from './observe.js';
import { prepared } from './prepare.js';
import { choose, minMax } from './ranges.js';
import type { Choice, Method, Range } from './ranges.js';

export interface QuantiseOptions {
  /** Scales channels between convolutions that a plain bound or none separates; default true. */
  equalise?: boolean;
  /** Takes back from biases what rounding does to mean outputs; default true. */
  correctBias?: boolean;
  /** Chooses each tensor's range by its error; false takes least and most value. Default true. */
  chooseRanges?: boolean;
  signal?: AbortSignal;
  /** Pictures looked at, of how many looks in all. */
  onProgress?: (done: number, total: number) => void;
}

export interface Quantised {
  graph: Graph;
  /** How many tensors got their range by each method, and how many pairs of layers were equalised. */
  methods: Record<Method, number>;
  pairs: number;
}

type Load = (graph: Graph, options: { plan: 'layers' }) => Promise<Net>;

/** @param pictures some dozens that look like what the model will see; no labels are needed */
export async function quantiseGraph(graph: Graph, pictures: Picture[], load: Load, options: QuantiseOptions = {}): Promise<Quantised> {
  if (!pictures.length) throw new DepthwiseError('BAD_INPUT', 'Quantising needs pictures to see which values occur: a few dozen that look like those the model is for.');
  const work = prepared(graph);
  const format = work.tensors[work.inputs[0]];
  const inputs = pictures.map((picture) => toInput(picture, format, work.preprocessing) as Float32Array);
  const { equalise: wantsEqual = true, correctBias = true, chooseRanges = true } = options;
  const looks = wantsEqual ? 2 : 1;
  let look = 0;
  const watch = async (of: Graph): Promise<Map<string, Observed>> => {
    const net = await load(of, { plan: 'layers' }), before = look++ * inputs.length;
    try {
      return await observe(net, inputs, computed(of), async (done) => {
        options.onProgress?.(before + done, looks * inputs.length);
        await new Promise((resolve) => setTimeout(resolve)); // a page stays alive, and a signal can come in
        if (options.signal?.aborted) throw new DepthwiseError('ABORTED', 'Quantising was cancelled.');
      });
    } finally {
      net.dispose();
    }
  };
  let seen = await watch(work);
  const pairs = wantsEqual ? equalise(work, seen) : 0;
  if (pairs) seen = await watch(work);
  const choices = new Map([...seen].map(([name, { histogram }]): [string, Choice] => [name, chooseRanges ? choose(histogram) : minMax(histogram)]));
  const ranges = settled(work, choices);
  const methods: Record<Method, number> = { 'min-max': 0, percentile: 0, mse: 0 };
  for (const { method } of choices.values()) methods[method]++;
  const means = correctBias ? seen : undefined;
  return { graph: integerGraph(work, ranges, { means }), methods, pairs };
}

/** Ranges that operators prescribe go before those that were chosen. */
function settled(graph: Graph, choices: Map<string, Range>): Map<string, Range> {
  const ranges = new Map(choices), name = (i: number): string => graph.tensors[i].name;
  graph.inputs.forEach((i) => { if (graph.preprocessing) ranges.set(name(i), pixelRange(graph.preprocessing)); });
  const readers = new Map<number, string[]>();
  for (const op of graph.operators) for (const i of op.inputs) readers.set(i, [...(readers.get(i) ?? []), op.attributes.kind]);
  for (const { attributes: { kind }, outputs: [out] } of graph.operators) {
    // Below -3 hard-swish and hard-sigmoid are 0, above 3 hard-sigmoid is 1: cutting there loses nothing.
    const only = readers.get(out) ?? [];
    if (only.length && !graph.outputs.includes(out) && only.every((reader) => reader === 'hardSwish' || reader === 'hardSigmoid')) {
      const { low, high } = ranges.get(name(out))!;
      ranges.set(name(out), { low: Math.max(low, -3), high: only.includes('hardSwish') ? high : Math.min(high, 3) });
    }
    if (kind === 'hardSigmoid' || kind === 'logistic' || kind === 'softmax') ranges.set(name(out), { low: 0, high: 255 / 256 });
  }
  const groups = graph.operators.filter((op) => SAME.has(op.attributes.kind))
    .map(({ attributes: { kind }, inputs, outputs: [out] }) => (kind === 'concatenation' ? [...inputs, out] : [inputs[0], out]).map(name).filter((n) => ranges.has(n)));
  for (let changed = true; changed;) changed = groups.map((names) => share(ranges, names)).includes(true);
  return ranges;
}

/** Operators that move values without changing them, whose integers mean the same before and after. */
const SAME = new Set(['reshape', 'pad', 'transpose', 'averagePool', 'maxPool', 'concatenation']);

/** One range for all of them. Returns whether that was news. */
function share(ranges: Map<string, Range>, names: string[]): boolean {
  const all = names.map((name) => ranges.get(name)!);
  const low = Math.min(...all.map((range) => range.low)), high = Math.max(...all.map((range) => range.high));
  if (all.every((range) => range.low === low && range.high === high)) return false;
  for (const name of names) ranges.set(name, { low, high });
  return true;
}

function pixelRange({ mean, std }: Preprocessing): Range {
  const ends = [0, 255].flatMap((pixel) => mean.map((m, c) => (pixel - m) / std[c % std.length]));
  return { low: Math.min(0, ...ends), high: Math.max(0, ...ends) };
}
