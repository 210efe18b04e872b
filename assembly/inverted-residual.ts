// Knows whole blocks run row by row: expand, depthwise filter, project and add, with only a ring of expanded rows
// between them (MobileNetV2, section 3; without expansion it is MobileNetV1's separable block). It does no arithmetic of
// its own: each part is the kernel and the step record that would run alone, so the answers are the same bits.
//
//   records:  block | expand | filter | project | add        parts that a block lacks are left out
//   scratch:  ring | taps | filtered rows | projected rows | wide rows (int16, SIMD builds) | panel (int8)
//   Words TAPS_AT ... say where each begins; the compiler works them out (src/compile/fuse.ts).
import {
  C, DST, DTYPE, FLOAT32, FILTERED_AT, H, HAS_EXPAND, HAS_PROJECT, OC, OH, OW, PAD_LEFT, PAD_TOP, PANEL, PANEL_AT, PARAMS, PARAMS_FLOAT32,
  PARAMS_INT8, PROJECTED_AT, RESIDUAL, ROWS_AT_ONCE, SRC, STEP_WORDS, STRIDE_H, TAPS_AT, W, WEIGHTS, WIDE_AT,
} from './abi';
import { filterRow, loadRow, padRow, pixelsRead, pointTaps, ringPanelBytes, ringRowBytes, ringSlot, ringValue, toRing, windowRows } from './depthwise';
import { binaryValues } from './elementwise';
import { gatherRows, multiplyPanel, multiplyPanels, rowBytes } from './pointwise';
import { activation, constant, scratch, shareEnd, shareStart, word } from './step';

const RECORD: usize = STEP_WORDS << 2;

/** H x W x C to OH x OW x OC of the last part. */
export function invertedResidual(block: usize): void {
  const expand: usize = word(block, HAS_EXPAND) ? block + RECORD : 0;
  const filter = block + (expand ? 2 * RECORD : RECORD);
  const project: usize = word(block, HAS_PROJECT) ? filter + RECORD : 0, add = project + RECORD;
  const float = word(filter, DTYPE) == FLOAT32, shift = float ? 2 : 0;
  const batch = word(block, ROWS_AT_ONCE), stride = word(filter, STRIDE_H), window = windowRows(filter);
  const ringRows = window + (batch - 1) * stride;
  const last = project ? project : filter;
  const outRow = <usize>(word(filter, OW) * word(last, OC)) << shift;
  const filtered = scratch() + <usize>word(block, FILTERED_AT), projected = scratch() + <usize>word(block, PROJECTED_AT);
  const first = shareStart(word(filter, OH), batch), height = shareEnd(word(filter, OH), batch);
  let dst = activation(block, DST) + <usize>first * outRow, residual: usize = 0;
  if (word(block, RESIDUAL)) residual = activation(add, word(block, RESIDUAL)) + <usize>first * outRow;
  let next = i32.MIN_VALUE;
  for (let oy = first; oy < height; oy += batch) {
    const rows = min(batch, height - oy), top = oy * stride - word(filter, PAD_TOP), end = top + (rows - 1) * stride + window;
    if (end > next) fillRing(block, expand, filter, float, max(next, top), end, ringRows);
    next = max(next, end);
    filterRows(block, filter, float, top, rows, ringRows, project ? filtered : dst);
    if (project) projectRows(block, project, float, rows * word(filter, OW), filtered, residual ? projected : dst);
    const bytes = <usize>rows * outRow;
    if (residual) {
      const values = <i32>(bytes >> shift);
      if (word(block, RESIDUAL) == SRC) binaryValues(add, false, residual, projected, dst, values, values);
      else binaryValues(add, false, projected, residual, dst, values, values);
      residual += bytes;
    }
    dst += bytes;
  }
}

/** Input rows from to end - 1 into the ring, expanded on the way. */
function fillRing(block: usize, expand: usize, filter: usize, float: bool, from: i32, end: i32, ringRows: i32): void {
  const height = word(filter, H), ringBytes = ringRowBytes(filter, float);
  for (let y = from; y < end; y++) {
    const row = scratch() + <usize>ringSlot(filter, y, ringRows) * ringBytes;
    if (!expand || <u32>y >= <u32>height) loadRow(filter, float, y, row);
    else padRow(filter, float, row, word(filter, PAD_LEFT), pixelsRead(filter));
  }
  if (expand) expandRows(block, expand, filter, float, max(from, 0), min(end, height), ringRows);
}

/** Input rows, all inside the picture, times the panels of `expand`: each panel meets all rows while it is near. */
function expandRows(block: usize, expand: usize, filter: usize, float: bool, from: i32, end: i32, ringRows: i32): void {
  const width = word(filter, W), depth = word(expand, C), stride = <usize>rowBytes(float, depth), row = <usize>width * stride;
  let src = activation(expand, SRC) + (<usize>(from * width * depth) << (float ? 2 : 0));
  if (!float) {
    const wide = scratch() + <usize>word(block, WIDE_AT);
    gatherRows(max(end - from, 0) * width, src, depth, <i32>stride, wide);
    src = wide;
  }
  const ringBytes = ringRowBytes(filter, float), pixel = <usize>PANEL * ringValue(float), inset = <usize>word(filter, PAD_LEFT) * pixel;
  const panelBytes = stride * PANEL, panel = scratch() + <usize>word(block, PANEL_AT);
  const pixels = pixelsRead(filter);
  let w = constant(expand, WEIGHTS), params = constant(expand, PARAMS), at = scratch() + inset;
  for (let channel = 0, channels = word(expand, OC); channel < channels; channel += PANEL) {
    for (let y = from; y < end; y++) {
      const dst = at + <usize>ringSlot(filter, y, ringRows) * ringBytes, x = src + <usize>(y - from) * row;
      if (!ASC_FEATURE_SIMD || float) multiplyPanel(expand, float, pixels, x, stride, depth, 1, stride, w, params, dst, pixel);
      else {
        multiplyPanel(expand, false, pixels, x, stride, depth, 1, stride, w, params, panel, PANEL);
        toRing(dst, panel, pixels);
      }
    }
    w += panelBytes;
    params += float ? PARAMS_FLOAT32 : PARAMS_INT8;
    at += ringPanelBytes(filter, float);
  }
}

function filterRows(block: usize, filter: usize, float: bool, top: i32, rows: i32, ringRows: i32, dst: usize): void {
  const taps = scratch() + <usize>word(block, TAPS_AT), out = <usize>(word(filter, OW) * word(filter, OC)) << (float ? 2 : 0);
  for (let i = 0; i < rows; i++, dst += out) {
    pointTaps(filter, float, top + i * word(filter, STRIDE_H), ringRows, ringRowBytes(filter, float), taps);
    filterRow(filter, float, taps, dst);
  }
}

function projectRows(block: usize, project: usize, float: bool, pixels: i32, src: usize, dst: usize): void {
  const depth = word(project, C), bytes = rowBytes(float, depth);
  if (!float) {
    const wide = scratch() + <usize>word(block, WIDE_AT);
    gatherRows(pixels, src, depth, bytes, wide);
    src = wide;
  }
  multiplyPanels(project, float, pixels, src, bytes, depth, 1, bytes, dst);
}
