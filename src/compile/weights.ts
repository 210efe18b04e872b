// Knows how constants are packed for the kernels: panels of output channels and their parameter blocks, as drawn in
// assembly/abi.ts and assembly/requantise.ts. It does not know where in the file they go.
import { PANEL, PARAMS_FLOAT32, PARAMS_INT8, ROUND_COMMON, ROUND_DOUBLE, ROUND_GENERAL } from '../../assembly/abi.js';
import { quantizeMultiplier } from './quantise.js';

/** A constant of a step: how many bytes, and a function that writes them. */
export interface Constant {
  bytes: number;
  write(target: Uint8Array): void;
}

/** Where weight (channel, k) stands in the source: channel * channelStride + k * depthStride. */
export interface WeightLayout {
  channels: number;
  depth: number;
  channelStride: number;
  depthStride: number;
}

const panels = (channels: number): number => Math.ceil(channels / PANEL);

export function packFloat32(values: Float32Array, layout: WeightLayout): Constant {
  const { channels, depth, channelStride, depthStride } = layout;
  return {
    bytes: panels(channels) * depth * PANEL * 4,
    write(target) {
      const out = new Float32Array(target.buffer, target.byteOffset, target.byteLength >> 2);
      for (let channel = 0; channel < channels; channel++) {
        let at = Math.floor(channel / PANEL) * depth * PANEL + (channel % PANEL);
        for (let k = 0, from = channel * channelStride; k < depth; k++, at += PANEL, from += depthStride) out[at] = values[from];
      }
    },
  };
}

/** Pairs of k side by side; what is added to fill pairs and panels equals `zero`, so that it counts as weight 0. */
export function packInt8(values: Int8Array, layout: WeightLayout, zero: number): Constant {
  const { channels, depth, channelStride, depthStride } = layout;
  const pairs = (depth + 1) >> 1;
  return {
    bytes: panels(channels) * pairs * 2 * PANEL,
    write(target) {
      target.fill(zero & 255);
      for (let channel = 0; channel < channels; channel++) {
        const panel = Math.floor(channel / PANEL) * pairs * 2 * PANEL + (channel % PANEL) * 2;
        for (let k = 0, from = channel * channelStride; k < depth; k++, from += depthStride) {
          target[panel + (k >> 1) * 2 * PANEL + (k & 1)] = values[from];
        }
      }
    },
  };
}

export function packBias(bias: Float32Array | undefined, channels: number): Constant {
  return {
    bytes: panels(channels) * PARAMS_FLOAT32,
    write: (target) => { if (bias) new Float32Array(target.buffer, target.byteOffset, channels).set(bias); },
  };
}

export interface Requantisation {
  rounding: number;
  shift: number;
  params: Constant;
}

interface Channel {
  bias: number; // input zero point folded in
  real: number;
  multiplier: number;
  exponent: number; // TFLite's shift, positive is left
  factor: number; // D
  bound: number; // greatest |sum|
}

/**
 * Parameter blocks of a layer. `sums[c]` is the sum of the zero-adjusted weights of channel c, `magnitudes[c]` of their
 * absolute values; `inZero` the input's zero point.
 */
export function packRequantisation(
  bias: ArrayLike<number> | undefined, multipliers: number[], sums: Float64Array, magnitudes: Float64Array, inZero: number, double: boolean,
): Requantisation {
  const reach = Math.max(127 - inZero, inZero + 128);
  const channels = Array.from(sums, (sum, c): Channel => {
    const real = multipliers[c % multipliers.length];
    const [multiplier, exponent] = quantizeMultiplier(real);
    const own = bias?.[c] ?? 0;
    return { bias: (own - inZero * sum) | 0, real, multiplier, exponent, factor: 1, bound: Math.abs(own) + magnitudes[c] * reach };
  });
  const shift = double ? undefined : commonShift(channels);
  const rounding = double ? ROUND_DOUBLE : shift === undefined ? ROUND_GENERAL : ROUND_COMMON;
  return {
    rounding,
    shift: shift ?? 0,
    params: { bytes: panels(channels.length) * PARAMS_INT8, write: (target) => channels.forEach((channel, c) => writeChannel(target, c, channel, rounding)) },
  };
}

/** Finds the shift that all channels can share and each channel's D, or undefined where a sum could overflow. */
function commonShift(channels: Channel[]): number | undefined {
  for (const channel of channels) {
    // Far below half a unit whatever the sum: the answer is always the zero point, and the channel must not set the shift.
    if (channel.exponent <= -2 && channel.bound * channel.real < 0.2) Object.assign(channel, { multiplier: 0, exponent: 0 });
  }
  const shift = Math.max(0, ...channels.map((channel) => -channel.exponent));
  for (const channel of channels) {
    channel.factor = channel.multiplier === 0 ? 1 : 2 ** (2 + shift + channel.exponent);
    if (channel.bound * channel.factor >= 2 ** 31) return undefined;
  }
  return shift > 28 ? undefined : shift;
}

function writeChannel(target: Uint8Array, c: number, channel: Channel, rounding: number): void {
  const view = new DataView(target.buffer, target.byteOffset + Math.floor(c / PANEL) * PARAMS_INT8, PARAMS_INT8);
  const lane = (c % PANEL) * 4;
  view.setInt32(lane, channel.bias, true);
  if (rounding === ROUND_DOUBLE) {
    view.setFloat64(32 + lane * 2, channel.real, true);
    return;
  }
  view.setInt32(32 + lane, channel.multiplier, true);
  view.setInt32(64 + lane, rounding === ROUND_COMMON ? channel.factor : channel.exponent, true);
  view.setInt32(96 + lane, rounding === ROUND_COMMON && channel.exponent < 0 ? channel.factor / 4 : 0, true);
}
