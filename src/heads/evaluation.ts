// Knows how answers compare with the truth: accuracy, per class, and who is taken for whom. It knows no network.

export interface Evaluation {
  count: number;
  /** Share of right answers, 0 to 1; NaN where nothing was asked. */
  accuracy: number;
  classes: { label: string; count: number; correct: number; accuracy: number }[];
  /** confusion[truth][answer], counted. */
  confusion: number[][];
}

/** @param answers pairs of truth and answer, as indices into the labels */
export function judged(labels: readonly string[], answers: readonly [number, number][]): Evaluation {
  const confusion = labels.map(() => labels.map(() => 0));
  for (const [truth, answer] of answers) confusion[truth][answer]++;
  const classes = labels.map((label, i) => {
    const count = confusion[i].reduce((sum, n) => sum + n, 0), correct = confusion[i][i];
    return { label, count, correct, accuracy: correct / count };
  });
  return { count: answers.length, accuracy: classes.reduce((sum, { correct }) => sum + correct, 0) / answers.length, classes, confusion };
}
