// Knows a node of an ONNX graph and its attributes (NodeProto and AttributeProto in onnx.proto). It does not know what
// any operator does.
import { DepthwiseError } from '../error.js';
import type { Tensor } from './graph.js';
import { broken, readTensor } from './onnx-tensor.js';
import type { Message } from './protobuf.js';

const STANDARD = new Set(['', 'ai.onnx']);
/** What onnxruntime's quantiser writes for opsets whose own operators know too few types; they mean the same. */
const BORROWED = new Set(['QuantizeLinear', 'DequantizeLinear']);

export class Node {
  readonly op: string;
  readonly where: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly opset: number;
  readonly #attributes = new Map<string, Message>();

  constructor(message: Message, index: number, opset: number) {
    const domain = message.string(7), type = message.string(4), name = message.string(3);
    this.op = STANDARD.has(domain) || (domain === 'com.microsoft' && BORROWED.has(type)) ? type : `${domain}.${type}`;
    this.where = `node ${index} (${this.op}${name && ` "${name}"`})`;
    this.inputs = message.strings(1);
    this.outputs = message.strings(2);
    this.opset = opset;
    for (const attribute of message.messages(5, (i) => `attribute ${i} of ${this.where}`)) this.#attributes.set(attribute.string(1), attribute);
    if (!this.outputs[0]) throw broken(`${this.where} has no output`);
  }

  has(name: string): boolean { return this.#attributes.has(name); }
  int(name: string, otherwise: number): number { return this.#attributes.get(name)?.int(3, otherwise) ?? otherwise; }
  float(name: string, otherwise: number): number { return this.#attributes.get(name)?.float(2, otherwise) ?? otherwise; }
  ints(name: string): number[] | undefined { return this.#attributes.get(name)?.ints(8); }
  floats(name: string): number[] | undefined { return this.#attributes.get(name)?.floats(7); }
  string(name: string, otherwise: string): string { return this.#attributes.get(name)?.string(4) ?? otherwise; }

  tensor(name: string): Tensor | undefined {
    const what = `attribute "${name}" of ${this.where}`, message = this.#attributes.get(name)?.message(5, what);
    return message && readTensor(message, what);
  }

  unsupported(what: string): DepthwiseError {
    return new DepthwiseError('UNSUPPORTED', `${this.where} ${what}`);
  }

  broken(what: string): DepthwiseError {
    return broken(`${this.where} ${what}`);
  }
}
