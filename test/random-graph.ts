// Knows how to make random graphs of one operator, at sizes where kernels go wrong: tile edges, odd channels, strides
// over odd and even maps, padding wider than the picture. The same seed gives the same graph.
import { elements } from '../src/formats/graph.js';
import type { Activation, Attributes, DType, Graph, Padding, Tensor } from '../src/formats/graph.js';

/** mulberry32: small, fast, good enough to choose sizes. */
export class Random {
  #state: number;
  constructor(seed: number) { this.#state = seed >>> 0; }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number { return Math.floor(this.next() * n); }
  of<T>(choices: readonly T[]): T { return choices[this.below(choices.length)]; }
  between(low: number, high: number): number { return low + this.next() * (high - low); }
}

export type ActivationType = 'float32' | 'int8' | 'uint8';

const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 31, 32, 33, 40];
const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13];

export class OneOperator {
  readonly graph: Graph = { tensors: [], operators: [], inputs: [], outputs: [], about: {} };
  readonly random: Random;
  readonly dtype: ActivationType;

  constructor(random: Random, dtype: ActivationType) {
    this.random = random;
    this.dtype = dtype;
  }

  add(tensor: Omit<Tensor, 'name'>): number {
    return this.graph.tensors.push({ name: `t${this.graph.tensors.length}`, ...tensor }) - 1;
  }

  activation(shape: number[], scale = this.random.between(0.005, 0.1), dtype: ActivationType = this.dtype): number {
    if (dtype === 'float32') return this.add({ shape, dtype });
    const zero = this.random.of([0, 1, 100, 128, 254, 255]) - (dtype === 'int8' ? 128 : 0);
    return this.add({ shape, dtype, quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zero), axis: 0 } });
  }

  input(shape: number[], scale?: number): number {
    const tensor = this.activation(shape, scale);
    this.graph.inputs.push(tensor);
    return tensor;
  }

  /** Finishes the graph with its only operator. */
  op(attributes: Attributes, inputs: number[], output: number): Graph {
    this.graph.operators.push({ attributes, inputs, outputs: [output], where: `operator 0 (${attributes.kind})` });
    this.graph.outputs.push(output);
    return this.graph;
  }

  int32(shape: number[], values: number[]): number {
    return this.add({ shape, dtype: 'int32', data: new Uint8Array(Int32Array.from(values).buffer) });
  }

  /** Weights and bias, and an output scale at which most sums stay inside 8 bits. */
  weights(shape: number[], channels: number, depth: number, inputScale: number): { parts: number[]; outputScale: number } {
    const count = elements(shape), { random } = this;
    if (this.dtype === 'float32') {
      // Sums of a few units, so that a clamp to -1 .. 1 does not hide what rounding is relative to.
      const size = 1 / Math.sqrt(depth);
      const data = (n: number): Uint8Array => new Uint8Array(Float32Array.from({ length: n }, () => random.between(-size, size)).buffer);
      return { parts: [this.add({ shape, dtype: 'float32', data: data(count) }), random.below(4) ? this.add({ shape: [channels], dtype: 'float32', data: data(channels) }) : -1], outputScale: 1 };
    }
    const perChannel = this.dtype === 'int8' && random.below(4) > 0;
    const spread = random.of([1, 4, 64]);
    const halves = random.below(4) === 0; // scales of two, by which sums often end in one half, where roundings differ
    const scale = Float32Array.from({ length: perChannel ? channels : 1 }, () => (halves ? 2 ** (-7 - random.below(3)) : random.below(12) ? 0.01 * random.between(1 / spread, 1) : 1e-9));
    const zero = this.dtype === 'uint8' ? random.below(256) : 0;
    const byte = this.dtype === 'uint8' ? (): number => random.below(256) : (): number => random.below(255) - 127;
    const weights = this.add({
      shape, dtype: this.dtype, data: Uint8Array.from({ length: count }, byte),
      quantization: { scale, zeroPoint: new Int32Array(scale.length).fill(zero), axis: shape[0] === 1 ? 3 : 0 },
    });
    const bias = this.add({ shape: [channels], dtype: 'int32', data: new Uint8Array(Int32Array.from({ length: channels }, () => random.below(20001) - 10000).buffer) });
    const outputScale = Math.max(...scale) * inputScale * Math.sqrt(depth) * random.of([0.001, 20, 60, 200]);
    return { parts: [weights, bias], outputScale: halves ? inputScale * 2 ** Math.round(Math.log2(outputScale / inputScale)) : outputScale };
  }
}

