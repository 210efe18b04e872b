// Knows how operators of one operand become steps: activations, softmax, and changes of type.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements } from '../formats/graph.js';
import type { Activation, Operator } from '../formats/graph.js';
import { floatBits } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { affine, clampRange, hardSigmoidTable, hardSwishTable, logisticTable, requantiseTable, rescaleTable, softmaxMultiplier } from './quantise.js';

export function lowerActivation(lowering: Lowering, op: Operator, kind: Activation | 'logistic'): Step {
  if (lowering.isFloat(op.inputs[0])) {
    const step = lowering.step(op, abi.OP_ACTIVATION, { [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape) });
    if (kind === 'logistic') step.words[abi.ACTIVATION] = abi.LOGISTIC;
    else lowering.activation(step, kind);
    return step;
  }
  const [input, output] = lowering.affines(op);
  if (kind === 'hardSwish') return lowering.table(op, hardSwishTable(input, output));
  if (kind === 'logistic') return lowering.table(op, logisticTable(input, output));
  if (kind === 'hardSigmoid') return lowering.table(op, hardSigmoidTable(input, output));
  return lowering.table(op, requantiseTable(input, output, ...clampRange(kind, output, op.where)));
}

export function lowerSoftmax(lowering: Lowering, op: Operator, a: Attribute<'softmax'>): Step {
  const { shape } = lowering.tensor(op.inputs[0]);
  const c = shape.at(-1) ?? 1;
  const step = lowering.step(op, abi.OP_SOFTMAX, { [abi.C]: c, [abi.COUNT]: elements(shape) / c, [abi.SCALE]: floatBits(a.beta), [abi.SCRATCH_BYTES]: c * 4 });
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  if (output.scale !== 1 / 256 || output.zero !== -128) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: an 8-bit softmax writes scale 1/256 from zero up; this file says ${output.scale}.`);
  }
  const { multiplier, shift, leastDifference } = softmaxMultiplier(input, a.beta);
  step.words[abi.MULTIPLIER] = multiplier;
  step.words[abi.EXPONENT] = shift;
  step.words[abi.SIGN_A] = leastDifference;
  return step;
}

export function lowerQuantise(lowering: Lowering, op: Operator): Step {
  const output = affine(lowering.tensor(op.outputs[0]), op.where);
  if (!lowering.isFloat(op.inputs[0])) return lowering.table(op, requantiseTable(affine(lowering.tensor(op.inputs[0]), op.where), output));
  return lowering.step(op, abi.OP_QUANTIZE, {
    [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape), [abi.SCALE]: floatBits(output.scale),
    [abi.ZERO_OUT]: output.zero, [abi.MIN]: -128, [abi.MAX]: 127,
  });
}

export function lowerDequantise(lowering: Lowering, op: Operator): Step {
  const input = affine(lowering.tensor(op.inputs[0]), op.where);
  return lowering.step(op, abi.OP_DEQUANTIZE, {
    [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape), [abi.SCALE]: floatBits(input.scale), [abi.ZERO_IN]: input.zero,
  });
}

export function lowerRescale(lowering: Lowering, op: Operator): Step {
  return lowering.table(op, rescaleTable(...lowering.affines(op)));
}
