// Knows the steps that only move values: padding, transposing, copying rows. It computes nothing.
import { C, COUNT, DST, DTYPE, FLOAT32, H, INT8, KH, KW, OH, OW, PAD_LEFT, PAD_TOP, SRC, SRC2_CONSTANT, W, ZERO_IN } from './abi';
import { activation, second, word } from './step';

/** H x W x C into OH x OW x C, PAD_TOP rows down and PAD_LEFT columns right, the rest zero (ZERO_IN for int8). */
export function pad(step: usize): void {
  const float = word(step, DTYPE) == FLOAT32;
  const pixel = <usize>word(step, C) << (float ? 2 : 0);
  const width = word(step, W), outWidth = word(step, OW);
  const dst = activation(step, DST), src = activation(step, SRC);
  memory.fill(dst, float ? 0 : <u8>word(step, ZERO_IN), <usize>(word(step, OH) * outWidth) * pixel);
  for (let y = 0; y < word(step, H); y++) {
    const row = (y + word(step, PAD_TOP)) * outWidth + word(step, PAD_LEFT);
    memory.copy(dst + <usize>row * pixel, src + <usize>(y * width) * pixel, <usize>width * pixel);
  }
}

/**
 * Up to four dimensions: output sizes in words H, W, C, COUNT and their input strides (elements) in OH, OW, OC, KH, from
 * element KW on. A stride may be negative (a slice that goes backwards) or 0 (values that repeat).
 */
export function transpose(step: usize): void {
  const shift = word(step, DTYPE) == INT8 ? 0 : 2;
  const src = activation(step, SRC) + (<usize>word(step, KW) << shift);
  let dst = activation(step, DST);
  for (let a = 0; a < word(step, H); a++) {
    for (let b = 0; b < word(step, W); b++) {
      for (let c = 0; c < word(step, C); c++) {
        let at = a * word(step, OH) + b * word(step, OW) + c * word(step, OW + 1);
        for (let d = 0; d < word(step, COUNT); d++, at += word(step, KH), dst += 1 << shift) {
          if (shift) store<i32>(dst, load<i32>(src + <usize>(at << 2)));
          else store<i8>(dst, load<i8>(src + <usize>at));
        }
      }
    }
  }
}

/** COUNT rows of W bytes from SRC, or the constant SRC2, to DST, where a row of the output has C bytes, at byte OW of it (concatenation). */
export function copyRows(step: usize): void {
  let src = word(step, SRC2_CONSTANT) ? second(step) : activation(step, SRC), dst = activation(step, DST) + <usize>word(step, OW);
  const bytes = <usize>word(step, W), stride = <usize>word(step, C);
  for (let row = 0; row < word(step, COUNT); row++, src += bytes, dst += stride) memory.copy(dst, src, bytes);
}
