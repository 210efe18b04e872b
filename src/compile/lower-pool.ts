// Knows how poolings become steps.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import type { Operator } from '../formats/graph.js';
import { padBefore } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { meanMultiplier } from './quantise.js';

export function lowerAveragePool(lowering: Lowering, op: Operator, a: Attribute<'averagePool' | 'maxPool'>): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow] = lowering.map(op.outputs[0], op.where);
  const step = lowering.step(op, abi.OP_AVERAGE_POOL, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.OC]: c, [abi.KH]: a.window[0], [abi.KW]: a.window[1],
    [abi.STRIDE_H]: a.stride[0], [abi.STRIDE_W]: a.stride[1], [abi.SCRATCH_BYTES]: c * 4,
    [abi.PAD_TOP]: padBefore(a, 0, h, oh, a.window[0]), [abi.PAD_LEFT]: padBefore(a, 1, w, ow, a.window[1]),
    [abi.UNSIGNED]: Number(lowering.tensor(op.inputs[0]).dtype === 'uint8'),
  });
  lowering.activation(step, a.activation);
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  if (input.scale !== output.scale || input.zero !== output.zero) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: input and output of an average pool must have the same scale and zero point.`);
  }
  return step;
}

export function lowerMean(lowering: Lowering, op: Operator, a: Attribute<'mean'>): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where);
  if ([...a.axes].sort().join() !== '1,2') {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: a mean over axes [${a.axes}]; only height and width ([1, 2]) are supported.`);
  }
  const step = lowering.step(op, abi.OP_MEAN, { [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.COUNT]: h * w, [abi.SCRATCH_BYTES]: c * 4 });
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  [step.words[abi.MULTIPLIER], step.words[abi.EXPONENT]] = meanMultiplier(input, output, h * w, a.once);
  step.words[abi.ZERO_IN] = input.zero;
  step.words[abi.ZERO_OUT] = output.zero;
  return step;
}
