// Knows people whose joints are known, and the maps that a perfect PoseNet would give of them. The same people give the
// same maps.
import type { Graph } from '../src/formats/graph.js';
import { EDGES, KEYPOINTS } from '../src/tasks/posenet.js';
import type { PoseMaps } from '../src/tasks/posenet.js';

export interface Joint { x: number; y: number }
export type Person = Joint[];

/** Somebody who stands with arms out, in COCO's order, in a box about 100 wide and 200 high with the nose at (50, 20). */
const STANDING: [number, number][] = [
  [50, 20], [54, 16], [46, 16], [60, 18], [40, 18], [70, 45], [30, 45], [85, 70], [15, 70], [98, 95], [2, 95], [64, 105], [36, 105], [66, 150], [34, 150], [68, 195], [32, 195],
];

export const person = (x: number, y: number, scale = 1): Person => STANDING.map(([a, b]) => ({ x: x + a * scale, y: y + b * scale }));

/** Joints farther than this from a cell, in pixels and at coarse strides in cells, say nothing about it. */
const reachOf = (stride: number): number => Math.max(32, stride * 1.5);

/** Maps of an input of `inputHeight` x `inputWidth` pixels, each a pixel more than a multiple of the stride. */
export function mapsOf(people: Person[], inputHeight: number, inputWidth: number, stride: number): PoseMaps {
  const height = (inputHeight - 1) / stride + 1, width = (inputWidth - 1) / stride + 1, cells = height * width, joints = KEYPOINTS.length, edges = EDGES.length;
  const maps: PoseMaps = {
    height, width, stride, heatmaps: new Float32Array(cells * joints).fill(-8), offsets: new Float32Array(cells * joints * 2),
    forward: new Float32Array(cells * edges * 2), backward: new Float32Array(cells * edges * 2),
  };
  const inside = ({ x, y }: Joint): boolean => x >= 0 && y >= 0 && x < inputWidth && y < inputHeight;
  for (let cell = 0; cell < cells; cell++) {
    const x = (cell % width) * stride, y = Math.floor(cell / width) * stride;
    /** Of those seen near by, the person whose joint is nearest. */
    const nearest = (id: number): Person | undefined => {
      const away = (one: Person): number => Math.hypot(one[id].x - x, one[id].y - y);
      return people.filter((one) => inside(one[id]) && away(one) < reachOf(stride)).sort((a, b) => away(a) - away(b))[0];
    };
    const point = (map: Float32Array, channels: number, channel: number, to: Joint): void => {
      map[cell * channels * 2 + channel] = to.y - y;
      map[cell * channels * 2 + channels + channel] = to.x - x;
    };
    for (let id = 0; id < joints; id++) {
      const one = nearest(id);
      if (!one) continue;
      maps.heatmaps[cell * joints + id] = 5 - (Math.hypot(one[id].x - x, one[id].y - y) / stride) ** 2;
      point(maps.offsets, joints, id, one[id]);
    }
    EDGES.forEach(([parent, child], edge) => {
      const from = nearest(parent), to = nearest(child);
      if (from) point(maps.forward, edges, edge, from[child]);
      if (to) point(maps.backward, edges, edge, to[parent]);
    });
  }
  return maps;
}

/** A network that gives these maps whatever it sees: convolutions without weights, and the maps as constants that are added. */
export function posenetGraph(maps: PoseMaps, inputHeight: number, inputWidth: number, { quantised = false, apart = false } = {}): Graph {
  const { height, width, stride } = maps, cells = height * width;
  const graph: Graph = { tensors: [{ name: 'picture', shape: [1, inputHeight, inputWidth, 3], dtype: 'float32' }], operators: [], inputs: [0], outputs: [], about: {} };
  const add = (tensor: Graph['tensors'][0]): number => graph.tensors.push(tensor) - 1;
  const constant = (name: string, shape: number[], values: Float32Array): number => add({ name, shape, dtype: 'float32', data: new Uint8Array(values.slice().buffer) });
  const output = (name: string, channels: number, values: Float32Array): void => {
    const shape = [1, height, width, channels], zero = add({ name: `${name}/zero`, shape, dtype: 'float32' }), sum = add({ name: quantised ? `${name}/real` : name, shape, dtype: 'float32' });
    const weights = constant(`${name}/weights`, [channels, 1, 1, 3], new Float32Array(channels * 3));
    graph.operators.push({ attributes: { kind: 'conv2d', stride: [stride, stride], dilation: [1, 1], padding: 'valid', activation: 'none' }, inputs: [0, weights, -1], outputs: [zero], where: name });
    graph.operators.push({ attributes: { kind: 'add', activation: 'none' }, inputs: [zero, constant(`${name}/values`, shape, values)], outputs: [sum], where: name });
    if (!quantised) return void graph.outputs.push(sum);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
    const small = add({ name, shape, dtype: 'uint8', quantization: { scale: Float32Array.of(most / 127), zeroPoint: Int32Array.of(128), axis: 0 } });
    graph.operators.push({ attributes: { kind: 'quantize' }, inputs: [sum], outputs: [small], where: name });
    graph.outputs.push(small);
  };
  const half = EDGES.length * 2;
  output('float_heatmaps', KEYPOINTS.length, maps.heatmaps);
  output('float_short_offsets', KEYPOINTS.length * 2, maps.offsets);
  if (apart) {
    output('displacement_bwd', half, maps.backward);
    output('displacement_fwd', half, maps.forward);
  } else {
    output('float_mid_offsets', half * 2, Float32Array.from({ length: cells * half * 2 }, (_, i) => {
      const cell = Math.floor(i / (half * 2)), channel = i % (half * 2);
      return channel < half ? maps.forward[cell * half + channel] : maps.backward[cell * half + channel - half];
    }));
  }
  return graph;
}
