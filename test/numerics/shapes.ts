// Knows the layer shapes at which errors are measured and stated: those of the networks, one for each way a kernel goes.
// The same seed gives the same weights and inputs. It does not know the kernels' answers.
import type { Activation, Attributes, Graph } from '../../src/formats/graph.js';
import { OneOperator } from '../random-graph.js';
import type { ActivationType, Random } from '../random-graph.js';

/** What is promised of a shape's float32 errors. Sums cancel, so only what adds nothing up is held to ulp of its own values. */
export interface Bound {
  relative: number;
  worst?: number;
  /** `relative` is to the tensor's largest value, since rows may be one value. */
  ofTensor?: boolean;
}

export const EXACT: Bound = { relative: 0, worst: 0 };
/** What is promised of the final outputs of whole float32 networks, relative to the largest. */
export const FROM_FLOAT64 = '2e-5';

export interface Shape {
  name: string;
  shapes: string;
  /** The kernel is float32 only, or float32 and 8 bits. */
  types: readonly ActivationType[];
  bound: Bound;
  make(random: Random, dtype: ActivationType): Graph;
}

const FLOAT = ['float32'] as const, ALL = ['float32', 'int8', 'uint8'] as const;
type Map = readonly [height: number, width: number, channels: number];
const said = (map: readonly number[]): string => map.join('x');

interface Window { kernel?: number; stride?: number; dilation?: number; activation?: Activation }

/** A convolution with TensorFlow's SAME padding. */
function convolution(name: string, [h, w, c]: Map, oc: number, { kernel = 1, stride = 1, dilation = 1, activation = 'none' }: Window, relative: number, depthwise = false): Shape {
  const out = [Math.ceil(h / stride), Math.ceil(w / stride)];
  return {
    name, types: ALL, bound: { relative }, shapes: `${said([h, w, c])} to ${depthwise && oc === c ? said([...out, oc]) : oc}`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), scale = 0.02, input = b.input([1, h, w, c], scale);
      const { parts, outputScale } = b.weights(depthwise ? [1, kernel, kernel, oc] : [oc, kernel, kernel, c], oc, kernel * kernel * (depthwise ? 1 : c), scale);
      const attributes = { kind: depthwise ? 'depthwiseConv2d' : 'conv2d', stride: [stride, stride], dilation: [dilation, dilation], padding: 'same', activation } as Attributes;
      return b.op(attributes, [input, ...parts], b.activation([1, ...out, oc], outputScale));
    },
  };
}

const depthwise = (name: string, map: Map, window: Window, relative: number, multiplier = 1): Shape => convolution(name, map, map[2] * multiplier, window, relative, true);

function fullyConnected(depth: number, oc: number, relative: number): Shape {
  return {
    name: 'fully connected (pointwise, one row)', types: ALL, bound: { relative }, shapes: `${depth} to ${oc}`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), input = b.input([1, depth], 0.02), { parts, outputScale } = b.weights([oc, depth], oc, depth, 0.02);
      return b.op({ kind: 'fullyConnected', activation: 'none', keepDims: false }, [input, ...parts], b.activation([1, oc], outputScale));
    },
  };
}

/** Operators of one map whose output has the same shape, or `to`. */
function onMap(name: string, attributes: Attributes, map: Map, bound: Bound, types: Shape['types'] = ALL, to: Map = map, sameScale = false): Shape {
  return {
    name, types, bound, shapes: to === map ? said(map) : `${said(map)} to ${said(to)}`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), input = b.input([1, ...map], 0.05), sizes = attributes.kind === 'resizeBilinear' ? [b.int32([2], [to[0], to[1]])] : [];
      const output = sameScale ? b.add({ ...b.graph.tensors[input], shape: [1, ...to] }) : b.activation([1, ...to], 0.05);
      b.graph.tensors[output].name = 'output';
      return b.op(attributes, [input, ...sizes], output);
    },
  };
}

function binary(kind: 'add' | 'sub' | 'mul', map: Map, second: readonly number[], bound: Bound): Shape {
  return {
    name: kind, types: ALL, bound, shapes: `${said(map)}, ${said(second)}`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), inputs = [b.input([1, ...map], 0.05), b.input([1, ...second], 0.04)];
      return b.op({ kind, activation: 'none' }, inputs, b.activation([1, ...map], kind === 'mul' ? 0.2 : 0.09));
    },
  };
}

function softmax(classes: number, bound: Bound): Shape {
  return {
    name: 'softmax', types: ALL, bound, shapes: `${classes}`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), zeroPoint = Int32Array.of(dtype === 'int8' ? -128 : 0), input = b.input([1, classes], 0.1);
      const output = dtype === 'float32' ? b.activation([1, classes]) : b.add({ shape: [1, classes], dtype, quantization: { scale: Float32Array.of(1 / 256), zeroPoint, axis: 0 } });
      return b.op({ kind: 'softmax', beta: 1 }, [input], output);
    },
  };
}

