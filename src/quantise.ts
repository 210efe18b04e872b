// The entry `depthwise/quantise`: float32 weights and some pictures become int8 weights.
import { compile, readGraph, savePlan } from './convert.js';
import type { ConvertOptions } from './convert.js';
import { DepthwiseError } from './error.js';
import { isDw } from './formats/dw.js';
import type { Picture } from './image.js';
import { loadGraph } from './load.js';
import { described } from './loader.js';
import { quantiseGraph } from './quantise/quantise.js';
import type { Quantised, QuantiseOptions } from './quantise/quantise.js';

export { DepthwiseError };
export type { Picture } from './image.js';
export type { QuantiseOptions } from './quantise/quantise.js';

export interface QuantisedWeights extends Omit<Quantised, 'graph'> {
  /** A .dw file, for `load`. */
  weights: Uint8Array;
}

/**
 * Makes float32 weights int8: per-channel symmetric weights, per-tensor activations, int32 biases, as TensorFlow Lite
 * has them (quantization specification). The same bytes and pictures give the same weights on every host.
 * @param bytes a float32 .tflite, .safetensors or .onnx model; a .dw file is planned already and cannot be quantised
 * @param pictures 16 to some hundreds that look like what the model will see, each prepared as `classify` would; the
 *   sequence is read once, so a generator can decode them one by one
 * @throws DepthwiseError BAD_INPUT without pictures or for a .dw file, UNSUPPORTED for a model that is not float32, ABORTED
 */
export async function quantise(bytes: Uint8Array, pictures: Iterable<Picture> | AsyncIterable<Picture>, options: QuantiseOptions & ConvertOptions = {}): Promise<QuantisedWeights> {
  if (isDw(bytes)) throw new DepthwiseError('BAD_INPUT', 'A .dw file is planned and packed already. Quantise the .tflite, .safetensors or .onnx file that it was made from.');
  const { graph, ...summary } = await quantiseGraph(await readGraph(bytes, options), pictures, loadGraph, options);
  return { weights: await savePlan(described(compile(graph, { plan: options.plan }), options)), ...summary };
}
