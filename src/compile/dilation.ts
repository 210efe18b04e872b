// Knows how TensorFlow writes a dilated convolution: SPACE_TO_BATCH_ND sorts the pixels into one small picture for each
// place inside a block, a convolution filters each, BATCH_TO_SPACE_ND sorts them back. It makes one operator of the three.
import { numbers } from '../formats/graph.js';
import type { Operator, Tensor } from '../formats/graph.js';
import type { Simplified } from './simplify.js';

/** Folds each such three, exactly; others stay, and are refused when they become steps. `uses` counts each tensor's readers. */
export function foldDilations(work: Simplified, uses: Map<number, number>): void {
  const makers = new Map(work.operators.flatMap((op) => op.outputs.map((i) => [i, op] as const)));
  const gone = new Set<Operator>();
  const onlyMaker = (i: number): Operator | undefined => (uses.get(i) === 1 ? makers.get(i) : undefined);
  for (const last of work.operators) {
    if (last.attributes.kind !== 'batchToSpace') continue;
    const middle = onlyMaker(last.inputs[0]), first = middle && onlyMaker(middle.inputs[0]);
    if (!middle || !first || !fold(work.tensors, first, middle, last)) continue;
    gone.add(first).add(last);
  }
  work.operators = work.operators.filter((op) => !gone.has(op));
}

/** An output pixel y of the three reads input rows y + crop - pad + k * block: a window of that dilation and padding. */
function fold(tensors: Tensor[], first: Operator, middle: Operator, last: Operator): boolean {
  const a = middle.attributes;
  if (first.attributes.kind !== 'spaceToBatch' || (a.kind !== 'conv2d' && a.kind !== 'depthwiseConv2d')) return false;
  const [block, paddings, sameBlock, crops] = [first.inputs[1], first.inputs[2], last.inputs[1], last.inputs[2]].map((i) => (tensors[i]?.data ? numbers(tensors[i]) : []));
  const plain = a.padding === 'valid' && [...a.stride, ...a.dilation].every((n) => n === 1);
  if (!plain || block.length !== 2 || paddings.length !== 4 || crops.length !== 4 || block.join() !== sameBlock.join() || block.some((n) => n < 1)) return false;
  const [top, bottom, left, right] = paddings.map((pad, i) => pad - crops[i]);
  const [, h, w] = tensors[first.inputs[0]].shape, [, kh, kw] = tensors[middle.inputs[1]].shape, [, oh, ow] = tensors[last.outputs[0]].shape;
  const fits = h + top + bottom - (kh - 1) * block[0] === oh && w + left + right - (kw - 1) * block[1] === ow;
  if (!fits || Math.min(top, bottom, left, right) < 0 || !keepsValues(tensors, first) || !keepsValues(tensors, last)) return false;
  Object.assign(a, { dilation: block, padding: { top, bottom, left, right } });
  middle.inputs[0] = first.inputs[0];
  middle.outputs = last.outputs;
  return true;
}

function keepsValues(tensors: Tensor[], { inputs, outputs }: Operator): boolean {
  const [from, to] = [tensors[inputs[0]], tensors[outputs[0]]];
  return from.shape.at(-1) === to.shape.at(-1) && from.dtype === to.dtype && from.quantization?.scale[0] === to.quantization?.scale[0] && from.quantization?.zeroPoint[0] === to.quantization?.zeroPoint[0];
}
