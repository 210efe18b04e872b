// Knows functions that exporters write out in several nodes, and puts one operator in their place. It does not know ONNX.
import { elements, numbers } from './graph.js';
import type { Attributes, Graph, Operator } from './graph.js';

type Kind = Attributes['kind'];

/** Who makes each tensor, and how often it is read. */
class Wiring {
  readonly makers = new Map<number, Operator>();
  readonly #graph: Graph;
  readonly #reads = new Map<number, number>();

  constructor(graph: Graph) {
    this.#graph = graph;
    for (const op of graph.operators) {
      this.makers.set(op.outputs[0], op);
      for (const i of op.inputs) this.#read(i);
    }
    graph.outputs.forEach((i) => this.#read(i));
  }

  #read(i: number): void { this.#reads.set(i, (this.#reads.get(i) ?? 0) + 1); }

  isRead(i: number): number { return this.#reads.get(i) ?? 0; }

  /** The operator that makes `i`, if it is of that kind and does nothing else besides. */
  maker(i: number, kind: Kind): Operator | undefined {
    const op = this.makers.get(i);
    return op?.attributes.kind === kind && (!('activation' in op.attributes) || op.attributes.activation === 'none') ? op : undefined;
  }

  /** Whether `i` is a constant of one float32 value near `value`. */
  isNumber(i: number, value: number): boolean {
    const tensor = this.#graph.tensors[i];
    return Boolean(tensor?.data) && tensor.dtype === 'float32' && elements(tensor.shape) === 1 && Math.abs(numbers(tensor)[0] - value) < 1e-4 * value;
  }

  /** The other input of an operator of two, where one is that number. */
  besides({ inputs: [a, b] }: Operator, value: number): number | undefined {
    return this.isNumber(b, value) ? a : this.isNumber(a, value) ? b : undefined;
  }

  /** x, where i = relu6(x + 3). */
  raised(i: number): number | undefined {
    const cut = this.maker(i, 'relu6'), sum = cut && this.maker(cut.inputs[0], 'add');
    return sum && this.besides(sum, 3);
  }
}

/** A constant added to a product without a bias is its bias. */
export function withBias(graph: Graph): Graph {
  const wiring = new Wiring(graph), merged = new Set<Operator>();
  const operators = graph.operators.filter((op) => {
    if (op.attributes.kind !== 'add' || op.inputs[0] === op.inputs[1]) return true;
    for (const [x, c] of [op.inputs, [...op.inputs].reverse()]) {
      const product = wiring.maker(x, 'fullyConnected'), constant = graph.tensors[c];
      const fits = product && product.inputs[2] < 0 && wiring.isRead(x) === 1 && constant.data && elements(constant.shape) === graph.tensors[x].shape.at(-1) && constant.shape.at(-1) === elements(constant.shape);
      if (!fits || merged.has(product)) continue;
      merged.add(product);
      product.inputs = [product.inputs[0], product.inputs[1], graph.tensors.push({ ...constant, shape: [elements(constant.shape)] }) - 1];
      product.outputs = op.outputs;
      return false;
    }
    return true;
  });
  return { ...graph, operators };
}

/** x * relu6(x + 3) / 6 and relu6(x + 3) / 6, in whatever order they are written. What they leave unread stays. */
export function hardFunctions(graph: Graph): Graph {
  const wiring = new Wiring(graph);
  for (const op of graph.operators) {
    const found = op.attributes.kind === 'mul' && op.attributes.activation === 'none' ? hardFunction(wiring, op) : undefined;
    if (found) Object.assign(op, { attributes: { kind: found.kind }, inputs: [found.x] });
  }
  return graph;
}

function hardFunction(wiring: Wiring, op: Operator): { kind: 'hardSwish' | 'hardSigmoid'; x: number } | undefined {
  const sixth = wiring.besides(op, 1 / 6);
  if (sixth !== undefined) {
    const gate = wiring.raised(sixth), product = wiring.maker(sixth, 'mul');
    if (gate !== undefined) return { kind: 'hardSigmoid', x: gate };
    const x = product && gated(product, (i) => wiring.raised(i));
    if (x !== undefined) return { kind: 'hardSwish', x };
  }
  const x = gated(op, (i) => wiring.maker(i, 'hardSigmoid')?.inputs[0])
    ?? gated(op, (i) => wiring.raised(i), (i) => wiring.besides(wiring.maker(i, 'mul') ?? op, 1 / 6));
  return x === undefined ? undefined : { kind: 'hardSwish', x };
}

/** x of x * gate(x); `own` says what the other factor is made of. */
function gated({ inputs: [a, b] }: Operator, gate: (i: number) => number | undefined, own: (i: number) => number | undefined = (i) => i): number | undefined {
  for (const [x, g] of [[a, b], [b, a]]) {
    const from = gate(g);
    if (from !== undefined && from === own(x)) return from;
  }
  return undefined;
}
