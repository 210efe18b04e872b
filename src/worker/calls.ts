// Knows the calls that wait for a worker: one is asked at a time, the others can still be cancelled. It does not know what
// they mean.
import { DepthwiseError } from '../error.js';
import { takesPicture } from './messages.js';
import type { Answer, Call, Failure } from './messages.js';
import type { Link } from './start.js';

export interface Sent {
  args: unknown[];
  /** What goes over without being copied; the caller's no more. */
  transfer: Transferable[];
}

interface Waiting {
  call: Call;
  sent: Promise<Sent>;
  done: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class Calls {
  #link: Link | undefined;
  #asked: Waiting | undefined;
  #waiting: Waiting[] = [];
  #count = 0;
  #over: DepthwiseError | undefined;

  /** Why nothing can be asked any more. */
  get over(): DepthwiseError | undefined { return this.#over; }

  /** From now on questions are asked. */
  open(link: Link): void {
    if (this.#over) return link.stop();
    this.#link = link;
    this.#next();
  }

  /** @param sent what the call is about; it may take a moment to be ready, the order stays */
  ask<T>(call: Call, sent: Promise<Sent>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => settle(() => reject(new DepthwiseError('ABORTED', `${call} was cancelled.`, { cause: signal?.reason })));
      const waiting: Waiting = { call, sent, done: false, resolve: (value) => settle(() => resolve(value as T)), reject: (error) => settle(() => reject(error)) };
      const settle = (how: () => void): void => {
        if (waiting.done) return;
        waiting.done = true;
        signal?.removeEventListener?.('abort', abort);
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        if (waiting !== this.#asked) close(sent);
        how();
      };
      sent.catch(() => undefined); // told when its turn comes
      if (this.#over) return waiting.reject(this.#over);
      if (signal?.aborted) return abort();
      signal?.addEventListener?.('abort', abort);
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  answer(answer: Answer): void {
    const asked = this.#asked;
    if (!asked || !('id' in answer) || answer.id !== this.#count) return;
    this.#asked = undefined;
    if ('failed' in answer) asked.reject(asError(answer.failed));
    else asked.resolve(answer.value);
    this.#next();
  }

  /** Rejects all that wait, now and later. */
  end(error: DepthwiseError): void {
    if (this.#over) return;
    this.#over = error;
    this.#link?.stop();
    for (const waiting of [...(this.#asked ? [this.#asked] : []), ...this.#waiting]) waiting.reject(error);
    this.#asked = undefined;
  }

  #next(): void {
    this.#link?.hold(Boolean(this.#asked ?? this.#waiting.length));
    if (!this.#link || this.#asked || this.#over) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#asked = next;
    const id = ++this.#count;
    next.sent.then(({ args, transfer }) => {
      if (next.done || this.#over) {
        close(next.sent);
        throw new Error('nobody waits for it');
      }
      try {
        this.#link!.post({ id, call: next.call, args }, transfer);
      } catch (cause) {
        close(next.sent);
        throw notSendable(next.call, cause);
      }
    }).catch((error) => {
      next.reject(error);
      if (this.#asked === next) this.#asked = undefined;
      this.#next();
    });
  }
}

/** Browsers hand over no bitmap of another site's picture, nor what is closed or given away already; functions and elements never. */
function notSendable(call: Call, cause: unknown): DepthwiseError {
  const why = (cause as Error).message;
  if (!takesPicture(call)) return new DepthwiseError('BAD_INPUT', `The worker cannot be handed what ${call} was given: ${why}`, { cause });
  return new DepthwiseError('BAD_IMAGE', `The worker cannot be handed this picture: ${why} One from another site needs crossorigin="anonymous" and a server that sends Access-Control-Allow-Origin; one that was closed or given away is gone.`, { cause });
}

/** What nobody will look at is given back to the browser. */
function close(sent: Promise<Sent>): void {
  sent.then(({ transfer }) => transfer.forEach((one) => (one as { close?(): void }).close?.()), () => undefined);
}

function asError({ message, code, stack }: Failure): Error {
  if (code) return new DepthwiseError(code, message);
  return Object.assign(new Error(message), stack && { stack });
}
