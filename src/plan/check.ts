// Knows what a plan must be before any of it runs: every record and every range inside its section. Plans from files
// go through here; it trusts nothing in them.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { bytesPerElement, elements } from '../formats/graph.js';
import { recordsOf } from './plan.js';
import type { Plan, PlanInfo } from './plan.js';
import { convBytes, detectionBytes, gatherBytes, placeScratch, resizeBytes, ringBytes } from './scratch.js';

const MOST = 2 ** 30;

export function checkPlan(plan: Plan): void {
  const { steps, info } = plan;
  const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This weights file is damaged or hostile: ${what}. Convert or download it again.`);
  const check = (ok: boolean, what: string): void => { if (!ok) throw broken(what); };
  check(Array.isArray(info?.tensors) && Array.isArray(info.steps) && Array.isArray(info.inputs) && Array.isArray(info.outputs), 'its description lacks a list');
  check(info.steps.every((step) => step && (step.parts === undefined || Array.isArray(step.parts))), 'its description lacks a step');
  const recordCount = info.steps.reduce((sum, { parts }) => sum + 1 + (parts?.length ?? 0), 0);
  check(steps.length > 0 && steps.length === recordCount * abi.STEP_WORDS, 'the number of steps differs from its description');
  check(plan.arenaBytes <= MOST && plan.scratchBytes <= MOST, 'it asks for more than 1 GiB of activations');
  for (const tensor of info.tensors) {
    const sound = tensor && typeof tensor.name === 'string' && Array.isArray(tensor.shape) && tensor.shape.every((d) => Number.isInteger(d) && d >= 0)
      && tensor.bytes === elements(tensor.shape) * bytesPerElement[tensor.dtype] && isInside(tensor.offset, tensor.bytes, plan.arenaBytes);
    if (!sound) throw broken(`tensor "${tensor?.name}" lies outside of the arena or contradicts its shape`);
  }
  const index = (i: number): boolean => Number.isInteger(i) && i >= 0 && i < info.tensors.length;
  check([...info.inputs, ...info.outputs].every(index), 'an input or output is no tensor');
  check(info.steps.every((step) => index(step.output) && Array.isArray(step.inputs) && step.inputs.length > 0 && step.inputs.every(index)), 'a step names no tensor');
  const records = recordsOf(steps);
  let at = 0;
  info.steps.forEach(({ parts }, i) => {
    const own = records[at++], others = (parts ?? []).map(() => records[at++]);
    const fault = own[abi.OP] === abi.OP_INVERTED_RESIDUAL ? blockFault(own, others, plan) : others.length ? 'has parts but is no block' : stepFault(own, plan);
    if (fault) throw broken(`step ${i} ${fault}`);
  });
  check(!weightsOverlap(records), 'two layers share weights');
  check(info.vote === undefined || canVote(info), 'its examples vote for classes that are not there');
}

/** One class an output value, and each one of the labels. */
function canVote({ vote, labels, outputs, tensors }: PlanInfo): boolean {
  const { k, classes } = vote ?? {};
  return Array.isArray(labels) && Array.isArray(classes) && Number.isInteger(k) && k! >= 1
    && classes.length === elements(tensors[outputs[0]]?.shape ?? []) && classes.every((c) => Number.isInteger(c) && c >= 0 && c < labels.length);
}

/** The engine moves int8 weights one by one when it widens them, so each must have a place of its own. */
function weightsOverlap(records: Int32Array[]): boolean {
  const places = records.filter((w) => WEIGHTED.includes(w[abi.OP]) && w[abi.DTYPE] === abi.INT8).map((w) => [w[abi.WEIGHTS], w[abi.WEIGHTS] + w[abi.WEIGHTS_BYTES]]).sort((a, b) => a[0] - b[0]);
  return places.some(([start], i) => i > 0 && start < places[i - 1][1]);
}

const isInside = (offset: number, bytes: number, limit: number): boolean => Number.isInteger(offset) && offset >= 0 && bytes >= 0 && offset + bytes <= limit;

/** Words that hold sizes. */
const SIZES = [abi.H, abi.W, abi.C, abi.OH, abi.OW, abi.OC, abi.KH, abi.KW, abi.COUNT];
const EXTENTS = ['src', 'dst', 'weights', 'params', 'scratch', 'src2'] as const;

interface Extent { src: number; dst: number; weights?: number; params?: number; scratch?: number; src2?: number }

/** What is wrong with one record, or nothing. Parts of a block read and write the arena only where `reach` says. */
function stepFault(w: Int32Array, plan: Plan, reach?: Partial<Extent>): string | undefined {
  for (const word of SIZES) {
    if ((w[word] < 0 && !(w[abi.OP] === abi.OP_TRANSPOSE && STRIDES.includes(word))) || w[word] > MOST) return `has ${w[word]} in word ${word}`;
  }
  const fault = windowFault(w);
  if (fault) return fault;
  if (w[abi.SCRATCH_BYTES] > plan.scratchBytes) return 'needs more scratch memory than the file asks for';
  const whole = extentOf(w);
  if (!whole) return `names kernel ${w[abi.OP]}, which this release does not have`;
  const extent: Extent = reach ? { ...whole, src: 0, dst: 0, src2: 0, scratch: 0, ...reach } : whole;
  for (const part of EXTENTS) if (part in extent && !(extent[part]! >= 0 && extent[part]! <= MOST)) return 'has sizes that no memory holds';
  const { length } = plan.weights;
  const isOutside = (word: number, bytes: number | undefined, limit: number): boolean => bytes !== undefined && !isInside(w[word], bytes, limit);
  if (isOutside(abi.SRC, extent.src, plan.arenaBytes)) return 'has its input outside of memory';
  if (isOutside(abi.DST, extent.dst, plan.arenaBytes)) return 'has its output outside of memory';
  if (isOutside(abi.SRC2, extent.src2, w[abi.SRC2_CONSTANT] ? length : plan.arenaBytes)) return 'has its second operand outside of memory';
  if (isOutside(abi.WEIGHTS, extent.weights && Math.max(extent.weights, w[abi.WEIGHTS_BYTES]), length)) return 'has its weights outside of memory';
  if (isOutside(abi.PARAMS, extent.params, length)) return 'has its parameters outside of memory';
  if (extent.weights !== undefined && extent.weights > w[abi.WEIGHTS_BYTES]) return 'has too few weights';
  if ((extent.scratch ?? 0) > plan.scratchBytes) return 'needs more scratch memory than the file asks for';
  return undefined;
}

/** A block's parts must fit together, and its scratch memory be laid out as the compiler lays it out. */
function blockFault(w: Int32Array, parts: Int32Array[], plan: Plan): string | undefined {
  const flags = [abi.HAS_EXPAND, abi.HAS_PROJECT].every((word) => w[word] === 0 || w[word] === 1);
  const residual = w[abi.RESIDUAL], project = parts[w[abi.HAS_EXPAND] + 1], filter = parts[w[abi.HAS_EXPAND]], add = parts[parts.length - 1];
  if (!flags || ![0, abi.SRC, abi.SRC2].includes(residual) || (residual && !w[abi.HAS_PROJECT])) return 'has an impossible block';
  const kinds = [...(w[abi.HAS_EXPAND] ? [abi.OP_POINTWISE] : []), abi.OP_DEPTHWISE, ...(w[abi.HAS_PROJECT] ? [abi.OP_POINTWISE] : []), ...(residual ? [abi.OP_ADD] : [])];
  if (w[abi.PARTS] !== parts.length || parts.map((part) => part[abi.OP]).join() !== kinds.join()) return 'lacks a part of its block';
  if (parts.some((part) => part[abi.DTYPE] !== w[abi.DTYPE])) return 'has an impossible block';
  const size = w[abi.DTYPE] === abi.FLOAT32 ? 4 : 1, inputs = filter[abi.H] * filter[abi.W], outputs = filter[abi.OH] * filter[abi.OW];
  const last = w[abi.HAS_PROJECT] ? project : filter, values = outputs * last[abi.OC];
  const fits = filter[abi.C] === filter[abi.OC]
    && (!w[abi.HAS_EXPAND] || (parts[0][abi.OC] === filter[abi.C] && parts[0][abi.COUNT] === inputs))
    && (!w[abi.HAS_PROJECT] || (project[abi.C] === filter[abi.OC] && project[abi.COUNT] === outputs))
    && (!residual || (add[abi.COUNT] === values && add[abi.PERIOD] === values && add[abi.SRC2_CONSTANT] === 0));
  if (!fits) return 'has parts that do not fit together';
  const laid = w.slice();
  if (!(placeScratch(laid, parts) <= plan.scratchBytes) || laid.some((value, i) => value !== w[i])) return 'lays out its scratch memory wrongly';
  if (!isInside(w[abi.DST], values * size, plan.arenaBytes)) return 'has its output outside of memory';
  if (residual && !isInside(add[residual], values * size, plan.arenaBytes)) return 'has its second operand outside of memory';
  return parts.map((part, i) => stepFault(part, plan, i === 0 ? { src: inputs * part[abi.C] * size } : {})).find((fault) => fault !== undefined);
}

/** Words of a strided copy that may be negative. */
const STRIDES = [abi.OH, abi.OW, abi.OC, abi.KH];
const WINDOWED = [abi.OP_CONV, abi.OP_DEPTHWISE, abi.OP_AVERAGE_POOL];
/** Kernels that also take int32. */
const OF_NUMBERS = [abi.OP_TRANSPOSE, abi.OP_COPY, abi.OP_GATHER, abi.OP_ARITHMETIC];
/** Kernels that take no int8. */
const OF_FOUR_BYTES = [abi.OP_ARITHMETIC, abi.OP_SQRT, abi.OP_TO_FLOAT];
const WEIGHTED = [abi.OP_CONV, abi.OP_DEPTHWISE, abi.OP_POINTWISE];
const WITH_CHANNELS = [...WEIGHTED, abi.OP_AVERAGE_POOL, abi.OP_MEAN, abi.OP_SOFTMAX, abi.OP_RESIZE, abi.OP_ARG_MAX];

/** Sizes that a kernel divides by or walks over must be at least one, and padding must not pass the padded row. */
function windowFault(w: Int32Array): string | undefined {
  const within = (word: number, low: number): boolean => w[word] >= low && w[word] <= 65536;
  const op = w[abi.OP];
  if (w[abi.DTYPE] !== abi.FLOAT32 && w[abi.DTYPE] !== abi.INT8 && !(w[abi.DTYPE] === abi.INT32 && OF_NUMBERS.includes(op))) return 'has an unknown type';
  if (w[abi.DTYPE] === abi.INT8 && OF_FOUR_BYTES.includes(op)) return 'has an unknown type';
  if (WITH_CHANNELS.includes(op) && w[abi.C] < 1) return 'has no channels';
  if (WEIGHTED.includes(op) && w[abi.OC] < 1) return 'has no output channels';
  if (op === abi.OP_RESIZE && ![abi.H, abi.W, abi.OH, abi.OW].every((word) => within(word, 1))) return 'has an impossible size';
  if (op === abi.OP_ARG_MAX && w[abi.INDEX_BYTES] !== 4 && w[abi.INDEX_BYTES] !== 8) return 'has indices of an unknown size';
  if (!WINDOWED.includes(op)) return undefined;
  if (![abi.KH, abi.KW, abi.STRIDE_H, abi.STRIDE_W].every((word) => within(word, 1))) return 'has an impossible window';
  if (op !== abi.OP_AVERAGE_POOL && ![abi.DILATION_H, abi.DILATION_W].every((word) => within(word, 1))) return 'has an impossible dilation';
  if (![abi.H, abi.W, abi.OH, abi.OW].every((word) => w[word] >= 1)) return 'has an empty map';
  const padded = (w[abi.OW] - 1) * w[abi.STRIDE_W] + (w[abi.KW] - 1) * w[abi.DILATION_W] + 1;
  if (!within(abi.PAD_TOP, 0) || !within(abi.PAD_LEFT, 0) || (op === abi.OP_DEPTHWISE && w[abi.PAD_LEFT] > padded)) return 'has an impossible padding';
  const meets = (pad: number, kernel: number, out: number, stride: number, size: number): boolean => w[pad] < w[kernel] && (w[out] - 1) * w[stride] - w[pad] < w[size];
  if (op === abi.OP_AVERAGE_POOL && !(meets(abi.PAD_TOP, abi.KH, abi.OH, abi.STRIDE_H, abi.H) && meets(abi.PAD_LEFT, abi.KW, abi.OW, abi.STRIDE_W, abi.W))) return 'averages no cell';
  return undefined;
}

/** Bytes that a step touches in each section, from its sizes. */
function extentOf(w: Int32Array): Extent | undefined {
  const float = w[abi.DTYPE] === abi.FLOAT32, size = w[abi.DTYPE] === abi.INT8 ? 1 : 4;
  const count = w[abi.COUNT] * size, panels = Math.ceil(w[abi.OC] / abi.PANEL);
  const map = w[abi.H] * w[abi.W] * w[abi.C] * size, out = w[abi.OH] * w[abi.OW] * w[abi.OC] * size;
  const pairs = w[abi.OP] === abi.OP_DEPTHWISE ? 1 : 2;
  const packed = (depth: number, segments = 1): { weights: number; params: number } => ({
    weights: panels * abi.PANEL * segments * (float ? depth * 4 : Math.ceil(depth / pairs) * pairs),
    params: panels * (float ? abi.PARAMS_FLOAT32 : abi.PARAMS_INT8),
  });
  switch (w[abi.OP]) {
    case abi.OP_POINTWISE: return { src: count * w[abi.C], dst: count * w[abi.OC], ...packed(w[abi.C]), scratch: float ? 0 : gatherBytes(float, w[abi.C]) };
    case abi.OP_CONV: return { src: map, dst: out, ...packed(w[abi.KW] * w[abi.C], w[abi.KH]), scratch: convBytes(w) };
    case abi.OP_DEPTHWISE: return w[abi.C] > 0 && w[abi.OC] % w[abi.C] === 0 ? { src: map, dst: out, ...packed(w[abi.KH] * w[abi.KW]), scratch: ringBytes(w) } : undefined;
    case abi.OP_AVERAGE_POOL: return { src: map, dst: w[abi.OH] * w[abi.OW] * w[abi.C] * size, scratch: w[abi.C] * 4 };
    case abi.OP_MEAN: return { src: map, dst: w[abi.C] * size, scratch: w[abi.C] * 4 };
    case abi.OP_ADD: case abi.OP_MUL: return w[abi.PERIOD] > 0 ? { src: count, dst: count, src2: Math.min(w[abi.PERIOD], w[abi.COUNT]) * size } : undefined;
    case abi.OP_TABLE: return { src: count, dst: count, weights: 256 };
    case abi.OP_ACTIVATION: return { src: count, dst: count };
    case abi.OP_FLIP: return { src: w[abi.COUNT], dst: w[abi.COUNT] };
    case abi.OP_SOFTMAX: return { src: count * w[abi.C], dst: count * w[abi.C], scratch: w[abi.C] * 4 };
    case abi.OP_PAD: return fits(w) ? { src: map, dst: w[abi.OH] * w[abi.OW] * w[abi.C] * size } : undefined;
    case abi.OP_TRANSPOSE: return transposeFits(w) ? { src: transposeReach(w) * size, dst: w[abi.H] * w[abi.W] * w[abi.C] * count } : undefined;
    case abi.OP_QUANTIZE: return { src: w[abi.COUNT] * 4, dst: w[abi.COUNT] };
    case abi.OP_DEQUANTIZE: return { src: w[abi.COUNT], dst: w[abi.COUNT] * 4 };
    case abi.OP_ARITHMETIC: return w[abi.PERIOD] > 0 && w[abi.FUNCTION] <= abi.FLOOR_QUOTIENT ? { src: count, dst: count, src2: Math.min(w[abi.PERIOD], w[abi.COUNT]) * 4 } : undefined;
    case abi.OP_SQRT: case abi.OP_TO_FLOAT: return { src: count, dst: count };
    case abi.OP_GATHER: return gatherExtent(w);
    case abi.OP_COPY: return { ...(w[abi.SRC2_CONSTANT] ? { src: 0, src2: w[abi.COUNT] * w[abi.W] } : { src: w[abi.COUNT] * w[abi.W] }), dst: w[abi.COUNT] ? (w[abi.COUNT] - 1) * w[abi.C] + w[abi.OW] + w[abi.W] : 0 };
    case abi.OP_RESIZE: return { src: map, dst: w[abi.OH] * w[abi.OW] * w[abi.C] * size, scratch: resizeBytes(w) };
    case abi.OP_ARG_MAX: return { src: count * w[abi.C] * w[abi.W], dst: w[abi.COUNT] * w[abi.W] * w[abi.INDEX_BYTES] };
    case abi.OP_DETECTION: return detectionExtent(w);
    default: return undefined;
  }
}

/** Every count that the kernel loops to, and every list that it fills, inside of its place. */
function detectionExtent(w: Int32Array): Extent | undefined {
  const boxes = w[abi.COUNT], classes = w[abi.CLASSES], most = w[abi.MOST_DETECTIONS], each = w[abi.PER_DETECTION], room = w[abi.ROOM];
  const found = w[abi.REGULAR] ? most : classes;
  const sound = boxes >= 1 && boxes <= 2 ** 20 && classes >= 1 && classes <= w[abi.C] && w[abi.C] <= 2 ** 16 && w[abi.OC] >= 4 && w[abi.OC] <= 2 ** 16
    && most >= 1 && each >= 1 && room === most * each && room <= 2 ** 16 && w[abi.PER_CLASS] >= 1 && w[abi.FOUND] === found && found <= 2 ** 20
    && boxes * w[abi.C] <= MOST && w[abi.CANDIDATES] >= 0 && (w[abi.SCORES_DTYPE] === abi.FLOAT32 || w[abi.SCORES_DTYPE] === abi.INT8);
  if (!sound) return undefined;
  const bytes = (type: number): number => (type === abi.FLOAT32 ? 4 : 1);
  return {
    src: boxes * w[abi.OC] * bytes(w[abi.DTYPE]), src2: boxes * w[abi.C] * bytes(w[abi.SCORES_DTYPE]), dst: room * 24 + 4, weights: boxes * 16,
    scratch: detectionBytes(w),
  };
}

const fits = (w: Int32Array): boolean =>
  w[abi.PAD_TOP] >= 0 && w[abi.PAD_LEFT] >= 0 && w[abi.PAD_TOP] + w[abi.H] <= w[abi.OH] && w[abi.PAD_LEFT] + w[abi.W] <= w[abi.OW];

/** Values from the first that a strided copy reads, at least one, to its last. */
const transposeReach = (w: Int32Array): number => w[abi.KW] + 1 + strideReaches(w).reduce((sum, reach) => sum + Math.max(0, reach), 0);

const transposeFits = (w: Int32Array): boolean =>
  [abi.H, abi.W, abi.C, abi.COUNT].every((word) => w[word] >= 1) && w[abi.KW] + strideReaches(w).reduce((sum, reach) => sum + Math.min(0, reach), 0) >= 0;

const strideReaches = (w: Int32Array): number[] =>
  [[abi.H, abi.OH], [abi.W, abi.OW], [abi.C, abi.OC], [abi.COUNT, abi.KH]].map(([size, stride]) => (w[size] - 1) * w[stride]);

function gatherExtent(w: Int32Array): Extent | undefined {
  const sizes = Array.from(w.subarray(abi.SIZES, abi.SIZES + w[abi.KH])), within = sizes.length === w[abi.KH] && w[abi.KH] <= 6 && sizes.every((size) => size >= 1);
  return within ? { src: elements(sizes) * w[abi.KW], src2: w[abi.COUNT] * w[abi.KH] * 4, dst: w[abi.COUNT] * w[abi.KW] } : undefined;
}
