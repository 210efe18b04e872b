// Knows how operators that only move values become steps: padding, transposing, repeating, slicing, concatenating, packing.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements, numbers } from '../formats/graph.js';
import type { Operator } from '../formats/graph.js';
import { bytesOf } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { affine } from './quantise.js';
import type { Affine } from './quantise.js';
import { sliceOf, stridesOf } from './slice.js';

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
  const strides = stridesOf(input);
  return copyStep(lowering, op, op.inputs[0], op.outputs[0], permutation.map((i) => input[i]), permutation.map((i) => strides[i]));
}

/** Values of `from` in the order of `shape`, `strides` apart along each of its dimensions, from value `start` on. */
export function copyStep(lowering: Lowering, op: Operator, from: number, to: number, shape: number[], strides: number[], start = 0): Step {
  const { dtype } = lowering.tensor(from), missing = 4 - shape.length;
  if (missing < 0 || dtype !== lowering.tensor(to).dtype || !['float32', 'int32', 'int8', 'uint8'].includes(dtype)) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: moves ${dtype} of shape [${shape}]; up to four dimensions of float32, int32, int8 or uint8, type unchanged.`);
  }
  const sizes = [...Array(missing).fill(1), ...shape], steps = [...Array(missing).fill(0), ...strides];
  const step = lowering.step(op, abi.OP_TRANSPOSE, {
    [abi.H]: sizes[0], [abi.W]: sizes[1], [abi.C]: sizes[2], [abi.COUNT]: sizes[3],
    [abi.OH]: steps[0], [abi.OW]: steps[1], [abi.OC]: steps[2], [abi.KH]: steps[3], [abi.KW]: start,
  });
  step.words[abi.DTYPE] = bytesPerElement[dtype] === 1 ? abi.INT8 : abi.INT32;
  return Object.assign(step, { src: from, dst: to });
}

/** An output for each index of the axis. */
export function lowerUnpack(lowering: Lowering, op: Operator, a: Attribute<'pack' | 'unpack'>): Step[] {
  const { shape } = lowering.tensor(op.inputs[0]), axis = a.axis < 0 ? a.axis + shape.length : a.axis, strides = stridesOf(shape);
  const without = <T>(list: T[]): T[] => list.filter((_, i) => i !== axis);
  if (op.outputs.length !== shape[axis] || op.outputs.some((i) => lowering.tensor(i).shape.join() !== without(shape).join())) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: takes [${shape}] apart along dimension ${a.axis} into ${op.outputs.length} outputs [${lowering.tensor(op.outputs[0]).shape}].`);
  }
  return op.outputs.map((to, i) => copyStep(lowering, op, op.inputs[0], to, without(shape), without(strides), i * strides[axis]));
}

export function lowerSlice(lowering: Lowering, op: Operator, a: Attribute<'stridedSlice'>): Step {
  const { shape } = lowering.tensor(op.inputs[0]), [begin, end, by] = op.inputs.slice(1, 4).map((i) => lowering.tensor(i));
  if (!begin?.data || !end?.data || !by?.data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: slices by bounds that are known only at run time. Export the model with constant ones.`);
  const slice = sliceOf(shape, a, numbers(begin), numbers(end), numbers(by), op.where), out = lowering.tensor(op.outputs[0]).shape;
  if (elements(slice.shape) !== elements(out) || !elements(out)) throw new DepthwiseError('BAD_FILE', `${op.where}: cuts [${slice.shape}] out of [${shape}], but its output is [${out}].`);
  return copyStep(lowering, op, op.inputs[0], op.outputs[0], slice.shape, slice.strides, slice.start);
}

/** Copies rows into the output one after another: `inner` bytes of every row of `outer` bytes, from byte `at` on. */
function rowsStep(lowering: Lowering, op: Operator, input: number, rows: number, inner: number, outer: number, at: number): Step {
  const { data, dtype } = lowering.tensor(input);
  const step = lowering.step(op, abi.OP_COPY, { [abi.COUNT]: rows, [abi.W]: inner, [abi.C]: outer, [abi.OW]: at });
  if (!data) return Object.assign(step, { src: input });
  step.words[abi.SRC2_CONSTANT] = 1;
  // uint8 is held as int8. A step that reads constants only is said to read what it fills.
  return Object.assign(step, { src: op.outputs[0], operand: bytesOf(dtype === 'uint8' ? data.map((q) => q ^ 128) : data) });
}

/** The inputs side by side along a new axis. */
export function lowerPack(lowering: Lowering, op: Operator, a: Attribute<'pack' | 'unpack'>): Step[] {
  const output = lowering.tensor(op.outputs[0]), axis = a.axis < 0 ? a.axis + output.shape.length : a.axis;
  const inner = elements(output.shape.slice(axis + 1)) * bytesPerElement[output.dtype], each = output.shape.filter((_, i) => i !== axis).join();
  if (output.shape[axis] !== op.inputs.length || op.inputs.some((i) => lowering.tensor(i).shape.join() !== each || lowering.tensor(i).dtype !== output.dtype)) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: packs ${op.inputs.length} tensors like [${lowering.tensor(op.inputs[0]).shape}] into [${output.shape}].`);
  }
  return op.inputs.map((input, i) => rowsStep(lowering, op, input, elements(output.shape.slice(0, axis)), inner, inner * op.inputs.length, i * inner));
}

/** How often the output goes along a dimension of the input, and how far apart its values lie there. */
interface Way {
  size: number;
  stride: number;
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
  return copyStep(lowering, op, op.inputs[0], op.outputs[0], ways.map(({ size }) => size), ways.map(({ stride }) => stride));
}

const isAlike = (a: Affine, b: Affine): boolean => a.scale === b.scale && a.zero === b.zero;

/** One copy for each input that does not lie in its place already; what is computed has come to the output's scale (parts.ts). */
export function lowerConcatenation(lowering: Lowering, op: Operator, a: Attribute<'concatenation'>): Step[] {
  const output = lowering.tensor(op.outputs[0]), axis = a.axis < 0 ? a.axis + output.shape.length : a.axis;
  const inner = elements(output.shape.slice(axis + 1)) * bytesPerElement[output.dtype];
  let at = 0;
  return op.inputs.flatMap((input) => {
    const { shape, data, name } = lowering.tensor(input), start = at;
    if (data && output.quantization && !isAlike(affine(lowering.tensor(input), op.where), affine(output, op.where))) {
      throw new DepthwiseError('UNSUPPORTED', `${op.where}: input "${name}" is a constant of another scale than the output. Export the model again, or leave the constant out.`);
    }
    at += shape[axis] * inner;
    if (lowering.isInside(input, op.outputs[0], start)) return [];
    return [rowsStep(lowering, op, input, elements(shape.slice(0, axis)), shape[axis] * inner, output.shape[axis] * inner, start)];
  });
}