export function convGraph(random: Random, dtype: ActivationType, depthwise: boolean): Graph {
  const b = new OneOperator(random, dtype);
  const kernel = [random.of([1, 1, 2, 3, 3, 5]), random.of([1, 3, 3, 5])];
  if (random.below(3) === 0) kernel[0] = kernel[1] = 1;
  const stride: [number, number] = [random.of([1, 1, 2, 3]), random.of([1, 1, 2])];
  const dilation: [number, number] = random.below(4) ? [1, 1] : [random.of([1, 2, 3]), random.of([1, 2])];
  const window = kernel.map((k, i) => (k - 1) * dilation[i] + 1);
  const padding: Padding = random.of(['same', 'valid', { top: random.below(3), bottom: random.below(3), left: random.below(3), right: random.below(3) }] as Padding[]);
  const size = window.map((w) => random.of(SIZES) + (padding === 'same' ? 0 : w - 1));
  const extra = typeof padding === 'object' ? [padding.top + padding.bottom, padding.left + padding.right] : [0, 0];
  const out = size.map((s, i) => (padding === 'same' ? Math.ceil(s / stride[i]) : Math.floor((s + extra[i] - window[i]) / stride[i]) + 1));
  const channels = random.of(CHANNELS), multiplier = depthwise ? random.of([1, 1, 1, 2, 3, 8]) : 1, oc = depthwise ? channels * multiplier : random.of(CHANNELS);
  const scale = random.between(0.005, 0.05), input = b.input([1, ...size, channels], scale);
  const shape = depthwise ? [1, ...kernel, oc] : [oc, ...kernel, channels];
  const { parts, outputScale } = b.weights(shape, oc, kernel[0] * kernel[1] * (depthwise ? 1 : channels), scale);
  const activation = random.of<Activation>(['none', 'relu', 'relu6', 'reluN1To1']);
  return b.op({ kind: depthwise ? 'depthwiseConv2d' : 'conv2d', stride, dilation, padding, activation }, [input, ...parts], b.activation([1, ...out, oc], outputScale));
}

/** Expand, depthwise, project, add: each but the depthwise sometimes left out. */
export function blockGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), { graph } = b;
  const kernel = random.of([3, 3, 5]), stride = random.of([1, 1, 2]), padding: Padding = random.of(['same', 'same', 'valid'] as const);
  const more = padding === 'valid' ? kernel - 1 : 0, size = [random.of([...SIZES, 16, 20]) + more, random.of([...SIZES, 16, 20]) + more];
  const channels = random.of(CHANNELS), expanded = random.below(3) ? random.of(CHANNELS) : channels;
  const link = (kind: 'conv2d' | 'depthwiseConv2d', from: number, [h, w, oc]: number[], kernelSize: number, step: number, activation: Activation): number => {
    const ic = graph.tensors[from].shape[3], depthwise = kind === 'depthwiseConv2d', scale = graph.tensors[from].quantization?.scale[0] ?? 1;
    const { parts, outputScale } = b.weights(depthwise ? [1, kernelSize, kernelSize, oc] : [oc, 1, 1, ic], oc, depthwise ? kernelSize ** 2 : ic, scale);
    const output = b.activation([1, h, w, oc], outputScale);
    graph.operators.push({ attributes: { kind, stride: [step, step], dilation: [1, 1], padding: depthwise ? padding : 'same', activation }, inputs: [from, ...parts], outputs: [output], where: `operator ${graph.operators.length} (${kind})` });
    return output;
  };
  const input = b.input([1, ...size, channels], random.between(0.005, 0.05));
  let at = expanded === channels ? input : link('conv2d', input, [...size, expanded], 1, 1, 'relu6');
  const out = size.map((s) => Math.ceil((s - more) / stride));
  at = link('depthwiseConv2d', at, [...out, expanded], kernel, stride, 'relu6');
  const project = random.below(5) > 0, residual = project && stride === 1 && padding === 'same' && random.below(2) > 0;
  if (project) at = link('conv2d', at, [...out, residual ? channels : random.of(CHANNELS)], 1, 1, 'none');
  if (residual) {
    const scale = [input, at].reduce((sum, i) => sum + (graph.tensors[i].quantization?.scale[0] ?? 0), 0), order = random.below(2) ? [input, at] : [at, input];
    at = b.activation([1, ...out, channels], scale);
    graph.operators.push({ attributes: { kind: 'add', activation: 'none' }, inputs: order, outputs: [at], where: 'operator (add)' });
  }
  graph.outputs.push(at);
  return graph;
}

