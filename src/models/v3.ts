// Knows the tables of MobileNetV3 (Howard et al. 2019, tables 1 and 2) and its minimalistic variants.

export interface V3Block {
  kernel: number;
  stride: number;
  expand: number;
  out: number;
  squeezeExcite: boolean;
  hardSwish: boolean;
}

type Row = [kernel: number, stride: number, expand: number, out: number, squeezeExcite: 0 | 1, hardSwish: 0 | 1];

const table = (rows: Row[]): V3Block[] => rows.map(([kernel, stride, expand, out, squeezeExcite, hardSwish]) =>
  ({ kernel, stride, expand, out, squeezeExcite: squeezeExcite === 1, hardSwish: hardSwish === 1 }));

/** Without squeeze-excite, 5x5 windows and hard-swish. */
const minimal = (blocks: V3Block[]): V3Block[] => blocks.map((block) => ({ ...block, kernel: 3, squeezeExcite: false, hardSwish: false }));

const LARGE = table([
  [3, 1, 16, 16, 0, 0], [3, 2, 64, 24, 0, 0], [3, 1, 72, 24, 0, 0], [5, 2, 72, 40, 1, 0], [5, 1, 120, 40, 1, 0], [5, 1, 120, 40, 1, 0],
  [3, 2, 240, 80, 0, 1], [3, 1, 200, 80, 0, 1], [3, 1, 184, 80, 0, 1], [3, 1, 184, 80, 0, 1], [3, 1, 480, 112, 1, 1], [3, 1, 672, 112, 1, 1],
  [5, 2, 672, 160, 1, 1], [5, 1, 960, 160, 1, 1], [5, 1, 960, 160, 1, 1],
]);

const SMALL = table([
  [3, 2, 16, 16, 1, 0], [3, 2, 72, 24, 0, 0], [3, 1, 88, 24, 0, 0], [5, 2, 96, 40, 1, 1], [5, 1, 240, 40, 1, 1], [5, 1, 240, 40, 1, 1],
  [5, 1, 120, 48, 1, 1], [5, 1, 144, 48, 1, 1], [5, 2, 288, 96, 1, 1], [5, 1, 576, 96, 1, 1], [5, 1, 576, 96, 1, 1],
]);

export const V3_BLOCKS = { 'v3-large': LARGE, 'v3-small': SMALL, 'v3-large-minimal': minimal(LARGE), 'v3-small-minimal': minimal(SMALL) };
