// Knows how the library fails: one error class, a code for programs and a sentence for people.

/** What went wrong, for programs. The message says it for people: what, where, and what to do. */
export type ErrorCode =
  | 'BAD_FILE' // weights that are truncated, corrupt or contradict themselves
  | 'UNSUPPORTED' // a readable file that needs something this library does not do
  | 'BAD_INPUT' // a tensor or option of the wrong kind or size
  | 'BAD_IMAGE' // a picture that is empty, too large or not a picture
  | 'NOT_FOUND' // a file or name that does not exist
  | 'NO_BUILD' // no WebAssembly build runs on this host
  | 'OUT_OF_MEMORY'
  | 'TOO_MUCH_WORK' // weights that compute more than the option maxMultiplyAdds allows
  | 'THREAD_LOST' // a worker of a net with threads died
  | 'WORKER_LOST' // the worker that a net of depthwise/worker lives in died
  | 'DISPOSED'
  | 'ABORTED'
  | 'USAGE'; // a command line that makes no sense

/** Longer messages quote a list of a hostile file: of those, the beginning and the end are told. */
const MOST_WORDS = 2000;

/** Every failure of this library is one of these; anything else thrown is a bug in it. */
export class DepthwiseError extends Error {
  override readonly name = 'DepthwiseError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message.length > MOST_WORDS ? `${message.slice(0, MOST_WORDS / 2)} … ${message.slice(-MOST_WORDS / 2)}` : message, options);
    this.code = code;
  }

  /** The entries are bundles of their own, and so have classes of their own: an error of one is an error of each. */
  static override [Symbol.hasInstance](error: unknown): boolean {
    return (error as Error | undefined)?.name === 'DepthwiseError';
  }
}
