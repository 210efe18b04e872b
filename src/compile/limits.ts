// Knows how much memory a file may make the compiler take before there is a plan: operators may share one constant, and
// each makes something of its own of it, so a small file could ask for any amount. It does not know what they make.
import { MOST } from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements } from '../formats/graph.js';
import type { Graph, Tensor } from '../formats/graph.js';

/** How often the constants of a file may be made into something, on average, and bytes that any file may have. */
const MOST_USES = 16, FREE_BYTES = 2 ** 24;

/** Bytes that may be made of a file's constants. */
export class Room {
  #left: number;

  constructor(tensors: readonly Tensor[]) {
    const files = new Set(tensors.map(({ data }) => data?.buffer)); // constants are views, some of the same bytes
    this.#left = FREE_BYTES + MOST_USES * [...files].reduce((sum, file) => sum + (file?.byteLength ?? 0), 0);
  }

  /** @throws DepthwiseError UNSUPPORTED where there is no room */
  take(bytes: number, where: string): void {
    this.#left -= bytes;
    if (!(this.#left >= 0)) throw new DepthwiseError('UNSUPPORTED', `${where} would make much more of this file's constants than the file holds.`);
  }
}

/** @throws DepthwiseError OUT_OF_MEMORY for a tensor that no plan has room for, UNSUPPORTED for constants that are used too often */
export function checkLimits({ tensors, operators, inputs: given }: Graph): void {
  const room = new Room(tensors);
  const check = (i: number): void => {
    const tensor = tensors[i];
    if (!tensor || tensor.data || elements(tensor.shape) * bytesPerElement[tensor.dtype] <= MOST) return;
    throw new DepthwiseError('OUT_OF_MEMORY', `Tensor "${tensor.name}" [${tensor.shape}] has more than 1 GiB. Use a smaller resolution.`);
  };
  given.forEach(check);
  for (const { inputs, outputs, where } of operators) {
    outputs.forEach(check);
    for (const i of inputs) room.take(tensors[i]?.data?.length ?? 0, where);
  }
}
