// Knows whole blocks run row by row: expand, depthwise filter, project and add, with only a ring of expanded rows
// between them (MobileNetV2, section 3; without expansion it is MobileNetV1's separable block). It does no arithmetic of
// its own: each part is the kernel and the step record that would run alone, so the answers are the same bits.
//
//   records:  block | expand | filter | project | add        parts that a block lacks are left out
//   scratch:  ring and taps as in depthwise.ts | filtered row | projected row | wide rows (int16, SIMD builds) | panel (int8)
//   Words FILTERED_AT ... say where each begins; the compiler works them out (src/compile/fuse.ts).
import {
  C, DST, DTYPE, FLOAT32, FILTERED_AT, H, HAS_EXPAND, HAS_PROJECT, OC, OH, OW, PAD_LEFT, PAD_TOP, PANEL, PANEL_AT, PARAMS, PARAMS_FLOAT32,
  PARAMS_INT8, PROJECTED_AT, RESIDUAL, SRC, STEP_WORDS, STRIDE_H, W, WEIGHTS, WIDE_AT,
} from './abi';
import { filterRow, loadRow, padRow, pixelsRead, ringPanelBytes, ringRow, ringValue, toRing, windowRows } from './depthwise';
import { binaryValues } from './elementwise';
import { gatherRows, multiplyPanel, multiplyPanels, panelBytes, pixelStride, readInPlace } from './pointwise';
import { activation, constant, scratch, shareEnd, shareStart, word } from './step';

const RECORD: usize = STEP_WORDS << 2;

/** H x W x C to OH x OW x OC of the last part. */
export function invertedResidual(block: usize): void {
  const expand: usize = word(block, HAS_EXPAND) ? block + RECORD : 0;
  const filter = block + (expand ? 2 * RECORD : RECORD);
  const project: usize = word(block, HAS_PROJECT) ? filter + RECORD : 0, add = project + RECORD;
  const float = word(filter, DTYPE) == FLOAT32, shift = float ? 2 : 0;
  const values = word(filter, OW) * word(project ? project : filter, OC), rowOut = <usize>values << shift;
  const filtered = scratch() + <usize>word(block, FILTERED_AT), projected = scratch() + <usize>word(block, PROJECTED_AT);
  const first = shareStart(word(filter, OH), 1), last = shareEnd(word(filter, OH), 1);
  let dst = activation(block, DST) + <usize>first * rowOut, residual: usize = 0, next = i32.MIN_VALUE;
  if (word(block, RESIDUAL)) residual = activation(add, word(block, RESIDUAL)) + <usize>first * rowOut;
  for (let oy = first; oy < last; oy++, dst += rowOut) {
    const top = oy * word(filter, STRIDE_H) - word(filter, PAD_TOP), end = top + windowRows(filter);
    fillRing(block, expand, filter, float, max(next, top), end);
    next = max(next, end);
    filterRow(filter, float, top, project ? filtered : dst);
    if (project) projectRow(block, project, float, word(filter, OW), filtered, residual ? projected : dst);
    if (!residual) continue;
    if (word(block, RESIDUAL) == SRC) binaryValues(add, false, residual, projected, dst, values, values);
    else binaryValues(add, false, projected, residual, dst, values, values);
    residual += rowOut;
  }
}

/** Input rows from to end - 1 into the ring, expanded on the way. */
function fillRing(block: usize, expand: usize, filter: usize, float: bool, from: i32, end: i32): void {
  const height = word(filter, H);
  for (let y = from; y < end; y++) {
    if (!expand || <u32>y >= <u32>height) loadRow(filter, float, y);
    else padRow(filter, float, y, word(filter, PAD_LEFT), pixelsRead(filter));
  }
  if (expand) expandRows(block, expand, filter, float, max(from, 0), min(end, height));
}

/** Input rows, all inside the picture, times the panels of `expand`: each panel meets all rows while it is near. */
function expandRows(block: usize, expand: usize, filter: usize, float: bool, from: i32, end: i32): void {
  const width = word(filter, W), depth = word(expand, C), stride = <usize>pixelStride(float, depth), row = <usize>width * stride;
  let src = activation(expand, SRC) + (<usize>(from * width * depth) << (float ? 2 : 0));
  if (!readInPlace(float)) {
    const wide = scratch() + <usize>word(block, WIDE_AT);
    gatherRows(max(end - from, 0) * width, src, depth, <i32>stride, wide);
    src = wide;
  }
  const pixel = <usize>PANEL * ringValue(float), inset = <usize>word(filter, PAD_LEFT) * pixel;
  const bytes = panelBytes(expand, float, depth, 1), panel = scratch() + <usize>word(block, PANEL_AT);
  const pixels = pixelsRead(filter);
  let w = constant(expand, WEIGHTS), params = constant(expand, PARAMS), at = inset;
  for (let channel = 0, channels = word(expand, OC); channel < channels; channel += PANEL) {
    for (let y = from; y < end; y++) {
      const dst = ringRow(filter, float, y) + at, x = src + <usize>(y - from) * row;
      if (!ASC_FEATURE_SIMD || float) multiplyPanel(expand, float, pixels, x, stride, depth, 1, stride, w, params, dst, pixel);
      else {
        multiplyPanel(expand, false, pixels, x, stride, depth, 1, stride, w, params, panel, PANEL);
        toRing(dst, panel, pixels);
      }
    }
    w += bytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
    at += ringPanelBytes(filter, float);
  }
}

function projectRow(block: usize, project: usize, float: bool, pixels: i32, src: usize, dst: usize): void {
  const depth = word(project, C), bytes = pixelStride(float, depth);
  if (!readInPlace(float)) {
    const wide = scratch() + <usize>word(block, WIDE_AT);
    gatherRows(pixels, src, depth, bytes, wide);
    src = wide;
  }
  multiplyPanels(project, float, pixels, src, bytes, depth, 1, bytes, dst);
}
