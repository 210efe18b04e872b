// Knows what a weights file says once it is read: tensors and operators. It knows no file format and no kernel.
import { fromFloat16 } from './float16.js';

export type DType = 'float32' | 'float16' | 'int8' | 'uint8' | 'int16' | 'int32' | 'int64' | 'bool';

/** Real value = scale * (q - zeroPoint). One entry per tensor, or one per index of dimension `axis`. */
export interface Quantization {
  scale: Float32Array;
  zeroPoint: Int32Array;
  axis: number;
}

export interface Tensor {
  name: string;
  /** NHWC for images; [] is a scalar. */
  shape: number[];
  dtype: DType;
  quantization?: Quantization;
  /** Little-endian bytes of a constant, a view into the file (any alignment). Absent: computed at run time. */
  data?: Uint8Array;
}

export type Activation = 'none' | 'relu' | 'relu6' | 'reluN1To1' | 'hardSwish' | 'hardSigmoid';

/** 'same' and 'valid' as TensorFlow defines them, or explicit counts of cells. */
export type Padding = 'same' | 'valid' | { top: number; bottom: number; left: number; right: number };

/** Integer results are rounded to nearest once, as float32 between (de)quantisations would be; TensorFlow Lite rounds twice. */
interface Rounded { once?: boolean }

interface Windowed extends Rounded {
  stride: [number, number]; // [height, width]
  padding: Padding;
  activation: Activation;
}

/**
 * What an operator does. `inputs` of the operator, in order (-1: absent), are given for each kind.
 * Weights: conv2d O,KH,KW,I · depthwiseConv2d 1,KH,KW,C*multiplier · fullyConnected O,I.
 */
export type Attributes =
  | ({ kind: 'conv2d'; dilation: [number, number] } & Windowed) // input, weights, bias
  | ({ kind: 'depthwiseConv2d'; dilation: [number, number] } & Windowed) // input, weights, bias
  | { kind: 'fullyConnected'; activation: Activation; keepDims: boolean } // input, weights, bias
  | { kind: 'batchNorm'; epsilon: number; activation: Activation } // x, gamma, beta, mean, variance
  | ({ kind: 'averagePool' | 'maxPool'; window: [number, number] } & Windowed) // x
  | ({ kind: 'mean'; axes: number[]; keepDims: boolean } & Rounded) // x
  | ({ kind: 'add' | 'sub' | 'mul'; activation: Activation } & Rounded) // a, b (numpy broadcasting)
  | { kind: 'div' | 'floorDiv'; activation: Activation } // a, b (numpy broadcasting)
  | { kind: 'relu' | 'relu6' | 'reluN1To1' | 'hardSwish' | 'hardSigmoid' | 'logistic' | 'sqrt' } // x
  | { kind: 'table'; entries: Int8Array } // x, 8-bit; results for -128 to 127 of the int8 form (uint8 values 128 lower)
  | { kind: 'softmax'; beta: number } // x, over the last dimension
  | { kind: 'pad' } // x, paddings [rank,2] int32, (PADV2: value)
  | { kind: 'reshape' } // x; the output tensor's shape says to what (also SQUEEZE, EXPAND_DIMS, flatten)
  | { kind: 'transpose' } // x, permutation int32
  | { kind: 'quantize' } // x; float to int, or int to int
  | { kind: 'dequantize' } // x
  | { kind: 'cast' } // x; to the output's type
  | { kind: 'shape' } // x; integer output
  | { kind: 'stridedSlice'; beginMask: number; endMask: number; shrinkAxisMask: number; newAxisMask: number } // x, begin, end, strides
  | { kind: 'pack' | 'unpack'; axis: number } // x..., or x and an output for each index of the axis
  | { kind: 'gatherNd' } // x, indices int32 [..., n] of the first n dimensions
  | { kind: 'resizeBilinear'; alignCorners: boolean; halfPixelCenters: boolean } // x, [height, width] int32
  | { kind: 'argMax'; axis: number } // x; int32 or int64 output
  | { kind: 'tile' } // x, repeats along each dimension int32
  | { kind: 'spaceToBatch' | 'batchToSpace' } // x, block [height, width], paddings or crops [2,2] int32
  | { kind: 'concatenation'; axis: number; activation: Activation } // x...
  | { kind: 'rescale' } // x, 8-bit, to the scale of the output as CONCATENATION does it
  | ({ kind: 'detection' } & Detection); // encodings [1,N,4 or more], scores [1,N,classes or one more], anchors [N,4]; four outputs

