// Knows how to draw which tensor holds which part of the arena at which step, in letters; it plans nothing.
import type { Net } from '../net.js';
import { bytes } from './report.js';

type Placed = Net['tensors'][number];

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The tensor with the most bytes in the band [from, to) while any of the steps [first, last] run. */
function owner(tensors: Placed[], from: number, to: number, first: number, last: number): Placed | undefined {
  let best: Placed | undefined;
  let most = 0;
  for (const tensor of tensors) {
    if (tensor.last < first || tensor.first > last) continue;
    const overlap = Math.min(to, tensor.offset + tensor.bytes) - Math.max(from, tensor.offset);
    if (overlap > most) [best, most] = [tensor, overlap];
  }
  return best;
}

/** Rows are bands of addresses, the highest on top; columns are steps. Tensors take letters by turns. */
export function arenaPicture(net: Pick<Net, 'tensors' | 'steps' | 'memory'>, columns = 100, rows = 16): string {
  const { tensors, steps } = net;
  const arena = tensors.reduce((end, tensor) => Math.max(end, tensor.offset + tensor.bytes), 0);
  if (!arena || !steps.length) return '(nothing in the arena)';
  const perColumn = Math.ceil(steps.length / columns);
  const letter = new Map(tensors.map((tensor, i) => [tensor, LETTERS[i % LETTERS.length]]));
  const lines: string[] = [];
  for (let row = rows - 1; row >= 0; row--) {
    const [from, to] = [(arena * row) / rows, (arena * (row + 1)) / rows];
    let line = '';
    for (let step = 0; step < steps.length; step += perColumn) {
      const tensor = owner(tensors, from, to, step, step + perColumn - 1);
      line += tensor ? letter.get(tensor)! : '.';
    }
    lines.push(`${bytes(Math.round(from)).padStart(9)} |${line}|`);
  }
  lines.push(`${' '.repeat(9)}  step 0 to ${steps.length - 1}${perColumn > 1 ? `, ${perColumn} steps a column` : ''}; a letter is a tensor, a dot is free`);
  return lines.join('\n');
}
