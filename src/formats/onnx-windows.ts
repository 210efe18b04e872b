// Knows ONNX operators that look at windows of a picture: convolutions, pools and pads, and where their windows begin.
// It does not know other operators.
import { elements } from './graph.js';
import type { Padding, Tensor } from './graph.js';
import { encode, permuted } from './onnx-tensor.js';
import { NHWC } from './onnx-translation.js';
import type { Call, Computed } from './onnx-translation.js';

/** Zeros written between the groups of a grouped convolution; more than this is a mistake. */
const MOST_GROUPED = 2 ** 24;
const MOST_STEP = 4096;

interface Window {
  stride: [number, number];
  dilation: [number, number];
  padding: Padding;
  /** Height and width of the output. */
  out: [number, number];
}

const LARGER: [number, number] = [1, 1];

/** `kernel` is the window's height and width, `size` the picture's. */
function windowOf({ node }: Call, kernel: number[], size: number[]): Window {
  const pair = (name: string): [number, number] => {
    const [a, b] = node.ints(name) ?? LARGER;
    if (!(a >= 1 && b >= 1 && a <= MOST_STEP && b <= MOST_STEP)) throw node.broken(`has ${name} [${a},${b}]`);
    return [a, b];
  };
  const stride = pair('strides'), dilation = pair('dilations'), auto = node.string('auto_pad', 'NOTSET') || 'NOTSET';
  const reach = kernel.map((k, i) => (k - 1) * dilation[i] + 1);
  if (auto.startsWith('SAME')) {
    const out = size.map((s, i) => Math.ceil(s / stride[i])) as [number, number];
    if (auto === 'SAME_UPPER') return { stride, dilation, padding: 'same', out };
    const total = out.map((o, i) => Math.max(0, (o - 1) * stride[i] + reach[i] - size[i])), half = total.map((t) => Math.floor(t / 2));
    return { stride, dilation, padding: { top: total[0] - half[0], bottom: half[0], left: total[1] - half[1], right: half[1] }, out };
  }
  const [top, left, bottom, right] = auto === 'VALID' ? [0, 0, 0, 0] : node.ints('pads') ?? [0, 0, 0, 0];
  if (![top, left, bottom, right].every((p) => p >= 0 && p <= MOST_STEP)) throw node.unsupported(`pads by [${top},${left},${bottom},${right}]; pads are from 0 to ${MOST_STEP}.`);
  const room = [size[0] + top + bottom - reach[0], size[1] + left + right - reach[1]];
  if (room.some((r) => r < 0)) throw node.broken(`has a window of ${kernel.join('x')} on a picture of ${size.join('x')}`);
  const padding = top || left || bottom || right ? { top, bottom, left, right } : 'valid';
  return { stride, dilation, padding, out: room.map((r, i) => Math.floor(r / stride[i]) + 1) as [number, number] };
}

export function convolution(call: Call): Computed {
  const x = call.map(), weights = call.needed(1), bias = call.constant(2), { node, to } = call, group = node.int('group', 1);
  const [out, each, kh, kw] = weights.shape;
  if (weights.shape.length !== 4 || elements(weights.shape) < 1) throw node.broken(`has weights of shape [${weights.shape}] where [out,in,height,width] is needed`);
  if (!(group >= 1) || each * group !== x.c || out % group) throw node.broken(`has weights [${weights.shape}] in ${group} groups for ${x.c} channels of its input`);
  if (bias && elements(bias.shape) !== out) throw node.broken(`has a bias of ${elements(bias.shape)} values for ${out} channels`);
  const { stride, dilation, padding, out: [oh, ow] } = windowOf(call, [kh, kw], [x.h, x.w]);
  const depthwise = group === x.c && each === 1 && group > 1;
  const laid = depthwise ? permuted(weights, [1, 2, 3, 0]) : permuted(group > 1 ? spread(call, weights, group) : weights, [0, 2, 3, 1]);
  const inputs = [x.index, to.add(laid), bias ? to.add({ ...bias, shape: [out] }) : -1];
  return call.emit({ kind: depthwise ? 'depthwiseConv2d' : 'conv2d', stride, dilation, padding, activation: 'none' }, inputs, [x.n, out, oh, ow], NHWC);
}

