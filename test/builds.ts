// Knows which builds a test file runs on this engine, and says loudly which it does not.
import { BUILDS } from '../src/engine.js';
import type { Build } from '../src/engine.js';
import { availableBuilds } from '../src/load.js';

/** Builds that run here, narrowed by DEPTHWISE_BUILDS (a comma-separated list) where that is set. */
export async function testedBuilds(): Promise<Build[]> {
  const available = await availableBuilds();
  const wanted = process.env.DEPTHWISE_BUILDS?.split(',');
  const missing = (wanted ?? BUILDS).filter((build) => !available.includes(build as Build));
  if (missing.length) console.log(`NOT RUN on this engine (${process.version}): build ${missing.join(', ')}`);
  return available.filter((build) => !wanted || wanted.includes(build));
}
