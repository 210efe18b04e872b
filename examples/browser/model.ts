// Knows how the page reaches a network: in a worker, so that the page never waits for it.
import { load } from 'depthwise/worker';
import type { WorkerNet } from 'depthwise/worker';

export { load };
export type Model = WorkerNet;
