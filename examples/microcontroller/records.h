/* Knows the numbers of step records, for C: made from assembly/abi.ts by scripts/bare.mjs, which docs/bare.md explains. */
#ifndef DEPTHWISE_RECORDS_H
#define DEPTHWISE_RECORDS_H

/* Kernel codes, word OP of a step. */
#define DW_OP_CONV 1
#define DW_OP_POINTWISE 2
#define DW_OP_DEPTHWISE 3
#define DW_OP_AVERAGE_POOL 4
#define DW_OP_MEAN 5
#define DW_OP_ADD 6
#define DW_OP_MUL 7
#define DW_OP_TABLE 8
#define DW_OP_ACTIVATION 9
#define DW_OP_SOFTMAX 10
#define DW_OP_PAD 11
#define DW_OP_FLIP 12
#define DW_OP_TRANSPOSE 13
#define DW_OP_QUANTIZE 14
#define DW_OP_DEQUANTIZE 15
#define DW_OP_COPY 16
#define DW_OP_INVERTED_RESIDUAL 17
#define DW_OP_RESIZE 30
#define DW_OP_ARG_MAX 31
#define DW_OP_ARITHMETIC 40
#define DW_OP_SQRT 41
#define DW_OP_TO_FLOAT 42
#define DW_OP_GATHER 43
#define DW_OP_DETECTION 50

/* Words of a step record. */
#define DW_STEP_WORDS 48
#define DW_OP 0
#define DW_DTYPE 1 /* FLOAT32, INT8 or INT32 */
#define DW_SRC 2 /* arena */
#define DW_SRC2 3 /* arena, or weights where SRC2_CONSTANT is 1 */
#define DW_DST 4 /* arena */
#define DW_WEIGHTS 5
#define DW_WEIGHTS_BYTES 6 /* as in the file */
#define DW_WEIGHTS_ZERO 7 /* int8: zero point to subtract from each weight */
#define DW_PARAMS 8
#define DW_H 9
#define DW_W 10
#define DW_C 11
#define DW_OH 12
#define DW_OW 13
#define DW_OC 14
#define DW_KH 15
#define DW_KW 16
#define DW_STRIDE_H 17
#define DW_STRIDE_W 18
#define DW_DILATION_H 19
#define DW_DILATION_W 20
#define DW_PAD_TOP 21
#define DW_PAD_LEFT 22
#define DW_ACTIVATION 23 /* float32: CLAMP or a function */
#define DW_MIN 24 /* clamp: float32 bits or int32 */
#define DW_MAX 25
#define DW_ROUNDING 26 /* int8 weights: ROUND_TWICE or ROUND_DOUBLE */
#define DW_REAL 27 /* float32 bits: multiplier of the result as a real number, 0 where only integers are exact */
#define DW_ZERO_OUT 28
#define DW_ZERO_IN 29
#define DW_ZERO_IN2 30
#define DW_COUNT 31 /* elements */
#define DW_PERIOD 32 /* elements of the second operand before it repeats */
#define DW_SRC2_CONSTANT 33
#define DW_MULTIPLIER 34 /* of the result */
#define DW_EXPONENT 35 /* TFLite's shift: positive is left */
#define DW_MULTIPLIER_A 36
#define DW_EXPONENT_A 37
#define DW_MULTIPLIER_B 38
#define DW_EXPONENT_B 39
#define DW_SIGN_A 40 /* 1 or -1 */
#define DW_SIGN_B 41
#define DW_UNSIGNED 42 /* average pool, resize: computes as uint8 */
#define DW_SCALE 43 /* float32 bits; softmax: beta */
#define DW_SCRATCH_BYTES 44
#define DW_REAL_B 45 /* add: of the second operand; REAL is of the first */
#define DW_NUDGE 46 /* float32 bits, as in requantise.ts */

/* Words that mean something else to one kernel. */
#define DW_COORDINATES 17 /* resize: ASYMMETRIC, ALIGN_CORNERS or HALF_PIXEL */
#define DW_INDEX_BYTES 15 /* arg max: 4 (int32) or 8 (int64) */

/* Words of an inverted residual, whose parts follow it as records of their own. SRC and DST are those of the whole. */
#define DW_PARTS 9 /* records that follow and are run by this one */
#define DW_HAS_EXPAND 10
#define DW_HAS_PROJECT 11
#define DW_RESIDUAL 12 /* 0, or the operand of the addition that is not the projection: SRC or SRC2 */
#define DW_FILTERED_AT 13 /* bytes from the scratch memory's start */
#define DW_PROJECTED_AT 14
#define DW_WIDE_AT 15
#define DW_PANEL_AT 16

