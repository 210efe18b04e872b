// The entry `depthwise/compat/tfjs`: the interface of @tensorflow-models/mobilenet over this library. It knows that package's
// names and habits, and which of the zoo's checkpoints answer to them; it computes nothing but the softmax.
import { load as loadNet } from '../index.js';
import type { LoadOptions, Net } from '../index.js';
import { DepthwiseError } from '../error.js';
import type { Source } from '../source.js';

export type MobileNetVersion = 1 | 2 | 3;
export type MobileNetAlpha = 0.25 | 0.5 | 0.75 | 1;

/** What `classify` and `infer` look at: whatever `net.classify` of `depthwise` takes. */
export type Image = Parameters<Net['classify']>[0];

export interface ModelConfig extends LoadOptions {
  /** Default 1, as there. 3 is V3-Small, which that package does not have. */
  version?: MobileNetVersion;
  /** Width multiplier, default 1. */
  alpha?: MobileNetAlpha;
  /** Address or path of your own weights: .tflite, .onnx, .safetensors or .dw; a model.json of TensorFlow.js is not read. */
  modelUrl?: string | URL;
  /** Your own weights from anywhere else, bytes above all, so that nothing is fetched. */
  weights?: Source;
  /** Values that your own weights take for black and white, [-1, 1] or [0, 1]; default: what their file says. */
  inputRange?: [number, number];
}

/** Numbers with the few properties of a tensor that are used after `infer`. There is no TensorFlow.js here, so it is no tf.Tensor. */
export interface Values extends Float32Array<ArrayBuffer> {
  shape: [1, number];
  dataSync(): Float32Array;
  data(): Promise<Float32Array>;
  /** Does nothing: the values belong to the garbage collector. */
  dispose(): void;
}

export interface MobileNet {
  /** The likeliest classes, best first. The background class of the checkpoints is left out, and takes no part in the softmax. */
  classify(img: Image, topk?: number): Promise<{ className: string; probability: number }[]>;
  /** Logits [1, classes] without the background class, or the embedding [1, features]: what the classifier reads. */
  infer(img: Image, embedding?: boolean): Values;
  /** What is underneath, with everything that it can do more. */
  net: Net;
  /** Frees the memory. */
  dispose(): void;
}

/** The zoo has no other official weights of these families for ImageNet. All take 224 x 224 pixels but one. */
export const CHECKPOINTS: Record<MobileNetVersion, Partial<Record<MobileNetAlpha, string>>> = {
  1: { 0.25: 'mobilenet_v1_0.25_224_quant', 0.5: 'mobilenet_v1_0.5_160_quant', 0.75: 'mobilenet_v1_0.75_224_quant', 1: 'mobilenet_v1_1.0_224_quant' },
  2: { 1: 'mobilenet_v2_1.0_224_quant' },
  3: { 1: 'mobilenet_v3_small_1.0_224_quant' },
};

/**
 * `load` of @tensorflow-models/mobilenet: an official checkpoint by version and alpha, fetched from the zoo and kept, or
 * your own weights. The official ones are 8-bit, and pictures are cropped and scaled as those were evaluated (the centre
 * 87.5 %), not stretched as that package does: scores differ from its scores in the second digit.
 * @throws DepthwiseError UNSUPPORTED for a version and alpha that nobody published for TensorFlow Lite, and what `load` throws
 */
export async function load({ version = 1, alpha = 1, modelUrl, weights, inputRange, ...options }: ModelConfig = {}): Promise<MobileNet> {
  const own = weights ?? modelUrl;
  if (/\.json($|\?)/.test(String(modelUrl ?? ''))) {
    throw new DepthwiseError('UNSUPPORTED', `modelUrl is ${modelUrl}, a model of TensorFlow.js. Give the .tflite, .onnx or .safetensors file that it was made from.`);
  }
  const net = own === undefined ? await loadNet(`zoo:${checkpointFor(version, alpha)}`, options)
    : await loadNet(own, { ...(inputRange && { preprocessing: preprocessingFor(inputRange) }), ...options });
  return mobileNet(net);
}

function checkpointFor(version: MobileNetVersion, alpha: MobileNetAlpha): string {
  const found = CHECKPOINTS[version]?.[alpha];
  if (found) return found;
  const there = Object.entries(CHECKPOINTS).map(([v, alphas]) => `version ${v} with alpha ${Object.keys(alphas).sort().join(', ')}`);
  throw new DepthwiseError('UNSUPPORTED', `There are no official weights of version ${version} with alpha ${alpha}. There are ${there.join('; ')}. Or bring your own: load({ weights }).`);
}

/** The whole picture, as that package looks at it. */
function preprocessingFor([black, white]: [number, number]): NonNullable<LoadOptions['preprocessing']> {
  if (!(white > black)) throw new DepthwiseError('BAD_INPUT', `inputRange is [values for black, value for white], the first one lower; it is [${black}, ${white}].`);
  const std = 255 / (white - black);
  return { fit: 'stretch', crop: 1, mean: [-black * std], std: [std] };
}

function mobileNet(net: Net): MobileNet {
  const first = backgroundsOf(net);
  const logits = (img: Image): Float32Array => {
    net.classify(img, { topK: 1 }); // runs the whole network
    const { data, scale, zeroPoint = 0 } = net.layer(logitsOf(net));
    return Float32Array.from(data, (q) => (scale === undefined ? q : (q - zeroPoint) * scale)).slice(first);
  };
  return {
    net,
    dispose: () => net.dispose(),
    infer: (img, embedding = false) => valuesOf(embedding ? net.embed(img) : logits(img)),
    async classify(img, topk = 3) {
      if (!Number.isInteger(topk) || topk < 1) throw new DepthwiseError('BAD_INPUT', `topk is a whole number from 1 up, not ${topk}.`);
      const scores = logits(img), most = scores.reduce((a, b) => Math.max(a, b), -Infinity), sum = scores.reduce((all, x) => all + Math.exp(x - most), 0);
      return Array.from(scores, (x, i) => ({ className: classNameOf(net, i + first), probability: Math.exp(x - most) / sum, i }))
        .sort((a, b) => b.probability - a.probability || a.i - b.i).slice(0, topk).map(({ className, probability }) => ({ className, probability }));
    },
  };
}

const classesOf = ({ outputs }: Net): number => outputs[0].shape.at(-1)!;

/** How many classes in front are no class: TensorFlow's checkpoints have "background" first, which lists of labels may leave out. */
function backgroundsOf(net: Net): 0 | 1 {
  const { labels } = net, classes = classesOf(net);
  return labels?.[0] === 'background' || labels?.length === classes - 1 || (!labels && classes === 1001) ? 1 : 0;
}

const classNameOf = ({ labels, outputs }: Net, index: number): string =>
  labels?.[index - (outputs[0].shape.at(-1)! - labels.length)] ?? `class ${index}`;

/** The tensor before the softmax, or the output where there is none. */
function logitsOf({ info, outputs }: Net): string {
  const last = info.steps.slice(-3).filter(({ kind }) => kind === 'softmax').at(-1);
  return last ? info.tensors[last.inputs[0]].name : outputs[0].name;
}

function valuesOf(values: Float32Array): Values {
  return Object.defineProperties(values, {
    shape: { value: [1, values.length] }, dataSync: { value: () => values }, data: { value: async () => values }, dispose: { value: () => undefined },
  }) as Values;
}
