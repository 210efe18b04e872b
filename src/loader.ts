// Knows the way from any source of weights to a running net: fetch, have converted what is no plan yet, choose a build. It
// does not know where the builds come from: the entries `load.ts` (inlined) and `core.ts` (the user's own) say that.
import type { ConvertOptions } from './convert.js';
import { BUILDS, Engine, chooseBuild, isModule, layoutOf } from './engine.js';
import type { Build, BuildSource, Choice, MemoryReport, WasmBuild } from './engine.js';
import { DepthwiseError } from './error.js';
import { isDw, readDw } from './formats/dw.js';
import type { DwSections } from './formats/dw.js';
import type { Graph } from './formats/graph.js';
import { Net } from './net.js';
import type { Threads } from './net.js';
import { checkPlan, checkWork } from './plan/check.js';
import { checkDescription } from './plan/description.js';
import { PURPOSES } from './plan/plan.js';
import type { Plan, PlanInfo, Purpose } from './plan/plan.js';
import { probeIsRight, probePlan } from './probe.js';
import { ABOVE_NONE, FUNCTION, SIGNAL, TEXT, TEXTS, among, checkOptions, isNumber, isPreprocessing, isText, whole } from './options.js';
import type { Kind } from './options.js';
import { fetched, notBeside } from './fetched.js';
import type { KeepOptions } from './fetched.js';
import { Shrinker } from './shrinker.js';
import { bytesOf, checkMemory } from './source.js';
import type { Source } from './source.js';
import { fromUtf8 } from './text.js';

export type { ConvertOptions };

/** What makes plans of other files: a file apart beside the entries that hold no builds. */
/** The file apart that makes and saves plans. */
export const converter = (): Promise<typeof import('./convert.js')> => import('./convert.js').catch(notBeside('convert.js'));

export interface LoadOptions extends ConvertOptions, KeepOptions {
  /** Takes this build or fails; default: the best that computes rightly here. 'js' is plain JavaScript. */
  build?: Build;
  /** A compiled module of some build, for hosts that compile nothing at run time. */
  wasm?: WebAssembly.Module;
  /** Threads that share the work (default 1). Where a host has none, net.threads says why; dispose of the net to end them. */
  threads?: number;
  /**
   * Most multiply-adds of one run (the sum of net.steps[].macs, and what kernels without any move or compare, worked out
   * from the sizes of the steps). A net with more is refused before its first step: a small file may ask for hours.
   */
  maxMultiplyAdds?: number;
  /** Most pixels of a picture, 100 million unless fewer are said; those with more are refused before they are drawn or copied. */
  maxImagePixels?: number;
}

/** A plan from the bytes of a .dw, .tflite, .safetensors or .onnx file. */
export async function readWeights(bytes: Uint8Array, options: ConvertOptions = {}): Promise<Plan> {
  checkOptions(options, LOADING);
  const { plan, intact } = await openWeights(bytesOf(bytes), options);
  await intact;
  return plan;
}

/** The same before its hash is checked. */
async function openWeights(bytes: Uint8Array, options: ConvertOptions & Pick<LoadOptions, 'maxMemory' | 'maxMultiplyAdds'>): Promise<{ plan: Plan; intact?: Promise<void> }> {
  checkMemory(bytes.length, options.maxMemory, 'These weights have'); // those of caches and of the zoo, too
  if (!isDw(bytes)) {
    const { compile, readGraph } = await converter();
    const plan = compile(await readGraph(bytes, options), { plan: options.plan, fits: (count) => checkMemory(count, options.maxMemory, 'This net takes more than') });
    checkPlan(plan); // whatever its file said that no reader doubted, no step leaves its memory
    checkWork(plan, options.maxMultiplyAdds);
    return { plan: described(plan, options) };
  }
  const sections = readDw(bytes);
  try {
    return { plan: described(planFromDw(sections, options), options), intact: sections.intact };
  } catch (error) {
    await sections.intact; // a changed byte explains more than what it broke
    throw error;
  }
}

/** What the caller says of the weights goes before what the file says. */
export function described(plan: Plan, { labels, preprocessing, licence, source }: ConvertOptions): Plan {
  const about = { ...plan.info.about, ...(licence && { licence }), ...(source && { source }) };
  return { ...plan, info: { ...plan.info, about, ...(labels && { labels }), ...(preprocessing && { preprocessing }) } };
}

function planFromDw({ steps, weights, info, arenaBytes, scratchBytes, float16 }: DwSections, options: Pick<LoadOptions, 'plan' | 'maxMultiplyAdds'>): Plan {
  let parsed: PlanInfo;
  try {
    parsed = JSON.parse(fromUtf8(info)) as PlanInfo;
  } catch (cause) {
    throw new DepthwiseError('BAD_FILE', 'The description inside this .dw file is not readable. Convert the model again.', { cause });
  }
  checkDescription(parsed);
  const plan: Plan = { steps: new Int32Array(steps.slice().buffer), weights, arenaBytes, scratchBytes, info: parsed, ...(float16 && { float16 }) };
  checkPlan(plan);
  checkWork(plan, options.maxMultiplyAdds);
  if (options.plan && options.plan !== parsed.purpose) {
    throw new DepthwiseError('BAD_INPUT', `This .dw file was planned to be ${parsed.purpose}, not ${options.plan}. Convert the model again with that plan.`);
  }
  return plan;
}

/** Weights of any known format as a .dw file. */
export async function convert(bytes: Uint8Array, options: ConvertOptions = {}): Promise<Uint8Array> {
  const plan = await readWeights(bytes, options), { savePlan } = await converter();
  return savePlan({ ...plan, float16: options.float16 ?? plan.float16 });
}

const MOST_THREADS = 64;

