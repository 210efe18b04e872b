// Knows how each kernel's errors are measured: float32 against float64, 8 bits against exact integers, on every build. It
// does not know how they are told.
import * as abi from '../../assembly/abi.js';
import { compile } from '../../src/compile/plan.js';
import type { Build } from '../../src/engine.js';
import type { Graph } from '../../src/formats/graph.js';
import { loadGraph } from '../../src/load.js';
import type { TensorData } from '../../src/net.js';
import { recordsOf } from '../../src/plan/plan.js';
import { Random, randomValues } from '../random-graph.js';
import type { ActivationType } from '../random-graph.js';
import { KINDS } from '../random-operators.js';
import { UNROUNDED, interpret } from '../reference.js';
import { Errors, differing } from './error.js';
import type { FloatError } from './error.js';
import { EXACT } from './shapes.js';
import type { Bound, Shape } from './shapes.js';

export interface Measured {
  name: string;
  shapes: string;
  bound: Bound;
  /** Kernels that ran, by their names in abi.ts. */
  kernels: string[];
  /** Float32 errors by build. */
  float: Partial<Record<Build, FloatError>>;
  /** 8-bit (and whole) values compared on each build, and how many differed, by build. */
  whole: { values: number; differing: Partial<Record<Build, number>> };
  /** Values of simd and js that have other bits than scalar's. */
  otherBits: number;
}

const TRIALS = 2;
export const SEED = 20261130;
/** Plan `small` runs blocks row by row; single operators are the same in all. */
const PLAN = { plan: 'small' } as const;

const NAMES = new Map(Object.entries(abi).filter(([name]) => name.startsWith('OP_')).map(([name, code]) => [code as number, name]));
/** Every kernel that a step record can name. */
export const KERNELS: readonly string[] = [...NAMES.values()];

const kernelsOf = (graph: Graph): string[] => recordsOf(compile(graph, PLAN).steps).map((words) => NAMES.get(words[abi.OP])!);

const floatBits = (data: TensorData): Int32Array => new Int32Array(data.buffer, data.byteOffset, data.byteLength >> 2);

/** Collects what is found of one kernel or operator, over any number of tensors. */
export class Measurement {
  readonly #errors = new Map<Build, Errors>();
  readonly #kernels = new Set<string>();
  readonly #differing: Partial<Record<Build, number>> = {};
  #values = 0;
  #otherBits = 0;

  /** Runs a graph on every build. @param wholeTensor errors count by the tensor's largest magnitude, not the row's */
  async run(graph: Graph, random: Random, builds: readonly Build[], wholeTensor = false): Promise<void> {
    const inputs = graph.inputs.map((i) => randomValues(random, graph.tensors[i])), out = graph.tensors[graph.outputs[0]], float = out.dtype === 'float32';
    const expected = interpret(graph, inputs, float ? UNROUNDED : Math.fround).get(graph.outputs[0])!;
    this.add(kernelsOf(graph), await answersOf(graph, inputs, builds), expected, wholeTensor ? expected.length : out.shape.at(-1)!);
  }

  /** @param expected in float64 where the answers are float32, else the very integers */
  add(kernels: readonly string[], answers: ReadonlyMap<Build, TensorData>, expected: Float64Array, row: number): void {
    for (const kernel of kernels) this.#kernels.add(kernel);
    const scalar = answers.get('scalar'), float = [...answers.values()][0] instanceof Float32Array;
    if (!float) this.#values += expected.length;
    for (const [build, got] of answers) {
      if (float) this.#errorsOf(build).add(got, expected, row);
      else this.#differing[build] = (this.#differing[build] ?? 0) + differing(got, expected);
      if (float && scalar && build !== 'relaxed') this.#otherBits += differing(floatBits(got), floatBits(scalar));
    }
  }

  #errorsOf(build: Build): Errors {
    if (!this.#errors.has(build)) this.#errors.set(build, new Errors());
    return this.#errors.get(build)!;
  }

  found(name: string, shapes: string, bound: Bound): Measured {
    const float = Object.fromEntries([...this.#errors].map(([build, errors]) => [build, errors.found]));
    return { name, shapes, bound, kernels: [...this.#kernels], float, whole: { values: this.#values, differing: this.#differing }, otherBits: this.#otherBits };
  }
}

/** The first output of a graph on every build. */
export async function answersOf(graph: Graph, inputs: ArrayBufferView[], builds: readonly Build[]): Promise<Map<Build, TensorData>> {
  const answers = new Map<Build, TensorData>();
  for (const build of builds) {
    const net = await loadGraph(graph, { build, ...PLAN });
    answers.set(build, net.run(...inputs)[0].data.slice());
    net.dispose();
  }
  return answers;
}

export async function measureShape(shape: Shape, builds: readonly Build[]): Promise<Measured> {
  const measurement = new Measurement();
  for (const dtype of shape.types) for (let trial = 0; trial < TRIALS; trial++) {
    const random = new Random(SEED + trial * 7919);
    await measurement.run(shape.make(random, dtype), random, builds);
  }
  return measurement.found(shape.name, shape.shapes, shape.bound);
}

/** What moves or counts is exact; single sums and products round once. */
const KIND_BOUNDS: Record<string, Bound> = {
  ...Object.fromEntries(['pad, transpose', 'concatenation', 'tile', 'arg max', 'gather, pack, unpack, slice'].map((kind) => [kind, EXACT])),
  ...Object.fromEntries(['add, sub, mul', 'add, sub, mul spread', 'whole numbers, quotients', 'quantise, dequantise', 'cast', 'root'].map((kind) => [kind, { relative: 1e-7, worst: 0.5, ofTensor: true }])),
};

/** One kind of random graph: odd channels, strides, paddings. Rows may be one value, so errors count by the whole tensor. */
export async function measureKind(kind: string, cases: number, builds: readonly Build[]): Promise<Measured> {
  const measurement = new Measurement();
  for (const dtype of ['float32', 'int8', 'uint8'] satisfies ActivationType[]) for (let seed = 1; seed <= cases; seed++) {
    const random = new Random(SEED + seed * 104729);
    await measurement.run(KINDS[kind](random, dtype), random, builds, true);
  }
  return measurement.found(kind, `${cases} random shapes of each type`, KIND_BOUNDS[kind] ?? { relative: 1e-5, ofTensor: true });
}