/* Words of a detection, beside DTYPE, SCALE and ZERO_IN of its encodings, ZERO_IN2 of its scores, COUNT boxes, C scores each. */
#define DW_MOST_DETECTIONS 9
#define DW_PER_DETECTION 10 /* classes of one box, unless REGULAR */
#define DW_CLASSES 12
#define DW_PER_CLASS 13 /* detections of one class, where REGULAR */
#define DW_REGULAR 15 /* suppression class by class */
#define DW_ROOM 16 /* detections that the output has places for */
#define DW_FOUND 17 /* places for scores that are sorted: CLASSES, or MOST_DETECTIONS where REGULAR */
#define DW_CANDIDATES 18 /* boxes of a class that are looked at, 0: all */
#define DW_CLIPPED 19 /* boxes end at the picture's edges */
#define DW_SCORES_DTYPE 20
#define DW_SCORES_SCALE 34 /* this and the following are float32 bits */
#define DW_LEAST_SCORE 35
#define DW_MOST_OVERLAP 36 /* intersection over union */
#define DW_Y_SCALE 37
#define DW_X_SCALE 38
#define DW_H_SCALE 39
#define DW_W_SCALE 40
#define DW_MOST_SIZE 41 /* exponent of a height or width */

/* Words of a gathering step: sizes of the dimensions that its KH indices count. */
#define DW_SIZES 9
#define DW_MOST_INDICES 6

/* Words of an arithmetic step. */
#define DW_FUNCTION 15
#define DW_SWAPPED 16

/* Functions of word FUNCTION: division of whole numbers rounds towards zero, or down. */
#define DW_PLUS 0
#define DW_MINUS 1
#define DW_TIMES 2
#define DW_QUOTIENT 3
#define DW_FLOOR_QUOTIENT 4

#define DW_FLOAT32 0
#define DW_INT8 1
#define DW_INT32 2 /* moved and counted with, not multiplied */

/* Most bytes of activations and of scratch memory, and most of any size in a record. */
#define DW_MOST 1073741824
#define DW_MOST_RECORDS 65536

#define DW_FAULT_RECORDS 1 /* there are no records, or more than MOST_RECORDS */
#define DW_FAULT_MEMORY 2 /* more activations or scratch memory than MOST */
#define DW_FAULT_KERNEL 3 /* no such kernel */
#define DW_FAULT_TYPE 4 /* a type that the kernel does not take */
#define DW_FAULT_CHANNELS 5 /* no input channels */
#define DW_FAULT_OUT_CHANNELS 6 /* no output channels, or a depthwise step's are no multiple of the input's */
#define DW_FAULT_WINDOW 7 /* a window or stride that is empty or passes 65536, or ends behind MOST */
#define DW_FAULT_DILATION 8
#define DW_FAULT_MAP 9 /* a map without pixels */
#define DW_FAULT_PADDING 10 /* padding behind the padded row, or that does not fit */
#define DW_FAULT_AVERAGE 11 /* windows without a cell to average */
#define DW_FAULT_INDICES 12 /* indices that are not 4 or 8 bytes */
#define DW_FAULT_SIZES 13 /* sizes that contradict each other */
#define DW_FAULT_EXTENT 14 /* sizes that no memory holds */
#define DW_FAULT_SCRATCH 15 /* more scratch memory than the plan asks for */
#define DW_FAULT_SRC 16 /* an input outside of the arena */
#define DW_FAULT_DST 17
#define DW_FAULT_SRC2 18 /* a second operand outside of arena or constants */
#define DW_FAULT_WEIGHTS 19 /* weights outside of the constants */
#define DW_FAULT_FEW_WEIGHTS 20 /* fewer weights than the kernel reads */
#define DW_FAULT_PARAMS 21
#define DW_FAULT_BLOCK 22 /* words of a block that mean nothing */
#define DW_FAULT_PARTS 23 /* a part of a block is missing, or another */
#define DW_FAULT_FIT 24 /* parts whose sizes do not fit together */
#define DW_FAULT_PLACES 25 /* a part of a block's scratch memory over the ring, or outside */
#define DW_FAULT_WORD 64 /* to FAULT_WORD + STEP_WORDS - 1 */

/* Functions of word ACTIVATION. */
#define DW_CLAMP 0
#define DW_HARD_SWISH 1
#define DW_HARD_SIGMOID 2
#define DW_LOGISTIC 3

/* Where the middles of output cells lie in the input (word COORDINATES): at i * scale; with the corners' middles on each other; half a cell on. */
#define DW_ASYMMETRIC 0
#define DW_ALIGN_CORNERS 1
#define DW_HALF_PIXEL 2

#define DW_ROUND_TWICE 0
#define DW_ROUND_DOUBLE 1

/* Output channels in a panel of packed weights. */
#define DW_PANEL 8
#define DW_PARAMS_FLOAT32 32
#define DW_PARAMS_INT8 160

/* Bytes before the scratch memory that tiles use for a moment: TAIL_ROWS rows of 8 values, and a tile's sums. */
#define DW_TEMP_BYTES 512
#define DW_TAIL_ROWS 12

/* Bytes at the end of a device's memory that kernels may read, never write: up to a panel past the end of a row. */
#define DW_SLACK_BYTES 32

/* Bytes of gathered pixels that a product works on at a time: more gains nothing, and scratch memory is a thread's own. */
#define DW_GATHER_BYTES 49152
#define DW_BLOCK_ROWS 12
#define DW_DEPTHWISE_COLUMNS 4

#endif
