// Knows bilinear resizing as TensorFlow Lite's reference does it (resize_bilinear.h): float32 and uint8 in float32 with the
// four products in a stated order, int8 in integers of ten fractional bits. The two differ by up to five steps.
//
// Rows are weighed first, all values of them, and then columns; the products are the same as if each were computed alone.
//
//   scratch:  | columns: OW places | this row's place | weighed rows: the upper, W * C values of 4 bytes, and the lower |
//   place:    lower index, upper index, their weights (float32, or int32 of ten fractional bits): 16 bytes
import {
  ALIGN_CORNERS, C, COORDINATES, DST, DTYPE, FLOAT32, H, HALF_PIXEL, OH, OW, SRC, UNSIGNED, W,
} from './abi';
import { activation, scratch, shareEnd, shareStart, word } from './step';

const PLACE_BYTES: usize = 16;

/** H x W x C to OH x OW x C. */
export function resize(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32, integer = !float && !word(step, UNSIGNED), columns = word(step, OW);
  for (let x = 0; x < columns; x++) locate(step, scratch() + <usize>x * PLACE_BYTES, x, word(step, W), columns, integer);
  const place = scratch() + <usize>columns * PLACE_BYTES, upper = place + PLACE_BYTES, rowBytes = <usize>(word(step, W) * word(step, C)) << 2;
  const first = shareStart(word(step, OH), 1), last = shareEnd(word(step, OH), 1), outBytes = <usize>(columns * word(step, C)) << (float ? 2 : 0);
  let dst = activation(step, DST) + <usize>first * outBytes;
  for (let y = first; y < last; y++, dst += outBytes) {
    locate(step, place, y, word(step, H), word(step, OH), integer);
    weighRows(step, place, upper, upper + rowBytes, float, integer);
    blendColumns(step, upper, rowBytes, dst, float, integer);
  }
}

/** Between which two of `size` places output `index` of `count` lies, and how near to each. */
function locate(step: usize, place: usize, index: i32, size: i32, count: i32, integer: bool): void {
  const mode = word(step, COORDINATES), aligned = mode == ALIGN_CORNERS && count > 1;
  let low: i32, high: i32;
  if (integer) {
    const scale = aligned ? (((size - 1) << 10) + (count - 1) / 2) / (count - 1) : ((size << 10) + count / 2) / count;
    const at = index * scale + (mode == HALF_PIXEL ? scale / 2 - 512 : 0);
    low = min(max(at / 1024, 0), size - 1);
    high = min((at + 1023) / 1024, size - 1);
    const weight = at - (low << 10); // negative before the first place, whose two neighbours are one
    store<i32>(place, 1024 - weight, 8);
    store<i32>(place, weight, 12);
  } else {
    const scale = aligned ? <f32>(size - 1) / <f32>(count - 1) : <f32>size / <f32>count;
    const at = mode == HALF_PIXEL ? (<f32>index + 0.5) * scale - 0.5 : <f32>index * scale;
    low = min(max(<i32>Mathf.floor(at), 0), size - 1);
    high = min(<i32>Mathf.ceil(at), size - 1);
    const weight = at - <f32>low;
    store<f32>(place, 1 - weight, 8);
    store<f32>(place, weight, 12);
  }
  store<i32>(place, low);
  store<i32>(place, high, 4);
}

// ---- rows: float32 keeps both weighed rows, since its sum has a stated order; int8 their sum

function weighRows(step: usize, place: usize, upper: usize, lower: usize, float: bool, integer: bool): void {
  const values = word(step, W) * word(step, C), shift = float ? 2 : 0;
  const src = activation(step, SRC), a = src + (<usize>(load<i32>(place) * values) << shift), b = src + (<usize>(load<i32>(place, 4) * values) << shift);
  if (integer) return sumRows(a, b, upper, values, load<i32>(place, 8), load<i32>(place, 12));
  weighRow(a, upper, values, load<f32>(place, 8), float);
  weighRow(b, lower, values, load<f32>(place, 12), float);
}

function weighRow(src: usize, dst: usize, count: i32, weight: f32, float: bool): void {
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    const weights = f32x4.splat(weight), offset = i16x8.splat(128);
    for (; i + 8 <= count; i += 8, dst += 32) {
      if (float) {
        v128.store(dst, f32x4.mul(v128.load(src), weights));
        v128.store(dst, f32x4.mul(v128.load(src, 16), weights), 16);
        src += 32;
      } else {
        const x = i16x8.add(v128.load8x8_s(src), offset); // as uint8 again
        v128.store(dst, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x)), weights));
        v128.store(dst, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x)), weights), 16);
        src += 8;
      }
    }
  }
  for (; i < count; i++, dst += 4, src += float ? 4 : 1) store<f32>(dst, (float ? load<f32>(src) : <f32>(<i32>load<i8>(src) + 128)) * weight);
}

