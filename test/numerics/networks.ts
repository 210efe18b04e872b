// Knows how far whole networks are from the answers of other programs, on every build: bytes that differ, or the greatest
// error of float32. It does not know how it is told.
import type { Build } from '../../src/engine.js';
import { load } from '../../src/load.js';
import { bytesOf, outsideNetworks, relativeError } from '../outside-networks.js';
import type { OutsideNetwork } from '../outside-networks.js';
import { differing } from './error.js';

export interface MeasuredNetwork {
  name: string;
  by: string;
  exact: boolean;
  tolerance: number;
  tensors: number;
  /** Bytes of integers, or float32 values, on each build. */
  values: number;
  /** Bytes that differ, or the greatest error relative to the greatest magnitude, by build. */
  found: Partial<Record<Build, number>>;
}

async function measureNetwork(network: OutsideNetwork, builds: readonly Build[]): Promise<MeasuredNetwork> {
  const { name, by, exact, tolerance, options, plans: [plan] } = network, found: MeasuredNetwork['found'] = {};
  let tensors = 0, values = 0;
  for (const build of builds) {
    const net = await load(network.bytes(), { ...options, plan, build });
    tensors = values = found[build] = 0;
    for (const answer of network.answers(net)) {
      tensors++;
      values += exact ? answer.expected.length : answer.expected.length / 4;
      found[build] = exact ? found[build] + differing(bytesOf(answer.got), answer.expected) : Math.max(found[build], relativeError(answer));
    }
    net.dispose();
  }
  return { name, by, exact, tolerance, tensors, values, found };
}

export async function measureNetworks(builds: readonly Build[], progress: (name: string) => void = () => {}): Promise<MeasuredNetwork[]> {
  const measured: MeasuredNetwork[] = [];
  for (const network of outsideNetworks()) measured.push(await measureNetwork(network, builds)), progress(network.name);
  return measured;
}
