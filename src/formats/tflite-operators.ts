// Knows TensorFlow Lite's operator codes and their option tables (schema version 3). It does not know tensors.
import { DepthwiseError } from '../error.js';
import type { Table } from './flatbuffer.js';
import type { Activation, Attributes } from './graph.js';

/** BuiltinOperator names in the order of their codes, up to 117; those after it go by their number. */
const NAMES = `ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED
HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW
ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE
FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE
RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH`.split(/\s+/);

export const operatorName = (code: number): string => NAMES[code] ?? `operator code ${code}`;

const ACTIVATIONS: (Activation | undefined)[] = ['none', 'relu', 'reluN1To1', 'relu6'];

function activation(options: Table | undefined, field: number, where: string): Activation {
  const code = options?.int8(field) ?? 0;
  const found = ACTIVATIONS[code];
  if (!found) throw new DepthwiseError('UNSUPPORTED', `${where} fuses activation ${['', '', '', '', 'TANH', 'SIGN_BIT'][code] || code}; NONE, RELU, RELU_N1_TO_1 and RELU6 are supported. Train or export with one of these.`);
  return found;
}

const padding = (options: Table | undefined): 'same' | 'valid' => (options?.int8(0) ? 'valid' : 'same');

/** What an operator does, from its option table; `axes` are the constant values of its second input, where it has one. */
export function attributesOf(name: string, options: Table | undefined, where: string, axes: () => number[], rank: number): Attributes {
  const int = (field: number, otherwise = 0): number => options?.int32(field, otherwise) ?? otherwise;
  const stride = (): [number, number] => [int(2, 1), int(1, 1)];
  switch (name) {
    case 'CONV_2D':
      return { kind: 'conv2d', padding: padding(options), stride: stride(), activation: activation(options, 3, where), dilation: [int(5, 1), int(4, 1)] };
    case 'DEPTHWISE_CONV_2D':
      return { kind: 'depthwiseConv2d', padding: padding(options), stride: stride(), activation: activation(options, 4, where), dilation: [int(6, 1), int(5, 1)] };
    case 'FULLY_CONNECTED':
      if (options?.int8(1)) throw new DepthwiseError('UNSUPPORTED', `${where} has shuffled weights. Export the model with plain weights.`);
      return { kind: 'fullyConnected', activation: activation(options, 0, where), keepDims: options?.uint8(2) === 1 };
    case 'AVERAGE_POOL_2D': case 'MAX_POOL_2D':
      return { kind: name === 'MAX_POOL_2D' ? 'maxPool' : 'averagePool', padding: padding(options), stride: stride(), window: [int(4, 1), int(3, 1)], activation: activation(options, 5, where) };
    case 'MEAN': return { kind: 'mean', axes: axes().map((axis) => (axis < 0 ? axis + rank : axis)), keepDims: options?.uint8(0) === 1 };
    case 'ADD': return { kind: 'add', activation: activation(options, 0, where) };
    case 'SUB': return { kind: 'sub', activation: activation(options, 0, where) };
    case 'MUL': return { kind: 'mul', activation: activation(options, 0, where) };
    case 'DIV': return { kind: 'div', activation: activation(options, 0, where) };
    case 'FLOOR_DIV': return { kind: 'floorDiv', activation: 'none' };
    case 'RELU': return { kind: 'relu' };
    case 'RELU6': return { kind: 'relu6' };
    case 'RELU_N1_TO_1': return { kind: 'reluN1To1' };
    case 'HARD_SWISH': return { kind: 'hardSwish' };
    case 'LOGISTIC': return { kind: 'logistic' };
    case 'SQRT': return { kind: 'sqrt' };
    case 'SOFTMAX': return { kind: 'softmax', beta: options?.float32(0) ?? 0 };
    case 'PAD': case 'PADV2': return { kind: 'pad' };
    case 'RESHAPE': case 'SQUEEZE': case 'EXPAND_DIMS': return { kind: 'reshape' };
    case 'TRANSPOSE': return { kind: 'transpose' };
    case 'QUANTIZE': return { kind: 'quantize' };
    case 'DEQUANTIZE': return { kind: 'dequantize' };
    case 'CAST': return { kind: 'cast' };
    case 'SHAPE': return { kind: 'shape' };
    case 'GATHER_ND': return { kind: 'gatherNd' };
    case 'STRIDED_SLICE':
      if (int(2)) throw new DepthwiseError('UNSUPPORTED', `${where} has an ellipsis. Export the model with a slice that names every dimension.`);
      return { kind: 'stridedSlice', beginMask: int(0), endMask: int(1), newAxisMask: int(3), shrinkAxisMask: int(4) };
    case 'PACK': return { kind: 'pack', axis: int(1) };
    case 'UNPACK': return { kind: 'unpack', axis: int(1) };
    case 'RESIZE_BILINEAR': return { kind: 'resizeBilinear', alignCorners: options?.uint8(2) === 1, halfPixelCenters: options?.uint8(3) === 1 };
    case 'ARG_MAX': return { kind: 'argMax', axis: axes()[0] };
    case 'TILE': return { kind: 'tile' };
    case 'SPACE_TO_BATCH_ND': return { kind: 'spaceToBatch' };
    case 'BATCH_TO_SPACE_ND': return { kind: 'batchToSpace' };
    case 'CONCATENATION': return { kind: 'concatenation', axis: int(0), activation: activation(options, 1, where) };
    default:
      throw new DepthwiseError('UNSUPPORTED', `${where} is not one that this library does. It runs MobileNets that classify, embed, detect, segment or find poses; leave the operator out of the exported graph, or use TensorFlow Lite.`);
  }
}
