// Knows the numbers that the compiler (TypeScript) and the kernels (AssemblyScript) agree on: kernel codes, the words
// of a step record, the layout of packed constants. It holds plain constants only, so that both compilers read it.
//
//   A step record is STEP_WORDS little-endian int32 words. Offsets of activations count from the arena, those of
//   constants from the weights. Words that a kernel does not name are 0.
//
//   Weights come in panels of PANEL output channels, the last one padded with channels whose weights are zero:
//     float32   [OC / 8][K][8]             K = KH * KW * C, in that order (depthwise: K = KH * KW)
//     int8      [OC / 8][K / 2][8][2]      pairs of k side by side, K padded to even; SIMD builds hold those with a zero
//                                          point as int16, less that
//     int8, depthwise   [OC / 8][K][8]     SIMD builds hold them as float32
//   Parameters come in one block a panel: float32 bias[8]; int8 PARAMS_INT8 bytes as drawn in requantise.ts.

/** Kernel codes, word OP of a step. */
export const OP_CONV = 1;
export const OP_POINTWISE = 2;
export const OP_DEPTHWISE = 3;
export const OP_AVERAGE_POOL = 4;
export const OP_MEAN = 5;
export const OP_ADD = 6;
export const OP_MUL = 7;
export const OP_TABLE = 8;
export const OP_ACTIVATION = 9;
export const OP_SOFTMAX = 10;
export const OP_PAD = 11;
export const OP_FLIP = 12;
export const OP_TRANSPOSE = 13;
export const OP_QUANTIZE = 14;
export const OP_DEQUANTIZE = 15;
export const OP_COPY = 16;
export const OP_INVERTED_RESIDUAL = 17;
export const OP_RESIZE = 30;
export const OP_ARG_MAX = 31;
export const OP_ARITHMETIC = 40;
export const OP_SQRT = 41;
export const OP_TO_FLOAT = 42;
export const OP_GATHER = 43;
export const OP_DETECTION = 50;

/** Words of a step record. */
export const STEP_WORDS = 48;
export const OP = 0;
export const DTYPE = 1; // FLOAT32, INT8 or INT32
export const SRC = 2; // arena
export const SRC2 = 3; // arena, or weights where SRC2_CONSTANT is 1
export const DST = 4; // arena
export const WEIGHTS = 5;
export const WEIGHTS_BYTES = 6; // as in the file
export const WEIGHTS_ZERO = 7; // int8: zero point to subtract from each weight
export const PARAMS = 8;
export const H = 9;
export const W = 10;
export const C = 11;
export const OH = 12;
export const OW = 13;
export const OC = 14;
export const KH = 15;
export const KW = 16;
export const STRIDE_H = 17;
export const STRIDE_W = 18;
export const DILATION_H = 19;
export const DILATION_W = 20;
export const PAD_TOP = 21;
export const PAD_LEFT = 22;
export const ACTIVATION = 23; // float32: CLAMP or a function
export const MIN = 24; // clamp: float32 bits or int32
export const MAX = 25;
export const ROUNDING = 26; // int8 weights: ROUND_TWICE or ROUND_DOUBLE
export const REAL = 27; // float32 bits: multiplier of the result as a real number, 0 where only integers are exact
export const ZERO_OUT = 28;
export const ZERO_IN = 29;
export const ZERO_IN2 = 30;
export const COUNT = 31; // elements
export const PERIOD = 32; // elements of the second operand before it repeats
export const SRC2_CONSTANT = 33;
export const MULTIPLIER = 34; // of the result
export const EXPONENT = 35; // TFLite's shift: positive is left
export const MULTIPLIER_A = 36;
export const EXPONENT_A = 37;
export const MULTIPLIER_B = 38;
export const EXPONENT_B = 39;
export const SIGN_A = 40; // 1 or -1
export const SIGN_B = 41;
export const UNSIGNED = 42; // average pool, resize: computes as uint8
export const SCALE = 43; // float32 bits; softmax: beta
export const SCRATCH_BYTES = 44;
export const REAL_B = 45; // add: of the second operand; REAL is of the first
export const NUDGE = 46; // float32 bits, as in requantise.ts

/** Words that mean something else to one kernel. */
export const COORDINATES = 17; // resize: ASYMMETRIC, ALIGN_CORNERS or HALF_PIXEL
export const INDEX_BYTES = 15; // arg max: 4 (int32) or 8 (int64)

/** Words of an inverted residual, whose parts follow it as records of their own. SRC and DST are those of the whole. */
export const PARTS = 9; // records that follow and are run by this one
export const HAS_EXPAND = 10;
export const HAS_PROJECT = 11;
export const RESIDUAL = 12; // 0, or the operand of the addition that is not the projection: SRC or SRC2
export const FILTERED_AT = 13; // bytes from the scratch memory's start
export const PROJECTED_AT = 14;
export const WIDE_AT = 15;
export const PANEL_AT = 16;