const LOADING: Record<string, Kind> = {
  build: among(...BUILDS, 'js'), threads: whole(1, MOST_THREADS), plan: among(...PURPOSES), style: among('torch', 'tf'), size: whole(1, 4096), alpha: [(value) => isNumber(value) && (value as number) > 0, 'a number above 0'],
  maxMemory: ABOVE_NONE, maxMultiplyAdds: ABOVE_NONE, maxImagePixels: ABOVE_NONE,
  labels: TEXTS, licence: TEXT, source: TEXT, integrity: TEXT, signal: SIGNAL, onProgress: FUNCTION, cache: [(value) => isText(value) || value === true, 'true or a name'],
  preprocessing: [isPreprocessing, 'an object of fit ("centre" or "stretch"), crop (a share of the shorter side), mean and std (lists of numbers)'],
};

export interface Loader {
  /** Weights from anywhere; the string "zoo:NAME" is an official checkpoint, fetched and checked by `depthwise/zoo`. */
  load(source: Source, options?: LoadOptions): Promise<Net>;
  /** The exact bytes that `load` with the same options would take, without taking them. */
  memoryFor(source: Source, options?: LoadOptions): Promise<MemoryReport>;
  /** A net from a graph in memory; `guard` puts guard bytes around every buffer (tests). */
  loadGraph(graph: Graph, options?: { build?: Build; guard?: boolean; plan?: Purpose; threads?: number }): Promise<Net>;
  /** The WebAssembly builds that compute rightly on this host, best first; none where there is no WebAssembly. */
  availableBuilds(): Promise<WasmBuild[]>;
}

/** Loading with builds from `sources`; each is compiled and tried once. */
export function makeLoader(sources: BuildSource): Loader {
  const chosen = new Map<Build | 'best', Promise<Chosen>>();
  const choose = (build?: Build): Promise<Chosen> => {
    const key = build ?? 'best';
    const known = chosen.get(key) ?? tried(sources, build);
    chosen.set(key, known);
    return known;
  };
  const chooseFor = async ({ build, wasm }: LoadOptions): Promise<Chosen> => (wasm ? tried(() => wasm, build ?? buildOf(wasm)) : choose(build));
  const start = async (plan: Plan, options: LoadOptions, guard = false, choosing = chooseFor(options)): Promise<Net> => {
    const choice = await choosing, wanted = options.threads ?? 1;
    if (options.signal?.aborted) throw new DepthwiseError('ABORTED', 'Loading was cancelled.');
    if (options.maxMemory !== undefined) checkMemory(layoutOf(plan, choice.build, wanted).totalBytes, options.maxMemory, 'This net takes');
    const { engine, threads } = wanted > 1 ? await threaded(plan, choice, wanted) : { engine: new Engine(plan, choice.build, choice.code), threads: { count: 1 } };
    return new Net(plan, engine, choice.shrinker, threads, { guarded: guard, maxImagePixels: options.maxImagePixels });
  };
  return {
    async load(source, options = {}) {
      checkOptions(options, LOADING);
      const [bytes, described] = await fetched(source, options);
      const choosing = chooseFor(options); // compiles while the weights are read
      choosing.catch(() => undefined); // start() tells what fails
      const { plan, intact } = await openWeights(bytes, described);
      const [net] = await Promise.all([start(plan, options, false, choosing), intact]);
      return net;
    },
    async memoryFor(source, options = {}) {
      checkOptions(options, LOADING);
      const plan = await readWeights(...await fetched(source, options));
      const { weightsBytes, arenaBytes, scratchBytes, totalBytes } = layoutOf(plan, (await chooseFor(options)).build, options.threads);
      return { weightsBytes, arenaBytes, scratchBytes, totalBytes };
    },
    async loadGraph(graph, { build, guard = false, plan, threads } = {}) {
      return start((await converter()).compile(graph, { guard, plan }), { build, threads }, guard);
    },
    async availableBuilds() {
      const works = await Promise.all(BUILDS.map((build) => choose(build).then(() => true, () => false)));
      return BUILDS.filter((_, i) => works[i]);
    },
  };
}

/** A build, and its kernels for pictures, which all its nets share. */
type Chosen = Choice & { shrinker: Shrinker };

async function tried(sources: BuildSource, build?: Build): Promise<Chosen> {
  const choice = await chooseBuild(sources, build, probePlan(), probeIsRight);
  return { ...choice, shrinker: new Shrinker(choice.code) };
}

/** An engine with threads, or with one and the reason. */
async function threaded(plan: Plan, { build, code, bytes }: Choice, count: number): Promise<{ engine: Engine; threads: Threads }> {
  try {
    if (build === 'js') throw new Error('plain JavaScript runs on one');
    const { withThreads } = await import('./threads.js');
    return { engine: await withThreads(bytes, (shared) => new Engine(plan, build, shared, count)), threads: { count } };
  } catch (cause) {
    return { engine: new Engine(plan, build, code), threads: { count: 1, reason: cause instanceof Error ? cause.message : String(cause) } };
  }
}

/** Asks a module which build it is. */
function buildOf(module: WebAssembly.Module): WasmBuild {
  if (!isModule(module)) {
    throw new DepthwiseError('BAD_INPUT', `options.wasm is a WebAssembly.Module, not ${Object.prototype.toString.call(module)}. Compile the file first: await WebAssembly.compile(bytes); in Deno and Bun, importing a .wasm file gives something else.`);
  }
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: new WebAssembly.Memory({ initial: 1, maximum: 1 }) } });
    return ([...BUILDS].reverse())[(exports.build as () => number)()];
  } catch (cause) {
    throw new DepthwiseError('BAD_INPUT', 'options.wasm is not a build of this library. Use one of depthwise/wasm/ of the same release.', { cause });
  }
}
