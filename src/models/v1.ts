// Knows the table of MobileNetV1 (Howard et al. 2017, table 1): 13 depthwise-separable pairs after a 3x3 stem.

/** Stride of the depthwise convolution and output channels at alpha 1 of each pair. */
export const V1_PAIRS: readonly { stride: number; out: number }[] = [
  [1, 64], [2, 128], [1, 128], [2, 256], [1, 256], [2, 512], [1, 512], [1, 512], [1, 512], [1, 512], [1, 512], [2, 1024], [1, 1024],
].map(([stride, out]) => ({ stride, out }));
