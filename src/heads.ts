// The entry `depthwise/heads`: a classifier of one's own from a few pictures a class, on the embeddings of any network.
import { Head } from './heads/head.js';
import type { HeadOptions } from './heads/head.js';
import type { Net } from './net.js';

export { DepthwiseError } from './error.js';
export type { Head };
export type { Example, HeadOptions, TrainOptions } from './heads/head.js';
export type { Evaluation } from './heads/evaluation.js';
export type { Classification, ClassifyOptions } from './tasks/classify.js';

/**
 * A head without examples.
 * @param net any network that pools its last features (`net.embed`); the head keeps it, so dispose of it last
 * @throws DepthwiseError UNSUPPORTED where the network has no embedding, BAD_INPUT for a label given twice
 */
export const createHead = (net: Net, options?: HeadOptions): Head => new Head(net, options);

/**
 * A trained head from what `head.save()` or `head.graft()` gave. Its examples are not in the file: before it is trained again,
 * they must be added again.
 * @throws DepthwiseError BAD_INPUT where it was trained on other weights than the net's, BAD_FILE for what holds no head
 */
export const loadHead = (net: Net, bytes: Uint8Array): Promise<Head> => Head.load(net, bytes);
