// Knows how constants are packed for the kernels: panels of output channels and their parameter blocks, as drawn in
// assembly/abi.ts and assembly/requantise.ts. It does not know where in the file they go.
import { PANEL, PARAMS_FLOAT32, PARAMS_INT8 } from '../../assembly/abi.js';
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
  /** int8: pairs of k side by side, every `segment` values filled up to a whole pair; 0: no pairs. */
  segment: number;
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

/** What is added to fill pairs and panels equals `zero`, so that it counts as weight 0. */
export function packInt8(values: Int8Array, layout: WeightLayout, zero: number): Constant {
  const { channels, depth, channelStride, depthStride } = layout;
  const group = layout.segment ? 2 : 1, segment = layout.segment || depth, filled = Math.ceil(segment / group) * group;
  const panelBytes = (depth / segment) * filled * PANEL;
  return {
    bytes: panels(channels) * panelBytes,
    write(target) {
      target.fill(zero & 255);
      for (let channel = 0; channel < channels; channel++) {
        const panel = Math.floor(channel / PANEL) * panelBytes + (channel % PANEL) * group;
        for (let k = 0, from = channel * channelStride; k < depth; k++, from += depthStride) {
          const at = Math.floor(k / segment) * filled + (k % segment), inGroup = at % group;
          target[panel + (at - inGroup) * PANEL + inGroup] = values[from];
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

interface Channel {
  bias: number; // input zero point folded in
  real: number;
  multiplier: number;
  exponent: number; // TFLite's shift, positive is left
}

/** What TFLite's second rounding adds to a half before the floor, by magnitude (assembly/requantise.ts). */
export const nudgeOf = (exponent: number): number => (exponent < 0 ? 2 ** (exponent - 1) : 0);

/** A quantised multiplier as the real number that it stands for. */
export const realOf = ([multiplier, exponent]: readonly [number, number]): number => multiplier * 2 ** (exponent - 31);

/**
 * Parameter blocks of a layer. `sums[c]` is the sum of the zero-adjusted weights of channel c, `inZero` the input's zero
 * point; `double` where TFLite rounds a product of doubles (fully connected layers).
 */
export function packRequantisation(bias: ArrayLike<number> | undefined, multipliers: number[], sums: Float64Array, inZero: number, double: boolean): Constant {
  const channels = Array.from(sums, (sum, c): Channel => {
    const real = multipliers[c % multipliers.length];
    const [multiplier, exponent] = quantizeMultiplier(real);
    return { bias: ((bias?.[c] ?? 0) - inZero * sum) | 0, real, multiplier, exponent };
  });
  return { bytes: panels(channels.length) * PARAMS_INT8, write: (target) => channels.forEach((channel, c) => writeChannel(target, c, channel, double)) };
}

function writeChannel(target: Uint8Array, c: number, { bias, real, multiplier, exponent }: Channel, double: boolean): void {
  const view = new DataView(target.buffer, target.byteOffset + Math.floor(c / PANEL) * PARAMS_INT8, PARAMS_INT8);
  const lane = (c % PANEL) * 4;
  view.setInt32(lane, bias, true);
  view.setFloat32(32 + lane, double ? real : realOf([multiplier, exponent]), true);
  view.setFloat32(64 + lane, double ? 0 : nudgeOf(exponent), true);
  if (double) {
    view.setFloat64(96 + lane * 2, real, true);
    return;
  }
  view.setInt32(96 + lane, multiplier, true);
  view.setInt32(128 + lane, exponent, true);
}
