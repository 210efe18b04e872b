// The entry `depthwise`: everything a user needs, builds inlined.
export { availableBuilds, convert, load, memoryFor } from './load.js';
export { DepthwiseError } from './error.js';
export { Net } from './net.js';
export type { Build, ConvertOptions, LoadOptions } from './load.js';
export type { ErrorCode } from './error.js';
export type { Output, RunOptions, StepInfo, StepTime, TensorData, TensorInfo } from './net.js';
export { pictureFrom } from './picture.js';
export type { Encoded, Image, PictureOptions } from './picture.js';
export type { Picture } from './image.js';
export type { Classification, ClassifyOptions } from './tasks/classify.js';
export type { DetectOptions, Detected } from './tasks/detect.js';
export type { EmbedOptions } from './tasks/embed.js';
export type { Keypoint, Pose, PoseOptions } from './tasks/pose.js';
export type { SegmentOptions, Segmentation } from './tasks/segment.js';
export type { MemoryReport } from './engine.js';
