// Knows how to add layers to a graph from named tensors of any library, in TFLite's layouts. It does not know which
// layers a network has.
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements, floats } from '../formats/graph.js';
import type { Activation, Attributes, Graph, Padding, Tensor } from '../formats/graph.js';
import type { ConvNames, Library } from './names.js';

/** 'torch' pads both sides alike; 'tf' pads as TensorFlow's SAME. */
export type Style = 'torch' | 'tf';

interface Layer {
  kernel: number;
  stride: number;
  dilation?: number;
  activation: Activation;
  /** Of the batch norm; default: the library's. */
  epsilon?: number;
  name?: string;
}

type Part = 'weight' | 'bias' | 'gamma' | 'beta' | 'mean' | 'variance';

const TORCH_PARTS: Record<Part, string[]> = { weight: ['weight'], bias: ['bias'], gamma: ['weight'], beta: ['bias'], mean: ['running_mean'], variance: ['running_var'] };
const KERAS_PARTS: Record<Part, string[]> = {
  weight: ['kernel', 'depthwise_kernel'], bias: ['bias'], gamma: ['gamma'], beta: ['beta'], mean: ['moving_mean'], variance: ['moving_variance'],
};

export class GraphBuilder {
  readonly graph: Graph = { tensors: [], operators: [], inputs: [], outputs: [], about: {} };
  readonly #file: Map<string, Tensor>;
  readonly #library: Library;
  readonly #style: Style;
  readonly #epsilon: number;

  constructor(file: Map<string, Tensor>, library: Library, style: Style, epsilon: number) {
    this.#file = file;
    this.#library = library;
    this.#style = style;
    this.#epsilon = epsilon;
  }

  input(size: number): number {
    const input = this.#tensor({ name: 'input', shape: [1, size, size, 3], dtype: 'float32' });
    this.graph.inputs.push(input);
    return input;
  }

  output(x: number): void { this.graph.outputs.push(x); }

  channels(x: number): number { return this.graph.tensors[x].shape.at(-1)!; }

  /** Output channels of a convolution in the file. */
  channelsOf({ conv }: Pick<ConvNames, 'conv'>): number {
    const { shape } = this.#find(conv, 'weight');
    return this.#library === 'keras' ? shape.at(-1)! : shape[0];
  }

  /** Convolution without bias, batch norm, activation. */
  conv(x: number, names: ConvNames, layer: Layer): number {
    const { kernel, name = names.norm } = layer;
    const input = this.channels(x), source = this.#find(names.conv, 'weight');
    const torch = this.#library !== 'keras', out = this.channelsOf(names);
    this.#expect(source, torch ? [out, input, kernel, kernel] : [kernel, kernel, input, out]);
    const weights = torch && kernel === 1 ? source.data! : reorder(source, torch ? [0, 2, 3, 1] : [3, 0, 1, 2]);
    const constant = this.#tensor({ name: source.name, shape: [out, kernel, kernel, input], dtype: torch && kernel === 1 ? source.dtype : 'float32', data: weights });
    return this.#windowed('conv2d', x, constant, out, names, { ...layer, name });
  }

  /** Convolution of one pixel with bias and nothing after it; `order` says which of the file's channels each output is. */
  biased(x: number, name: string, order?: (channel: number) => number): number {
    const source = this.#find(name, 'weight'), input = this.channels(x), [out] = source.shape, [, h, w] = this.graph.tensors[x].shape;
    this.#expect(source, [out, input, 1, 1]);
    const bias = this.#find(name, 'bias');
    this.#expect(bias, [out]);
    const sorted = (tensor: Tensor, width: number): number => {
      const values = floats(tensor);
      return this.constant(tensor.name, width > 1 ? [out, 1, 1, input] : [out], values.map((_, i) => values[(order?.(Math.floor(i / width)) ?? Math.floor(i / width)) * width + (i % width)]));
    };
    const attributes: Attributes = { kind: 'conv2d', stride: [1, 1], dilation: [1, 1], padding: 'valid', activation: 'none' };
    return this.op(attributes, [x, sorted(source, input), sorted(bias, 1)], name, [1, h, w, out]);
  }

