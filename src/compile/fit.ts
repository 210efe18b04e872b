// Knows whether the tensors of an operator fit together: what is computed, what is constant, how many values there are.
// Kernels are told sizes of one tensor and believed those of the others. It does not know kernels.
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements, numbers } from '../formats/graph.js';
import type { Attributes, Operator, Tensor } from '../formats/graph.js';

type Kind = Attributes['kind'];

/** Operators that also take constants for what they compute on. */
const OF_CONSTANTS = new Set<Kind>(['add', 'sub', 'mul', 'div', 'floorDiv', 'concatenation', 'pack']);
/** Operators whose second input must be known. */
const BY_CONSTANT = new Set<Kind>(['pad', 'transpose']);
const WITH_BIAS = new Set<Kind>(['conv2d', 'depthwiseConv2d', 'fullyConnected']);
const VALUE_BY_VALUE = new Set<Kind>(['relu', 'relu6', 'reluN1To1', 'hardSwish', 'hardSigmoid', 'logistic', 'sqrt', 'table', 'softmax', 'quantize', 'dequantize', 'cast', 'rescale']);

/** @throws DepthwiseError BAD_FILE or UNSUPPORTED where they do not */
export function checkFit({ attributes: a, inputs, outputs, where }: Operator, tensors: readonly Tensor[]): void {
  const given = inputs.map((i) => tensors[i]), [input, second] = given, output = tensors[outputs[0]];
  const describe = (some: readonly Tensor[]): string => some.map((tensor) => (tensor ? `${tensor.dtype} [${tensor.shape}]` : 'nothing')).join(' and ');
  const check = (fits: boolean): void => {
    if (!fits) throw new DepthwiseError('BAD_FILE', `${where} makes ${describe([output])} of ${describe(given)}, which do not fit together. The file is damaged; export it again.`);
  };
  check(given.every((tensor, i) => tensor || (i === 2 && WITH_BIAS.has(a.kind))));
  check(elements(input.shape) > 0 && outputs.every((i) => elements(tensors[i].shape) > 0));
  if (input.data && !OF_CONSTANTS.has(a.kind)) throw new DepthwiseError('UNSUPPORTED', `${where} computes on the constant "${input.name}". Fold constants before exporting.`);
  if (BY_CONSTANT.has(a.kind) && !second?.data) throw new DepthwiseError('UNSUPPORTED', `${where} takes its second input at run time. Export the model with fixed shapes.`);
  const alike = given.every((tensor) => tensor && bytesPerElement[tensor.dtype] === bytesPerElement[output.dtype] && (tensor.dtype === 'float32') === (output.dtype === 'float32'));
  if (VALUE_BY_VALUE.has(a.kind)) check(elements(input.shape) === elements(output.shape));
  else if (a.kind === 'concatenation') check(alike && isConcatenated(given, output, a.axis));
  else if (OF_CONSTANTS.has(a.kind)) check(alike && (a.kind === 'pack' || inputs.length === 2));
  else if (a.kind === 'mean') check(elements(output.shape) === input.shape.at(-1));
  else if (a.kind === 'pad') check(input.shape.at(-1) === output.shape.at(-1));
  else if (a.kind === 'transpose') check(numbers(second).map((i) => input.shape[i]).join() === output.shape.join());
  else if (a.kind === 'averagePool') check(input.shape[3] === output.shape[3] && [0, 1].every((axis) => isPooled(a, axis, input.shape[axis + 1], output.shape[axis + 1])));
}

function isConcatenated(parts: Tensor[], { shape }: Tensor, given: number): boolean {
  const axis = given < 0 ? given + shape.length : given, others = (of: number[]): string => of.filter((_, i) => i !== axis).join();
  return axis >= 0 && axis < shape.length && parts.every((part) => part.shape.length === shape.length && others(part.shape) === others(shape))
    && parts.reduce((sum, part) => sum + part.shape[axis], 0) === shape[axis];
}

function isPooled({ window, stride, padding }: Extract<Attributes, { kind: 'averagePool' | 'maxPool' }>, axis: number, size: number, out: number): boolean {
  if (padding === 'same') return out === Math.ceil(size / stride[axis]);
  const more = padding === 'valid' ? 0 : axis ? padding.left + padding.right : padding.top + padding.bottom;
  return out === Math.floor((size + more - window[axis]) / stride[axis]) + 1;
}
