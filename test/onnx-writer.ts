// Knows how to write small .onnx files (onnx.proto, by hand) for tests. It does not know what makes one valid.

export type Attribute = number | number[] | string | Values | { float: number } | { floats: number[] };
export interface Values { shape: number[]; type: keyof typeof TYPES; values: number[]; typed?: boolean }
export interface NodeOf { op: string; inputs: string[]; outputs: string[]; name?: string; domain?: string; attributes?: Record<string, Attribute> }
export interface Model {
  nodes: NodeOf[];
  constants?: Record<string, Values>;
  input?: { name?: string; shape: (number | string)[]; type?: keyof typeof TYPES };
  outputs?: string[];
  opset?: number;
  /** Fields put into the first constant, for broken files. */
  extra?: number[];
}

export const TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10, float64: 11 };

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const key = (field: number, wire: number): number[] => varint(field * 8 + wire);
export const int = (field: number, value: number): number[] => [...key(field, 0), ...varint(value)];
export const bytes = (field: number, content: ArrayLike<number>): number[] => [...key(field, 2), ...varint(content.length), ...Array.from(content)];
const text = (field: number, content: string): number[] => bytes(field, new TextEncoder().encode(content));
const float32 = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];

function raw(type: keyof typeof TYPES, values: number[]): Uint8Array {
  const typed = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array, float16: Uint16Array, float64: Float64Array };
  return new Uint8Array(type === 'int64' ? BigInt64Array.from(values, BigInt).buffer : typed[type].from(values).buffer);
}

function tensor(name: string, { shape, type, values, typed }: Values): number[] {
  const head = [...shape.flatMap((d) => int(1, d)), ...int(2, TYPES[type]), ...text(8, name)];
  if (!typed) return [...head, ...bytes(9, raw(type, values))];
  if (type === 'float32') return [...head, ...bytes(4, values.flatMap(float32))];
  return [...head, ...bytes(type === 'int64' ? 7 : 5, values.flatMap(varint))];
}

function attribute(name: string, value: Attribute): number[] {
  const head = text(1, name);
  if (typeof value === 'number') return [...head, ...int(3, value), ...int(20, 2)];
  if (typeof value === 'string') return [...head, ...text(4, value), ...int(20, 3)];
  if (Array.isArray(value)) return [...head, ...bytes(8, value.flatMap(varint)), ...int(20, 7)];
  if ('float' in value) return [...head, ...key(2, 5), ...float32(value.float), ...int(20, 1)];
  if ('floats' in value) return [...head, ...bytes(7, value.floats.flatMap(float32)), ...int(20, 6)];
  return [...head, ...bytes(5, tensor('', value)), ...int(20, 4)];
}

function node({ op, inputs, outputs, name = '', domain = '', attributes = {} }: NodeOf): number[] {
  return [
    ...inputs.flatMap((input) => text(1, input)), ...outputs.flatMap((output) => text(2, output)), ...text(3, name), ...text(4, op),
    ...Object.entries(attributes).flatMap(([key, value]) => bytes(5, attribute(key, value))), ...(domain ? text(7, domain) : []),
  ];
}

function valueInfo(name: string, shape: (number | string)[], type: keyof typeof TYPES): number[] {
  const dimensions = shape.flatMap((d) => bytes(1, typeof d === 'number' ? int(1, d) : text(2, d)));
  return [...text(1, name), ...bytes(2, bytes(1, [...int(1, TYPES[type]), ...bytes(2, dimensions)]))];
}

export function onnx({ nodes, constants = {}, input = { shape: [1, 3, 4, 4] }, outputs = ['y'], opset = 17, extra = [] }: Model): Uint8Array<ArrayBuffer> {
  const graph = [
    ...nodes.flatMap((each) => bytes(1, node(each))), ...text(2, 'test'),
    ...Object.entries(constants).flatMap(([name, values], i) => bytes(5, [...tensor(name, values), ...(i ? [] : extra)])),
    ...bytes(11, valueInfo(input.name ?? 'x', input.shape, input.type ?? 'float32')), ...outputs.flatMap((name) => bytes(12, valueInfo(name, [], 'float32'))),
  ];
  return Uint8Array.from([...int(1, 8), ...text(2, 'depthwise tests'), ...bytes(7, graph), ...bytes(8, [...text(1, ''), ...int(2, opset)])]);
}

export const floats = (shape: number[], values: number[], typed = false): Values => ({ shape, type: 'float32', values, typed });
export const ints = (values: number[], shape = [values.length]): Values => ({ shape, type: 'int64', values });
