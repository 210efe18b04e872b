// Knows the depthwise tiles of the scalar build for int8, as depthwise-tile.ts knows those of the SIMD builds: one panel of
// up to 8 channels along one output row, four columns of one channel at a time. It does not know where the rows come from.
//
// Windows 3 wide are spelled out: a row's weights meet four columns, and each input up to three, before the next is
// loaded, so that four sums, three weights and an input are all that a core with 13 registers (Cortex-M4) has to hold.
import { DILATION_W, KH, KW, PANEL, STRIDE_W, WEIGHTS_ZERO, ZERO_OUT } from './abi';
import { areSmall, kept, narrow, requantise, toInt8 } from './requantise';
import { word } from './step';

/** `columns` columns of `lanes` channels at dst, `outBytes` apart; the rest as for `filterColumns`. */
export function scalarColumns(step: usize, lanes: i32, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const stride = word(step, STRIDE_W), small = areSmall(params, lanes, step);
  const plain = small && word(step, KW) == 3 && word(step, DILATION_W) == 1 && word(step, WEIGHTS_ZERO) == 0 ? stride : 0;
  let left = columns, to = dst;
  while (left > 0) {
    const groups = (left + 3) >> 2;
    // Four columns, or three where that leaves no fewer: 6 = 3 + 3. With stride 2, the last four overlap the ones before.
    let some = plain == 1 ? (left + groups - 1) / groups : min(left, 4);
    if (plain == 2 && some < 4 && columns >= 4) {
      at -= <usize>((4 - some) * 2 * PANEL);
      to -= <usize>(4 - some) * outBytes;
      left += 4 - some;
      some = 4;
    }
    if (plain == 1 && some == 4) fourStride1(step, lanes, taps, at, w, params, to, outBytes);
    else if (plain == 1 && some == 3) threeStride1(step, lanes, taps, at, w, params, to, outBytes);
    else if (plain == 2 && some == 4) fourStride2(step, lanes, taps, at, w, params, to, outBytes);
    else any(step, small, lanes, some, taps, at, w, params, to, outBytes);
    at += <usize>(some * stride * PANEL);
    to += <usize>some * outBytes;
    left -= some;
  }
  if (small) narrow(columns, lanes, step, dst, outBytes);
}

function fourStride1(step: usize, lanes: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  three(4, 1, step, lanes, taps, at, w, params, dst, outBytes);
}

function threeStride1(step: usize, lanes: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  three(3, 1, step, lanes, taps, at, w, params, dst, outBytes);
}

function fourStride2(step: usize, lanes: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  three(4, 2, step, lanes, taps, at, w, params, dst, outBytes);
}

/** `columns` columns of windows 3 wide, s apart: 4 or 3. */
// @ts-ignore: decorator
@inline
function three(columns: i32, s: i32, step: usize, lanes: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const zeroOut = word(step, ZERO_OUT) << 1 | 1, end = taps + <usize>(word(step, KH) * 12), last = columns - 1;
  for (let lane = 0; lane < lanes; lane++, at++, w++, params += 4, dst++) {
    let s0 = load<i32>(params), s1 = s0, s2 = s0, s3 = s0;
    for (let row = taps, v = w; row < end; row += 12, v += 24) {
      const p = <usize>load<u32>(row) + at, w0 = <i32>load<i8>(v), w1 = <i32>load<i8>(v, 8), w2 = <i32>load<i8>(v, 16);
      let x = <i32>load<i8>(p);
      s0 = tap(0, x, s0, w0, w1, w2);
      x = load<i8>(p, 8);
      s0 = tap(1, x, s0, w0, w1, w2);
      s1 = tap(1 - s, x, s1, w0, w1, w2);
      x = load<i8>(p, 16);
      s0 = tap(2, x, s0, w0, w1, w2);
      s1 = tap(2 - s, x, s1, w0, w1, w2);
      s2 = tap(2 - 2 * s, x, s2, w0, w1, w2);
      x = load<i8>(p, 24);
      s1 = tap(3 - s, x, s1, w0, w1, w2);
      s2 = tap(3 - 2 * s, x, s2, w0, w1, w2);
      if (columns == 4) s3 = tap(3 - 3 * s, x, s3, w0, w1, w2);
      x = load<i8>(p, 32);
      s1 = tap(4 - s, x, s1, w0, w1, w2);
      s2 = tap(4 - 2 * s, x, s2, w0, w1, w2);
      if (columns == 4) s3 = tap(4 - 3 * s, x, s3, w0, w1, w2);
      if (last * s + 2 >= 5) {
        x = load<i8>(p, 40);
        s2 = tap(5 - 2 * s, x, s2, w0, w1, w2);
        if (columns == 4) s3 = tap(5 - 3 * s, x, s3, w0, w1, w2);
      }
      if (s == 2) {
        x = load<i8>(p, 48);
        s2 = tap(2, x, s2, w0, w1, w2);
        if (columns == 4) {
          s3 = tap(0, x, s3, w0, w1, w2);
          s3 = tap(1, load<i8>(p, 56), s3, w0, w1, w2);
          s3 = tap(2, load<i8>(p, 64), s3, w0, w1, w2);
        }
      }
    }
    store4(columns, s0, s1, s2, s3, params, zeroOut, dst, outBytes);
  }
}