/** Words of a detection, beside DTYPE, SCALE and ZERO_IN of its encodings, ZERO_IN2 of its scores, COUNT boxes, C scores each. */
export const MOST_DETECTIONS = 9;
export const PER_DETECTION = 10; // classes of one box, unless REGULAR
export const CLASSES = 12;
export const PER_CLASS = 13; // detections of one class, where REGULAR
export const REGULAR = 15; // suppression class by class
export const ROOM = 16; // detections that the output has places for
export const FOUND = 17; // places for scores that are sorted: CLASSES, or MOST_DETECTIONS where REGULAR
export const CANDIDATES = 18; // boxes of a class that are looked at, 0: all
export const CLIPPED = 19; // boxes end at the picture's edges
export const SCORES_DTYPE = 20;
export const SCORES_SCALE = 34; // this and the following are float32 bits
export const LEAST_SCORE = 35;
export const MOST_OVERLAP = 36; // intersection over union
export const Y_SCALE = 37;
export const X_SCALE = 38;
export const H_SCALE = 39;
export const W_SCALE = 40;
export const MOST_SIZE = 41; // exponent of a height or width

/** Words of a gathering step: sizes of the dimensions that its KH indices count. */
export const SIZES = 9;
export const MOST_INDICES = 6;

/** Words of an arithmetic step. */
export const FUNCTION = 15;
export const SWAPPED = 16;

/** Functions of word FUNCTION: division of whole numbers rounds towards zero, or down. */
export const PLUS = 0;
export const MINUS = 1;
export const TIMES = 2;
export const QUOTIENT = 3;
export const FLOOR_QUOTIENT = 4;

export const FLOAT32 = 0;
export const INT8 = 1;
export const INT32 = 2; // moved and counted with, not multiplied

/** Most bytes of activations and of scratch memory, and most of any size in a record. */
export const MOST = 1073741824;
export const MOST_RECORDS = 65536;

/**
 * What `check` says of a plan: 0, or the number of a record times 256 and one of these, or FAULT_WORD and the number of a
 * word that holds no size.
 */
export const FAULT_RECORDS = 1; // there are no records, or more than MOST_RECORDS
export const FAULT_MEMORY = 2; // more activations or scratch memory than MOST
export const FAULT_KERNEL = 3; // no such kernel
export const FAULT_TYPE = 4; // a type that the kernel does not take
export const FAULT_CHANNELS = 5; // no input channels
export const FAULT_OUT_CHANNELS = 6; // no output channels, or a depthwise step's are no multiple of the input's
export const FAULT_WINDOW = 7; // a window or stride that is empty or passes 65536, or ends behind MOST
export const FAULT_DILATION = 8;
export const FAULT_MAP = 9; // a map without pixels
export const FAULT_PADDING = 10; // padding behind the padded row, or that does not fit
export const FAULT_AVERAGE = 11; // windows without a cell to average
export const FAULT_INDICES = 12; // indices that are not 4 or 8 bytes
export const FAULT_SIZES = 13; // sizes that contradict each other
export const FAULT_EXTENT = 14; // sizes that no memory holds
export const FAULT_SCRATCH = 15; // more scratch memory than the plan asks for
export const FAULT_SRC = 16; // an input outside of the arena
export const FAULT_DST = 17;
export const FAULT_SRC2 = 18; // a second operand outside of arena or constants
export const FAULT_WEIGHTS = 19; // weights outside of the constants
export const FAULT_FEW_WEIGHTS = 20; // fewer weights than the kernel reads
export const FAULT_PARAMS = 21;
export const FAULT_BLOCK = 22; // words of a block that mean nothing
export const FAULT_PARTS = 23; // a part of a block is missing, or another
export const FAULT_FIT = 24; // parts whose sizes do not fit together
export const FAULT_PLACES = 25; // a part of a block's scratch memory over the ring, or outside
export const FAULT_WORD = 64; // to FAULT_WORD + STEP_WORDS - 1

/** Functions of word ACTIVATION. */
export const CLAMP = 0;
export const HARD_SWISH = 1;
export const HARD_SIGMOID = 2;
export const LOGISTIC = 3;

/** Where the middles of output cells lie in the input (word COORDINATES): at i * scale; with the corners' middles on each other; half a cell on. */
export const ASYMMETRIC = 0;
export const ALIGN_CORNERS = 1;
export const HALF_PIXEL = 2;

export const ROUND_TWICE = 0;
export const ROUND_DOUBLE = 1;

/** Output channels in a panel of packed weights. */
export const PANEL = 8;
/** Bytes of one panel's parameters: bias[8] float32, or the int8 block of requantise.ts. */
export const PARAMS_FLOAT32 = 32;
export const PARAMS_INT8 = 160;

/** Bytes before the scratch memory that tiles use for a moment: TAIL_ROWS rows of 8 values, and a tile's sums. */
export const TEMP_BYTES = 512;
export const TAIL_ROWS = 12;

/** Bytes at the end of a device's memory that kernels may read, never write: up to a panel past the end of a row. */
export const SLACK_BYTES = 32;

/** Bytes of gathered pixels that a product works on at a time: more gains nothing, and scratch memory is a thread's own. */
export const GATHER_BYTES = 49152;
/** Widest pixel tile; a gathered block holds a multiple of it (both 4 and 6 divide it). */
export const BLOCK_ROWS = 12;
/** Output columns that a SIMD depthwise tile writes at a time. */
export const DEPTHWISE_COLUMNS = 4;
