// Knows a classifier of one's own on a network's embeddings: its examples, how it is trained, asked, judged and saved. It
// does not know how the network computes or how a layer becomes a plan.
import type { HeadInfo } from '../plan/plan.js';
import { DepthwiseError } from '../error.js';
import { isDw } from '../formats/dw.js';
import { converter, readWeights } from '../loader.js';
import type { ConvertOptions } from '../loader.js';
import type { Net } from '../net.js';
import type { Image } from '../picture.js';
import { ranked, softmax } from '../tasks/classify.js';
import type { Classification, ClassifyOptions } from '../tasks/classify.js';
import { embeddingStep } from '../tasks/embed.js';
import { votes } from '../tasks/votes.js';
import { judged } from './evaluation.js';
import type { Evaluation } from './evaluation.js';
import { checkBackbone, grafted } from './graft.js';
import { headPlan, layerOf } from './head-plan.js';
import type { Layer } from './head-plan.js';
import type { Watch } from './lbfgs.js';
import { trainLinear } from './regression.js';

/** A picture, or its embedding by the same network (not normalised). */
export type Example = Image | Float32Array;

export interface HeadOptions {
  /** The labels and their order; others are then refused. Without, they come in the order of their first examples. */
  labels?: string[];
}

export interface TrainOptions extends Watch {
  /** 'linear' (default): softmax regression. 'nearest': the nearest examples vote, by cosine similarity. */
  kind?: 'linear' | 'nearest';
  /** How many neighbours vote (default 10, or all there are). */
  k?: number;
}

interface Kept {
  embedding: Float32Array;
  label: number;
}

/** Made by `createHead` and `loadHead`. */
export class Head {
  readonly #net: Net;
  readonly #depth: number;
  readonly #labels: string[];
  readonly #open: boolean;
  readonly #kept: Kept[] = [];
  #layer: Layer | undefined;
  #info: HeadInfo | undefined;

  constructor(net: Net, { labels }: HeadOptions = {}) {
    const { shape } = net.info.tensors[net.info.steps[embeddingStep(net.info)].output];
    if (labels && new Set(labels).size !== labels.length) throw new DepthwiseError('BAD_INPUT', 'Two labels are the same. Give each class a name of its own.');
    this.#net = net;
    this.#depth = shape.at(-1)!;
    this.#labels = [...(labels ?? [])];
    this.#open = !labels;
  }

  /** A trained head from its file, for the same network. */
  static async load(net: Net, bytes: Uint8Array): Promise<Head> {
    if (!isDw(bytes)) throw new DepthwiseError('BAD_FILE', `These ${bytes.length} bytes are no .dw file. A head is what head.save() or head.graft() gave.`);
    const { head: info, ...layer } = layerOf(await readWeights(bytes));
    checkBackbone(info, net.fingerprint, net.about.name);
    const head = new Head(net, { labels: layer.labels });
    head.#setLayer(layer, info);
    return head;
  }

