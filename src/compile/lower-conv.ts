// Knows how convolutions and fully connected layers become steps with packed weights.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements, floats, numbers } from '../formats/graph.js';
import type { Operator, Tensor } from '../formats/graph.js';
import { padBefore } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { convMultipliers } from './quantise.js';
import { convBytes, gatherBytes, ringBytes } from '../plan/scratch.js';
import { packBias, packFloat32, packInt8, packRequantisation } from './weights.js';
import type { WeightLayout } from './weights.js';

export function lowerConv(lowering: Lowering, op: Operator, a: Attribute<'conv2d'>): Step {
  const [, kh, kw, ic] = weightShape(lowering, op);
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow, oc] = lowering.map(op.outputs[0], op.where);
  if (ic !== c) throw new DepthwiseError('UNSUPPORTED', `${op.where}: grouped convolution (${c} input channels, ${ic} a group). Only depthwise groups are supported.`);
  const depth = kh * kw * c;
  const step = windowed(lowering, op, a, abi.OP_CONV, kh, kw);
  const pointwise = kh * kw === 1 && a.stride[0] * a.stride[1] === 1 && h === oh && w === ow;
  if (pointwise) step.words[abi.OP] = step.op = abi.OP_POINTWISE;
  step.words[abi.COUNT] = oh * ow;
  step.macs = oh * ow * oc * depth;
  pack(lowering, op, step, { channels: oc, depth, channelStride: depth, depthStride: 1, segment: kw * c }, a.once);
  step.words[abi.SCRATCH_BYTES] = pointwise ? gatherBytes(lowering.isFloat(op.inputs[0]), depth) : convBytes(step.words);
  return step;
}

export function lowerDepthwise(lowering: Lowering, op: Operator, a: Attribute<'depthwiseConv2d'>): Step {
  const [, kh, kw] = weightShape(lowering, op);
  const [, , c] = lowering.map(op.inputs[0], op.where), [oh, ow, oc] = lowering.map(op.outputs[0], op.where);
  const layout: WeightLayout = { channels: oc, depth: kh * kw, channelStride: 1, depthStride: oc, segment: c === 1 ? kw : 0 };
  // One input channel makes it an ordinary convolution, which needs no repeated input.
  const step = windowed(lowering, op, a, c === 1 ? abi.OP_CONV : abi.OP_DEPTHWISE, kh, kw);
  step.macs = oh * ow * oc * kh * kw;
  pack(lowering, op, step, layout, a.once);
  step.words[abi.SCRATCH_BYTES] = c === 1 ? convBytes(step.words) : ringBytes(step.words);
  return step;
}

export function lowerFullyConnected(lowering: Lowering, op: Operator, a: Attribute<'fullyConnected'>): Step {
  const [oc, depth] = lowering.tensor(op.inputs[1]).shape;
  const pixels = elements(lowering.tensor(op.inputs[0]).shape) / depth;
  if (!Number.isInteger(pixels)) throw new DepthwiseError('BAD_FILE', `${op.where}: input [${lowering.tensor(op.inputs[0]).shape}] does not divide into rows of ${depth}.`);
  const step = lowering.step(op, abi.OP_POINTWISE, {
    [abi.H]: 1, [abi.W]: pixels, [abi.C]: depth, [abi.OH]: 1, [abi.OW]: pixels, [abi.OC]: oc, [abi.COUNT]: pixels,
    [abi.SCRATCH_BYTES]: gatherBytes(lowering.isFloat(op.inputs[0]), depth),
  });
  step.macs = pixels * oc * depth;
  lowering.activation(step, a.activation);
  pack(lowering, op, step, { channels: oc, depth, channelStride: depth, depthStride: 1, segment: depth }, true);
  return step;
}

function weightShape(lowering: Lowering, op: Operator): number[] {
  const weights = lowering.tensor(op.inputs[1]);
  if (!weights?.data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: weights must be constant.`);
  return weights.shape;
}

function windowed(lowering: Lowering, op: Operator, a: Attribute<'conv2d' | 'depthwiseConv2d'>, code: number, kh: number, kw: number): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow, oc] = lowering.map(op.outputs[0], op.where);
  const step = lowering.step(op, code, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.OC]: oc, [abi.KH]: kh, [abi.KW]: kw,
    [abi.STRIDE_H]: a.stride[0], [abi.STRIDE_W]: a.stride[1], [abi.DILATION_H]: a.dilation[0], [abi.DILATION_W]: a.dilation[1],
    [abi.PAD_TOP]: padBefore(a, 0, h, oh, (kh - 1) * a.dilation[0] + 1), [abi.PAD_LEFT]: padBefore(a, 1, w, ow, (kw - 1) * a.dilation[1] + 1),
  });
  lowering.activation(step, a.activation);
  return step;
}

/** Weights, bias and requantisation into the step. */
function pack(lowering: Lowering, op: Operator, step: Step, layout: WeightLayout, double = false): void {
  const weights = lowering.tensor(op.inputs[1]);
  const bias = op.inputs[2] >= 0 ? lowering.tensor(op.inputs[2]) : undefined;
  if (lowering.isFloat(op.inputs[0])) {
    step.weights = packFloat32(floats(weights), layout);
    step.params = packBias(bias && floats(bias), layout.channels);
    return;
  }
  packQuantised(lowering, op, step, layout, double, weights, bias);
}

function packQuantised(lowering: Lowering, op: Operator, step: Step, layout: WeightLayout, double: boolean, weights: Tensor, bias?: Tensor): void {
  if ((weights.dtype !== 'int8' && weights.dtype !== 'uint8') || !weights.quantization || (bias && bias.dtype !== 'int32')) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: 8-bit activations need 8-bit weights with a scale, and an int32 bias; these are ${weights.dtype} and ${bias?.dtype}.`);
  }
  const [input, output] = lowering.affines(op);
  const { scale, zeroPoint } = weights.quantization;
  const unsigned = weights.dtype === 'uint8';
  const zero = zeroPoint[0] - (unsigned ? 128 : 0);
  const raw = weights.data!;
  const values = unsigned ? Int8Array.from(raw, (q) => q - 128) : new Int8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  step.weights = packInt8(values, layout, zero);
  step.params = packRequantisation(bias && numbers(bias), convMultipliers(input, scale, output), channelSums(values, layout, zero), input.zero, double);
  step.words[abi.WEIGHTS_ZERO] = zero;
  step.words[abi.ROUNDING] = double ? abi.ROUND_DOUBLE : abi.ROUND_TWICE;
  step.words[abi.ZERO_IN] = input.zero;
}

function channelSums(values: Int8Array, layout: WeightLayout, zero: number): Float64Array {
  const sums = new Float64Array(layout.channels);
  for (let channel = 0; channel < layout.channels; channel++) {
    for (let k = 0, at = channel * layout.channelStride; k < layout.depth; k++, at += layout.depthStride) sums[channel] += values[at] - zero;
  }
  return sums;
}
