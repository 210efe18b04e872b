// Knows how operators that only move values become steps: padding, transposing, concatenating.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements, numbers } from '../formats/graph.js';
import type { Operator } from '../formats/graph.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { affine } from './quantise.js';

export function lowerPad(lowering: Lowering, op: Operator): Step {
  const [h, w, c] = lowering.map(op.inputs[0], op.where), [oh, ow] = lowering.map(op.outputs[0], op.where);
  const p = numbers(lowering.tensor(op.inputs[1]));
  if (op.inputs.length > 2 || p.length !== 8 || p[0] || p[1] || p[6] || p[7] || p.some((n) => n < 0)) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: only height and width can be padded, with zeros.`);
  }
  if (oh !== h + p[2] + p[3] || ow !== w + p[4] + p[5]) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: pads ${h}x${w} by [${p.slice(2, 6)}], which is not ${oh}x${ow}.`);
  }
  const zero = lowering.isFloat(op.outputs[0]) ? 0 : affine(lowering.tensor(op.outputs[0]), op.where).zero;
  return lowering.step(op, abi.OP_PAD, {
    [abi.H]: h, [abi.W]: w, [abi.C]: c, [abi.OH]: oh, [abi.OW]: ow, [abi.PAD_TOP]: p[2], [abi.PAD_LEFT]: p[4], [abi.ZERO_IN]: zero,
  });
}

export function lowerTranspose(lowering: Lowering, op: Operator): Step {
  const input = lowering.tensor(op.inputs[0]).shape, permutation = numbers(lowering.tensor(op.inputs[1]));
  if (input.length > 4 || [...permutation].sort().join() !== input.map((_, i) => i).join()) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: transposes [${input}] by [${permutation}]; up to four dimensions, each once.`);
  }
  const strides = input.map((_, i) => elements(input.slice(i + 1)));
  const sizes = [...Array(4 - input.length).fill(1), ...permutation.map((i) => input[i])];
  const steps = [...Array(4 - input.length).fill(0), ...permutation.map((i) => strides[i])];
  return lowering.step(op, abi.OP_TRANSPOSE, {
    [abi.H]: sizes[0], [abi.W]: sizes[1], [abi.C]: sizes[2], [abi.COUNT]: sizes[3],
    [abi.OH]: steps[0], [abi.OW]: steps[1], [abi.OC]: steps[2], [abi.KH]: steps[3],
  });
}

/** One copy for each input that does not lie in its place already; 8-bit ones have the output's scale (simplify.ts). */
export function lowerConcatenation(lowering: Lowering, op: Operator, a: Attribute<'concatenation'>): Step[] {
  const output = lowering.tensor(op.outputs[0]), axis = a.axis < 0 ? a.axis + output.shape.length : a.axis;
  const inner = elements(output.shape.slice(axis + 1)) * bytesPerElement[output.dtype];
  let at = 0;
  return op.inputs.flatMap((input) => {
    const { shape, data, name } = lowering.tensor(input), start = at;
    if (data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: input "${name}" is a constant.`);
    at += shape[axis] * inner;
    if (lowering.isInside(input, op.outputs[0], start)) return [];
    const step = lowering.step(op, abi.OP_COPY, {
      [abi.COUNT]: elements(shape.slice(0, axis)), [abi.W]: shape[axis] * inner, [abi.C]: output.shape[axis] * inner, [abi.OW]: start,
    });
    return [{ ...step, src: input }];
  });
}
