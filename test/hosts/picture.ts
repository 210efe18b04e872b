// Knows what goes into networks, made by arithmetic and so the same on every host.

/** Not a square, and larger than the network's input. Each `turn` moves what is on it and changes its colours. */
export function picture(turn = 0): { width: number; height: number; data: Uint8Array } {
  const width = 320, height = 260, data = new Uint8Array(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const inside = (x - 170 + 9 * turn) ** 2 + (y - 120) ** 2 < (80 - 6 * turn) ** 2;
    data[at++] = inside ? 200 - (y >> 1) : (x >> 1) + 12 * turn;
    data[at++] = inside ? (x * y) % 97 : 120 + (y >> 2);
    data[at++] = inside ? 40 + 25 * turn : (x ^ y) & 255;
    data[at++] = 255;
  }
  return { width, height, data };
}

/** Raw input bytes for a network whose input has this shape; those of test/everyday.golden.json. */
export const inputBytes = (shape: number[]): Uint8Array => Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 37) % 256);
