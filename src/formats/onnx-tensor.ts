// Knows how ONNX stores constants (TensorProto in onnx.proto) and how they are laid out anew. It does not know operators.
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements, floats, isShape, numbers } from './graph.js';
import type { DType, Tensor } from './graph.js';
import type { Message } from './protobuf.js';

/** TensorProto.DataType; float64 and bfloat16 become float32 when read. */
const TYPES: Record<number, DType | undefined> = {
  1: 'float32', 2: 'uint8', 3: 'int8', 5: 'int16', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float32', 16: 'float32',
};
const FLOAT64 = 11, BFLOAT16 = 16;
const NAMES = 'undefined float32 uint8 int8 uint16 int16 int32 int64 strings bool float16 float64 uint32 uint64 complex64 complex128 bfloat16'.split(' ');

export const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This .onnx file is damaged: ${what}. Download or export it again.`);

export function dtypeOf(type: number, what: string): DType {
  const dtype = TYPES[type];
  if (!dtype) throw new DepthwiseError('UNSUPPORTED', `${what} holds ${NAMES[type] ?? `values of type ${type}`}, which this library does not read. Export the model in float32, or quantise it to 8 bits.`);
  return dtype;
}

/** Shapes of what is stored or computed, before memory is taken for it. */
export function checkedShape(shape: number[], what: string, least = 0): number[] {
  if (!isShape(shape) || shape.some((d) => d < least)) throw broken(`${what} has shape [${shape}]`);
  return shape;
}

/** The data is a view into the file where it is stored raw in a type that the graph knows. */
export function readTensor(message: Message, what: string): Tensor {
  const name = message.string(8), type = message.int(2), dtype = dtypeOf(type, what);
  const shape = checkedShape(message.ints(1), what);
  if (message.int(14) === 1 || message.has(13)) {
    throw new DepthwiseError('BAD_FILE', `${what} keeps its values in another file (external data), which cannot be read from here. Save the model as one file: onnx.save(onnx.load("model.onnx"), "one.onnx"), or torch.onnx.export(..., external_data=False).`);
  }
  const raw = message.bytes(9), data = raw?.length ? fromRaw(raw, type) : fromNumbers(message, type, dtype);
  if (data.length !== elements(shape) * bytesPerElement[dtype]) throw broken(`${what} is ${dtype} [${shape}] but has ${data.length} bytes`);
  return { name, shape, dtype, data };
}

function fromRaw(raw: Uint8Array, type: number): Uint8Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (type === FLOAT64) return bytesOf(Float32Array.from({ length: raw.length >> 3 }, (_, i) => view.getFloat64(i * 8, true)));
  if (type === BFLOAT16) return bytesOf(Uint32Array.from({ length: raw.length >> 1 }, (_, i) => view.getUint16(i * 2, true) << 16));
  return raw;
}

/** Values in the field that their type has; types below 32 bits share one. */
function fromNumbers(message: Message, type: number, dtype: DType): Uint8Array {
  if (type === FLOAT64) return bytesOf(Float32Array.from(message.doubles(10)));
  if (type === BFLOAT16) return bytesOf(Uint32Array.from(message.ints(5), (bits) => bits << 16));
  if (dtype === 'float16') return bytesOf(Uint16Array.from(message.ints(5)));
  return encode(dtype === 'float32' ? message.floats(4) : message.ints(dtype === 'int64' ? 7 : 5), dtype);
}

type Values = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array;

export const bytesOf = ({ buffer, byteOffset, byteLength }: Values): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** Numbers as little-endian bytes; float16 becomes float32 elsewhere and is never written. */
export function encode(values: number[], dtype: DType): Uint8Array {
  switch (dtype) {
    case 'float32': case 'float16': return bytesOf(Float32Array.from(values));
    case 'int8': return bytesOf(Int8Array.from(values));
    case 'uint8': case 'bool': return Uint8Array.from(values);
    case 'int16': return bytesOf(Int16Array.from(values));
    case 'int32': return bytesOf(Int32Array.from(values));
    case 'int64': return bytesOf(BigInt64Array.from(values, (v) => (Number.isFinite(v) ? BigInt(Math.trunc(v)) : 0n)));
  }
}

export const scalar = (value: number, name = `${value}`): Tensor => ({ name, shape: [], dtype: 'float32', data: bytesOf(Float32Array.of(value)) });

/** A constant with its dimensions in another order: output dimension i is input dimension order[i]. */
export function permuted(tensor: Tensor, order: number[]): Tensor {
  const { shape, data } = tensor, wide = (of: number[]): string => of.filter((i) => shape[i] > 1).join();
  const sizes = order.map((i) => shape[i]);
  const quantization = tensor.quantization && { ...tensor.quantization, axis: Math.max(0, order.indexOf(tensor.quantization.axis)) };
  const result: Tensor = { ...tensor, shape: sizes, ...(quantization && { quantization }) };
  if (wide(order) === wide(shape.map((_, i) => i))) return result;
  const size = bytesPerElement[tensor.dtype], out = new Uint8Array(data!.length);
  const steps = order.map((i) => elements(shape.slice(i + 1)));
  const index = new Array<number>(sizes.length).fill(0);
  for (let to = 0, from = 0; to < out.length; to += size) {
    for (let b = 0; b < size; b++) out[to + b] = data![from * size + b];
    for (let d = sizes.length - 1; d >= 0; d--) {
      from += steps[d];
      if (++index[d] < sizes[d]) break;
      from -= steps[d] * sizes[d];
      index[d] = 0;
    }
  }
  return { ...result, data: out };
}

/** The real values of a constant: float32, dequantised where it is quantised. */
export function real(tensor: Tensor): Tensor {
  const { name, shape, dtype, data, quantization } = tensor;
  if (!quantization) return { name, shape, dtype: 'float32', data: dtype === 'float32' ? data : bytesOf(floats(tensor)) };
  const { scale, zeroPoint, axis } = quantization, inner = elements(shape.slice(axis + 1));
  const channel = (i: number): number => (scale.length === 1 ? 0 : Math.floor(i / inner) % scale.length);
  return { name, shape, dtype: 'float32', data: bytesOf(Float32Array.from(numbers(tensor), (q, i) => scale[channel(i)] * (q - zeroPoint[channel(i)]))) };
}
