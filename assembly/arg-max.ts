// Knows the index of the greatest value along one dimension, the first of equals (TFLite ARG_MAX). Values are compared as
// they lie: uint8, held 128 lower, keeps its order.
import { C, COUNT, DST, DTYPE, FLOAT32, INDEX_BYTES, SRC, W } from './abi';
import { activation, shareEnd, shareStart, word } from './step';

/** COUNT x C x W values to COUNT x W indices of the greatest of C. */
export function argMax(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32, size = word(step, C), inner = word(step, W), indexBytes = <usize>word(step, INDEX_BYTES);
  const valueBytes: usize = float ? 4 : 1, first = shareStart(word(step, COUNT), 64), last = shareEnd(word(step, COUNT), 64);
  const strideBytes = <usize>inner * valueBytes, outerBytes = <usize>size * strideBytes;
  let src = activation(step, SRC) + <usize>first * outerBytes, dst = activation(step, DST) + <usize>(first * inner) * indexBytes;
  for (let outer = first; outer < last; outer++, src += outerBytes) {
    for (let i = 0, at = src; i < inner; i++, at += valueBytes, dst += indexBytes) {
      const index = ASC_FEATURE_SIMD && !float && inner == 1 && size >= 16 ? firstOfMost(at, size)
        : float ? firstMost<f32>(at, size, strideBytes) : firstMost<i8>(at, size, strideBytes);
      if (indexBytes == 8) store<i64>(dst, <i64>index);
      else store<i32>(dst, index);
    }
  }
}

/** NaN is greater than nothing, and nothing is greater than a NaN that comes first. */
function firstMost<T>(src: usize, size: i32, strideBytes: usize): i32 {
  let index = 0, most = load<T>(src);
  for (let i = 1; i < size; i++) {
    src += strideBytes;
    const value = load<T>(src);
    if (value > most) {
      most = value;
      index = i;
    }
  }
  return index;
}

/** `size` neighbouring int8 values, 16 or more: the last block overlaps the one before. */
function firstOfMost(src: usize, size: i32): i32 {
  const end = src + size - 16;
  let most = v128.load(end);
  for (let at = src; at < end; at += 16) most = i8x16.max_s(most, v128.load(at));
  most = i8x16.max_s(most, v128.shuffle<i64>(most, most, 1, 0));
  most = i8x16.max_s(most, v128.shuffle<i32>(most, most, 1, 0, 3, 2));
  most = i8x16.max_s(most, v128.shuffle<i16>(most, most, 1, 0, 3, 2, 5, 4, 7, 6));
  most = i8x16.max_s(most, v128.shuffle<i8>(most, most, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
  let at = src, equal = i8x16.bitmask(i8x16.eq(v128.load(at), most));
  while (!equal) {
    at = min(at + 16, end);
    equal = i8x16.bitmask(i8x16.eq(v128.load(at), most));
  }
  return <i32>(at - src) + ctz(equal);
}
