// Knows how rows of RGBA bytes become a row of an input tensor: shrunk or enlarged by a triangle filter, normalised,
// quantised. In float64 and in a fixed order, so that all builds give the same bits. It does not know where rows come from.
//
// A source row holds 4 bytes a pixel and may be read up to 12 bytes past its end. Sums of columns lie in two planes: red
// and green [pixels][2], then blue [pixels].
import { FLOAT32 } from './abi';

/** A format, in float64: mean[3], std[3], scale, zero point, least byte. Float32 inputs need the first two only. */
const STD: usize = 24;
const SCALE: usize = 48;
const ZERO: usize = 56;
const LEAST: usize = 64;

/**
 * Sums of `count` rows, each times its weight, from the ring's row `first` on.
 * @param ring `slots` rows, `pitch` bytes apart
 */
export function sumRows(ring: usize, pitch: usize, slots: i32, first: i32, count: i32, weights: usize, pixels: i32, sums: usize): void {
  const blues = sums + (<usize>pixels << 4);
  let pixel = 0;
  if (ASC_FEATURE_SIMD) {
    // The last four pixels may overlap those before them.
    for (; pixels >= 4 && pixel < pixels; pixel += 4) sumFour(ring, pitch, slots, first, count, weights, min(pixel, pixels - 4), sums, blues);
  }
  for (; pixel < pixels; pixel++) {
    let red = 0.0, green = 0.0, blue = 0.0;
    for (let i = 0, slot = first; i < count; i++) {
      const at = ring + <usize>slot * pitch + (<usize>pixel << 2), weight = load<f64>(weights + (<usize>i << 3));
      red += <f64>load<u8>(at) * weight;
      green += <f64>load<u8>(at, 1) * weight;
      blue += <f64>load<u8>(at, 2) * weight;
      if (++slot == slots) slot = 0;
    }
    store<f64>(sums + (<usize>pixel << 4), red);
    store<f64>(sums + (<usize>pixel << 4), green, 8);
    store<f64>(blues + (<usize>pixel << 3), blue);
  }
}

function sumFour(ring: usize, pitch: usize, slots: i32, first: i32, count: i32, weights: usize, pixel: i32, sums: usize, blues: usize): void {
  let rg0 = f64x2.splat(0), rg1 = rg0, rg2 = rg0, rg3 = rg0, b01 = rg0, b23 = rg0;
  const top = ring + (<usize>pixel << 2), bottom = top + <usize>slots * pitch;
  for (let at = top + <usize>first * pitch, end = weights + (<usize>count << 3); weights < end; weights += 8) {
    const bytes = v128.load(at), weight = v128.load64_splat(weights);
    const low = i16x8.extend_low_i8x16_u(bytes), high = i16x8.extend_high_i8x16_u(bytes);
    const x0 = i32x4.extend_low_i16x8_u(low), x1 = i32x4.extend_high_i16x8_u(low), x2 = i32x4.extend_low_i16x8_u(high), x3 = i32x4.extend_high_i16x8_u(high);
    rg0 = f64x2.add(rg0, f64x2.mul(f64x2.convert_low_i32x4_s(x0), weight));
    rg1 = f64x2.add(rg1, f64x2.mul(f64x2.convert_low_i32x4_s(x1), weight));
    rg2 = f64x2.add(rg2, f64x2.mul(f64x2.convert_low_i32x4_s(x2), weight));
    rg3 = f64x2.add(rg3, f64x2.mul(f64x2.convert_low_i32x4_s(x3), weight));
    b01 = f64x2.add(b01, f64x2.mul(f64x2.convert_low_i32x4_s(v128.shuffle<i32>(x0, x1, 2, 6, 2, 6)), weight));
    b23 = f64x2.add(b23, f64x2.mul(f64x2.convert_low_i32x4_s(v128.shuffle<i32>(x2, x3, 2, 6, 2, 6)), weight));
    at += pitch;
    if (at == bottom) at = top;
  }
  sums += <usize>pixel << 4;
  v128.store(sums, rg0);
  v128.store(sums, rg1, 16);
  v128.store(sums, rg2, 32);
  v128.store(sums, rg3, 48);
  blues += <usize>pixel << 3;
  v128.store(blues, b01);
  v128.store(blues, b23, 16);
}

/**
 * One row of the input, of `channels` values (3, or 1: the luma of ITU-R BT.601) a pixel.
 * @param taps for each of `width` pixels the first column and how many there are, int32
 * @param weights `most` float64 for each pixel
 */
export function writeRow(sums: usize, pixels: i32, taps: usize, weights: usize, most: i32, width: i32, channels: i32, dtype: i32, format: usize, dst: usize): void {
  const blues = sums + (<usize>pixels << 4), size: usize = dtype == FLOAT32 ? 4 : 1;
  for (let i = 0; i < width; i++, taps += 8, weights += <usize>most << 3) {
    const from = <usize>load<i32>(taps), end = weights + (<usize>load<i32>(taps, 4) << 3);
    let red = 0.0, green = 0.0, blue = 0.0, rg = sums + (from << 4), b = blues + (from << 3);
    for (let weight = weights; weight < end; weight += 8, rg += 16, b += 8) {
      const w = load<f64>(weight);
      red += load<f64>(rg) * w;
      green += load<f64>(rg, 8) * w;
      blue += load<f64>(b) * w;
    }
    if (channels == 1) {
      write(0.299 * red + 0.587 * green + 0.114 * blue, dtype, format, format, dst);
    } else {
      write(red, dtype, format, format, dst);
      write(green, dtype, format, format + 8, dst + size);
      write(blue, dtype, format, format + 16, dst + 2 * size);
    }
    dst += size * <usize>channels;
  }
}

// @ts-ignore: decorator
@inline
function write(pixel: f64, dtype: i32, format: usize, channel: usize, dst: usize): void {
  const value = (pixel - load<f64>(channel)) / load<f64>(channel, STD);
  if (dtype == FLOAT32) {
    store<f32>(dst, <f32>value);
    return;
  }
  const least = load<f64>(format, LEAST), whole = Math.floor(value / load<f64>(format, SCALE) + load<f64>(format, ZERO) + 0.5);
  store<u8>(dst, <u8><i32>min(max(whole, least), least + 255));
}
