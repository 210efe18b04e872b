// Knows how far whole networks are from the answers of other programs, on every build: bytes that differ, or the greatest
// error of float32, theirs and ours also from float64. It does not know how it is told.
import { readGraph } from '../../src/convert.js';
import type { Build } from '../../src/engine.js';
import { load } from '../../src/load.js';
import { bytesOf, floatsOf, outsideNetworks, relativeError } from '../outside-networks.js';
import type { OutsideNetwork } from '../outside-networks.js';
import { UNROUNDED, interpret } from '../reference.js';
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
  /** The greatest errors of the final outputs from float64: theirs, and ours by build. */
  exactly?: { theirs: number; ours: Partial<Record<Build, number>> };
}

/** Naive loops take a second for 100 million multiply-adds. */
const MOST_MACS = 2e8;

async function measureNetwork(network: OutsideNetwork, builds: readonly Build[]): Promise<MeasuredNetwork> {
  const { name, by, exact, tolerance, options, plans: [plan] } = network, result: MeasuredNetwork = { name, by, exact, tolerance, tensors: 0, values: 0, found: {} };
  const truths = new Map<string, Float64Array>();
  for (const build of builds) {
    const net = await load(network.bytes(), { ...options, plan, build }), small = net.steps.reduce((sum, { macs }) => sum + macs, 0) < MOST_MACS;
    let most = 0, tensors = 0, values = 0;
    for (const { what, got, expected, inputs, output } of network.answers(net)) {
      tensors++;
      values += exact ? expected.length : expected.length / 4;
      most = exact ? most + differing(bytesOf(got), expected) : Math.max(most, relativeError(got.data, floatsOf(expected)));
      if (exact || !small || !inputs) continue;
      if (!truths.has(what)) truths.set(what, await truth(network, inputs, output!));
      result.exactly ??= { theirs: 0, ours: {} };
      result.exactly.theirs = Math.max(result.exactly.theirs, relativeError(floatsOf(expected), truths.get(what)!));
      result.exactly.ours[build] = Math.max(result.exactly.ours[build] ?? 0, relativeError(got.data, truths.get(what)!));
    }
    Object.assign(result, { tensors, values });
    result.found[build] = most;
    net.dispose();
  }
  return result;
}

/** What the network's own numbers give in float64. */
async function truth({ bytes, options }: OutsideNetwork, inputs: Uint8Array[], output: number): Promise<Float64Array> {
  const graph = await readGraph(bytes(), options);
  return interpret(graph, inputs.map(floatsOf), UNROUNDED).get(graph.outputs[output])!;
}

/** @param wanted which networks */
export async function measureNetworks(builds: readonly Build[], progress: (line: string) => void = () => {}, wanted: (network: OutsideNetwork) => boolean = () => true): Promise<MeasuredNetwork[]> {
  const measured: MeasuredNetwork[] = [];
  for (const network of outsideNetworks().filter(wanted)) measured.push(await measureNetwork(network, builds)), progress(network.name);
  return measured;
}
