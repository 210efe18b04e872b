// Knows how the operators of score maps become steps: resizing, and the class of each pixel.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { elements, numbers } from '../formats/graph.js';
import type { Operator } from '../formats/graph.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { resizeBytes } from '../plan/scratch.js';

export function lowerResize(lowering: Lowering, op: Operator, { alignCorners, halfPixelCenters }: Attribute<'resizeBilinear'>): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow, oc] = lowering.map(op.outputs[0], op.where);
  const size = lowering.tensor(op.inputs[1]);
  if (!size.data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: takes its size at run time. Export the model with a constant one.`);
  if (alignCorners && halfPixelCenters) throw new DepthwiseError('BAD_FILE', `${op.where}: aligns corners and takes half pixel centres, of which there can be only one.`);
  if (numbers(size).join() !== [oh, ow].join() || oc !== c || Math.min(h, w, oh, ow, c) < 1) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: resizes ${h}x${w}x${c} to [${numbers(size)}], which is not ${oh}x${ow}x${oc}.`);
  }
  const step = lowering.step(op, abi.OP_RESIZE, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow,
    [abi.COORDINATES]: alignCorners ? abi.ALIGN_CORNERS : halfPixelCenters ? abi.HALF_PIXEL : abi.ASYMMETRIC,
    [abi.UNSIGNED]: Number(lowering.tensor(op.inputs[0]).dtype === 'uint8'),
  });
  step.words[abi.SCRATCH_BYTES] = resizeBytes(step.words);
  if (lowering.isFloat(op.inputs[0])) return step;
  const [input, output] = lowering.affines(op);
  if (input.scale !== output.scale || input.zero !== output.zero || lowering.tensor(op.inputs[0]).dtype !== lowering.tensor(op.outputs[0]).dtype) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: input and output of a resize must have the same type, scale and zero point.`);
  }
  return step;
}

export function lowerArgMax(lowering: Lowering, op: Operator, a: Attribute<'argMax'>): Step {
  const input = lowering.tensor(op.inputs[0]), output = lowering.tensor(op.outputs[0]), { shape, dtype } = input;
  const axis = a.axis < 0 ? a.axis + shape.length : a.axis, size = shape[axis];
  if (!(size > 0) || elements(output.shape) * size !== elements(shape)) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: the greatest along dimension ${a.axis} of [${shape}] is not [${output.shape}].`);
  }
  if (!['float32', 'int8', 'uint8'].includes(dtype) || (output.dtype !== 'int32' && output.dtype !== 'int64')) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: turns ${dtype} into ${output.dtype}; it takes float32, int8 or uint8 and gives int32 or int64.`);
  }
  return lowering.step(op, abi.OP_ARG_MAX, {
    [abi.DTYPE]: dtype === 'float32' ? abi.FLOAT32 : abi.INT8, [abi.COUNT]: elements(shape.slice(0, axis)), [abi.C]: size,
    [abi.W]: elements(shape.slice(axis + 1)), [abi.INDEX_BYTES]: output.dtype === 'int64' ? 8 : 4,
  });
}
