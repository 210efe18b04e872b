// Knows a loaded model: writes inputs, runs steps, gives views of outputs. It does not know files or pictures beyond
// handing them to the tasks.
import { now } from './builtin.js';
import { notBeside } from './fetched.js';
import { fingerprintOf } from './plan/fingerprint.js';
import { GUARD_BYTES } from './plan/plan.js';
import type { PlannedTensor, Plan, PlanInfo } from './plan/plan.js';
import type { Build, Engine, MemoryReport } from './engine.js';
import type { Shrinker } from './shrinker.js';
import { DepthwiseError } from './error.js';
import { bytesPerElement } from './formats/graph.js';
import type { DType } from './formats/graph.js';
import { SIGNAL, checkOptions, parted, shown } from './options.js';
import type { Picture } from './image.js';
import { pictureOf } from './picture.js';
import type { Image } from './picture.js';
import { classify } from './tasks/classify.js';
import type { Classification, ClassifyOptions } from './tasks/classify.js';
import { detect } from './tasks/detect.js';
import type { DetectOptions, Detected } from './tasks/detect.js';
import { embed } from './tasks/embed.js';
import type { EmbedOptions } from './tasks/embed.js';
import { features } from './tasks/features.js';
import { pose } from './tasks/pose.js';
import type { Pose, PoseOptions } from './tasks/pose.js';
import { segment } from './tasks/segment.js';
import type { SegmentOptions, Segmentation } from './tasks/segment.js';
import type { Queue, Steps } from './turns.js';

export interface TensorInfo {
  name: string;
  /** NHWC. */
  shape: number[];
  dtype: DType;
  /** Real value = scale * (q - zeroPoint), for 8-bit tensors. */
  scale?: number;
  zeroPoint?: number;
}

/** int64 tensors, which hold counts and indices, come as an Int32Array: a copy of their low halves. */
export type TensorData = Float32Array | Int8Array | Uint8Array | Int32Array;

export interface Output extends TensorInfo {
  data: TensorData;
}

export interface StepInfo {
  index: number;
  /** The operator: "conv2d", "depthwiseConv2d" ... */
  op: string;
  /** Name of the tensor that the step writes. */
  name: string;
  /** Shapes of the first input and the output. */
  input: number[];
  output: number[];
  /** Multiply-adds. */
  macs: number;
  /** Place of the output in the arena. */
  offset: number;
  bytes: number;
}

export interface StepTime {
  index: number;
  op: string;
  name: string;
  macs: number;
  ms: number;
}

export interface RunOptions {
  /** Ends the run before its next step. */
  signal?: AbortSignal;
}

export interface Threads {
  count: number;
  /** Why there is only one although more were asked for. */
  reason?: string;
}

const GUARD_PATTERN = 0xa5;

/** A model in its own WebAssembly memory. Made by `load`. */
export class Net {
  readonly build: Build;
  readonly info: PlanInfo;
  readonly inputs: TensorInfo[];
  readonly outputs: TensorInfo[];
  /** Exact bytes in use. */
  readonly memory: MemoryReport;
  readonly threads: Threads;
  /** Tells these weights from others: what is trained on one network's embeddings fits no other. */
  readonly fingerprint: string;
  /** @internal Makes inputs of pictures. */
  readonly shrinker: Shrinker;
  /** Pictures with more are refused before they are drawn or copied. */
  readonly maxImagePixels: number | undefined;
  #engine: Engine | undefined;
  readonly #guarded: boolean;
  /** The last inputs, from which `layer` runs again. */
  readonly #kept: Uint8Array[];
  /** The record at which each step begins, and the end: a step that runs others has theirs behind its own. */
  readonly #records: number[];
  /** Steps done since the inputs were written; -1 before the first run. */
  #position = -1;
  #queue: Queue | undefined;