/** x times the weight of window column kx onto a sum, if the window has that column. */
// @ts-ignore: decorator
@inline
function tap(kx: i32, x: i32, sum: i32, w0: i32, w1: i32, w2: i32): i32 {
  if (kx < 0 || kx > 2) return sum;
  return sum + x * (kx == 0 ? w0 : kx == 1 ? w1 : w2);
}

/** Up to four columns of any other window, weights and rounding, tap by tap. Four are read, whatever is there. */
function any(step: usize, small: bool, lanes: i32, columns: i32, taps: usize, at: usize, w: usize, params: usize, dst: usize, outBytes: usize): void {
  const zero = word(step, WEIGHTS_ZERO), zeroOut = word(step, ZERO_OUT) << 1 | 1, pixel = <usize>word(step, STRIDE_W) * PANEL;
  const end = taps + (<usize>(word(step, KH) * word(step, KW)) << 2), sums = kept();
  for (let lane = 0, slot = params; lane < lanes; lane++, at++, w++, slot += 4, dst++) {
    let s0 = load<i32>(slot), s1 = s0, s2 = s0, s3 = s0;
    for (let tap = taps, panel = w; tap < end; tap += 4, panel += PANEL) {
      const v = <i32>load<i8>(panel) - zero;
      let p = <usize>load<u32>(tap) + at;
      s0 += <i32>load<i8>(p) * v;
      p += pixel;
      s1 += <i32>load<i8>(p) * v;
      p += pixel;
      s2 += <i32>load<i8>(p) * v;
      s3 += <i32>load<i8>(p + pixel) * v;
    }
    store<i32>(sums, s0);
    store<i32>(sums, s1, 4);
    store<i32>(sums, s2, 8);
    store<i32>(sums, s3, 12);
    const multiplier = load<i32>(slot, 96) << 1, shift = -1 - load<i32>(slot, 128);
    for (let column = 0, to = dst; column < columns; column++, to += outBytes) {
      const sum = load<i32>(sums + (<usize>column << 2));
      store<i8>(to, <i8>(small ? toInt8(sum, multiplier, shift, zeroOut) : requantise(sum, params, lane, step)));
    }
  }
}

/** Sums of one channel, `slot`, in three or four columns. */
// @ts-ignore: decorator
@inline
function store4(columns: i32, s0: i32, s1: i32, s2: i32, s3: i32, slot: usize, zeroOut: i32, dst: usize, outBytes: usize): void {
  const multiplier = load<i32>(slot, 96) << 1, shift = -1 - load<i32>(slot, 128);
  store<i8>(dst, <i8>toInt8(s0, multiplier, shift, zeroOut));
  store<i8>(dst + outBytes, <i8>toInt8(s1, multiplier, shift, zeroOut));
  store<i8>(dst + 2 * outBytes, <i8>toInt8(s2, multiplier, shift, zeroOut));
  if (columns == 4) store<i8>(dst + 3 * outBytes, <i8>toInt8(s3, multiplier, shift, zeroOut));
}
