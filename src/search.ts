// The entry `depthwise/search`: cosine similarity and exact top-k search among many embeddings.
export { createIndex, loadIndex } from './search/vector-index.js';
export { cosine } from './search/vectors.js';
export { DepthwiseError } from './error.js';
export type { ErrorCode } from './error.js';
export type { IndexOptions, Match, SearchOptions, VectorIndex } from './search/vector-index.js';
export type { IndexType, Vector } from './search/vectors.js';
export type { SearchBuild } from './search/kernels.js';
