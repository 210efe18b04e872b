// Knows what a page and its worker say to each other; it sends nothing.
import type { PlannedTensor, PlanInfo } from '../plan/plan.js';
import type { Build, MemoryReport } from '../engine.js';
import type { DepthwiseError, ErrorCode } from '../error.js';
import type { StepInfo, TensorInfo, Threads } from '../net.js';

/** Calls whose first argument is a picture. */
const PICTURE_CALLS = ['classify', 'embed', 'features', 'detect', 'segment', 'pose'] as const;

export type Call = 'load' | (typeof PICTURE_CALLS)[number] | 'run' | 'layer' | 'profile';

export const takesPicture = (call: Call): boolean => (PICTURE_CALLS as readonly Call[]).includes(call);

/** The page asks one thing at a time. */
export interface Question {
  id: number;
  call: Call;
  args: unknown[];
}

export type Answer =
  | { ready: true } // the program runs
  | { id: number; value: unknown }
  | { id: number; failed: Failure };

/** An error's own class does not travel. */
export interface Failure {
  message: string;
  code?: ErrorCode;
  stack?: string;
}

export const asFailure = (error: unknown): Failure => {
  const { message, code, stack, name } = error as DepthwiseError;
  return { message: message ?? String(error), ...(name === 'DepthwiseError' ? { code } : { stack }) };
};

/** What a net says of itself once it is loaded. */
export interface About {
  build: Build;
  threads: Threads;
  memory: MemoryReport;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  steps: StepInfo[];
  tensors: PlannedTensor[];
  labels: string[] | undefined;
  preprocessing: PlanInfo['preprocessing'];
  about: PlanInfo['about'];
}
