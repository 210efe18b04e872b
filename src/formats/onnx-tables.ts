// Knows functions of one quantised value as tables of 256 results, each computed in float32 and rounded once to the even
// number, as onnxruntime does it. It does not know graphs.
import type { Attributes, Tensor } from './graph.js';

type Function = (x: number) => number;

const f = Math.fround;
const cut = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));
const hardSigmoid: Function = (x) => cut(f(f(x * f(1 / 6)) + 0.5), 0, 1);

const FUNCTIONS: Partial<Record<Attributes['kind'], Function>> = {
  relu: (x) => Math.max(0, x),
  relu6: (x) => cut(x, 0, 6),
  reluN1To1: (x) => cut(x, -1, 1),
  hardSigmoid,
  hardSwish: (x) => f(x * hardSigmoid(x)),
  logistic: (x) => f(1 / f(1 + f(Math.exp(-x)))),
};

/** What an operator makes of x, or of x and a number; undefined where that takes more than one value of x. */
export function functionOf(attributes: Attributes, number: number, numberFirst: boolean): Function | undefined {
  const { kind } = attributes;
  if (kind !== 'add' && kind !== 'sub' && kind !== 'mul') return FUNCTIONS[kind];
  const after: Function = attributes.activation === 'none' ? (x) => x : FUNCTIONS[attributes.activation]!;
  if (kind === 'add') return (x) => after(f(x + number));
  if (kind === 'mul') return (x) => after(f(x * number));
  return (x) => after(numberFirst ? f(number - x) : f(x - number));
}

/** In the int8 form, as tables are: uint8 values stand 128 lower. */
export function tableOf(of: Function, input: Tensor, output: Tensor): Int8Array {
  const { scale: [from], zeroPoint: [zero] } = input.quantization!, { scale: [to], zeroPoint: [target] } = output.quantization!;
  const raised = input.dtype === 'uint8' ? 128 : 0, lowered = output.dtype === 'uint8' ? 128 : 0;
  return Int8Array.from({ length: 256 }, (_, i) => cut(even(f(of(f((i - 128 + raised - zero) * from)) / to)) + target - lowered, -128, 127));
}

/** Halves to the even number. */
export function even(x: number): number {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 ? near - 1 : near;
}
