// The door: runs steps of a plan that lies in memory. It allocates nothing and imports nothing but the memory.
import {
  OP, OP_ACTIVATION, OP_ADD, OP_ARG_MAX, OP_ARITHMETIC, OP_AVERAGE_POOL, OP_CONV, OP_COPY, OP_DEPTHWISE, OP_DEQUANTIZE, OP_DETECTION, OP_FLIP, OP_GATHER,
  OP_INVERTED_RESIDUAL, OP_MEAN, OP_MUL, OP_PAD, OP_POINTWISE, OP_QUANTIZE, OP_RESIZE, OP_SOFTMAX, OP_SQRT, OP_TABLE, OP_TO_FLOAT, OP_TRANSPOSE,
  PARTS, DST, SRC, STEP_WORDS,
} from './abi';
import { argMax } from './arg-max';
import { conv } from './conv';
import { depthwise } from './depthwise';
import { detect } from './detection';
import { activations, binary, dequantise, flip, quantise, table } from './elementwise';
import { invertedResidual } from './inverted-residual';
import { copyRows, pad, transpose } from './move';
import { arithmetic, gather, squareRoots, toFloat } from './numbers';
import { pointwise } from './pointwise';
import { averagePool, mean } from './pool';
import { resize } from './resize';
import { softmax } from './softmax';
import { isFirstPart, partCount, place as placeParts, setShare, word } from './step';

let steps: usize = 0;

/** Where the parts of a plan lie: step records, constants, activations, scratch. Byte addresses, multiples of 16. */
export function place(stepsAt: usize, weightsAt: usize, arenaAt: usize, scratchAt: usize): void {
  steps = stepsAt;
  placeParts(weightsAt, arenaAt, scratchAt);
}

/** Runs records first to last - 1. Returns the record after them, or the number of one whose kernel code is unknown. */
export function run(first: i32, last: i32): i32 {
  let i = first;
  for (; i < last; i++) {
    const step = steps + <usize>(i * STEP_WORDS * 4);
    if (!(isShared(step) ? runStep(step) : runAlone(step))) return i;
    if (word(step, OP) == OP_INVERTED_RESIDUAL) i += word(step, PARTS);
  }
  return i;
}

/** All of a step on the first thread; the others have nothing to do. */
function runAlone(step: usize): bool {
  if (!isFirstPart()) return true;
  const all = partCount();
  setShare(0, 1);
  const known = runStep(step);
  setShare(0, all);
  return known;
}

/** This instance does share `own` of `all` of every step; between steps, threads must wait for each other. */
export function share(own: i32, all: i32): void {
  setShare(own, all);
}

/** Steps that threads share. A window step that writes over its input is not: one thread's rows are another's input. */
function isShared(step: usize): bool {
  switch (word(step, OP)) {
    case OP_CONV: case OP_POINTWISE: case OP_ADD: case OP_MUL: case OP_TABLE: case OP_ACTIVATION: case OP_RESIZE: case OP_ARG_MAX: return true;
    case OP_DEPTHWISE: case OP_INVERTED_RESIDUAL: return word(step, SRC) != word(step, DST);
    default: return false;
  }
}

function runStep(step: usize): bool {
  switch (word(step, OP)) {
    case OP_CONV: conv(step); break;
    case OP_POINTWISE: pointwise(step); break;
    case OP_DEPTHWISE: depthwise(step); break;
    case OP_AVERAGE_POOL: averagePool(step); break;
    case OP_MEAN: mean(step); break;
    case OP_ADD: binary(step, false); break;
    case OP_MUL: binary(step, true); break;
    case OP_TABLE: table(step); break;
    case OP_ACTIVATION: activations(step); break;
    case OP_SOFTMAX: softmax(step); break;
    case OP_PAD: pad(step); break;
    case OP_FLIP: flip(step); break;
    case OP_TRANSPOSE: transpose(step); break;
    case OP_QUANTIZE: quantise(step); break;
    case OP_DEQUANTIZE: dequantise(step); break;
    case OP_COPY: copyRows(step); break;
    case OP_INVERTED_RESIDUAL: invertedResidual(step); break;
    case OP_ARITHMETIC: arithmetic(step); break;
    case OP_SQRT: squareRoots(step); break;
    case OP_TO_FLOAT: toFloat(step); break;
    case OP_GATHER: gather(step); break;
    case OP_RESIZE: resize(step); break;
    case OP_ARG_MAX: argMax(step); break;
    case OP_DETECTION: detect(step); break;
    default: return false;
  }
  return true;
}

/** Widens `count` int8 weights at src to int16 less `zero` at dst, as the SIMD builds read those with a zero point. */
export function widenWeights(dst: usize, src: usize, count: i32, zero: i32): void {
  const end = src + count;
  if (ASC_FEATURE_SIMD) { // most of the time that loading takes would go by here
    const less = i16x8.splat(<i16>zero);
    for (; src + 8 <= end; src += 8, dst += 16) v128.store(dst, i16x8.sub(v128.load8x8_s(src), less));
  }
  for (; src < end; src++, dst += 2) store<i16>(dst, <i16>(<i32>load<i8>(src) - zero));
}

/** The same to float32, as the SIMD builds' depthwise kernels read them. */
export function widenToFloat(dst: usize, src: usize, count: i32, zero: i32): void {
  const end = src + count;
  if (ASC_FEATURE_SIMD) {
    const less = i16x8.splat(<i16>zero);
    for (; src + 8 <= end; src += 8, dst += 32) {
      const wide = i16x8.sub(v128.load8x8_s(src), less);
      v128.store(dst, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(wide)));
      v128.store(dst, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(wide)), 16);
    }
  }
  for (; src < end; src++, dst += 4) store<f32>(dst, <f32>(<i32>load<i8>(src) - zero));
}

export { sumRows, writeRow } from './picture';

/** Which build this is: 0 scalar, 1 simd, 2 relaxed. For hosts that were handed a module and not told. */
export function build(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 2 : ASC_FEATURE_SIMD ? 1 : 0;
}
