// Knows how examples that lie near a picture vote for its class. It does not know how near they lie: the network's last
// layer says that, one output an example.

export interface Vote {
  /** How many of the nearest examples vote. */
  k: number;
  /** Class of each example, as an index into the labels. */
  classes: number[];
}

/**
 * Shares of the classes among the k nearest examples, each counting by its similarity; they add up to 1.
 * @param similarities one an example, in any unit: cosines, or products with unit vectors
 */
export function votes(similarities: ArrayLike<number>, { k, classes }: Vote, labels: number): Float32Array {
  const shares = new Float32Array(labels), weightOf = (i: number): number => Math.max(0, similarities[i]);
  const nearest = Array.from(classes, (_, i) => i).sort((a, b) => similarities[b] - similarities[a] || a - b).slice(0, k);
  const all = nearest.reduce((sum, i) => sum + weightOf(i), 0);
  // Where nothing is alike, all count the same.
  for (const i of nearest) shares[classes[i]] += all > 0 ? weightOf(i) / all : 1 / nearest.length;
  return shares;
}
