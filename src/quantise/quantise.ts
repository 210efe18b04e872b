// Knows the way from a float32 model and some pictures to an int8 model: what is observed, changed and chosen, in which
// order. It does not know files.
import { DepthwiseError } from '../error.js';
import { DEFAULT_PREPROCESSING } from '../image.js';
import type { Picture } from '../image.js';
import type { Graph, Preprocessing } from '../formats/graph.js';
import type { Net } from '../net.js';
import { equalise } from './equalise.js';
import { integerGraph } from './integer.js';
import { computed, observe } from './observe.js';
import type { Observed } from './observe.js';
import { prepared } from './prepare.js';
import { sensitivities } from './sensitivity.js';
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
  /** How many tensors got their range by each method, and at how many places between layers channels were scaled. */
  methods: Record<Method, number>;
  equalised: number;
}

type Load = (graph: Graph, options: { plan: 'layers' }) => Promise<Net>;

/** @param pictures some dozens that look like what the model will see; no labels are needed */
export async function quantiseGraph(graph: Graph, pictures: Iterable<Picture> | AsyncIterable<Picture>, load: Load, options: QuantiseOptions = {}): Promise<Quantised> {
  const work = prepared({ ...graph, preprocessing: graph.preprocessing ?? DEFAULT_PREPROCESSING }); // said, since it holds for float32 only where nothing is said
  const format = work.tensors[work.inputs[0]], inputs: Float32Array[] = [], first = await load(work, { plan: 'layers' });
  for await (const picture of pictures) inputs.push(first.shrinker.toInput(picture, format, work.preprocessing) as Float32Array);
  if (!inputs.length) throw new DepthwiseError('BAD_INPUT', 'Quantising needs pictures to see which values occur: a few dozen that look like those the model is for.');
  const { equalise: wantsEqual = true, correctBias = true, chooseRanges = true } = options;
  const looks = wantsEqual ? 2 : 1;
  let look = 0;
  const watch = async (of: Graph, net: Net): Promise<Map<string, Observed>> => {
    const before = look++ * inputs.length;
    try {
      return await observe(net, inputs, computed(of), sensitivities(of), async (done) => {
        options.onProgress?.(before + done, looks * inputs.length);
        await new Promise((resolve) => setTimeout(resolve)); // a page stays alive, and a signal can come in
        if (options.signal?.aborted) throw new DepthwiseError('ABORTED', 'Quantising was cancelled.');
      });
    } finally {
      net.dispose();
    }
  };
  let seen = await watch(work, first);
  const equalised = wantsEqual ? equalise(work, seen) : 0;
  if (equalised) seen = await watch(work, await load(work, { plan: 'layers' }));
  const bounds = boundsOf(work), pick = chooseRanges ? choose : minMax;
  const choices = new Map([...seen].map(([name, { histogram }]): [string, Choice] => [name, pick(histogram, bounds.get(name))]));
  const ranges = settled(work, choices);
  const methods: Record<Method, number> = { 'min-max': 0, percentile: 0, mse: 0 };
  for (const { method } of choices.values()) methods[method]++;
  const means = correctBias ? seen : undefined;
  return { graph: integerGraph(work, ranges, { means }), methods, equalised };
}

/** What is read by hard-swish or hard-sigmoid only: below -3 both are 0, above 3 the latter is 1, so cutting there loses nothing. */
function boundsOf({ tensors, operators, outputs }: Graph): Map<string, Range> {
  const readers = new Map<number, string[]>();
  for (const op of operators) for (const i of op.inputs) readers.set(i, [...(readers.get(i) ?? []), op.attributes.kind]);
  const hard = [...readers].filter(([i, kinds]) => !outputs.includes(i) && kinds.every((kind) => kind === 'hardSwish' || kind === 'hardSigmoid'));
  return new Map(hard.map(([i, kinds]) => [tensors[i].name, { low: -3, high: kinds.includes('hardSwish') ? Infinity : 3 }]));
}

/** Ranges that operators prescribe go before those that were chosen. */
function settled(graph: Graph, choices: Map<string, Range>): Map<string, Range> {
  const ranges = new Map(choices), name = (i: number): string => graph.tensors[i].name;
  graph.inputs.forEach((i) => ranges.set(name(i), pixelRange(graph.preprocessing!)));
  for (const { attributes: { kind }, outputs: [out] } of graph.operators) {
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
