// Knows how the values seen in a tensor become a scale and a zero point. It does not know graphs.
import type { Histogram } from './observe.js';

export interface Range { low: number; high: number }
export type Method = 'min-max' | 'percentile' | 'mse';
export type Choice = Range & { method: Method };

const PERCENTILES = [0.99999, 0.9999, 0.999];
const SHRINK = Array.from({ length: 36 }, (_, i) => 1 - (i + 1) * 0.025);
/** A method must be this much better than a simpler one: small gains are chance. */
const CLEARLY = 0.97;

/** Values that mean the same as the bound they lie beyond. */
const UNBOUNDED: Range = { low: -Infinity, high: Infinity };

/** Least and most value, as integers need them: zero is always among the values. */
export const minMax = ({ least, most }: Histogram, { low, high }: Range = UNBOUNDED): Choice =>
  ({ low: Math.min(0, Math.max(low, least)), high: Math.max(0, Math.min(high, most)), method: 'min-max' });

/** The range with the least mean squared error after rounding and cutting, found by three methods; the simplest that is nearly as good. */
export function choose(histogram: Histogram, bounds: Range = UNBOUNDED): Choice {
  const whole = minMax(histogram, bounds);
  const bins = [...histogram.bins()].map(([value, count]): [number, number] => [Math.min(bounds.high, Math.max(bounds.low, value)), count]);
  const better = (from: Choice, candidates: Choice[], by = 1): Choice => {
    let best = from, error = squaredError(bins, from) * by;
    for (const candidate of candidates) {
      const found = squaredError(bins, candidate);
      if (found < error) [best, error] = [candidate, found];
    }
    return best;
  };
  const percentiles = PERCENTILES.map((share): Choice => ({ ...percentile(bins, share, whole), method: 'percentile' }));
  const simple = better(whole, percentiles, CLEARLY);
  let least = better(whole, SHRINK.map((factor) => ({ low: whole.low * factor, high: whole.high * factor, method: 'mse' })));
  for (const end of ['low', 'high', 'low', 'high'] as const) least = better(least, [1, ...SHRINK].map((factor) => ({ ...least, [end]: whole[end] * factor, method: 'mse' })));
  return better(simple, [least], CLEARLY);
}

/** Cuts the same share of values from each end. */
function percentile(bins: [number, number][], share: number, { low, high }: Range): Range {
  const total = bins.reduce((sum, [, count]) => sum + count, 0), cut = (total * (1 - share)) / 2;
  const reach = (ordered: [number, number][]): number => {
    let passed = 0;
    return (ordered.find(([, count]) => (passed += count) > cut) ?? ordered[0])[0];
  };
  return { low: Math.max(low, Math.min(0, reach(bins))), high: Math.min(high, Math.max(0, reach([...bins].reverse()))) };
}

function squaredError(bins: [number, number][], { low, high }: Range): number {
  const step = (high - low) / 255, rounding = (step * step) / 12;
  return bins.reduce((sum, [value, count]) => {
    const cut = value < low ? low - value : value > high ? value - high : 0;
    return sum + count * Math.max(cut * cut, rounding);
  }, 0);
}

/** int8 quantisation that covers [low, high], zero exactly on a whole number. */
export function affineOf({ low, high }: Range): { scale: number; zeroPoint: number } {
  const scale = Math.fround(Math.max(high - low, 1e-6) / 255);
  return { scale, zeroPoint: Math.min(127, Math.max(-128, Math.round(-128 - low / scale))) };
}