  constructor(plan: Plan, engine: Engine, shrinker: Shrinker, threads: Threads = { count: 1 }, { guarded = false, maxImagePixels }: { guarded?: boolean; maxImagePixels?: number } = {}) {
    this.shrinker = shrinker;
    this.maxImagePixels = maxImagePixels;
    this.threads = threads;
    this.build = engine.build;
    this.info = plan.info;
    this.fingerprint = fingerprintOf(plan);
    this.memory = engine.memory;
    this.#engine = engine;
    this.#guarded = guarded;
    this.inputs = plan.info.inputs.map((i) => publicInfo(plan.info.tensors[i]));
    this.outputs = plan.info.outputs.map((i) => publicInfo(plan.info.tensors[i]));
    this.#records = [0];
    for (const { parts } of plan.info.steps) this.#records.push(this.#records.at(-1)! + 1 + (parts?.length ?? 0));
    this.#kept = plan.info.inputs.map((i) => new Uint8Array(plan.info.tensors[i].bytes));
    if (guarded) engine.bytes(0, plan.arenaBytes).fill(GUARD_PATTERN), engine.scratchGuard().fill(GUARD_PATTERN);
  }

  get labels(): string[] | undefined { return this.info.labels; }
  get preprocessing(): PlanInfo['preprocessing'] { return this.info.preprocessing; }
  get about(): PlanInfo['about'] { return this.info.about; }

  get steps(): StepInfo[] {
    const { steps, tensors } = this.info;
    return steps.map((step, index) => {
      const out = tensors[step.output];
      return { index, op: step.kind, name: out.name, input: tensors[step.inputs[0]].shape, output: out.shape, macs: step.macs, offset: out.offset, bytes: out.bytes };
    });
  }

  /** Every tensor that is computed, its place in the arena and the steps between which it lives. */
  get tensors(): PlannedTensor[] { return this.info.tensors; }

