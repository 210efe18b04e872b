// The file `onnx.js`: reads .onnx models, and is fetched only by those who load one.
import { DepthwiseError } from './error.js';
import { readOnnx as read } from './formats/onnx.js';
import type { OnnxOptions } from './formats/onnx.js';
import type { Graph } from './formats/graph.js';

export function readOnnx(bytes: Uint8Array, options: OnnxOptions): Graph {
  try {
    return read(bytes, options);
  } catch (error) {
    if (error instanceof RangeError) throw new DepthwiseError('OUT_OF_MEMORY', 'Laying out the weights of this .onnx file takes more memory than this host has left. Convert it elsewhere, and load the .dw file here.', { cause: error });
    throw error;
  }
}