/** Weights of groups as weights over all channels, those of other groups zero: kernels know one group, or one a channel. */
function spread({ node }: Call, weights: Tensor, group: number): Tensor {
  const [out, each, kh, kw] = weights.shape, cells = kh * kw, size = weights.data!.length / elements(weights.shape);
  if (elements(weights.shape) * group > MOST_GROUPED) throw node.unsupported(`has ${group} groups of ${each} channels; one group, or one a channel, is supported.`);
  const zeros = weights.quantization?.zeroPoint ?? Int32Array.of(0), row = each * cells * size;
  const data = new Uint8Array(weights.data!.length * group);
  for (let o = 0; o < out; o++) {
    data.fill(zeros[o] ?? zeros[0], o * row * group, (o + 1) * row * group);
    data.set(weights.data!.subarray(o * row, (o + 1) * row), o * row * group + Math.floor(o / (out / group)) * row);
  }
  return { ...weights, shape: [out, each * group, kh, kw], data };
}

export function averagePool(call: Call): Computed {
  const { node } = call, kernel = node.ints('kernel_shape') ?? [];
  if (kernel.length !== 2 || kernel.some((k) => !(k >= 1 && k <= MOST_STEP))) throw node.broken(`has a window of [${kernel}]`);
  const x = call.map(), { stride, dilation, padding, out } = windowOf(call, kernel, [x.h, x.w]);
  if (dilation.some((d) => d > 1)) throw node.unsupported('pools with dilation.');
  if (node.int('ceil_mode', 0) && !exact(kernel, stride, padding, [x.h, x.w])) throw node.unsupported('rounds its output size up (ceil_mode). Choose a size of picture that the strides divide.');
  if (padding === 'valid' && kernel[0] === x.h && kernel[1] === x.w) return call.emit({ kind: 'mean', axes: [1, 2], keepDims: true }, [x.index], [x.n, x.c, 1, 1], NHWC);
  const window = kernel as [number, number], counted = node.int('count_include_pad', 0) === 1 && padding !== 'valid';
  if (!counted) return call.emit({ kind: 'averagePool', window, stride, padding, activation: 'none' }, [x.index], [x.n, x.c, ...out], NHWC);
  if (padding === 'same') throw node.unsupported('counts automatic padding. Export it with explicit pads.');
  const wide = padded(call, x, padding);
  return call.emit({ kind: 'averagePool', window, stride, padding: 'valid', activation: 'none' }, [wide.index], [x.n, x.c, ...out], NHWC);
}

function exact(kernel: number[], stride: number[], padding: Padding, size: number[]): boolean {
  if (padding === 'same') return true;
  const p = padding === 'valid' ? { top: 0, bottom: 0, left: 0, right: 0 } : padding;
  return (size[0] + p.top + p.bottom - kernel[0]) % stride[0] === 0 && (size[1] + p.left + p.right - kernel[1]) % stride[1] === 0;
}

type Cells = Exclude<Padding, string>;

function padded(call: Call, x: Computed, { top, bottom, left, right }: Cells): Computed {
  const [n, c, h, w] = x.shape, counts = [0, 0, top, bottom, left, right, 0, 0];
  const paddings = call.to.add({ name: `${call.node.outputs[0]}/paddings`, shape: [4, 2], dtype: 'int32', data: encode(counts, 'int32') });
  return call.emit({ kind: 'pad' }, [x.index, paddings], [n, c, h + top + bottom, w + left + right], NHWC);
}

export function pad(call: Call): Computed {
  const { node } = call, mode = node.string('mode', 'constant'), value = call.numbers(2)?.[0] ?? node.float('value', 0);
  const given = call.numbers(1) ?? node.ints('pads') ?? [], x = call.computed(), rank = x.shape.length;
  const axes = call.numbers(3)?.map((axis) => call.axis(axis, rank)) ?? x.shape.map((_, i) => i);
  if (given.length !== axes.length * 2) throw node.broken(`pads ${axes.length} dimensions by [${given}]`);
  if (given.every((p) => p === 0)) return x;
  const cells = [...axes.keys()].map((i) => [axes[i], given[i], given[i + axes.length]]);
  const of = (axis: number): number[] => cells.find(([a]) => a === axis)?.slice(1) ?? [0, 0];
  if (mode !== 'constant' || value !== 0 || rank !== 4 || [...of(0), ...of(1)].some((p) => p) || given.some((p) => p < 0 || p > MOST_STEP)) {
    throw node.unsupported(`pads [${x.shape}] by [${given}] (${mode}, ${value}); only height and width can be padded, with zeros.`);
  }
  const [[top, bottom], [left, right]] = [of(2), of(3)];
  return padded(call, call.map(), { top, bottom, left, right });
}
