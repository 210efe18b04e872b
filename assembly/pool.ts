// Knows average pooling over windows and the mean over the whole map. It does not know squeeze-excite, which uses it.
import {
  ACTIVATION, C, COUNT, DST, DTYPE, EXPONENT, FLOAT32, H, KH, KW, MAX, MIN, MULTIPLIER, OH, OW, PAD_LEFT, PAD_TOP, SRC, STRIDE_H, STRIDE_W,
  UNSIGNED, W, ZERO_IN, ZERO_OUT,
} from './abi';
import { activate } from './activation';
import { multiply } from './requantise';
import { activation, scratch, word, wordF32 } from './step';

/** Averages over the cells of each window that lie inside the picture (TFLite AVERAGE_POOL_2D). */
export function averagePool(step: usize): void {
  const height = word(step, H), width = word(step, W);
  for (let oy = 0; oy < word(step, OH); oy++) {
    for (let ox = 0; ox < word(step, OW); ox++) {
      const y = oy * word(step, STRIDE_H) - word(step, PAD_TOP), x = ox * word(step, STRIDE_W) - word(step, PAD_LEFT);
      const y0 = max(y, 0), y1 = min(y + word(step, KH), height);
      const x0 = max(x, 0), x1 = min(x + word(step, KW), width);
      sumWindow(step, y0, y1, x0, x1);
      averageOut(step, oy * word(step, OW) + ox, (y1 - y0) * (x1 - x0));
    }
  }
}

/** Mean over all COUNT pixels (TFLite MEAN over height and width). */
export function mean(step: usize): void {
  sumWindow(step, 0, word(step, H), 0, word(step, W));
  const channels = word(step, C), pixels = word(step, COUNT);
  const sums = scratch(), dst = activation(step, DST);
  if (word(step, DTYPE) == FLOAT32) {
    for (let c = 0; c < channels; c++) store<f32>(dst + (<usize>c << 2), load<f32>(sums + (<usize>c << 2)) / <f32>pixels);
    return;
  }
  const offset = pixels * word(step, ZERO_IN);
  for (let c = 0; c < channels; c++) {
    const value = multiply(load<i32>(sums + (<usize>c << 2)) - offset, word(step, MULTIPLIER), word(step, EXPONENT));
    store<i8>(dst + c, <i8>min(max(value + word(step, ZERO_OUT), -128), 127));
  }
}

/** Sums per channel into scratch: float32, or int32 of the raw values. Pixels in order, as in every build. */
function sumWindow(step: usize, y0: i32, y1: i32, x0: i32, x1: i32): void {
  const float = word(step, DTYPE) == FLOAT32;
  const channels = word(step, C), width = word(step, W);
  memory.fill(scratch(), 0, <usize>channels << 2);
  for (let y = y0; y < y1; y++) {
    const row = activation(step, SRC) + (<usize>((y * width + x0) * channels) << (float ? 2 : 0));
    if (float) addPixelsF32(row, x1 - x0, channels);
    else addPixelsInt8(row, x1 - x0, channels);
  }
}

function addPixelsF32(src: usize, pixels: i32, channels: i32): void {
  for (let i = 0; i < pixels; i++) {
    let c = 0, sum = scratch();
    if (ASC_FEATURE_SIMD) {
      for (; c + 4 <= channels; c += 4, sum += 16, src += 16) v128.store(sum, f32x4.add(v128.load(sum), v128.load(src)));
    }
    for (; c < channels; c++, sum += 4, src += 4) store<f32>(sum, load<f32>(sum) + load<f32>(src));
  }
}

function addPixelsInt8(src: usize, pixels: i32, channels: i32): void {
  for (let i = 0; i < pixels; i++) {
    let c = 0, sum = scratch();
    if (ASC_FEATURE_SIMD) {
      for (; c + 8 <= channels; c += 8, sum += 32, src += 8) {
        const values = v128.load8x8_s(src);
        v128.store(sum, i32x4.add(v128.load(sum), i32x4.extend_low_i16x8_s(values)));
        v128.store(sum, i32x4.add(v128.load(sum, 16), i32x4.extend_high_i16x8_s(values)), 16);
      }
    }
    for (; c < channels; c++, sum += 4, src++) store<i32>(sum, load<i32>(sum) + <i32>load<i8>(src));
  }
}

/** Divides the sums as AVERAGE_POOL_2D does and writes one pixel. */
function averageOut(step: usize, pixel: i32, count: i32): void {
  const channels = word(step, C), sums = scratch();
  const at = pixel * channels;
  if (word(step, DTYPE) == FLOAT32) {
    const dst = activation(step, DST) + (<usize>at << 2);
    for (let c: usize = 0, end = <usize>channels << 2; c < end; c += 4) {
      store<f32>(dst + c, activate(load<f32>(sums + c) / <f32>count, word(step, ACTIVATION), wordF32(step, MIN), wordF32(step, MAX)));
    }
    return;
  }
  const dst = activation(step, DST) + at;
  for (let c = 0; c < channels; c++) {
    const value = average(load<i32>(sums + (<usize>c << 2)), count, word(step, UNSIGNED) != 0);
    store<i8>(dst + c, <i8>min(max(value, word(step, MIN)), word(step, MAX)));
  }
}

/** int8 rounds half away from zero; uint8 (held here 128 lower) rounds half up. */
// @ts-ignore: decorator
@inline
function average(sum: i32, count: i32, unsigned: bool): i32 {
  if (unsigned) return (sum + 128 * count + count / 2) / count - 128;
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}