/** How encoded boxes and class scores become detections (TFLite_Detection_PostProcess). */
export interface Detection {
  maxDetections: number;
  /** Classes told of one box; 1 where `regular`, since each class then has boxes of its own. */
  maxClassesPerDetection: number;
  /** Suppression class by class, with at most `detectionsPerClass` each; else box by box, by the likeliest class. */
  regular: boolean;
  detectionsPerClass: number;
  scoreThreshold: number;
  /** Intersection over union above which the worse of two boxes goes. */
  iouThreshold: number;
  /** Without the background class. */
  classes: number;
  /** What encodings are divided by: y, x, height, width. */
  scales: [number, number, number, number];
  /** Where given: boxes of a class that are looked at; the greatest exponent of a height or width; boxes end at the picture's edges. */
  candidates?: number;
  greatestSize?: number;
  clipped?: boolean;
}

export interface Operator {
  attributes: Attributes;
  inputs: number[];
  outputs: number[];
  /** For messages: "operator 12 (CONV_2D)". */
  where: string;
}

/** How a picture becomes the input tensor. Values: (pixel - mean[c]) / std[c] with pixels 0..255. */
export interface Preprocessing {
  /** 'centre': the centre square of side `crop` x the shorter side. 'stretch': the whole picture, aspect ratio lost. */
  fit: 'centre' | 'stretch';
  crop: number;
  mean: number[];
  std: number[];
}

export interface Graph {
  tensors: Tensor[];
  operators: Operator[]; // in an order that can run
  inputs: number[];
  outputs: number[];
  /** Free text about the file that travels with it. */
  about: { name?: string; description?: string; licence?: string; source?: string };
  labels?: string[];
  preprocessing?: Preprocessing;
}

/** Most values of a tensor: offsets in bytes must stay whole numbers that kernels can hold. */
export const MOST_ELEMENTS = 0x8000_0000;
const MOST_DIMENSIONS = 32;

/** Whether a shape's sizes are counts, and their product, with empty dimensions left out, one that counts exactly. */
export const isShape = (shape: readonly unknown[]): shape is number[] => shape.length <= MOST_DIMENSIONS
  && shape.every((d) => Number.isInteger(d) && (d as number) >= 0) && elements((shape as number[]).filter((d) => d > 0)) < MOST_ELEMENTS;

export const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export const bytesPerElement: Record<DType, number> = {
  float32: 4, float16: 2, int8: 1, uint8: 1, int16: 2, int32: 4, int64: 8, bool: 1,
};

/** A constant's values as numbers, whatever its dtype and alignment; int64 beyond 2^53 loses precision. */
export function numbers(tensor: Tensor): number[] {
  const data = tensor.data!;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const size = bytesPerElement[tensor.dtype];
  const read: Record<DType, (at: number) => number> = {
    float32: (at) => view.getFloat32(at, true),
    float16: (at) => fromFloat16(view.getUint16(at, true)),
    int8: (at) => view.getInt8(at),
    uint8: (at) => view.getUint8(at),
    bool: (at) => view.getUint8(at),
    int16: (at) => view.getInt16(at, true),
    int32: (at) => view.getInt32(at, true),
    int64: (at) => Number(view.getBigInt64(at, true)),
  };
  return Array.from({ length: Math.floor(data.byteLength / size) }, (_, i) => read[tensor.dtype](i * size));
}

/** A constant as float32 values; a view where alignment allows, else a copy. */
export function floats(tensor: Tensor): Float32Array {
  const data = tensor.data!;
  if (tensor.dtype === 'float32' && data.byteOffset % 4 === 0) {
    return new Float32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
  }
  if (tensor.dtype === 'float32') return new Float32Array(data.slice().buffer);
  return Float32Array.from(numbers(tensor));
}
