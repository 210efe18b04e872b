// Knows how the end of a detector becomes a step: boxes decoded by anchors, the best kept. It does not know how networks
// make boxes.
import * as abi from '../../assembly/abi.js';
import { DepthwiseError } from '../error.js';
import { floats } from '../formats/graph.js';
import type { Operator, Tensor } from '../formats/graph.js';
import { bytesOf, floatBits } from './lower.js';
import type { Attribute, Lowering, Step } from './lower.js';
import { affine } from './quantise.js';
import { detectionBytes } from '../plan/scratch.js';

export function lowerDetection(lowering: Lowering, op: Operator, a: Attribute<'detection'>): Step {
  const [encodings, scores, anchors] = op.inputs.map((i) => lowering.tensor(i)), [, boxes, values] = encodings.shape;
  if (!anchors.data) throw new DepthwiseError('UNSUPPORTED', `${op.where}: computes its anchors at run time. Export the model with constant ones.`);
  const room = a.maxDetections * a.maxClassesPerDetection;
  const step = lowering.step(op, abi.OP_DETECTION, {
    [abi.DTYPE]: typeOf(encodings, op), [abi.SCORES_DTYPE]: typeOf(scores, op), [abi.COUNT]: boxes, [abi.OC]: values, [abi.C]: scores.shape[2],
    [abi.CLASSES]: a.classes, [abi.MOST_DETECTIONS]: a.maxDetections, [abi.PER_DETECTION]: a.maxClassesPerDetection, [abi.PER_CLASS]: Math.min(a.detectionsPerClass, a.maxDetections),
    [abi.REGULAR]: Number(a.regular), [abi.ROOM]: room, [abi.FOUND]: a.regular ? a.maxDetections : a.classes,
    [abi.CANDIDATES]: a.candidates ?? 0, [abi.CLIPPED]: Number(a.clipped ?? false),
    [abi.LEAST_SCORE]: floatBits(a.scoreThreshold), [abi.MOST_OVERLAP]: floatBits(a.iouThreshold), [abi.MOST_SIZE]: floatBits(a.greatestSize ?? Infinity),
    [abi.Y_SCALE]: floatBits(a.scales[0]), [abi.X_SCALE]: floatBits(a.scales[1]), [abi.H_SCALE]: floatBits(a.scales[2]), [abi.W_SCALE]: floatBits(a.scales[3]),
  });
  const { words } = step;
  if (words[abi.DTYPE] === abi.INT8) {
    const { scale, zero } = affine(encodings, op.where);
    words[abi.SCALE] = floatBits(scale);
    words[abi.ZERO_IN] = zero;
  }
  if (words[abi.SCORES_DTYPE] === abi.INT8) {
    const { scale, zero } = affine(scores, op.where);
    words[abi.SCORES_SCALE] = floatBits(scale);
    words[abi.ZERO_IN2] = zero;
  }
  words[abi.SCRATCH_BYTES] = detectionBytes(words);
  return { ...step, src2: op.inputs[1], weights: bytesOf(new Uint8Array(realAnchors(anchors, op).buffer)) };
}

function typeOf({ dtype, name }: Tensor, { where }: Operator): number {
  if (dtype === 'float32') return abi.FLOAT32;
  if (dtype === 'int8' || dtype === 'uint8') return abi.INT8;
  throw new DepthwiseError('UNSUPPORTED', `${where}: tensor "${name}" holds ${dtype}; boxes and scores are float32, int8 or uint8.`);
}

/** (q - zero) * scale in float32, as the reference works them out for each picture. */
function realAnchors(anchors: Tensor, { where }: Operator): Float32Array {
  const values = floats(anchors);
  if (anchors.dtype === 'float32') return values.slice();
  const { scale, zero, unsigned } = affine(anchors, where);
  return values.map((q) => Math.fround(q - zero - (unsigned ? 128 : 0)) * scale);
}
