// Knows how a streamed plan is written down as C, for the structs of examples/microcontroller/depthwise.h: records and
// weights as const data, which a linker leaves in flash. It plans nothing.
import { STEP_WORDS } from '../../assembly/abi.js';
import type { Stream } from '../compile/stream.js';
import type { DType } from '../formats/graph.js';
import type { PlannedTensor } from '../plan/plan.js';

/** Of the structs in depthwise.h; another number means other structs. */
export const C_VERSION = 1;
const PAGE = 65536;
const PER_LINE = 12;

const TYPES: Record<DType, string> = {
  float32: 'DW_TYPE_FLOAT32', int8: 'DW_TYPE_INT8', uint8: 'DW_TYPE_UINT8', int32: 'DW_TYPE_INT32', int64: 'DW_TYPE_INT64', bool: 'DW_TYPE_UINT8', float16: 'DW_TYPE_OTHER', int16: 'DW_TYPE_OTHER',
};

/** A name that C takes, of a file's name or a label. */
export const identifier = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');

const literal = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replace(/[^ -~]/g, '?')}"`;
/** A comment must not end early. */
const safe = (text: string): string => text.replace(/\*\//g, '* /').replace(/[^ -~]/g, '?');

function lines(values: readonly string[], perLine = PER_LINE): string {
  return Array.from({ length: Math.ceil(values.length / perLine) }, (_, i) => `  ${values.slice(i * perLine, (i + 1) * perLine).join(', ')},`).join('\n');
}

const wordsOf = (bytes: Uint8Array): Uint32Array => {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return new Uint32Array(padded.buffer);
};

/** FNV-1a over words, as depthwise.c computes it: damage in flash is noticed before anything runs. */
export function checksum(...arrays: ArrayLike<number>[]): number {
  let hash = 0x811c9dc5;
  for (const words of arrays) for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  return hash >>> 0;
}

const hex = (word: number): string => `0x${(word >>> 0).toString(16).padStart(8, '0')}`;

function tensorOf({ name, shape, dtype, offset, bytes, scale, zeroPoint }: PlannedTensor, base: number): string {
  const dimensions = shape.length ? shape : [1];
  return `  { ${literal(name)}, ${TYPES[dtype]}, ${dimensions.length}, { ${dimensions.join(', ')} }, ${base + offset}, ${bytes}, ${cFloat(scale ?? 0)}, ${zeroPoint ?? 0} },`;
}

function cFloat(value: number): string {
  const text = String(Math.fround(value));
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}

/** The bytes that this takes of a device, as the linker will count them. */
export function flashBytes({ records, constants, units }: Stream): number {
  return records.byteLength + constants.length + units.length * 20 + units.reduce((sum, { copies }) => sum + copies.length * 12, 0);
}

export function cSource(stream: Stream, name: string, source: string): string {
  const { info, records, constants, units, recordsAt, base, memoryBytes, arenaBytes } = stream;
  const copies = units.flatMap((unit) => unit.copies), weights = wordsOf(constants), [input] = info.inputs.map((i) => info.tensors[i]);
  let copy = 0;
  const unitWords = units.flatMap((unit) => [unit.record, unit.records, (copy += unit.copies.length) - unit.copies.length, unit.copies.length, unit.scratchAt]);
  const copyWords = copies.flatMap(({ from, bytes, to }) => [from, bytes, to]);
  const rows = (words: number[], each: number): string => lines(Array.from({ length: words.length / each }, (_, i) => `{ ${words.slice(i * each, (i + 1) * each).join(', ')} }`), 6);
  const terms = (['description', 'licence', 'source'] as const).flatMap((key) => (info.about[key] ? [` * ${key}: ${safe(String(info.about[key]))}`] : []));
  const recordRows = Array.from({ length: records.length / STEP_WORDS }, (_, i) => lines(Array.from(records.subarray(i * STEP_WORDS, (i + 1) * STEP_WORDS), String), STEP_WORDS));
  return `/* ${safe(source)} for depthwise.h, by \`depthwise convert --target mcu\`.
${terms.length ? `${terms.join('\n')}\n` : ''} *
 * linear memory   ${memoryBytes} bytes (${Math.ceil(memoryBytes / PAGE)} pages of 64 KiB), of which tensors need ${arenaBytes}
 * flash           ${flashBytes(stream)} bytes: ${constants.length} of weights, ${records.byteLength} of records, the rest says what is copied when
 * work            ${units.reduce((sum, { macs }) => sum + macs, 0)} multiply-adds in ${units.length} units of ${info.steps.length} steps
 * input           ${safe(input.name)}: ${input.dtype} ${input.shape.join('x')}${input.scale === undefined ? '' : `, real value = ${input.scale} * (q - ${input.zeroPoint})`}
 */
#include "depthwise.h"

#if DW_VERSION != ${C_VERSION}
#error "depthwise.h is of another release than this file: convert the model again."
#endif

static const int32_t records[] = {
${recordRows.join('\n')}
};

DW_IN_FLASH static const uint32_t weights[] = {
${lines(Array.from(weights, hex))}
};

/* from, bytes, to */
static const dw_copy copies[] = {
${rows(copyWords.length ? copyWords : [0, 0, 0], 3)}
};

/* record, records, copy, copies, scratch */
static const dw_unit units[] = {
${rows(unitWords, 5)}
};

static const dw_tensor inputs[] = {
${info.inputs.map((i) => tensorOf(info.tensors[i], base)).join('\n')}
};

static const dw_tensor outputs[] = {
${info.outputs.map((i) => tensorOf(info.tensors[i], base)).join('\n')}
};

const dw_model ${name} = {
  DW_VERSION, ${memoryBytes}, ${recordsAt}, ${base},
  ${hex(checksum(records, unitWords, copyWords))}, ${hex(checksum(weights))},
  records, ${records.length / STEP_WORDS}, weights, ${constants.length}, copies, ${copies.length}, units, ${units.length},
  inputs, ${info.inputs.length}, outputs, ${info.outputs.length},
};

/* For those who name them: the linker leaves out what nobody uses. */
const char *const ${name}_labels[] = {
${lines([...(info.labels ?? []).map(literal), '0'], 6)}
};

const dw_layer ${name}_layers[] = {
${lines(units.map(({ kind, macs }) => `{ ${literal(kind)}, ${macs} }`), 4)}
};
`;
}