function sumRows(a: usize, b: usize, dst: usize, count: i32, weightA: i32, weightB: i32): void {
  let i = 0;
  if (ASC_FEATURE_SIMD) {
    const pair = i32x4.splat((weightB << 16) | (weightA & 0xffff)); // one multiply-add for both rows
    for (; i + 8 <= count; i += 8, a += 8, b += 8, dst += 32) {
      const x = v128.load8x8_s(a), y = v128.load8x8_s(b);
      v128.store(dst, i32x4.dot_i16x8_s(v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11), pair));
      v128.store(dst, i32x4.dot_i16x8_s(v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15), pair), 16);
    }
  }
  for (; i < count; i++, a++, b++, dst += 4) store<i32>(dst, <i32>load<i8>(a) * weightA + <i32>load<i8>(b) * weightB);
}

// ---- columns: groups of 4 (float32) or 8 channels, the last of which may overlap the one before

function blendColumns(step: usize, rows: usize, rowBytes: usize, dst: usize, float: bool, integer: bool): void {
  const channels = word(step, C), pixel = <usize>channels << 2, group = float ? 4 : 8, shift = float ? 2 : 0;
  for (let place = scratch(), end = place + <usize>word(step, OW) * PLACE_BYTES; place < end; place += PLACE_BYTES, dst += <usize>channels << shift) {
    const left = rows + <usize>load<i32>(place) * pixel, right = rows + <usize>load<i32>(place, 4) * pixel;
    if (ASC_FEATURE_SIMD && channels >= group) {
      for (let next = 0; next < channels; next += group) {
        const c = <usize>min(next, channels - group), at = c << 2, out = dst + (c << shift);
        if (integer) blend8(place, left + at, right + at, out);
        else if (float) v128.store(out, blend4(place, left + at, right + at, rowBytes));
        else unsigned8(blend4(place, left + at, right + at, rowBytes), blend4(place, left + at + 16, right + at + 16, rowBytes), out);
      }
    } else if (integer) {
      for (let c: usize = 0; c < <usize>channels; c++) store<i8>(dst + c, <i8>blendInteger(place, left + (c << 2), right + (c << 2)));
    } else {
      for (let c: usize = 0; c < <usize>channels; c++) {
        const value = blend(place, left + (c << 2), right + (c << 2), rowBytes);
        if (float) store<f32>(dst + (c << 2), value);
        else store<i8>(dst + c, <i8>(<i32>(value + 0.5) - 128));
      }
    }
  }
}

/** Upper left, lower left, upper right, lower right, in the order of the reference. */
// @ts-ignore: decorator
@inline
function blend(place: usize, left: usize, right: usize, rowBytes: usize): f32 {
  const toLeft = load<f32>(place, 8), toRight = load<f32>(place, 12);
  return load<f32>(left) * toLeft + load<f32>(left + rowBytes) * toLeft + load<f32>(right) * toRight + load<f32>(right + rowBytes) * toRight;
}

// @ts-ignore: decorator
@inline
function blend4(place: usize, left: usize, right: usize, rowBytes: usize): v128 {
  const toLeft = v128.load32_splat(place, 8), toRight = v128.load32_splat(place, 12);
  const atLeft = f32x4.add(f32x4.mul(v128.load(left), toLeft), f32x4.mul(v128.load(left + rowBytes), toLeft));
  return f32x4.add(f32x4.add(atLeft, f32x4.mul(v128.load(right), toRight)), f32x4.mul(v128.load(right + rowBytes), toRight));
}

/** Rounded as the reference rounds uint8, and held 128 lower. */
// @ts-ignore: decorator
@inline
function unsigned8(a: v128, b: v128, dst: usize): void {
  const half = f32x4.splat(0.5);
  const whole = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(f32x4.add(a, half)), i32x4.trunc_sat_f32x4_s(f32x4.add(b, half)));
  const values = i16x8.sub(whole, i16x8.splat(128));
  v128.store64_lane(dst, i8x16.narrow_i16x8_s(values, values), 0);
}

/** Twenty fractional bits, rounded half away from zero. */
// @ts-ignore: decorator
@inline
function blendInteger(place: usize, left: usize, right: usize): i32 {
  const sum = load<i32>(left) * load<i32>(place, 8) + load<i32>(right) * load<i32>(place, 12);
  return (sum > 0 ? sum + (1 << 19) : sum - (1 << 19)) / (1 << 20);
}

// @ts-ignore: decorator
@inline
function blendInteger4(left: v128, right: v128, toLeft: v128, toRight: v128): v128 {
  const sum = i32x4.add(i32x4.mul(left, toLeft), i32x4.mul(right, toRight)), sign = i32x4.shr_s(sum, 31);
  const size = i32x4.shr_u(i32x4.add(i32x4.abs(sum), i32x4.splat(1 << 19)), 20);
  return i32x4.sub(v128.xor(size, sign), sign);
}

// @ts-ignore: decorator
@inline
function blend8(place: usize, left: usize, right: usize, dst: usize): void {
  const toLeft = v128.load32_splat(place, 8), toRight = v128.load32_splat(place, 12);
  const low = blendInteger4(v128.load(left), v128.load(right), toLeft, toRight);
  const high = blendInteger4(v128.load(left, 16), v128.load(right, 16), toLeft, toRight);
  const values = i16x8.narrow_i32x4_s(low, high);
  v128.store64_lane(dst, i8x16.narrow_i16x8_s(values, values), 0);
}
