// Knows how operators that only move values become steps: padding, transposing, repeating, concatenating.
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
  return walk(lowering, op, permutation.map((i) => ({ size: input[i], stride: strides[i] })));
}

/** How often the output goes along a dimension of the input, and how far apart its values lie there. */
interface Way {
  size: number;
  stride: number;
}

/** The output in order, from up to four ways through the input. */
function walk(lowering: Lowering, op: Operator, ways: Way[]): Step {
  const [a, b, c, d] = [...Array<Way>(4 - ways.length).fill({ size: 1, stride: 0 }), ...ways];
  return lowering.step(op, abi.OP_TRANSPOSE, {
    [abi.H]: a.size, [abi.W]: b.size, [abi.C]: c.size, [abi.COUNT]: d.size,
    [abi.OH]: a.stride, [abi.OW]: b.stride, [abi.OC]: c.stride, [abi.KH]: d.stride,
  });
}

/** A repeat is a way that stays where it is. Ways that go on from each other are one. */
export function lowerTile(lowering: Lowering, op: Operator): Step {
  const { shape, dtype } = lowering.tensor(op.inputs[0]), output = lowering.tensor(op.outputs[0]), { data } = lowering.tensor(op.inputs[1]);
  const repeats = data ? numbers(lowering.tensor(op.inputs[1])) : [];
  if (repeats.length !== shape.length || repeats.some((n, i) => n < 1 || n * shape[i] !== output.shape[i]) || output.shape.length !== shape.length) {
    throw new DepthwiseError(data ? 'BAD_FILE' : 'UNSUPPORTED', `${op.where}: repeats [${shape}] by ${data ? `[${repeats}]` : 'what is known only at run time'} to [${output.shape}]. Export the model with fixed shapes.`);
  }
  const ways: Way[] = [];
  shape.forEach((size, i) => {
    for (const way of [{ size: repeats[i], stride: 0 }, { size, stride: elements(shape.slice(i + 1)) }]) {
      const before = ways.at(-1);
      if (way.size === 1) continue;
      if (before && before.stride === way.size * way.stride) Object.assign(before, { size: before.size * way.size, stride: way.stride });
      else ways.push(way);
    }
  });
  if (ways.length > 4 || dtype === 'int64' || dtype !== output.dtype) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: repeats ${dtype} [${shape}] by [${repeats}]; at most two dimensions that are longer than one can be repeated, of float32, 8-bit or int32 values.`);
  }
  return walk(lowering, op, ways);
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
