// Knows how to write a graph as a .tflite file (FlatBuffers, schema version 3), with every field present so that each can be
// broken. It does not know what makes a graph valid.
import type { Attributes, DType, Graph, Operator, Tensor } from '../../src/formats/graph.js';
import { operatorName } from '../../src/formats/tflite-operators.js';

type Field = { i8: number } | { i32: number } | { f32: number } | { ints: number[] } | { floats: Iterable<number> } | { longs: number[] } | { bytes: Uint8Array } | { table: Fields } | { tables: Fields[] };
type Fields = (Field | undefined)[];

/** Parents before children, so that every offset is positive; children are put behind and their places filled in. */
class Writer {
  readonly #bytes: number[] = [];
  readonly #waiting: (() => void)[] = [];

  finish(root: Fields): Uint8Array {
    this.#u32(0);
    this.#bytes.push(...[...'TFL3'].map((c) => c.charCodeAt(0)));
    this.#point(0, () => this.#table(root));
    while (this.#waiting.length) this.#waiting.shift()!();
    return Uint8Array.from(this.#bytes);
  }

  #u32(value: number): number {
    this.#bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
    return this.#bytes.length - 4;
  }

  #align(): void { while (this.#bytes.length % 4) this.#bytes.push(0); }

  #point(at: number, write: () => number): void {
    this.#waiting.push(() => {
      const distance = write() - at;
      for (let i = 0; i < 4; i++) this.#bytes[at + i] = (distance >> (i * 8)) & 255;
    });
  }

  #table(fields: Fields): number {
    this.#align();
    const vtable = this.#bytes.length, offsets = fields.map((field, i) => (field ? 4 + i * 4 : 0));
    for (const value of [4 + fields.length * 2, 4 + fields.length * 4, ...offsets]) this.#bytes.push(value & 255, value >> 8);
    this.#align();
    const table = this.#u32(this.#bytes.length - vtable);
    for (const field of fields) {
      const at = this.#u32(!field ? 0 : 'i8' in field ? field.i8 & 255 : 'i32' in field ? field.i32 : 'f32' in field ? bits(field.f32) : 0);
      if (field && !('i8' in field || 'i32' in field || 'f32' in field)) this.#point(at, () => ('table' in field ? this.#table(field.table) : this.#vector(field)));
    }
    return table;
  }

  #vector(field: Field): number {
    this.#align();
    if ('tables' in field) {
      const start = this.#u32(field.tables.length);
      for (const each of field.tables) this.#point(this.#u32(0), () => this.#table(each));
      return start;
    }
    const [length, bytes] = 'ints' in field ? [field.ints.length, Int32Array.from(field.ints)] : 'floats' in field ? [[...field.floats].length, Float32Array.from(field.floats)]
      : 'longs' in field ? [field.longs.length, BigInt64Array.from(field.longs, BigInt)] : 'bytes' in field ? [field.bytes.length, field.bytes] : [0, new Uint8Array(0)];
    const start = this.#u32(length);
    for (const byte of new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)) this.#bytes.push(byte);
    return start;
  }
}

const bits = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0];
const text = (value: string): Field => ({ bytes: new TextEncoder().encode(value) });

const TYPES: Partial<Record<DType, number>> = { float32: 0, float16: 1, int32: 2, uint8: 3, int64: 4, bool: 6, int16: 7, int8: 9 };
const ACTIVATIONS: Record<string, number> = { none: 0, relu: 1, reluN1To1: 2, relu6: 3 };
const CODES = new Map(Array.from({ length: 118 }, (_, i) => [operatorName(i), i]));

const NAMES: Partial<Record<Attributes['kind'], string>> = {
  conv2d: 'CONV_2D', depthwiseConv2d: 'DEPTHWISE_CONV_2D', fullyConnected: 'FULLY_CONNECTED', averagePool: 'AVERAGE_POOL_2D', maxPool: 'MAX_POOL_2D', reluN1To1: 'RELU_N1_TO_1',
  resizeBilinear: 'RESIZE_BILINEAR', batchToSpace: 'BATCH_TO_SPACE_ND', spaceToBatch: 'SPACE_TO_BATCH_ND', detection: 'CUSTOM',
};
const nameOf = (kind: Attributes['kind']): string => NAMES[kind] ?? kind.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase();

