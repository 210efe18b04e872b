// Knows SHA-256 on every host: the host's own where there is one, else the steps of FIPS 180-4. Pages served over plain
// http and bare engines have no crypto.subtle.

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  return subtle ? new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)) : plainSha256(bytes);
}

/** First 32 bits of the fractions of the square (1/2) or cube (1/3) roots of the first primes, sections 4.2.2 and 5.3.3. */
function fractions(count: number, power: number): Int32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p)) primes.push(n);
  return Int32Array.from(primes, (p) => (p ** power % 1) * 2 ** 32);
}

/** The last block or two: what is left of the bytes, a bit, zeros, and the length in bits. */
function ending(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % 64, end = new Uint8Array(rest < 56 ? 64 : 128), view = new DataView(end.buffer);
  end.set(bytes.subarray(bytes.length - rest));
  end[rest] = 128;
  view.setUint32(end.length - 8, bytes.length / 2 ** 29);
  view.setUint32(end.length - 4, bytes.length << 3);
  return end;
}

/** Exported for tests: what hosts without crypto.subtle run. */
export function plainSha256(bytes: Uint8Array): Uint8Array {
  const k = fractions(64, 1 / 3), hash = fractions(8, 1 / 2), w = new Int32Array(64);
  const turn = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
  const blocks = (part: Uint8Array): void => {
    for (let at = 0; at + 64 <= part.length; at += 64) {
      for (let i = 0, j = at; i < 16; i++, j += 4) w[i] = (part[j] << 24) | (part[j + 1] << 16) | (part[j + 2] << 8) | part[j + 3];
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
      }
      let [a, b, c, d, e, f, g, h] = hash;
      for (let i = 0; i < 64; i++) {
        const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
        const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g, g = f, f = e, e = (d + first) | 0, d = c, c = b, b = a, a = (first + second) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((x, i) => (hash[i] += x));
    }
  };
  blocks(bytes);
  blocks(ending(bytes));
  const out = new DataView(new ArrayBuffer(32));
  hash.forEach((x, i) => out.setInt32(i * 4, x));
  return new Uint8Array(out.buffer);
}

/** A hash as people write it. */
export const hex = (hash: Uint8Array): string => Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
