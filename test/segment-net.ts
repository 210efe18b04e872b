// Knows a segmentation network of one step: the scores of its three classes are the red, green and blue of the picture.
import type { Graph } from '../src/formats/graph.js';

export interface Shape {
  size?: [height: number, width: number];
  dtype?: 'float32' | 'uint8';
  /** Ends in classes instead of scores. */
  indices?: 'int32' | 'int64';
  preprocessing?: Graph['preprocessing'];
}

const WHOLE: Graph['preprocessing'] = { fit: 'stretch', crop: 1, mean: [0], std: [1] };

export function colourNet({ size: [h, w] = [6, 5], dtype = 'float32', indices, preprocessing = WHOLE }: Shape = {}): Graph {
  const quantization = { scale: Float32Array.of(1), zeroPoint: Int32Array.of(0), axis: 0 };
  const map = (name: string) => ({ name, shape: [1, h, w, 3], dtype, ...(dtype === 'uint8' && { quantization }) });
  const graph: Graph = {
    tensors: [map('pixels'), map('scores')], inputs: [0], outputs: [1], about: { name: 'colours' }, labels: ['background', 'leaf', 'sky'], preprocessing,
    operators: [{ attributes: { kind: 'relu' }, inputs: [0], outputs: [1], where: 'operator 0 (relu)' }],
  };
  if (!indices) return graph;
  graph.tensors.push({ name: 'along', shape: [], dtype: 'int32', data: Uint8Array.of(3, 0, 0, 0) }, { name: 'classes', shape: [1, h, w], dtype: indices });
  graph.operators.push({ attributes: { kind: 'argMax', axis: 3 }, inputs: [1, 2], outputs: [3], where: 'operator 1 (argMax)' });
  return { ...graph, outputs: [3] };
}