function optionsOf(a: Attributes): Fields {
  const i32 = (value: number): Field => ({ i32: value }), i8 = (value: unknown): Field => ({ i8: Number(value) });
  const padding = 'padding' in a ? i8(a.padding === 'valid') : undefined, activation = 'activation' in a ? i8(ACTIVATIONS[a.activation] ?? 0) : undefined;
  switch (a.kind) {
    case 'conv2d': return [padding, i32(a.stride[1]), i32(a.stride[0]), activation, i32(a.dilation[1]), i32(a.dilation[0])];
    case 'depthwiseConv2d': return [padding, i32(a.stride[1]), i32(a.stride[0]), i32(1), activation, i32(a.dilation[1]), i32(a.dilation[0])];
    case 'fullyConnected': return [activation, i8(0), i8(a.keepDims)];
    case 'averagePool': case 'maxPool': return [padding, i32(a.stride[1]), i32(a.stride[0]), i32(a.window[1]), i32(a.window[0]), activation];
    case 'mean': return [i8(a.keepDims)];
    case 'softmax': return [{ f32: a.beta }];
    case 'pack': return [i32(1), i32(a.axis)];
    case 'unpack': return [i32(1), i32(a.axis)];
    case 'stridedSlice': return [i32(a.beginMask), i32(a.endMask), i32(0), i32(a.newAxisMask), i32(a.shrinkAxisMask)];
    case 'resizeBilinear': return [undefined, undefined, i8(a.alignCorners), i8(a.halfPixelCenters)];
    case 'concatenation': return [i32(a.axis), activation];
    default: return activation ? [activation] : [];
  }
}

/** Windows of a .tflite file know SAME and VALID only: other paddings become an operator of their own. Axes become a constant input. */
function expressible(graph: Graph): Graph {
  const tensors = graph.tensors.map((tensor) => ({ ...tensor })), constant = (values: number[], shape: number[]): number =>
    tensors.push({ name: `constant ${tensors.length}`, shape, dtype: 'int32', data: new Uint8Array(Int32Array.from(values).buffer) }) - 1;
  const operators = graph.operators.flatMap((op): Operator[] => {
    const a = op.attributes;
    if (a.kind === 'mean' && op.inputs.length < 2) return [{ ...op, inputs: [op.inputs[0], constant(a.axes, [a.axes.length])] }];
    if (!('padding' in a) || typeof a.padding === 'string') return [op];
    const { top, bottom, left, right } = a.padding, from = tensors[op.inputs[0]], [n, h, w, c] = from.shape;
    const padded = tensors.push({ ...from, name: `padded ${tensors.length}`, shape: [n, h + top + bottom, w + left + right, c] }) - 1;
    return [
      { attributes: { kind: 'pad' }, inputs: [op.inputs[0], constant([0, 0, top, bottom, left, right, 0, 0], [4, 2])], outputs: [padded], where: '' },
      { ...op, attributes: { ...a, padding: 'valid' }, inputs: [padded, ...op.inputs.slice(1)] },
    ];
  });
  return { ...graph, tensors, operators };
}

/** @param custom options of a detection, which are in a format of their own */
export function writeTflite(given: Graph, custom: Uint8Array = new Uint8Array(0)): Uint8Array {
  const graph = expressible(given), names = [...new Set(graph.operators.map(({ attributes }) => nameOf(attributes.kind)))];
  const buffers: Fields[] = [[]];
  const tensorOf = ({ name, shape, dtype, quantization: q, data }: Tensor): Fields => [
    { ints: shape }, { i8: TYPES[dtype] ?? 0 }, { i32: data ? buffers.push([{ bytes: data }]) - 1 : 0 }, text(name),
    q && { table: [undefined, undefined, { floats: q.scale }, { longs: [...q.zeroPoint] }, undefined, undefined, { i32: q.axis }] },
  ];
  const operatorOf = ({ attributes, inputs, outputs }: Operator): Fields =>
    [{ i32: names.indexOf(nameOf(attributes.kind)) }, { ints: inputs }, { ints: outputs }, undefined, { table: optionsOf(attributes) }, ...(attributes.kind === 'detection' ? [{ bytes: custom }] : [])];
  const tensors = graph.tensors.map(tensorOf);
  return new Writer().finish([
    { i32: 3 },
    { tables: names.map((name) => [{ i8: CODES.get(name) ?? 0 }, text(name === 'CUSTOM' ? 'TFLite_Detection_PostProcess' : ''), { i32: 1 }, { i32: CODES.get(name) ?? 0 }]) },
    { tables: [[{ tables: tensors }, { ints: graph.inputs }, { ints: graph.outputs }, { tables: graph.operators.map(operatorOf) }, text('main')]] },
    text('fuzz'),
    { tables: buffers },
  ]);
}