  /** Convolution of one pixel with nothing after it, not even a bias. */
  unbiased(x: number, name: string): number {
    const source = this.#find(name, 'weight'), input = this.channels(x), [out] = source.shape, [, h, w] = this.graph.tensors[x].shape;
    this.#expect(source, [out, input, 1, 1]);
    const weights = this.#tensor({ ...source, shape: [out, 1, 1, input] });
    return this.op({ kind: 'conv2d', stride: [1, 1], dilation: [1, 1], padding: 'valid', activation: 'none' }, [x, weights, -1], name, [1, h, w, out]);
  }

  depthwise(x: number, names: ConvNames, layer: Layer): number {
    const { kernel } = layer;
    const channels = this.channels(x), source = this.#find(names.conv, 'weight');
    const torch = this.#library !== 'keras';
    this.#expect(source, torch ? [channels, 1, kernel, kernel] : [kernel, kernel, channels, 1]);
    const data = reorder(source, torch ? [1, 2, 3, 0] : [3, 0, 1, 2]);
    const constant = this.#tensor({ name: source.name, shape: [1, kernel, kernel, channels], dtype: 'float32', data });
    return this.#windowed('depthwiseConv2d', x, constant, channels, names, { ...layer, name: names.norm });
  }

  #windowed(kind: 'conv2d' | 'depthwiseConv2d', x: number, weights: number, out: number, names: ConvNames, layer: Layer): number {
    const [, h, w] = this.graph.tensors[x].shape;
    const { kernel, stride, dilation = 1, activation, epsilon = this.#epsilon, name } = layer;
    const shape = [1, Math.ceil(h / stride), Math.ceil(w / stride), out];
    const half = ((kernel - 1) / 2) * dilation;
    const padding: Padding = this.#style === 'tf' ? 'same' : { top: half, bottom: half, left: half, right: half };
    const linear = this.op({ kind, stride: [stride, stride], dilation: [dilation, dilation], padding, activation: 'none' }, [x, weights, -1], `${names.conv}/output`, shape);
    const norm = (['gamma', 'beta', 'mean', 'variance'] as const).map((part) => this.#vector(names.norm, part, out));
    return this.op({ kind: 'batchNorm', epsilon, activation }, [linear, ...norm], name!, shape);
  }

  /** Pool, 1x1 reduce with ReLU, 1x1 expand, hard-sigmoid, multiply. */
  squeezeExcite(x: number, reduce: string, excite: string): number {
    const pooled = this.pool(x, `${reduce}/pool`);
    const narrow = this.#dense(pooled, reduce, 'relu', true);
    const gate = this.#dense(narrow, excite, 'hardSigmoid', true);
    return this.op({ kind: 'mul', activation: 'none' }, [x, gate], `${excite}/gated`, this.graph.tensors[x].shape);
  }

  /** Bilinear, as PyTorch does it without align_corners. */
  resize(x: number, height: number, width: number, name: string): number {
    const size = this.#tensor({ name: `${name}/size`, shape: [2], dtype: 'int32', data: new Uint8Array(Int32Array.of(height, width).buffer) });
    return this.op({ kind: 'resizeBilinear', alignCorners: false, halfPixelCenters: true }, [x, size], name, [1, height, width, this.channels(x)]);
  }

  pool(x: number, name: string): number {
    return this.op({ kind: 'mean', axes: [1, 2], keepDims: true }, [x], name, [1, 1, 1, this.channels(x)]);
  }

  fullyConnected(x: number, name: string, activation: Activation): number {
    return this.#dense(x, name, activation, false);
  }

  add(a: number, b: number, name: string): number {
    return this.op({ kind: 'add', activation: 'none' }, [a, b], name, this.graph.tensors[b].shape);
  }

  /** A layer with bias on one pixel: Linear, Dense or 1x1 convolution, whatever the library made it. */
  #dense(x: number, name: string, activation: Activation, keepDims: boolean): number {
    const source = this.#find(name, 'weight'), input = this.channels(x), torch = this.#library !== 'keras';
    const out = torch ? source.shape[0] : source.shape.at(-1)!;
    const ones = source.shape.length === 4 ? [1, 1] : [];
    this.#expect(source, torch ? [out, input, ...ones] : [...ones, input, out]);
    const flat = { ...source, shape: torch ? [out, input] : [input, out] };
    const data = torch ? source.data! : reorder(flat, [1, 0]);
    const weights = this.#tensor({ name: source.name, shape: [out, input], dtype: torch ? source.dtype : 'float32', data });
    const shape = keepDims ? [1, 1, 1, out] : [1, out];
    return this.op({ kind: 'fullyConnected', activation, keepDims }, [x, weights, this.#vector(name, 'bias', out)], name, shape);
  }

  constant(name: string, shape: number[], values: Float32Array): number {
    return this.#tensor({ name, shape, dtype: 'float32', data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
  }

  /** Any operator with one float32 output. */
  op(attributes: Attributes, inputs: number[], name: string, shape: number[]): number {
    const output = this.float(name, shape);
    this.graph.operators.push({ attributes, inputs, outputs: [output], where: `${name} (${attributes.kind})` });
    return output;
  }

  /** A tensor that an operator is to write. */
  float(name: string, shape: number[]): number { return this.#tensor({ name, shape, dtype: 'float32' }); }

  #tensor(tensor: Tensor): number { return this.graph.tensors.push(tensor) - 1; }

  #vector(name: string, part: Part, length: number): number {
    const tensor = this.#find(name, part);
    this.#expect(tensor, [length]);
    return this.#tensor(tensor);
  }

  #find(name: string, part: Part): Tensor {
    const parts = (this.#library === 'keras' ? KERAS_PARTS : TORCH_PARTS)[part];
    const names = parts.flatMap((p) => (this.#library === 'keras' ? [`${name}/${p}`, `${name}.${p}`, `${name}/${p}:0`] : [`${name}.${p}`]));
    const found = names.map((key) => this.#file.get(key)).find((tensor) => tensor);
    if (!found) throw new DepthwiseError('BAD_FILE', `The file has no tensor "${names[0]}", which this architecture needs. Check --arch, or whether the file was saved whole.`);
    if (found.dtype !== 'float32' && found.dtype !== 'float16') throw new DepthwiseError('UNSUPPORTED', `Tensor "${found.name}" holds ${found.dtype}; weights are float32, float16 or bfloat16.`);
    return found;
  }

  #expect({ name, shape }: Tensor, wanted: number[]): void {
    if (shape.join() !== wanted.join()) {
      throw new DepthwiseError('BAD_FILE', `Tensor "${name}" has shape [${shape}] where this architecture needs [${wanted}]. Check --arch and that the file belongs to it.`);
    }
  }
}

/** A constant with its dimensions in another order, as float32 bytes: output dimension i is input dimension order[i]. */
function reorder(tensor: Tensor, order: number[]): Uint8Array {
  const { shape } = tensor, values = floats(tensor);
  const strides = shape.map((_, i) => elements(shape.slice(i + 1)));
  const sizes = order.map((i) => shape[i]), steps = order.map((i) => strides[i]);
  const out = new Float32Array(values.length);
  const index = new Array<number>(sizes.length).fill(0);
  for (let i = 0, at = 0; i < out.length; i++) {
    out[i] = values[at];
    for (let d = sizes.length - 1; d >= 0; d--) {
      at += steps[d];
      if (++index[d] < sizes[d]) break;
      at -= steps[d] * sizes[d];
      index[d] = 0;
    }
  }
  return new Uint8Array(out.buffer, 0, out.length * bytesPerElement.float32);
}
