// Knows how a network is fed and timed, the same way in every bench.
import { Bench } from 'tinybench';
import type { Net } from '../src/net.js';

/** Milliseconds of each call of `work`, after `warmup` calls that do not count. */
export async function timed(work: () => void, iterations: number, warmup = 0): Promise<readonly number[]> {
  const bench = new Bench({ iterations, time: 0, warmup: warmup > 0, warmupIterations: warmup, warmupTime: 0, retainSamples: true });
  bench.add('work', work);
  await bench.run();
  const { result } = bench.tasks[0];
  if (!('latency' in result)) throw new Error('the timed work failed', { cause: result });
  return result.latency.samples ?? [];
}

/** Ordinary numbers: zeros would be faster, denormals slower. */
export function inputFor(net: Net): Uint8Array {
  const { shape, dtype } = net.inputs[0], n = shape.reduce((a, b) => a * b, 1);
  if (dtype !== 'float32') return Uint8Array.from({ length: n }, (_, i) => i * 77);
  return new Uint8Array(Float32Array.from({ length: n }, (_, i) => Math.sin(i)).buffer);
}
