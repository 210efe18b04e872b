// The entry `depthwise/core`: everything of `depthwise` but the builds; `options.wasm` brings one. What is not here is
// `availableBuilds`, since there is none to try.
import { makeLoader } from './loader.js';

export const { load, memoryFor } = makeLoader(() => undefined);
export { convert } from './loader.js';
export { DepthwiseError } from './error.js';
export { Net } from './net.js';
export { pictureFrom } from './picture.js';
export type { ConvertOptions, LoadOptions } from './loader.js';
export type { Build, MemoryReport } from './engine.js';
export type { ErrorCode } from './error.js';
export type { Output, RunOptions, StepInfo, StepTime, TensorData, TensorInfo } from './net.js';
export type { Picture } from './image.js';
export type { Classification, ClassifyOptions } from './tasks/classify.js';
export type { DetectOptions, Detected } from './tasks/detect.js';
export type { EmbedOptions } from './tasks/embed.js';
export type { Keypoint, Pose, PoseOptions } from './tasks/pose.js';
export type { SegmentOptions, Segmentation } from './tasks/segment.js';
