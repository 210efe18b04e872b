// Knows how operators on few numbers become steps: changes of type, roots, picking by index.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements } from '../formats/graph.js';
import type { Operator } from '../formats/graph.js';
import { bytesOf, floatBits } from './lower.js';
import type { Lowering, Step } from './lower.js';

/** To float32; an 8-bit value is cast as a dequantisation by 1. */
export function lowerCast(lowering: Lowering, op: Operator): Step {
  const from = lowering.tensor(op.inputs[0]).dtype, to = lowering.tensor(op.outputs[0]).dtype;
  const count = { [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape) };
  if (to === 'float32' && from === 'int32') return lowering.step(op, abi.OP_TO_FLOAT, count);
  if (to === 'float32' && (from === 'int8' || from === 'uint8')) {
    return lowering.step(op, abi.OP_DEQUANTIZE, { ...count, [abi.SCALE]: floatBits(1), [abi.ZERO_IN]: from === 'uint8' ? -128 : 0 });
  }
  throw new DepthwiseError('UNSUPPORTED', `${op.where}: casts ${from} to ${to}; int8, uint8 and int32 are cast to float32.`);
}

export function lowerRoot(lowering: Lowering, op: Operator): Step {
  if (!lowering.isFloat(op.inputs[0])) throw new DepthwiseError('UNSUPPORTED', `${op.where}: a root of ${lowering.tensor(op.inputs[0]).dtype}; only float32 is supported. Quantise the model without it.`);
  return lowering.step(op, abi.OP_SQRT, { [abi.COUNT]: elements(lowering.tensor(op.outputs[0]).shape) });
}

const MOST_INDICES = 6;

/** Indices out of range, which TensorFlow Lite refuses while it runs, are moved to the nearest edge. */
export function lowerGather(lowering: Lowering, op: Operator): Step {
  const [input, indices] = op.inputs.map((i) => lowering.tensor(i)), output = lowering.tensor(op.outputs[0]);
  const depth = indices.shape.at(-1) ?? 0, rows = depth && elements(indices.shape) / depth, piece = input.shape.slice(depth);
  if (input.data || indices.dtype !== 'int32' || input.dtype !== output.dtype || depth < 1 || depth > MOST_INDICES) {
    throw new DepthwiseError('UNSUPPORTED', `${op.where}: gathers from ${input.dtype} [${input.shape}] by ${indices.dtype} [${indices.shape}]; indices are int32, ${MOST_INDICES} at most, into what is computed at run time.`);
  }
  if (depth > input.shape.length || elements(output.shape) !== rows * elements(piece)) {
    throw new DepthwiseError('BAD_FILE', `${op.where}: gathers [${output.shape}] from [${input.shape}] by [${indices.shape}].`);
  }
  const step = lowering.step(op, abi.OP_GATHER, { [abi.COUNT]: rows, [abi.KH]: depth, [abi.KW]: elements(piece) * bytesPerElement[input.dtype] });
  step.words.set(input.shape.slice(0, depth), abi.SIZES);
  if (!indices.data) step.src2 = op.inputs[1];
  else {
    step.words[abi.SRC2_CONSTANT] = 1;
    step.operand = bytesOf(indices.data);
  }
  return step;
}