  /**
   * Runs the model once. Each input is taken as raw bytes of exactly its tensor's size.
   * @returns views into the model's memory, valid until the next run
   */
  run(...inputs: ArrayBufferView[]): Output[] {
    const engine = this.#open();
    this.#writeInputs(engine, inputs);
    this.#runSteps(engine, 0, this.info.steps.length);
    this.#position = this.info.steps.length;
    return this.info.outputs.map((i) => this.#output(engine, this.info.tensors[i]));
  }

  /**
   * Runs the model once with turns for the host in between, every 4 ms at most where single steps are shorter: a page stays alive, a server answers, and a
   * signal is heard. Inputs as for `run`, copied at the call; options may come last. Several are done one after another; a
   * call of anything else meanwhile first does the rest of the one under way, which may take as long as `run`.
   * In Cloudflare Workers, and where a host has no such turns, it goes on to its end in one go.
   * @returns copies of the outputs
   * @throws DepthwiseError ABORTED with the signal's reason as cause; the net stays usable
   */
  async runAsync(...args: ArrayBufferView[] | [...inputs: ArrayBufferView[], options: RunOptions]): Promise<Output[]> {
    const [inputs, options] = parted<RunOptions>(args);
    checkOptions(options, { signal: SIGNAL });
    const steps = this.#inSteps(this.#checked(inputs).map((bytes) => bytes.slice()));
    const { Queue } = await import('./turns.js').catch(notBeside('turns.js'));
    return (this.#queue ??= new Queue()).add(steps, options.signal);
  }

  /**
   * A copy of any tensor of the last run, by name. Steps whose results are gone are run again; asking for layers in
   * order runs each step once. With `inputs`, starts a new run that goes only as far as that tensor.
   */
  layer(name: string, ...inputs: ArrayBufferView[]): Output {
    const engine = this.#open();
    if (inputs.length) this.#writeInputs(engine, inputs);
    const i = this.info.tensors.findIndex((tensor) => tensor.name === name);
    if (i < 0) throw new DepthwiseError('NOT_FOUND', `No tensor is called ${shown(name)}. \`depthwise inspect\` and net.tensors list the names; those inside a fused step only exist with plan: 'layers'.`);
    if (this.#position < 0) throw new DepthwiseError('BAD_INPUT', 'net.layer() reads the last run, and nothing has run yet. Call net.run() first.');
    const tensor = this.info.tensors[i];
    const made = this.info.steps.reduce((last, step, n) => (makes(this.info.tensors[step.output], tensor) ? n : last), -1);
    const due = Math.max(made, 0) + 1;
    if (this.#position < due || this.#position - 1 > tensor.last) {
      if (this.#position > due) this.#writeInputs(engine, this.#kept);
      this.#runSteps(engine, this.#position, due);
      this.#position = due;
    }
    const output = copyOf(this.#output(engine, tensor));
    if (tensor.flipped) for (let j = 0; j < output.data.length; j++) output.data[j] ^= 128;
    return output;
  }

  /** Times each step of one run; zeros where no input is given. Clocks of some hosts are coarse or stand still. */
  profile(...inputs: ArrayBufferView[]): StepTime[] {
    const engine = this.#open();
    this.#writeInputs(engine, inputs.length ? inputs : this.#kept);
    const times = this.steps.map(({ index, op, name, macs }) => {
      const start = now();
      this.#runSteps(engine, index, index + 1);
      return { index, op, name, macs, ms: now() - start };
    });
    this.#position = times.length;
    return times;
  }

  /** Names of arena regions, or "scratch", after which bytes were written (guarded nets only). */
  checkGuards(): string[] {
    const engine = this.#open();
    if (!this.#guarded) throw new DepthwiseError('BAD_INPUT', 'Only a net loaded with guard: true has guards.');
    const { tensors } = this.info, isPart = (a: PlannedTensor): boolean =>
      tensors.some((b) => b.bytes > a.bytes && b.offset <= a.offset && b.offset + b.bytes >= a.offset + a.bytes);
    const broken = tensors.filter((tensor) => {
      if (isPart(tensor)) return false; // more of the same buffer follows
      const end = Math.ceil(tensor.bytes / 16) * 16 + GUARD_BYTES;
      return !engine.bytes(tensor.offset, end).subarray(tensor.bytes).every((byte) => byte === GUARD_PATTERN);
    });
    const scratch = engine.scratchGuard().every((byte) => byte === GUARD_PATTERN) ? [] : ['scratch'];
    return [...broken.map((tensor) => tensor.name), ...scratch];
  }

  /** The likeliest labels of a picture, best first. */
  classify(image: Image, options?: ClassifyOptions): Classification[] { return classify(this, this.#seen(image), options); }

  /** The picture as a feature vector: what the network's classifier reads. */
  embed(image: Image, options?: EmbedOptions): Float32Array { return embed(this, this.#seen(image), options); }

  /**
   * Copies of several tensors of one run on a picture, in the order asked for, which goes only as far as the last of them:
   * the network as a backbone. `net.tensors` lists the names. Without names: the last map of each stride (2 to 32) that
   * lies in memory; load with `plan: 'layers'` to have all of them there.
   * @throws DepthwiseError NOT_FOUND for a name that the plan does not keep
   */
  features(image: Image, names?: readonly string[]): Output[] { return features(this, this.#seen(image), names); }

  /** What is where in a picture, by a detector (SSD): boxes in its pixels, the likeliest first. */
  detect(image: Image, options?: DetectOptions): Detected[] { return detect(this, this.#seen(image), options); }

  /**
   * Joints of the people in a picture, in its pixels, best person first: one by MoveNet, several by PoseNet. The whole picture
   * is looked at, or with `previous` the part of a video's frame where the person was.
   */
  pose(image: Image, options?: PoseOptions): Pose[] { return pose(this, this.#seen(image), options); }

  /** The class of every pixel of a picture, and each class's share. */
  segment(image: Image, options?: SegmentOptions): Segmentation { return segment(this, this.#seen(image), options); }

  /** Frees the memory and ends the threads. Using the net afterwards is an error; disposing again is not. */
  dispose(): void {
    this.#engine?.dispose();
    this.#engine = undefined;
    this.#queue?.end(disposed());
  }
  [Symbol.dispose](): void { this.dispose(); }

  #seen(image: Image): Picture { return pictureOf(image, this.maxImagePixels); }

  /** The engine, with nothing under way. */
  #open(): Engine {
    this.#queue?.finish();
    if (!this.#engine) throw disposed();
    return this.#engine;
  }

  #runSteps(engine: Engine, first: number, last: number): void {
    engine.run(this.#records[first], this.#records[last]);
  }

  *#inSteps(inputs: readonly Uint8Array[]): Steps<Output[]> {
    const engine = this.#engine;
    if (!engine) throw disposed();
    this.#writeInputs(engine, inputs);
    for (const { macs } of this.info.steps) {
      this.#runSteps(engine, this.#position, this.#position + 1);
      this.#position++;
      yield macs;
    }
    return this.info.outputs.map((i) => copyOf(this.#output(engine, this.info.tensors[i])));
  }

  /** Views of the inputs' bytes. */
  #checked(inputs: readonly ArrayBufferView[]): Uint8Array[] {
    if (inputs.length !== this.inputs.length) throw new DepthwiseError('BAD_INPUT', `The model takes ${this.inputs.length} input(s), not ${inputs.length}.`);
    return inputs.map((input, i) => {
      const { name, shape, dtype } = this.inputs[i];
      if (!ArrayBuffer.isView(input) || input.byteLength !== this.#kept[i].length) {
        throw new DepthwiseError('BAD_INPUT', `Input ${i} ("${name}") is ${dtype} [${shape}], ${this.#kept[i].length} bytes; ${(input as ArrayBufferView | undefined)?.byteLength ?? typeof input} were given.`);
      }
      return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    });
  }

  /** Begins a run: inputs are kept, and written from there, since they may be views of the arena. */
  #writeInputs(engine: Engine, inputs: readonly ArrayBufferView[]): void {
    this.#checked(inputs).forEach((bytes, i) => this.#kept[i].set(bytes));
    this.info.inputs.forEach((t, i) => engine.bytes(this.info.tensors[t].offset, this.#kept[i].length).set(this.#kept[i]));
    this.#position = 0;
  }

  #output(engine: Engine, tensor: PlannedTensor): Output {
    const { buffer, byteOffset } = engine.bytes(tensor.offset, tensor.bytes);
    const length = tensor.bytes / bytesPerElement[tensor.dtype];
    if (tensor.dtype === 'int64') return { ...publicInfo(tensor), data: lowHalves(new Int32Array(buffer, byteOffset, length * 2)) };
    const data = new ARRAYS[tensor.dtype](buffer, byteOffset, length);
    return { ...publicInfo(tensor), data };
  }
}

const disposed = (): DepthwiseError => new DepthwiseError('DISPOSED', 'This net was disposed of. Load the weights again.');

/** Views into a net's memory do not leave it for longer than a run. */
export const copyOf = (output: Output): Output => ({ ...output, data: output.data.slice() });

/** Every other value. A loop: `filter` takes longer over a mask of a quarter million pixels than the network does. */
function lowHalves(words: Int32Array): Int32Array {
  const low = new Int32Array(words.length / 2);
  for (let i = 0; i < low.length; i++) low[i] = words[i * 2];
  return low;
}

type ArrayOf = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorData;

/** Where JavaScript has no array of a type, its bytes. */
const ARRAYS: Record<Exclude<DType, 'int64'>, ArrayOf> = {
  float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array, bool: Uint8Array, float16: Uint8Array, int16: Uint8Array,
};

const publicInfo = ({ name, shape, dtype, scale, zeroPoint }: PlannedTensor): TensorInfo =>
  ({ name, shape, dtype, ...(scale !== undefined && { scale, zeroPoint }) });

/** Whether what a step writes is all or a part of a tensor's buffer: places that meet, the same life. */
function makes(written: PlannedTensor, tensor: PlannedTensor): boolean {
  const meet = written.offset < tensor.offset + tensor.bytes && tensor.offset < written.offset + written.bytes;
  return meet && written.first === tensor.first && written.last === tensor.last;
}
