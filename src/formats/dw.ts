// Knows the .dw file, a saved plan: one buffer that is read without copying. It does not know what the steps mean.
//
//   byte 0   magic "DWPLAN" and two bytes 0
//        8   u32 version, u32 file bytes
//       16   u32 steps offset, u32 steps bytes        (multiples of 16)
//       24   u32 weights offset, u32 weights bytes
//       32   u32 info offset, u32 info bytes          (JSON, UTF-8)
//       40   u32 arena bytes, u32 scratch bytes
//       48   u32 form of the weights: 0 as the kernels read them, 1 float32 stored as float16; 12 bytes 0
//       64   SHA-256 of everything from byte 96 on
//       96   steps, weights, info, each from a multiple of 16
// All numbers are little-endian.
import { DepthwiseError } from '../error.js';
import { sha256 } from '../sha256.js';
import { narrowed, widened } from './float16.js';

const MAGIC = 'DWPLAN\0\0';
const HEADER = 96;
/** Versions that are read, and the releases that wrote each first. Version 3 is 2 with a form of the weights. */
const RELEASES: Record<number, string> = { 1: '0.1', 2: '0.2', 3: '0.3' };
const PLAIN = 2, WITH_FORM = 3;

export interface DwSections {
  steps: Uint8Array;
  weights: Uint8Array;
  info: Uint8Array;
  arenaBytes: number;
  scratchBytes: number;
  /** Weights are float32 here and float16 in the file. */
  float16?: boolean;
}

const align = (n: number): number => Math.ceil(n / 16) * 16;

export const isDw = (bytes: Uint8Array): boolean => MAGIC.split('').every((c, i) => bytes[i] === c.charCodeAt(0));

export async function writeDw(sections: DwSections): Promise<Uint8Array> {
  const parts = [sections.steps, sections.float16 ? narrowed(sections.weights) : sections.weights, sections.info];
  let at = HEADER;
  const offsets = parts.map((part) => {
    const offset = at;
    at = align(at + part.byteLength);
    return offset;
  });
  const file = new Uint8Array(at);
  const view = new DataView(file.buffer);
  for (let i = 0; i < MAGIC.length; i++) file[i] = MAGIC.charCodeAt(i);
  const words = [
    sections.float16 ? WITH_FORM : PLAIN, at, ...parts.flatMap((part, i) => [offsets[i], part.byteLength]), sections.arenaBytes, sections.scratchBytes, sections.float16 ? 1 : 0,
  ];
  words.forEach((value, i) => view.setUint32(8 + i * 4, value, true));
  parts.forEach((part, i) => file.set(part, offsets[i]));
  file.set(await sha256(file.subarray(HEADER)), 64);
  return file;
}

const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This .dw file ${what}. Convert or download it again.`);

function unreadable(version: number): DepthwiseError {
  const advice = RELEASES[version] ? `It was written by depthwise ${RELEASES[version]}: read it with that release, or convert the model again.`
    : 'If it is not damaged, it is newer than this library: update depthwise.';
  return new DepthwiseError('UNSUPPORTED', `This .dw file has version ${version}; this release reads ${PLAIN} and ${WITH_FORM}. ${advice}`);
}

/**
 * Checks header and extents; the sections are views into `bytes`. The hash takes a while and is checked meanwhile: await
 * `intact` before anything that was read is handed on.
 */
export function readDw(bytes: Uint8Array): DwSections & { intact: Promise<void> } {
  if (bytes.byteLength < HEADER) throw broken(`is ${bytes.byteLength} bytes long, too short for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, size, stepsAt, stepsBytes, weightsAt, weightsBytes, infoAt, infoBytes, arenaBytes, scratchBytes, form] =
    Array.from({ length: 11 }, (_, i) => view.getUint32(8 + i * 4, true));
  if (version !== PLAIN && version !== WITH_FORM) throw unreadable(version);
  if (form > 1 || (version === PLAIN && form)) throw broken(`stores its weights in form ${form}, which version ${version} does not have`);
  if (size !== bytes.byteLength) throw broken(`says it has ${size} bytes but has ${bytes.byteLength}: it is truncated or has something appended`);
  const section = (name: string, at: number, length: number, unit = 1): Uint8Array => {
    if (at < HEADER || at % 16 || length % unit || at + length > size) throw broken(`places its ${name} at bytes ${at} to ${at + length}, outside of the file`);
    return bytes.subarray(at, at + length);
  };
  const stored = section('weights', weightsAt, weightsBytes, form ? 2 : 1);
  const sections = {
    steps: section('steps', stepsAt, stepsBytes, 4), weights: form ? widened(stored) : stored, info: section('description', infoAt, infoBytes),
    arenaBytes, scratchBytes, ...(form && { float16: true }),
  };
  const intact = sha256(bytes.subarray(HEADER)).then((hash) => {
    if (!hash.every((byte, i) => byte === bytes[64 + i])) throw broken('does not match its own SHA-256: some byte changed');
  });
  intact.catch(() => undefined); // told when it is awaited
  return { ...sections, intact };
}
