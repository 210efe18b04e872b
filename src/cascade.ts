// The entry `depthwise/cascade`: a small network answers where it is sure, and a larger one, or a server, where it is not.
import { Cascade } from './cascade/cascade.js';
import type { CascadeOptions, Large } from './cascade/cascade.js';
import type { Net } from './net.js';

export { DepthwiseError } from './error.js';
export { chooseThreshold, thresholds } from './cascade/threshold.js';
export type { Asked, ChooseOptions, Threshold, ThresholdOptions } from './cascade/threshold.js';
export type { Cascade, CascadeOptions, Cascaded, Counters, Escalation, Large } from './cascade/cascade.js';
export type { Classification } from './tasks/classify.js';

/**
 * A cascade of two classifiers.
 * @param small asked first, every time
 * @param large asked where the small one is not sure: a net, or a function that asks one elsewhere
 * @throws DepthwiseError BAD_INPUT for a threshold outside of 0 to 1, or nets without a label in common
 */
export const cascade = (small: Net, large: Large, options: CascadeOptions): Cascade => new Cascade(small, large, options);
