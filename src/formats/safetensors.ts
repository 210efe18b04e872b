// Knows the .safetensors container: a JSON header and raw tensors. It does not know what any tensor is for.
import { DepthwiseError } from '../error.js';
import { fromUtf8 } from '../text.js';
import { bytesPerElement, elements, isShape } from './graph.js';
import type { DType, Tensor } from './graph.js';

export interface Safetensors {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

const DTYPES: Record<string, DType> = { F32: 'float32', F16: 'float16', I8: 'int8', U8: 'uint8', I16: 'int16', I32: 'int32', I64: 'int64', BOOL: 'bool' };
const MOST_HEADER = 100_000_000; // the format's own limit

const broken = (what: string, cause?: unknown): DepthwiseError => new DepthwiseError('BAD_FILE', `This .safetensors file ${what}. Download or export it again.`, { cause });

/** Tensors are views into `bytes`, except bfloat16 ones, which become float32. */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  if (bytes.length < 8) throw broken(`has ${bytes.length} bytes, too few for a header`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > MOST_HEADER || 8 + length > bytes.length) throw broken(`says its header has ${length} bytes, but the file has ${bytes.length}`);
  const header = parse(bytes.subarray(8, 8 + length));
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Tensor>();
  let metadata: Record<string, string> = {};
  const extents: [number, number, string][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = Object.fromEntries(Object.entries(entry ?? {}).filter(([, value]) => typeof value === 'string')) as Record<string, string>;
      continue;
    }
    const tensor = readTensor(name, entry, data);
    if (!tensor) continue;
    tensors.set(name, tensor.tensor);
    extents.push([tensor.from, tensor.to, name]);
  }
  checkOverlap(extents);
  return { tensors, metadata };
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw broken('has a header that is not JSON', cause);
  }
  if (!header || typeof header !== 'object' || Array.isArray(header)) throw broken('has a header that lists no tensors');
  return header as Record<string, unknown>;
}

function readTensor(name: string, entry: unknown, data: Uint8Array): { tensor: Tensor; from: number; to: number } | undefined {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !isShape(shape) || !Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw broken(`describes tensor "${name}" without a dtype, shape or place`);
  }
  const [from, to] = offsets as [number, number];
  const known = DTYPES[dtype], size = dtype === 'BF16' ? 2 : known ? bytesPerElement[known] : 0;
  if (!size) return undefined; // float64 and float8 tensors: a model that needs one will miss it by name
  const count = elements(shape);
  if (from > to || to > data.length || to - from !== count * size) {
    throw broken(`places tensor "${name}" (${dtype} [${shape}]) at bytes ${from} to ${to} of ${data.length}: it is truncated or damaged`);
  }
  const view = data.subarray(from, to);
  const tensor: Tensor = dtype === 'BF16'
    ? { name, shape, dtype: 'float32', data: fromBfloat16(view) }
    : { name, shape, dtype: known, data: view };
  return { tensor, from, to };
}

function fromBfloat16(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i += 2) out.set([bytes[i], bytes[i + 1]], i * 2 + 2);
  return out;
}

function checkOverlap(extents: [number, number, string][]): void {
  extents.sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < extents.length; i++) {
    if (extents[i][0] < extents[i - 1][1]) throw broken(`places tensors "${extents[i - 1][2]}" and "${extents[i][2]}" on top of each other`);
  }
}
