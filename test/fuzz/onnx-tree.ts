// Knows .onnx files as trees of fields, so that one field can be changed, doubled or dropped and all lengths around it
// stay right. Which fields are messages it knows of onnx.proto; it does not know what they mean.
import type { Random } from '../random-graph.js';
import { varint } from '../onnx-writer.js';
import { NUMBERS } from './case.js';

export interface Field { number: number; wire: number; value: bigint; bytes: Uint8Array; children?: Field[] }

type Messages = { [field: number]: Messages };
const DIMENSION: Messages = {}, TENSOR: Messages = {}, VALUE_INFO: Messages = { 2: { 1: { 2: { 1: DIMENSION } } } };
const NODE: Messages = { 5: { 5: TENSOR } }, GRAPH: Messages = { 1: NODE, 5: TENSOR, 11: VALUE_INFO, 12: VALUE_INFO, 13: VALUE_INFO };
const MODEL: Messages = { 7: GRAPH, 8: {} };

export function parse(bytes: Uint8Array, messages: Messages = MODEL): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(number()), field: Field = { number: key >> 3, wire: key & 7, value: 0n, bytes: bytes.subarray(0, 0) };
    if (field.wire === 0) field.value = number();
    else {
      const length = field.wire === 2 ? Number(number()) : field.wire === 1 ? 8 : 4;
      field.bytes = bytes.subarray(at, at += length);
      if (field.wire === 2 && messages[field.number]) field.children = parse(field.bytes, messages[field.number]);
    }
    fields.push(field);
  }
  return fields;
}

/** Of fields, which changes share. */
const WRITTEN = new WeakMap<Field, Uint8Array[]>();

function written(field: Field): Uint8Array[] {
  const { number, wire, value, bytes, children } = field, known = WRITTEN.get(field);
  if (known) return known;
  const key = varint(number * 8 + wire), content = children ? write(children) : bytes;
  const parts = wire === 0 ? [Uint8Array.from([...key, ...varint64(value)])] : [Uint8Array.from(wire === 2 ? [...key, ...varint(content.length)] : key), content];
  WRITTEN.set(field, parts);
  return parts;
}

export function write(fields: Field[]): Uint8Array {
  const parts = fields.flatMap(written);
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

function varint64(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

type Path = number[];
export type TreeEdit = ['number', Path, string] | ['hex', Path, string] | ['drop', Path] | ['double', Path] | ['swap', Path, Path] | ['field', Path, number, number];

function somewhere(random: Random, fields: Field[]): { path: Path; field?: Field } {
  const path: Path = [];
  let field: Field | undefined;
  for (let at: Field[] | undefined = fields; at?.length && (!path.length || random.below(6)); at = field?.children) {
    const i = random.below(at.length);
    path.push(i);
    field = at[i];
  }
  return { path, field };
}

const WORDS = ['Conv', 'Relu', 'Clip', 'Add', 'Mul', 'Div', 'Sub', 'Gemm', 'MatMul', 'Reshape', 'Flatten', 'Transpose', 'Concat', 'Gather', 'Shape', 'Slice', 'Squeeze', 'Unsqueeze', 'Cast', 'Constant', 'Identity',
  'GlobalAveragePool', 'AveragePool', 'ReduceMean', 'BatchNormalization', 'HardSigmoid', 'HardSwish', 'Sigmoid', 'Softmax', 'Pad', 'QuantizeLinear', 'DequantizeLinear', 'Dropout', 'x', 'y', '', 'axes', 'axis', 'pads', 'group', 'perm', 'to', 'value', 'SAME_LOWER', 'ai.onnx', '__proto__'];

export function mutateTree(random: Random, fields: Field[]): TreeEdit {
  const { path, field } = somewhere(random, fields), kind = random.below(10);
  if (!field || kind === 0) return ['drop', path];
  if (kind === 1) return ['double', path];
  if (kind === 2) return ['swap', path, somewhere(random, fields).path];
  if (kind === 3) return ['field', path, random.below(3) ? field.number : 1 + random.below(22), random.below(3) ? field.wire : random.of([0, 1, 2, 5])];
  if (field.wire === 0) return ['number', path, String(BigInt.asIntN(64, random.of([field.value + 1n, field.value - 1n, -field.value, field.value * 2n, BigInt(random.of(NUMBERS)), BigInt(random.of(NUMBERS)), BigInt(random.below(24)), 2n ** 62n, -(2n ** 63n)])))];
  return ['hex', path, changed(random, field)];
}

/** Other bytes: a word of the format, or some of them changed; floats get values at which arithmetic goes wrong. */
function changed(random: Random, { wire, bytes, children }: Field): string {
  if (wire === 5 || (wire === 2 && !children && bytes.length % 4 === 0 && random.below(3) === 0)) {
    const value = Buffer.from(Float32Array.of(random.of([0, -0, 1, -1, NaN, Infinity, -Infinity, 1e-45, 3e38, 6, 255])).buffer).toString('hex');
    return wire === 5 ? value : value + Buffer.from(bytes.subarray(4, 2048)).toString('hex');
  }
  if (random.below(3) === 0) return Buffer.from(random.of(WORDS)).toString('hex');
  const copy = Uint8Array.from(bytes.subarray(0, 4096));
  if (random.below(3) === 0) return Buffer.from(copy.subarray(0, random.below(copy.length + 1))).toString('hex');
  for (let i = random.below(3); i >= 0 && copy.length; i--) copy[random.below(copy.length)] = random.of([0, 1, 2, 127, 128, 255, random.below(256)]);
  return Buffer.from(copy).toString('hex');
}

/** A copy of the tree with one change: what is not changed is shared. */
export function applyTree(fields: Field[], edit: TreeEdit): Field[] {
  const [how, path] = edit;
  if (!path.length) return fields;
  const other = how === 'swap' ? at(fields, edit[2]) : undefined;
  return changeAt(fields, path, (list, i) => {
    const field = list[i];
    if (how === 'drop') return list.toSpliced(i, 1);
    if (how === 'double') return list.toSpliced(i, 0, field);
    if (how === 'swap') return other ? list.with(i, other) : list;
    if (how === 'field') return list.with(i, { ...field, number: edit[2], wire: edit[3], children: edit[3] === 2 ? field.children : undefined, bytes: edit[3] === 2 ? field.bytes : sized(field.bytes, edit[3] === 1 ? 8 : 4) });
    return list.with(i, how === 'number' ? { ...field, wire: 0, value: BigInt(edit[2]), children: undefined } : { ...field, bytes: sizedFor(field.wire, Buffer.from(edit[2], 'hex')), children: undefined });
  });
}

const sized = (bytes: Uint8Array, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => bytes[i] ?? 0);
const sizedFor = (wire: number, bytes: Uint8Array): Uint8Array => (wire === 5 ? sized(bytes, 4) : wire === 1 ? sized(bytes, 8) : bytes);

const at = (fields: Field[], path: Path): Field | undefined => path.reduce<{ field?: Field; list: Field[] }>(({ list }, i) => ({ field: list[i], list: list[i]?.children ?? [] }), { list: fields }).field;

function changeAt(list: Field[], [i, ...rest]: Path, change: (list: Field[], i: number) => Field[]): Field[] {
  if (!list[i]) return list;
  if (!rest.length) return change(list, i);
  return list.with(i, { ...list[i], children: list[i].children && changeAt(list[i].children!, rest, change) });
}
