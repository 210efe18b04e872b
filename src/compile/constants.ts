// Knows which bytes of a plan's constants a step record reads: its weights, its parameters, a second operand. It does not
// know what they mean.
import * as abi from '../../assembly/abi.js';

/** `bytes` constants from byte `from` on, which word `word` of the record points to. */
export interface ConstantRange { word: number; from: number; bytes: number }

const PACKED = [abi.OP_CONV, abi.OP_POINTWISE, abi.OP_DEPTHWISE];

export function constantsOf(words: Int32Array): ConstantRange[] {
  const range = (word: number, bytes: number): ConstantRange[] => (bytes > 0 ? [{ word, from: words[word], bytes }] : []);
  const panels = PACKED.includes(words[abi.OP]) ? Math.ceil(words[abi.OC] / abi.PANEL) : 0;
  return [
    ...range(abi.WEIGHTS, words[abi.WEIGHTS_BYTES]),
    ...range(abi.PARAMS, panels * (words[abi.DTYPE] === abi.FLOAT32 ? abi.PARAMS_FLOAT32 : abi.PARAMS_INT8)),
    ...range(abi.SRC2, words[abi.SRC2_CONSTANT] ? operandBytes(words) : 0),
  ];
}

/** Bytes of a second operand, for the kernels that have one which may be constant. */
function operandBytes(words: Int32Array): number {
  switch (words[abi.OP]) {
    case abi.OP_ADD: case abi.OP_MUL: case abi.OP_ARITHMETIC: return Math.min(words[abi.PERIOD], words[abi.COUNT]) * (words[abi.DTYPE] === abi.INT8 ? 1 : 4);
    case abi.OP_COPY: return words[abi.COUNT] * words[abi.W];
    case abi.OP_GATHER: return words[abi.COUNT] * words[abi.KH] * 4;
    default: throw new Error(`Kernel ${words[abi.OP]} has a constant operand of unknown size: say it here.`);
  }
}
