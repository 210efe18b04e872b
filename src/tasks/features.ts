// Knows how several maps of one run are read for someone's own detector or classifier; it does not know what they show.
import { DepthwiseError } from '../error.js';
import type { Picture } from '../image.js';
import { isText, listOf, shown } from '../options.js';
import type { Net, Output } from '../net.js';

export function features(net: Net, picture: Picture, names: readonly string[] = lastOfEachStride(net)): Output[] {
  if (!listOf(isText)(names)) throw new DepthwiseError('BAD_INPUT', `features takes a list of the names of tensors, not ${shown(names)}.`);
  // In the order in which they are made, each step runs once; names that nobody knows come first and end it.
  const made = (name: string): number => net.tensors.find((tensor) => tensor.name === name)?.first ?? -1;
  const ordered = [...new Set(names)].sort((a, b) => made(a) - made(b)), input = net.shrinker.toInput(picture, net.inputs[0], net.preprocessing);
  const found = new Map(ordered.map((name, i) => [name, i ? net.layer(name) : net.layer(name, input)]));
  return names.map((name) => found.get(name)!);
}

/** The last map of stride 2, 4, 8 … before a larger stride, of those that lie in memory. */
function lastOfEachStride({ inputs: [input], steps }: Net): string[] {
  const last = new Map<number, string>();
  let most = 2;
  for (const { op, name, output } of steps) {
    const stride = Math.round(input.shape[1] / output[1]);
    if (output.length !== 4 || output[1] * output[2] === 1 || op === 'pad' || stride < most) continue;
    last.set(most = stride, name);
  }
  return [...last.values()];
}