export function fullyConnectedGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype);
  const depth = random.of([...CHANNELS, 100, 257]), oc = random.of(CHANNELS), rows = random.of([1, 1, 2, 7]), scale = random.between(0.005, 0.05);
  const input = b.input([rows, depth], scale), { parts, outputScale } = b.weights([oc, depth], oc, depth, scale);
  return b.op({ kind: 'fullyConnected', activation: random.of<Activation>(['none', 'relu6']), keepDims: false }, [input, ...parts], b.activation([rows, oc], outputScale));
}

export function binaryGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), kind = random.of(['add', 'sub', 'mul'] as const);
  const shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  const small = random.of([shape, [1, 1, 1, shape[3]], [shape[3]], [1]]);
  const first = b.input(shape), constant = random.below(2) === 0;
  const second = constant ? b.activation(small) : b.input(small);
  if (constant) {
    const n = elements(small);
    b.graph.tensors[second].data = dtype === 'float32'
      ? new Uint8Array(Float32Array.from({ length: n }, () => random.between(-3, 3)).buffer) : Uint8Array.from({ length: n }, () => random.below(256));
  }
  const order = random.below(2) ? [first, second] : [second, first];
  const scales = order.map((i) => b.graph.tensors[i].quantization?.scale[0] ?? 1);
  const outScale = (kind === 'mul' ? scales[0] * scales[1] * 100 : scales[0] + scales[1]) * random.between(0.3, 2);
  return b.op({ kind, activation: random.of<Activation>(['none', 'relu', 'relu6']) }, order, b.activation(shape, outScale));
}

export function poolGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  const input = b.input(shape);
  if (random.below(2)) return b.op({ kind: 'mean', axes: [1, 2], keepDims: true }, [input], b.activation([1, 1, 1, shape[3]]));
  const window: [number, number] = [random.of([1, 2, 3, 7]), random.of([1, 2, 3])], stride: [number, number] = [random.of([1, 2]), random.of([1, 2])];
  const out = [shape[1], shape[2]].map((s, i) => Math.ceil(s / stride[i]));
  const output = b.add({ ...b.graph.tensors[input], shape: [1, ...out, shape[3]] });
  b.graph.tensors[output].name = 'pooled';
  return b.op({ kind: 'averagePool', window, stride, padding: 'same', activation: random.of<Activation>(['none', 'relu']) }, [input], output);
}

export function unaryGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  const kinds = dtype === 'float32' ? (['relu', 'relu6', 'reluN1To1', 'hardSwish', 'hardSigmoid', 'logistic'] as const) : (['relu', 'relu6', 'hardSwish'] as const);
  const scale = random.between(0.01, 0.1);
  return b.op({ kind: random.of<(typeof kinds)[number]>(kinds) }, [b.input(shape, scale)], b.activation(shape, scale * random.between(0.9, 1.2)));
}

