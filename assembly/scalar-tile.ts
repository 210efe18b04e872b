// Knows the tiles of the scalar build: rows of pixels times one panel of 8 output channels, as tile.ts knows those of the
// SIMD builds. They are shaped for a core with 13 registers (Cortex-M4): two rows by four channels are eight sums, one
// weight and two inputs, and bytes are loaded one by one, since taking a word apart costs as much as loading again.
import { WEIGHTS_ZERO, ZERO_OUT } from './abi';
import { areSmall, keep4, narrow, settle, toInt8 } from './requantise';
import { word } from './step';

/** One row of float32 times one panel. */
export function scalarF32(src: usize, depth: i32, segments: i32, pitch: usize, w: usize, params: usize, dst: usize): void {
  let s0 = load<f32>(params), s1 = load<f32>(params, 4), s2 = load<f32>(params, 8), s3 = load<f32>(params, 12);
  let s4 = load<f32>(params, 16), s5 = load<f32>(params, 20), s6 = load<f32>(params, 24), s7 = load<f32>(params, 28);
  for (; segments > 0; segments--, src += pitch) {
    for (let at = src, end = src + (<usize>depth << 2); at < end; at += 4, w += 32) {
      const x = load<f32>(at);
      s0 = x * load<f32>(w) + s0;
      s1 = x * load<f32>(w, 4) + s1;
      s2 = x * load<f32>(w, 8) + s2;
      s3 = x * load<f32>(w, 12) + s3;
      s4 = x * load<f32>(w, 16) + s4;
      s5 = x * load<f32>(w, 20) + s5;
      s6 = x * load<f32>(w, 24) + s6;
      s7 = x * load<f32>(w, 28) + s7;
    }
  }
  store<f32>(dst, s0);
  store<f32>(dst, s1, 4);
  store<f32>(dst, s2, 8);
  store<f32>(dst, s3, 12);
  store<f32>(dst, s4, 16);
  store<f32>(dst, s5, 20);
  store<f32>(dst, s6, 24);
  store<f32>(dst, s7, 28);
}

/** All `rows` rows against one int8 panel, whose weights stay as they are in the file. */
export function scalarInt8(rows: i32, src: usize, stride: usize, pairs: i32, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize): void {
  const depth = <usize>pairs << 1, two = rows & ~1;
  tile(two, src, stride, depth, segments, pitch, w, params, step, dst, dstStride);
  // A single row counts as both rows of a tile: one of its own would be a third of this file, for layers of one pixel.
  if (two < rows) tile(2, src + <usize>two * stride, 0, depth, segments, pitch, w, params, step, dst + <usize>two * dstStride, 0);
  if (areSmall(params, 8, step)) narrow(rows, 8, step, dst, dstStride);
}

/** `rows` rows, two at a time, first times the lower four channels, then times the upper. */
function tile(
  rows: i32, src: usize, stride: usize, depth: usize, segments: i32, pitch: usize, w: usize, params: usize, step: usize, dst: usize, dstStride: usize,
): void {
  const panel = depth << 3, weightsZero = word(step, WEIGHTS_ZERO), zero = word(step, ZERO_OUT) << 1 | 1, plain = areSmall(params, 8, step);
  for (; rows > 0; rows -= 2, src += 2 * stride, dst += 2 * dstStride) {
    for (let lane: usize = 0; lane < 32; lane += 16) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      let from = src, v = w + (lane >> 1);
      for (let segment = segments; segment > 0; segment--, from += pitch, v += panel - 2) {
        // Even k, then odd ones: with both in one turn, gcc sums their products apart and runs out of registers.
        for (let odd: usize = 0; odd < 2; odd++) {
          let at = from + odd;
          for (const end = at + depth; at < end; at += 2, v += 16) {
            const x = <i32>load<i8>(at), y = <i32>load<i8>(at + stride);
            const v0 = <i32>load<i8>(v);
            a0 += x * v0;
            b0 += y * v0;
            const v1 = <i32>load<i8>(v, 2);
            a1 += x * v1;
            b1 += y * v1;
            const v2 = <i32>load<i8>(v, 4);
            a2 += x * v2;
            b2 += y * v2;
            const v3 = <i32>load<i8>(v, 6);
            a3 += x * v3;
            b3 += y * v3;
          }
          v -= panel - 1;
        }
      }
      if (weightsZero) {
        const x = weightsZero * sumOf(src, depth, segments, pitch), y = weightsZero * sumOf(src + stride, depth, segments, pitch);
        a0 -= x, a1 -= x, a2 -= x, a3 -= x;
        b0 -= y, b1 -= y, b2 -= y, b3 -= y;
      }
      const slot = params + lane, to = dst + (lane >> 2);
      if (!plain) {
        keep4(0, a0, a1, a2, a3, lane, slot);
        keep4(1, b0, b1, b2, b3, lane, slot);
        continue;
      }
      let m = load<i32>(slot, 96) << 1, e = -1 - load<i32>(slot, 128), bias = load<i32>(slot);
      let a = toInt8(a0 + bias, m, e, zero) & 255, b = toInt8(b0 + bias, m, e, zero) & 255;
      m = load<i32>(slot, 100) << 1, e = -1 - load<i32>(slot, 132), bias = load<i32>(slot, 4);
      a |= (toInt8(a1 + bias, m, e, zero) & 255) << 8;
      b |= (toInt8(b1 + bias, m, e, zero) & 255) << 8;
      m = load<i32>(slot, 104) << 1, e = -1 - load<i32>(slot, 136), bias = load<i32>(slot, 8);
      a |= (toInt8(a2 + bias, m, e, zero) & 255) << 16;
      b |= (toInt8(b2 + bias, m, e, zero) & 255) << 16;
      m = load<i32>(slot, 108) << 1, e = -1 - load<i32>(slot, 140), bias = load<i32>(slot, 12);
      a |= toInt8(a3 + bias, m, e, zero) << 24;
      b |= toInt8(b3 + bias, m, e, zero) << 24;
      store<i32>(to, a, 0, 1);
      store<i32>(to + dstStride, b, 0, 1);
    }
    if (!plain) settle(2, params, step, dst, dstStride);
  }
}

/** Sum of a row: times the weights' zero point, it is what the tile's products have too much. */
function sumOf(src: usize, depth: usize, segments: i32, pitch: usize): i32 {
  let sum = 0;
  for (; segments > 0; segments--, src += pitch) {
    for (let at = src, end = at + depth; at < end; at += 2) sum += <i32>load<i8>(at) + <i32>load<i8>(at, 1);
  }
  return sum;
}
