// Knows that Ctrl-C asks long work to stop; what stopping means it leaves to the work.

/** Aborts at the first Ctrl-C; a second one ends the program at once, as it does everywhere. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
