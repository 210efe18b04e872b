// The entry `depthwise/compat/coco-ssd`: the interface of @tensorflow-models/coco-ssd over this library. It knows that
// package's names and habits; the weights are the caller's.
import { load as loadNet } from '../index.js';
import type { LoadOptions, Net } from '../index.js';
import { DepthwiseError } from '../error.js';
import type { Source } from '../source.js';

export interface ModelConfig extends LoadOptions {
  /** Address or path of a detector: an SSD as .tflite, torchvision's SSDLite as .safetensors, or a .dw of either; no model.json. */
  modelUrl?: string | URL;
  /** The same from anywhere else, bytes above all. */
  weights?: Source;
}

export interface DetectedObject {
  /** x, y, width, height in pixels of the picture. */
  bbox: [number, number, number, number];
  class: string;
  score: number;
}

export interface ObjectDetection {
  detect(img: Parameters<Net['detect']>[0], maxNumBoxes?: number, minScore?: number): Promise<DetectedObject[]>;
  /** What is underneath, with everything that it can do more. */
  net: Net;
  /** Frees the memory. */
  dispose(): void;
}

/**
 * `load` of @tensorflow-models/coco-ssd, with weights and `labels` of your own: that package fetches a model of TensorFlow.js,
 * which is not read here.
 * @throws DepthwiseError BAD_INPUT without weights, UNSUPPORTED for a model.json, and what `load` of depthwise throws
 */
export async function load({ modelUrl, weights, ...options }: ModelConfig = {}): Promise<ObjectDetection> {
  const own = weights ?? modelUrl;
  if (own === undefined) throw new DepthwiseError('BAD_INPUT', 'Say which detector: load({ modelUrl: "ssd_mobilenet_v1.tflite", labels: [...] }). None comes with this library.');
  if (/\.json($|\?)/.test(String(modelUrl ?? ''))) throw new DepthwiseError('UNSUPPORTED', `modelUrl is ${modelUrl}, a model of TensorFlow.js. Give the .tflite file of an SSD instead.`);
  const net = await loadNet(own, options);
  return {
    net,
    dispose: () => net.dispose(),
    detect: async (img, maxNumBoxes = 20, minScore = 0.5) => net.detect(img, { maxResults: maxNumBoxes, scoreThreshold: minScore })
      .map(({ box: { x, y, width, height }, label, score }) => ({ bbox: [x, y, width, height], class: label, score })),
  };
}
