// Knows TensorFlow Lite's custom operator TFLite_Detection_PostProcess: its options and shapes. It computes nothing.
import { DepthwiseError } from '../error.js';
import { readFlexMap } from './flexbuffer.js';
import type { Detection, Operator, Tensor } from './graph.js';

export const DETECTION_OPERATOR = 'TFLite_Detection_PostProcess';

const DETECTIONS_PER_CLASS = 100;
const MOST = 65536;

/** From the operator's custom options (lite/kernels/detection_postprocess.cc, Init). */
export function readDetection(options: Uint8Array | undefined, where: string): { kind: 'detection' } & Detection {
  const values = readFlexMap(options ?? new Uint8Array(0), where);
  const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This .tflite file is damaged: ${where} has ${what}. Download or export it again.`);
  const count = (name: string, otherwise = 0): number => {
    const value = Math.trunc(values.get(name) ?? otherwise);
    if (!(value >= 1 && value <= MOST)) throw broken(`${name} ${value}`);
    return value;
  };
  const scale = (name: string): number => {
    const value = Math.fround(values.get(name) ?? 0);
    if (!(value > 0 && value < Infinity)) throw broken(`${name} ${value}`);
    return value;
  };
  const scoreThreshold = Math.fround(values.get('nms_score_threshold') ?? 0), iouThreshold = Math.fround(values.get('nms_iou_threshold') ?? 0);
  if (!(iouThreshold > 0 && iouThreshold <= 1)) throw broken(`nms_iou_threshold ${iouThreshold}`);
  if (Number.isNaN(scoreThreshold)) throw broken('no number as nms_score_threshold');
  return {
    kind: 'detection', maxDetections: count('max_detections'), maxClassesPerDetection: count('max_classes_per_detection'), classes: count('num_classes'),
    detectionsPerClass: count('detections_per_class', DETECTIONS_PER_CLASS), regular: Boolean(values.get('use_regular_nms')), scoreThreshold, iouThreshold,
    scales: [scale('y_scale'), scale('x_scale'), scale('h_scale'), scale('w_scale')],
  };
}

/** Checks its inputs, and gives its outputs the shapes that the file leaves open: boxes, classes, scores, count. */
export function shapeDetection({ attributes, inputs, outputs, where }: Operator, tensors: Tensor[]): void {
  if (attributes.kind !== 'detection') return;
  const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This .tflite file is damaged: ${where} ${what}. Download or export it again.`);
  const [encodings, scores, anchors] = inputs.map((i) => tensors[i]), room = attributes.maxDetections * attributes.maxClassesPerDetection;
  if (inputs.length !== 3 || outputs.length !== 4 || !encodings || !scores || !anchors) throw broken(`has ${inputs.length} inputs and ${outputs.length} outputs`);
  if (room > MOST) throw broken(`makes room for ${room} detections`);
  const [one, boxes, values] = encodings.shape, background = scores.shape[2] - attributes.classes;
  if (encodings.shape.length !== 3 || one !== 1 || boxes < 1 || values < 4) throw broken(`takes boxes [${encodings.shape}]`);
  if (anchors.shape.join() !== `${boxes},4`) throw broken(`has anchors [${anchors.shape}] for ${boxes} boxes`);
  if (scores.shape.length !== 3 || scores.shape[0] !== 1 || scores.shape[1] !== boxes || (background !== 0 && background !== 1)) {
    throw broken(`takes scores [${scores.shape}] of ${boxes} boxes and ${attributes.classes} classes`);
  }
  [[1, room, 4], [1, room], [1, room], [1]].forEach((shape, i) => { tensors[outputs[i]] = { ...tensors[outputs[i]], shape, dtype: 'float32' }; });
}

/** Labels for as many classes, where so many lines are there, or one more that names the background. */
export function detectionLabels(lines: string[], operators: Operator[]): string[] | undefined {
  const classes = operators.map(({ attributes }) => (attributes.kind === 'detection' ? attributes.classes : 0)).find((count) => count > 0);
  return lines.length === classes ? lines : lines.length - 1 === classes ? lines.slice(1) : undefined;
}
