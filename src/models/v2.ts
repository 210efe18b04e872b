// Knows the table of MobileNetV2 (Sandler et al. 2018, table 2): inverted residuals with linear bottlenecks.

export interface V2Stage {
  expand: number;
  out: number;
  repeat: number;
  stride: number;
}

export const V2_STAGES: readonly V2Stage[] = [
  [1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1],
].map(([expand, out, repeat, stride]) => ({ expand, out, repeat, stride }));

/** make_divisible: channels rounded to a multiple of 8, never more than 10 % down. */
export function divisible(v: number): number {
  const n = Math.max(8, Math.floor((v + 4) / 8) * 8);
  return n < 0.9 * v ? n + 8 : n;
}