  /** Labels, in the order of the answers' index. */
  get labels(): string[] { return [...this.#labels]; }

  /** What it was last trained as; undefined before. */
  get kind(): 'linear' | 'nearest' | undefined { return this.#info?.kind; }

  /** How many examples each label has. */
  get examples(): { label: string; count: number }[] {
    const counts = this.#counts();
    return this.#labels.map((label, i) => ({ label, count: counts[i] }));
  }

  /** Adds an example; the answers change with the next `train`. */
  add(example: Example, label: string): void {
    if (typeof label !== 'string' || !label) throw new DepthwiseError('BAD_INPUT', `A label is a text that is not empty, not ${String(label) || '""'}.`);
    let index = this.#labels.indexOf(label);
    if (index < 0 && !this.#open) throw this.#unknown(label);
    const embedding = this.#embedding(example).slice();
    if (index < 0) index = this.#labels.push(label) - 1;
    this.#kept.push({ embedding, label: index });
  }

  /**
   * Learns from all examples so far. The same examples in the same order give the same head on every host.
   * @throws DepthwiseError BAD_INPUT for fewer than two labels or a label without examples, ABORTED
   */
  async train({ kind = 'linear', k, ...watch }: TrainOptions = {}): Promise<void> {
    if (kind !== 'linear' && kind !== 'nearest') throw new DepthwiseError('BAD_INPUT', `There is no kind of head "${String(kind)}"; there are linear and nearest.`);
    if (k !== undefined && (!Number.isInteger(k) || k < 1)) throw new DepthwiseError('BAD_INPUT', `k is a whole number from 1 up, not ${k}.`);
    this.#checkExamples();
    // What is added while this runs belongs to the next training.
    const examples = this.#counts(), labels = [...this.#labels], kept = [...this.#kept], depth = this.#depth;
    const rows = new Float32Array(kept.length * depth), classes = Int32Array.from(kept, ({ label }) => label);
    kept.forEach(({ embedding }, i) => rows.set(kind === 'nearest' ? unit(embedding) : embedding, i * depth));
    const layer: Layer = kind === 'nearest' ? { labels, weights: rows, vote: { k: Math.min(k ?? 10, kept.length), classes: [...classes] } }
      : { labels, ...await trainLinear({ rows, depth, classes, labels: labels.length }, watch) };
    this.#setLayer(layer, { kind, fingerprint: this.#net.fingerprint, backbone: this.#net.about.name ?? 'unnamed', examples });
  }

  /** The likeliest labels, best first. Scores add up to 1: probabilities (linear), or shares of the vote (nearest). */
  classify(example: Example, options: ClassifyOptions = {}): Classification[] {
    const { layer } = this.#trained();
    return ranked(scoresOf(layer, this.#embedding(example)), layer.labels, options);
  }

  /** How often it is right on examples that it has not seen. */
  evaluate(examples: Iterable<{ example: Example; label: string }>): Evaluation {
    const { labels } = this.#trained().layer;
    return judged(labels, Array.from(examples, ({ example, label }): [number, number] => {
      const truth = labels.indexOf(label);
      if (truth < 0) throw this.#unknown(label);
      return [truth, this.classify(example, { topK: 1 })[0].index];
    }));
  }

  /** The head alone as a .dw file, a plan from an embedding [1, depth] to scores. For `loadHead`, which needs the network as well. */
  async save(): Promise<Uint8Array> {
    const { layer, info } = this.#trained();
    return (await converter()).savePlan(await headPlan(layer, info));
  }

  /**
   * A whole classifier as a .dw file: the network as far as its embedding, then this head. `load(file).classify(image)` gives
   * these labels on every host, and a linear head needs no JavaScript.
   * @param bytes the file that the head's net was loaded from; `options` those it was loaded with. Weights stored as float16
   *   stay so, and the head's are rounded with them, unless `float16` is false
   * @throws DepthwiseError BAD_INPUT for other weights
   */
  async graft(bytes: Uint8Array, options: ConvertOptions = {}): Promise<Uint8Array> {
    const { layer, info } = this.#trained(), { preprocessing } = this.#net;
    const plan = await readWeights(bytes, { ...options, ...(preprocessing && { preprocessing }) });
    return (await converter()).savePlan({ ...await grafted(plan, layer, info), float16: options.float16 ?? plan.float16 });
  }

  #counts(): number[] {
    const counts = this.#labels.map(() => 0);
    for (const { label } of this.#kept) counts[label]++;
    return counts;
  }

  #setLayer(layer: Layer, info: HeadInfo): void {
    this.#layer = layer;
    this.#info = info;
  }

  #trained(): { layer: Layer; info: HeadInfo } {
    if (!this.#layer) throw new DepthwiseError('BAD_INPUT', 'This head has not been trained yet. Add examples and await head.train() first.');
    return { layer: this.#layer, info: this.#info! };
  }

  #checkExamples(): void {
    if (!this.#kept.length) throw new DepthwiseError('BAD_INPUT', 'There is no example to learn from. Add some with head.add(image, label); a head that was loaded has none, since files hold no pictures.');
    const empty = this.#labels.filter((_, i) => !this.#counts()[i]);
    if (empty.length) throw new DepthwiseError('BAD_INPUT', `There is no example of ${empty.map((label) => `"${label}"`).join(', ')}. Add at least one, or leave the label out.`);
    if (this.#labels.length < 2) throw new DepthwiseError('BAD_INPUT', `All examples are "${this.#labels[0]}", and one class is nothing to tell apart. Add examples of another one, such as "other".`);
  }

  #unknown(label: string): DepthwiseError {
    const some = this.#labels.slice(0, 5).join(', ');
    return new DepthwiseError('BAD_INPUT', `This head has no label "${label}"; it has ${some}${this.#labels.length > 5 ? ', …' : ''}.`);
  }

  #embedding(example: Example): Float32Array {
    const isVector = Object.prototype.toString.call(example) === '[object Float32Array]';
    const embedding = isVector ? example as Float32Array : this.#net.embed(example as Image);
    if (embedding.length !== this.#depth) throw new DepthwiseError('BAD_INPUT', `An embedding of this network has ${this.#depth} values, not ${embedding.length}. Was it made by another network?`);
    const strange = embedding.findIndex((x) => !Number.isFinite(x));
    if (strange >= 0) throw new DepthwiseError('BAD_INPUT', `The embedding holds ${embedding[strange]} at ${strange}. Check the weights, and what made the embedding.`);
    return embedding;
  }
}

/** Of length 1; what has no direction stays zero. */
function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const x of vector) squares += x * x;
  return vector.map((x) => (squares > 0 ? x / Math.sqrt(squares) : 0));
}

function scoresOf({ weights, bias, vote, labels }: Layer, embedding: Float32Array): Float32Array {
  const outputs = Float32Array.from({ length: weights.length / embedding.length }, (_, row) => {
    let sum = bias?.[row] ?? 0;
    for (let d = 0, at = row * embedding.length; d < embedding.length; d++, at++) sum += weights[at] * embedding[d];
    return sum;
  });
  return vote ? votes(outputs, vote, labels.length) : softmax(outputs);
}
