// Knows how to make any MobileNet of V1 to V3 without a checkpoint, float32 or int8, so that memory and speed can be told
// before there is one. With random weights sums stay in a sensible range; the answers mean nothing.
import type { Activation, Attributes, DType, Graph, Tensor } from '../formats/graph.js';
import { V1_PAIRS } from './v1.js';
import { V2_STAGES, divisible } from './v2.js';
import { V3_BLOCKS } from './v3.js';
import type { V3Block } from './v3.js';

export type Family = 'v1' | 'v2' | 'v3-small' | 'v3-large';

/** V2's stages written out as V3's blocks: no gates, no hard-swish. */
function v2Blocks(): V3Block[] {
  let input = 32;
  return V2_STAGES.flatMap(({ expand, out, repeat, stride }) => Array.from({ length: repeat }, (_, i): V3Block => {
    const block = { kernel: 3, stride: i ? 1 : stride, expand: input * expand, out, squeezeExcite: false, hardSwish: false };
    input = out;
    return block;
  }));
}

class Builder {
  readonly graph: Graph = { tensors: [], operators: [], inputs: [], outputs: [], about: {} };
  readonly random: (() => number) | undefined;
  private readonly dtype: DType;

  constructor(dtype: 'float32' | 'int8', random?: () => number) {
    this.dtype = dtype;
    this.random = random;
  }

  tensor(tensor: Partial<Tensor> & { shape: number[] }): number {
    return this.graph.tensors.push({ name: `t${this.graph.tensors.length}`, dtype: this.dtype, ...tensor }) - 1;
  }

  activation(shape: number[], scale = 6 / 255, zero = -128): number {
    return this.tensor({ shape, ...(this.dtype === 'int8' && { quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zero), axis: 0 } }) });
  }

  weights(shape: number[], channels: number, depth: number): number[] {
    const count = shape.reduce((a, b) => a * b, 1), size = Math.sqrt(3 / depth), { random } = this;
    if (this.dtype === 'float32') {
      const values = random ? Float32Array.from({ length: count }, () => (random() * 2 - 1) * size) : new Float32Array(count);
      return [this.tensor({ shape, data: new Uint8Array(values.buffer) }), this.tensor({ shape: [channels], data: new Uint8Array(new Float32Array(channels).buffer) })];
    }
    const values = random ? Int8Array.from({ length: count }, () => Math.floor(random() * 255) - 127) : new Int8Array(count);
    const scales = Float32Array.from({ length: channels }, () => (size / 127) * (0.5 + (random?.() ?? 0.5)));
    return [
      this.tensor({ shape, data: new Uint8Array(values.buffer), quantization: { scale: scales, zeroPoint: new Int32Array(channels), axis: 0 } }),
      this.tensor({ shape: [channels], dtype: 'int32', data: new Uint8Array(new Int32Array(channels).buffer) }),
    ];
  }

  op(attributes: Attributes, inputs: number[], output: number): number {
    this.graph.operators.push({ attributes, inputs, outputs: [output], where: `operator ${this.graph.operators.length} (${attributes.kind})` });
    return output;
  }

  conv(x: number, out: number, kernel: number, stride: number, activation: Activation, depthwise = false): number {
    const [, h, w, c] = this.graph.tensors[x].shape;
    const shape = depthwise ? [1, kernel, kernel, c] : [out, kernel, kernel, c];
    const parts = this.weights(shape, out, kernel * kernel * (depthwise ? 1 : c));
    const swish = activation === 'hardSwish';
    const linear = activation === 'none' || swish;
    const y = this.activation([1, Math.ceil(h / stride), Math.ceil(w / stride), out], linear ? 8 / 255 : 6 / 255, linear ? 0 : -128);
    this.op({ kind: depthwise ? 'depthwiseConv2d' : 'conv2d', stride: [stride, stride], dilation: [1, 1], padding: 'same', activation: swish ? 'none' : activation }, [x, ...parts], y);
    return swish ? this.op({ kind: 'hardSwish' }, [y], this.activation(this.graph.tensors[y].shape, 8 / 255, -100)) : y;
  }

  add(a: number, b: number): number {
    return this.op({ kind: 'add', activation: 'none' }, [a, b], this.activation(this.graph.tensors[a].shape, 10 / 255, 0));
  }

  squeezeExcite(x: number): number {
    const c = this.graph.tensors[x].shape[3];
    const pooled = this.op({ kind: 'mean', axes: [1, 2], keepDims: true }, [x], this.activation([1, 1, 1, c]));
    const gate = this.conv(this.conv(pooled, divisible(c / 4), 1, 1, 'relu'), c, 1, 1, this.dtype === 'int8' ? 'relu6' : 'hardSigmoid');
    return this.op({ kind: 'mul', activation: 'none' }, [x, gate], this.activation(this.graph.tensors[x].shape, 6 / 255, -100));
  }
}

/** @param alpha width multiplier @param size height and width of the input @param random from 0 to 1, what weights are made of; zeros without */
export function madeUpModel(family: Family, dtype: 'float32' | 'int8', alpha: number, size: number, classes: number, random?: () => number): Graph {
  const b = new Builder(dtype, random);
  const input = b.activation([1, size, size, 3], 2 / 255, 0);
  const v3 = family.startsWith('v3');
  let x = b.conv(input, divisible((v3 ? 16 : 32) * alpha), 3, 2, v3 ? 'hardSwish' : 'relu6');
  if (family === 'v1') {
    for (const { stride, out } of V1_PAIRS) x = b.conv(b.conv(x, b.graph.tensors[x].shape[3], 3, stride, 'relu6', true), Math.floor(out * alpha), 1, 1, 'relu6');
  } else x = blocks(b, x, family === 'v2' ? v2Blocks() : V3_BLOCKS[family], alpha, family === 'v2');
  const last = family === 'v1' ? 0 : family === 'v2' ? Math.max(1280, divisible(1280 * alpha)) : 6 * b.graph.tensors[x].shape[3];
  if (last) x = b.conv(x, last, 1, 1, v3 ? 'hardSwish' : 'relu6');
  x = b.op({ kind: 'mean', axes: [1, 2], keepDims: true }, [x], b.activation([1, 1, 1, b.graph.tensors[x].shape[3]]));
  if (v3) x = b.conv(x, family === 'v3-large' ? 1280 : 1024, 1, 1, 'hardSwish');
  x = b.conv(x, classes, 1, 1, 'none');
  const scores = b.op({ kind: 'softmax', beta: 1 }, [x], b.activation([1, 1, 1, classes], 1 / 256, -128));
  return Object.assign(b.graph, { inputs: [input], outputs: [scores] });
}

function blocks(b: Builder, x: number, table: readonly V3Block[], alpha: number, v2: boolean): number {
  let wide = v2 ? 32 : 16;
  for (const { kernel, stride, expand, out, squeezeExcite, hardSwish } of table) {
    const before = x, channels = b.graph.tensors[x].shape[3];
    const activation = v2 ? 'relu6' : hardSwish ? 'hardSwish' : 'relu';
    const expanded = divisible(channels * (expand / wide));
    if (expand !== wide) x = b.conv(x, expanded, 1, 1, activation);
    x = b.conv(x, b.graph.tensors[x].shape[3], kernel, stride, activation, true);
    if (squeezeExcite) x = b.squeezeExcite(x);
    x = b.conv(x, divisible(out * alpha), 1, 1, 'none');
    if (stride === 1 && b.graph.tensors[x].shape[3] === channels) x = b.add(before, x);
    wide = out;
  }
  return x;
}
