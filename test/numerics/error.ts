// Knows how far float32 values are from exact ones: in units of the last place (ulp) of the exact value, and relative to
// the largest magnitude of their row. It does not know which kernel gave them.

export interface FloatError {
  values: number;
  /** In ulp of each exact value: the middle one of all values, and the worst. */
  median: number;
  worst: number;
  /** Greatest error over the greatest magnitude of the value's row. */
  relative: number;
}

/** The distance of float32 values around x. */
const ulp = (x: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23);

/** Collects errors over any number of tensors. */
export class Errors {
  readonly #each: number[] = [];
  #relative = 0;

  /** @param row values in a row: the channels of one pixel, or one softmax */
  add(got: ArrayLike<number>, exact: Float64Array, row: number): void {
    if (got.length !== exact.length) throw new Error(`${got.length} values came, ${exact.length} were due`);
    for (let start = 0; start < exact.length; start += row) {
      const largest = exact.subarray(start, start + row).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      for (let i = start; i < start + row; i++) {
        const error = Math.abs(got[i] - exact[i]);
        this.#each.push(error === 0 ? 0 : error / ulp(exact[i]));
        if (!(error <= this.#relative * largest)) this.#relative = error / largest; // NaN, too, must show
      }
    }
  }

  get found(): FloatError {
    const sorted = Float64Array.from(this.#each).sort();
    return { values: sorted.length, median: sorted[sorted.length >> 1], worst: sorted[sorted.length - 1], relative: this.#relative };
  }
}

/** How many values of two tensors differ. */
export function differing(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) throw new Error(`${got.length} values came, ${expected.length} were due`);
  let count = 0;
  for (let i = 0; i < got.length; i++) if (got[i] !== expected[i]) count++;
  return count;
}
