// Knows one tiny plan and its exact answer, which a build must give before it is trusted: some engines accept
// instructions that they compute wrongly (Node 20 with relaxed SIMD switched on by hand).
import * as abi from '../assembly/abi.js';
import type { Engine } from './engine.js';
import type { Program } from './plan/plan.js';

const PIXELS = 4;
const CHANNELS = 9; // one whole panel and a tail
const VALUES = PIXELS * CHANNELS, PANELS = 2;
/** Where things lie, in bytes: int8 before float32. */
const X = 0, Y = 48, FX = 96, FY = FX + VALUES * 4, ARENA = FY + VALUES * 4;
const INT8_PANEL = (CHANNELS + 1) * abi.PANEL, FLOAT_PANEL = CHANNELS * abi.PANEL * 4;
const W = 0, PARAMS = PANELS * INT8_PANEL, FW = PARAMS + PANELS * abi.PARAMS_INT8, FPARAMS = FW + PANELS * FLOAT_PANEL, WEIGHTS = FPARAMS + PANELS * abi.PARAMS_FLOAT32;
const ZERO_IN = 3, ZERO_OUT = -5;

const pixel = (i: number): number => ((i * 29) % 251) - 125;
const weight = (i: number): number => ((i * 37) % 255) - 127;
const bias = (channel: number): number => channel * 100 - 400;

/** Four pixels of nine channels through a 1x1 convolution of each type; all sums are small integers. The int8 sums are divided by 256. */
export function probePlan(): Program {
  const layer = { [abi.OP]: abi.OP_POINTWISE, [abi.C]: CHANNELS, [abi.OC]: CHANNELS, [abi.COUNT]: PIXELS };
  const int8 = {
    ...layer, [abi.DTYPE]: abi.INT8, [abi.SRC]: X, [abi.DST]: Y, [abi.WEIGHTS]: W, [abi.WEIGHTS_BYTES]: PANELS * INT8_PANEL, [abi.PARAMS]: PARAMS,
    [abi.ZERO_IN]: ZERO_IN, [abi.ZERO_OUT]: ZERO_OUT, [abi.MIN]: -128, [abi.MAX]: 127,
  };
  const float = {
    ...layer, [abi.DTYPE]: abi.FLOAT32, [abi.SRC]: FX, [abi.DST]: FY, [abi.WEIGHTS]: FW, [abi.WEIGHTS_BYTES]: PANELS * FLOAT_PANEL, [abi.PARAMS]: FPARAMS,
    [abi.MIN]: -0x800000, [abi.MAX]: 0x7f800000, // the bits of both infinities
  };
  const steps = new Int32Array(2 * abi.STEP_WORDS);
  [int8, float].forEach((words, i) => Object.entries(words).forEach(([word, value]) => (steps[i * abi.STEP_WORDS + Number(word)] = value)));
  return { steps, weights: packedWeights(), arenaBytes: ARENA, scratchBytes: PIXELS * (CHANNELS + 1) * 2 };
}

/** Panels as drawn in assembly/abi.ts, parameters as in assembly/requantise.ts. */
function packedWeights(): Uint8Array {
  const weights = new Uint8Array(WEIGHTS), view = new DataView(weights.buffer);
  for (let channel = 0; channel < CHANNELS; channel++) {
    const panel = Math.floor(channel / abi.PANEL), lane = channel % abi.PANEL, params = PARAMS + panel * abi.PARAMS_INT8 + lane * 4;
    let sum = 0;
    for (let k = 0; k < CHANNELS; k++) {
      const w = weight(channel * CHANNELS + k);
      view.setInt8(W + panel * INT8_PANEL + (k >> 1) * 2 * abi.PANEL + lane * 2 + (k & 1), w);
      view.setFloat32(FW + panel * FLOAT_PANEL + (k * abi.PANEL + lane) * 4, w, true);
      sum += w;
    }
    view.setInt32(params, bias(channel) - ZERO_IN * sum, true);
    view.setFloat32(params + 32, 2 ** -8, true);
    view.setFloat32(params + 64, 2 ** -8, true); // the nudge of exponent -7
    view.setInt32(params + 96, 2 ** 30, true); // 2^30 / 2^31 * 2^-7
    view.setInt32(params + 128, -7, true);
  }
  return weights;
}

export function probeIsRight(engine: Engine): boolean {
  const floats = (at: number): Float32Array => {
    const { buffer, byteOffset } = engine.bytes(at, VALUES * 4);
    return new Float32Array(buffer, byteOffset, VALUES);
  };
  const x = engine.bytes(X, VALUES), y = engine.bytes(Y, VALUES), fx = floats(FX), fy = floats(FY);
  for (let i = 0; i < VALUES; i++) x[i] = fx[i] = pixel(i);
  engine.run(0, 2);
  for (let i = 0; i < VALUES; i++) {
    const first = i - (i % CHANNELS), channel = i % CHANNELS;
    let sum = 0, shifted = bias(channel);
    for (let k = 0; k < CHANNELS; k++) {
      const w = weight(channel * CHANNELS + k), value = pixel(first + k);
      sum += w * value;
      shifted += w * (value - ZERO_IN);
    }
    const quantised = Math.sign(shifted) * Math.floor(Math.abs(shifted) / 256 + 0.5) + ZERO_OUT;
    if (fy[i] !== sum || (y[i] << 24) >> 24 !== Math.min(127, Math.max(-128, quantised))) return false;
  }
  return true;
}