export function moveGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  const input = b.input(shape), like = (to: number[]): number => {
    const out = b.add({ ...b.graph.tensors[input], shape: to });
    b.graph.tensors[out].name = 'moved';
    return out;
  };
  if (random.below(2)) {
    const order = random.of([[0, 3, 1, 2], [0, 2, 3, 1], [0, 2, 1, 3], [0, 1, 2, 3], [3, 2, 1, 0]]);
    return b.op({ kind: 'transpose' }, [input, b.int32([4], order)], like(order.map((d) => shape[d])));
  }
  const p = [0, 0, random.below(3), random.below(3), random.below(3), random.below(3), 0, 0];
  return b.op({ kind: 'pad' }, [input, b.int32([4, 2], p)], like([1, shape[1] + p[2] + p[3], shape[2] + p[4] + p[5], shape[3]]));
}

/** Two or three maps along any axis; uint8 ones of other scales come to the output's. */
export function concatenationGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), axis = random.of([1, 2, 3]), shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  if (random.below(3) === 0) shape[1] = shape[2] = 1;
  const shapes = Array.from({ length: random.of([2, 3]) }, () => shape.map((d, i) => (i === axis ? random.of(i === 3 ? CHANNELS : SIZES) : d)));
  const whole = shape.map((d, i) => (i === axis ? shapes.reduce((sum, other) => sum + other[i], 0) : d)), output = b.activation(whole);
  const inputs = shapes.map((one, i) => {
    const like = dtype !== 'uint8' || random.below(2) > 0, tensor = like ? b.add({ ...b.graph.tensors[output], shape: one }) : b.activation(one);
    b.graph.tensors[tensor].name = `part ${i}`;
    if (random.below(3) === 0 && i > 0) { // comes from an operator, so it can be made in its place
      const made = b.add({ ...b.graph.tensors[tensor] });
      b.graph.tensors[made].name = `made ${i}`;
      b.graph.operators.push({ attributes: { kind: 'transpose' }, inputs: [tensor, b.int32([4], [0, 1, 2, 3])], outputs: [made], where: 'operator (transpose)' });
      b.graph.inputs.push(tensor);
      return made;
    }
    b.graph.inputs.push(tensor);
    return tensor;
  });
  return b.op({ kind: 'concatenation', axis, activation: 'none' }, inputs, output);
}

export function softmaxGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [random.of([1, 2]), random.of([1, 2, 5, 10, 100, 1001])];
  const output = dtype === 'float32' ? b.activation(shape)
    : b.add({ shape, dtype, quantization: { scale: Float32Array.of(1 / 256), zeroPoint: Int32Array.of(dtype === 'int8' ? -128 : 0), axis: 0 } });
  return b.op({ kind: 'softmax', beta: random.of([1, 1, 0.5]) }, [b.input(shape, random.between(0.02, 0.2))], output);
}

/** float32 to 8 bits, 8 bits to 8 bits, 8 bits to float32. */
export function quantizeGraph(random: Random, dtype: ActivationType): Graph {
  const b = new OneOperator(random, dtype), shape = [1, random.of(SIZES), random.of(SIZES), random.of(CHANNELS)];
  const input = b.input(shape), to = random.of<ActivationType>(dtype === 'float32' ? ['int8', 'uint8'] : ['int8', 'uint8', 'float32']);
  return b.op({ kind: to === 'float32' ? 'dequantize' : 'quantize' }, [input], b.activation(shape, undefined, to));
}

/** Values for an input tensor: random, with both ends of the range among them. */
export function randomValues(random: Random, { shape, dtype }: { shape: number[]; dtype: DType }): Float32Array | Int8Array | Uint8Array | Int32Array {
  const n = elements(shape);
  if (dtype === 'int32') return Int32Array.from({ length: n }, () => (random.below(16) ? random.below(201) - 100 : random.of([0, 2 ** 31 - 1, -(2 ** 31), 70000])));
  if (dtype === 'float32') return Float32Array.from({ length: n }, () => random.between(-6, 6));
  const byte = (): number => (random.below(16) ? random.below(256) : random.of([0, 255]));
  return dtype === 'int8' ? Int8Array.from({ length: n }, byte) : Uint8Array.from({ length: n }, byte);
}
