// Knows exp and log with the same bits on every engine, which Math.exp and Math.log need not have: training has to give the
// same weights everywhere. Additions, multiplications and divisions are exact to the bit by IEEE 754.

/** ln 2 in two parts: the first has 32 bits, so that its product with a small whole number is exact. */
const LN2_HIGH = 0.693147180369123816490, LN2_LOW = 1.90821492927058770002e-10;

const bits = new DataView(new ArrayBuffer(8));

/** 2 to a whole power within the normal range. */
function power(n: number): number {
  bits.setUint32(0, (n + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** e to the x, for x up to 700; 0 below -700. By Taylor's series on [-ln 2 / 2, ln 2 / 2], error below 1e-15. */
export function exp(x: number): number {
  if (!(x > -700)) return x !== x ? x : 0;
  const n = Math.floor(x / Math.LN2 + 0.5), r = x - n * LN2_HIGH - n * LN2_LOW;
  let sum = 1;
  for (let k = 14; k > 0; k--) sum = 1 + (sum * r) / k;
  return sum * power(n);
}

/** Natural logarithm of a normal number above 0: x = m 2^n with m near 1, ln m = 2 artanh((m - 1) / (m + 1)). Error below 1e-15. */
export function log(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0), n = (high >> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | (1023 << 20));
  let m = bits.getFloat64(0), exponent = n;
  if (m > Math.SQRT2) m /= 2, exponent++;
  const s = (m - 1) / (m + 1), square = s * s;
  let sum = 0;
  for (let k = 23; k > 0; k -= 2) sum = 1 / k + sum * square;
  return 2 * s * sum + exponent * LN2_LOW + exponent * LN2_HIGH;
}
