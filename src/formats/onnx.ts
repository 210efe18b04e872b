// Knows the .onnx file (ModelProto in onnx.proto) and in which order its nodes become operators of ours. It does not know
// what any operator does.
import { DepthwiseError } from '../error.js';
import type { Graph, Tensor } from './graph.js';
import { evaluate } from './onnx-constants.js';
import { Node } from './onnx-node.js';
import { translate } from './onnx-operators.js';
import { hardFunctions, withBias } from './onnx-patterns.js';
import { integerOperators, withoutUnread } from './onnx-quantised.js';
import { broken, checkedShape, dtypeOf, readTensor } from './onnx-tensor.js';
import { Call, isConstant, NHWC, plain, Translation } from './onnx-translation.js';
import type { Value } from './onnx-translation.js';
import { Message } from './protobuf.js';

export interface OnnxOptions {
  /** Height and width of the input where the file leaves them open. */
  size?: number;
}

const LEAST_OPSET = 9, MOST_OPSET = 21;

/** Weights whose layout is ours already are views into `bytes`. Pictures are NHWC in the graph, whatever they are in the file. */
export function readOnnx(bytes: Uint8Array, options: OnnxOptions = {}): Graph {
  const model = Message.root(bytes, 'the model'), opset = opsetOf(model), graph = model.message(7, 'the graph');
  if (!graph) throw broken('it has no graph');
  if (graph.has(15)) throw new DepthwiseError('UNSUPPORTED', 'This .onnx file has sparse weights. Save them dense.');
  const to = new Translation();
  for (const [i, message] of graph.messages(5, (n) => `constant ${n}`).entries()) {
    const tensor = readTensor(message, `Constant ${i} ("${message.string(8)}") of this .onnx file`);
    to.values.set(tensor.name, { tensor });
  }
  const nodes = graph.messages(1, (n) => `node ${n}`).map((message, i) => new Node(message, i, opset));
  for (const [i, message] of graph.messages(11, (n) => `input ${n}`).entries()) readInput(message, i, nodes, to, options);
  const outputsOf = new Map(nodes.flatMap((node) => node.outputs.map((name, i): [string, { node: Node; i: number }] => [name, { node, i }])));
  for (const node of nodes) run(node, to, outputsOf);
  readOutputs(graph, to);
  to.graph.about = aboutOf(model);
  return withoutUnread(integerOperators(withoutUnread(hardFunctions(withBias(to.graph)))));
}

function opsetOf(model: Message): number {
  const imports = model.messages(8, (i) => `operator set ${i}`), standard = imports.find((message) => ['', 'ai.onnx'].includes(message.string(1)));
  const opset = standard?.int(2) ?? 0;
  if (!imports.length) throw broken('it names no operator set');
  if (opset >= LEAST_OPSET && opset <= MOST_OPSET) return opset;
  throw new DepthwiseError('UNSUPPORTED', `This .onnx file uses operator set ${opset}; ${LEAST_OPSET} to ${MOST_OPSET} are read. Export it with opset_version=17, or convert it with onnx.version_converter.`);
}

/** Old files list constants among the inputs as well. A dimension that is open counts as 1 for the batch. */
function readInput(message: Message, index: number, nodes: Node[], to: Translation, { size }: OnnxOptions): void {
  const name = message.string(1), what = `Input ${index} ("${name}") of this .onnx file`;
  if (to.values.has(name)) return;
  const type = message.message(2, what)?.message(1, what), dimensions = type?.message(2, what)?.messages(1, (i) => `dimension ${i} of ${what}`);
  if (!type || !dimensions) throw new DepthwiseError('UNSUPPORTED', `${what} is no tensor of a known shape. Export the model with a fixed input shape.`);
  const dtype = dtypeOf(type.int(1), what);
  const shape = dimensions.map((dimension, i) => Math.max(0, dimension.int(1)) || (i === 0 ? 1 : i > 1 && dimensions.length === 4 ? size ?? 0 : 0));
  if (shape.includes(0)) throw new DepthwiseError('UNSUPPORTED', `${what} leaves its height and width open. Say the size of pictures (--size N), or export it with a fixed input shape.`);
  checkedShape(shape, `input ${index} ("${name}")`, 1);
  const order = shape.length !== 4 || comesAsNhwc(name, nodes) ? plain(shape.length) : NHWC;
  const tensor: Tensor = { name, shape: order.map((i) => shape[i]), dtype: dtype === 'float16' ? 'float32' : dtype };
  to.values.set(name, { index: to.add(tensor), shape, order });
  to.graph.inputs.push(to.graph.tensors.length - 1);
}

const BEFORE = new Set(['QuantizeLinear', 'DequantizeLinear', 'Cast', 'Identity']);

/** Models made from TensorFlow's take NHWC and transpose it first, perhaps after quantising it. */
function comesAsNhwc(name: string, nodes: Node[]): boolean {
  const readersOf = (value: string): Node[] => nodes.filter((node) => node.inputs[0] === value);
  let readers = readersOf(name);
  for (let i = 0; i < BEFORE.size && readers.length === 1 && BEFORE.has(readers[0].op); i++) readers = readersOf(readers[0].outputs[0]);
  return readers.length > 0 && readers.every((node) => node.op === 'Transpose' && node.ints('perm')?.join() === '0,3,1,2');
}

function run(node: Node, to: Translation, outputsOf: Map<string, { node: Node; i: number }>): void {
  const inputs = node.inputs.map((name): Value | undefined => {
    const value = to.values.get(name);
    if (value || name === '') return value;
    const source = outputsOf.get(name);
    if (!source) throw broken(`${node.where} reads "${name}", which no input, constant or node of the file gives`);
    if (source.i > 0) throw node.unsupported(`reads "${name}", output ${source.i} of ${source.node.where}, which this library does not compute.`);
    throw broken(`${node.where} reads "${name}" before ${source.node.where} has written it: nodes are out of order or form a circle`);
  });
  const [output] = node.outputs, call = new Call(node, to, inputs);
  if (to.values.has(output)) throw broken(`${node.where} writes "${output}" a second time`);
  const constant = evaluate(call);
  to.values.set(output, constant ? { tensor: constant } : translate(call));
}

function readOutputs(graph: Message, to: Translation): void {
  for (const message of graph.messages(12, (i) => `output ${i}`)) {
    const name = message.string(1), value = to.values.get(name);
    if (!value) throw broken(`nothing writes output "${name}"`);
    if (isConstant(value)) throw new DepthwiseError('UNSUPPORTED', `Output "${name}" of this .onnx file is a constant. Leave it out when exporting.`);
    to.graph.outputs.push(value.index);
  }
  if (!to.graph.inputs.length || !to.graph.outputs.length) throw broken('it has no input or no output');
}

function aboutOf(model: Message): Graph['about'] {
  const producer = [model.string(2), model.string(3)].filter(Boolean).join(' ');
  return { description: model.string(6) || undefined, source: `ONNX file${producer && ` (${producer})`}` };
}