/** Expansion to six times as many channels, depthwise, projection, addition: run row by row. */
function block(map: Map, kernel: number, relative: number): Shape {
  const [h, w, c] = map;
  return {
    name: `inverted residual, ${kernel}x${kernel}, row by row`, types: ALL, bound: { relative }, shapes: `${said(map)}, ${6 * c} inside`,
    make(random, dtype) {
      const b = new OneOperator(random, dtype), { graph } = b, input = b.input([1, ...map], 0.02);
      const link = (kind: 'conv2d' | 'depthwiseConv2d', from: number, oc: number, size: number, activation: Activation): number => {
        const ic = graph.tensors[from].shape[3], alone = kind === 'depthwiseConv2d', scale = graph.tensors[from].quantization?.scale[0] ?? 1;
        const { parts, outputScale } = b.weights(alone ? [1, size, size, oc] : [oc, 1, 1, ic], oc, alone ? size * size : ic, scale), output = b.activation([1, h, w, oc], outputScale);
        graph.operators.push({ attributes: { kind, stride: [1, 1], dilation: [1, 1], padding: 'same', activation }, inputs: [from, ...parts], outputs: [output], where: `operator ${graph.operators.length} (${kind})` });
        return output;
      };
      const projected = link('conv2d', link('depthwiseConv2d', link('conv2d', input, 6 * c, 1, 'relu6'), 6 * c, kernel, 'relu6'), c, 1, 'none');
      return b.op({ kind: 'add', activation: 'none' }, [input, projected], b.activation([1, ...map], 0.05));
    },
  };
}

const pool = (size: number, stride: number): Attributes => ({ kind: 'averagePool', window: [size, size], stride: [stride, stride], padding: size === stride ? 'valid' : 'same', activation: 'none' });
const bilinear = (alignCorners: boolean, halfPixelCenters: boolean): Attributes => ({ kind: 'resizeBilinear', alignCorners, halfPixelCenters });

export const SHAPES: Shape[] = [
  convolution('convolution 3x3, stride 2', [65, 65, 3], 32, { kernel: 3, stride: 2 }, 1e-6),
  convolution('convolution 3x3', [14, 14, 24], 16, { kernel: 3 }, 1e-6),
  convolution('convolution 3x3, dilation 2', [17, 17, 13], 9, { kernel: 3, dilation: 2 }, 1e-6),
  convolution('pointwise', [28, 28, 16], 96, {}, 5e-7),
  convolution('pointwise', [14, 14, 96], 24, {}, 1e-6),
  convolution('pointwise', [7, 7, 960], 160, {}, 2e-6),
  convolution('pointwise, ReLU6', [14, 14, 96], 24, { activation: 'relu6' }, 1e-6),
  convolution('pointwise, odd channels', [5, 5, 37], 23, {}, 5e-7),
  fullyConnected(576, 1024, 1e-6),
  fullyConnected(1024, 1001, 1e-6),
  depthwise('depthwise 3x3', [14, 14, 512], { kernel: 3 }, 3e-7),
  depthwise('depthwise 3x3, stride 2', [28, 28, 96], { kernel: 3, stride: 2 }, 3e-7),
  depthwise('depthwise 3x3, odd channels', [9, 11, 13], { kernel: 3 }, 3e-7),
  depthwise('depthwise 3x3, dilation 2', [17, 17, 24], { kernel: 3, dilation: 2 }, 3e-7),
  depthwise('depthwise 3x3, 8 outputs a channel', [12, 12, 3], { kernel: 3 }, 3e-7, 8),
  depthwise('depthwise 5x5', [14, 14, 120], { kernel: 5 }, 1e-6),
  depthwise('depthwise 5x5, stride 2', [28, 28, 72], { kernel: 5, stride: 2 }, 1e-6),
  block([14, 14, 16], 3, 2e-7),
  block([10, 10, 8], 5, 2e-7),
  onMap('average pool 7x7', pool(7, 7), [7, 7, 1024], { relative: 5e-7 }, ALL, [1, 1, 1024], true),
  onMap('average pool 3x3, stride 2', pool(3, 2), [15, 15, 33], { relative: 3e-7 }, ALL, [8, 8, 33], true),
  onMap('mean', { kind: 'mean', axes: [1, 2], keepDims: true }, [7, 7, 960], { relative: 5e-7 }, ALL, [1, 1, 960]),
  binary('add', [14, 14, 24], [14, 14, 24], { relative: 6e-8, worst: 0.5 }),
  binary('sub', [14, 14, 24], [14, 14, 24], { relative: 6e-8, worst: 0.5 }),
  binary('mul', [14, 14, 24], [14, 14, 24], { relative: 6e-8, worst: 0.5 }),
  binary('mul', [14, 14, 72], [1, 1, 72], { relative: 6e-8, worst: 0.5 }),
  onMap('ReLU', { kind: 'relu' }, [14, 14, 24], EXACT),
  onMap('ReLU6', { kind: 'relu6' }, [14, 14, 24], EXACT),
  onMap('ReLU -1 to 1', { kind: 'reluN1To1' }, [14, 14, 24], EXACT),
  onMap('hard-swish', { kind: 'hardSwish' }, [14, 14, 24], { relative: 2e-7, worst: 3 }),
  onMap('hard sigmoid', { kind: 'hardSigmoid' }, [14, 14, 24], { relative: 2e-7, worst: 2 }, FLOAT),
  onMap('sigmoid', { kind: 'logistic' }, [14, 14, 24], { relative: 2e-7, worst: 2 }, FLOAT),
  softmax(10, { relative: 2e-7, worst: 4 }),
  softmax(1001, { relative: 5e-7, worst: 16 }),
  onMap('resize bilinear, corners on corners', bilinear(true, false), [9, 9, 21], { relative: 3e-7 }, ALL, [33, 33, 21], true),
  onMap('resize bilinear, half pixels', bilinear(false, true), [9, 9, 21], { relative: 2e-6 }, ALL, [33, 33, 21], true),
  onMap('resize bilinear', bilinear(false, false), [9, 9, 21], { relative: 2e-6 }, ALL, [20, 31, 21], true),
];
