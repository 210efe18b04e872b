// Knows the steps that count rather than filter: arithmetic of whole numbers, quotients, roots, changes of type, and
// picking values by index. They treat few values, so they are plain loops, the same in every build.
import {
  COUNT, DST, DTYPE, FLOAT32, FLOOR_QUOTIENT, FUNCTION, KH, KW, MAX, MIN, MINUS, PERIOD, PLUS, QUOTIENT, SIZES, SRC, SWAPPED, TIMES,
} from './abi';
import { greatest, least } from './lanes';
import { activation, second, word, wordF32 } from './step';

/** COUNT results FUNCTION(a, b) between MIN and MAX; b repeats every PERIOD values and comes first where SWAPPED is 1. */
export function arithmetic(step: usize): void {
  const src = activation(step, SRC), other = second(step), dst = activation(step, DST);
  const count = word(step, COUNT), period = word(step, PERIOD), swapped = word(step, SWAPPED);
  for (let i = 0, j = 0; i < count; i++, j = j + 1 < period ? j + 1 : 0) {
    const x = src + (<usize>i << 2), y = other + (<usize>j << 2);
    const a = swapped ? y : x, b = swapped ? x : y, to = dst + (<usize>i << 2);
    if (word(step, DTYPE) == FLOAT32) store<f32>(to, least(greatest(quotient(step, load<f32>(a), load<f32>(b)), wordF32(step, MIN)), wordF32(step, MAX)));
    else store<i32>(to, min(max(whole(step, load<i32>(a), load<i32>(b)), word(step, MIN)), word(step, MAX)));
  }
}

// @ts-ignore: decorator
@inline
function quotient(step: usize, a: f32, b: f32): f32 {
  return word(step, FUNCTION) == FLOOR_QUOTIENT ? Mathf.floor(a / b) : a / b;
}

/** Sums and products wrap, as they do in C. TensorFlow Lite refuses to divide by zero while it runs; here that gives 0. */
function whole(step: usize, a: i32, b: i32): i32 {
  switch (word(step, FUNCTION)) {
    case PLUS: return a + b;
    case MINUS: return a - b;
    case TIMES: return a * b;
    default: {
      if (b == 0) return 0;
      if (b == -1) return 0 - a; // the least number has no counterpart, and WebAssembly would trap
      const towardsZero = a / b;
      return towardsZero - i32(word(step, FUNCTION) != QUOTIENT && a % b != 0 && (a ^ b) < 0);
    }
  }
}

export function squareRoots(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  for (const end = src + (<usize>word(step, COUNT) << 2); src < end; src += 4, dst += 4) store<f32>(dst, Mathf.sqrt(load<f32>(src)));
}

/** int32 to float32. */
export function toFloat(step: usize): void {
  let src = activation(step, SRC), dst = activation(step, DST);
  for (const end = src + (<usize>word(step, COUNT) << 2); src < end; src += 4, dst += 4) store<f32>(dst, <f32>load<i32>(src));
}

/**
 * COUNT pieces of KW bytes, each from where KH int32 indices say; they count dimensions whose sizes are the words from
 * SIZES on. An index that points outside is moved to the edge: a hostile file must not read what is not its own.
 */
export function gather(step: usize): void {
  const src = activation(step, SRC), bytes = <usize>word(step, KW), depth = word(step, KH);
  let indices = second(step), dst = activation(step, DST);
  for (let row = 0; row < word(step, COUNT); row++, dst += bytes) {
    let at = 0;
    for (let k = 0; k < depth; k++, indices += 4) {
      const size = word(step, SIZES + k);
      at = at * size + min(max(load<i32>(indices), 0), size - 1);
    }
    memory.copy(dst, src + <usize>at * bytes, bytes);
  }
}
