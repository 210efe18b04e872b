// Knows tensors that lie inside of others: what is concatenated, and several outputs of one step. It does not know
// addresses; those come from the plan.
import { bytesPerElement, elements } from '../formats/graph.js';
import { affine } from './quantise.js';
import type { Simplified } from './simplify.js';

const bytesOf = (work: Simplified, i: number): number => elements(work.tensors[i].shape) * bytesPerElement[work.tensors[i].dtype];

/** A tensor of its own, with no bytes yet. */
function add(work: Simplified, tensor: Simplified['tensors'][number]): number {
  const index = work.tensors.push(tensor) - 1;
  work.alias[index] = index;
  return index;
}

/** Inputs of a concatenation come to the scale of its output by steps of their own, which then write them in their place. */
export function rescaleParts(work: Simplified): void {
  work.operators = work.operators.flatMap((op) => {
    const output = work.tensors[op.outputs[0]];
    if (op.attributes.kind !== 'concatenation' || !output.quantization || bytesPerElement[output.dtype] > 1) return [op];
    const wanted = affine(output, op.where);
    const steps = op.inputs.flatMap((input, i) => {
      const tensor = work.tensors[input];
      if (tensor.data) return [];
      const { scale, zero } = affine(tensor, op.where);
      if (scale === wanted.scale && zero === wanted.zero) return [];
      op.inputs[i] = add(work, { ...tensor, name: `${tensor.name} for ${output.name}`, quantization: output.quantization });
      return [{ attributes: { kind: 'rescale' as const }, inputs: [input], outputs: [op.inputs[i]], where: op.where }];
    });
    return [...steps, op];
  });
}

/** The outputs of a detection lie one after another in one buffer, since a step writes one. */
export function gatherOutputs(work: Simplified): void {
  for (const op of work.operators.filter(({ attributes }) => attributes.kind === 'detection')) {
    const bytes = op.outputs.map((i) => bytesOf(work, i)), whole = bytes.reduce((sum, n) => sum + n, 0);
    const root = add(work, { name: `${work.tensors[op.outputs[0]].name} with all`, shape: [whole / 4], dtype: 'float32' });
    op.outputs.forEach((i, at) => {
      work.alias[i] = root;
      work.inside.set(i, bytes.slice(0, at).reduce((sum, n) => sum + n, 0));
    });
    op.outputs = [root];
  }
}

/** Where the parts of a concatenation lie one behind another, they are made in their place, and nothing is copied. */
export function joinParts(work: Simplified): void {
  const { tensors, alias } = work;
  for (const { attributes, inputs, outputs } of work.operators) {
    if (attributes.kind !== 'concatenation') continue;
    const { shape } = tensors[outputs[0]], axis = attributes.axis < 0 ? attributes.axis + shape.length : attributes.axis;
    if (elements(shape.slice(0, axis)) !== 1) continue;
    let at = 0;
    for (const input of inputs) {
      const bytes = bytesOf(work, input), root = alias[input], whole = bytesOf(work, root) === bytes;
      // The host writes inputs, and a concatenation of itself has two places.
      if (whole && !tensors[input].data && !work.inputs.includes(root) && root !== alias[outputs[0]]) moveInside(work, root, outputs[0], at);
      at += bytes;
    }
  }
}

/** What shows the bytes of `root` shows those of `output` from `at` on. */
function moveInside({ alias, inside }: Simplified, root: number, output: number, at: number): void {
  const start = (inside.get(output) ?? 0) + at;
  alias.forEach((of, i) => {
    if (of !== root) return;
    alias[i] = alias[output];
    inside.set(i, (inside.get(i) ?? 0) + start);
  });
}
