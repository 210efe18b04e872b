// Knows where the newest frame of a video, a camera's track or a stream comes from, and how many were passed over. It does
// not know what is done with it.
import { DepthwiseError } from '../error.js';
import { drawableOf } from '../picture.js';
import type { Image } from '../picture.js';

export interface Frame {
  image: Image;
  /** Whether it is ours to give away. */
  own: boolean;
  /** Milliseconds from the start of the video. */
  timestamp: number;
  /** Frames between the one before and this. */
  dropped: number;
}

export interface Frames {
  /** The newest frame that was not taken yet, when there is one; undefined at the end. */
  next(): Promise<Frame | undefined>;
  end(): void;
}

/** What can be watched: a <video>, a camera's track or stream, or frames one after another. */
export type Watchable = HTMLVideoElement | MediaStreamTrack | MediaStream | ReadableStream<VideoFrame>;

export async function framesOf(source: Watchable, signal?: AbortSignal): Promise<Frames> {
  const parts = source as { getReader?: unknown; getVideoTracks?: unknown; kind?: unknown } | undefined;
  if (typeof parts?.getReader === 'function') return streamFrames(source as ReadableStream<VideoFrame>, signal);
  if (parts && 'videoWidth' in parts) return videoFrames(source as HTMLVideoElement, signal);
  const stream = typeof parts?.getVideoTracks === 'function' ? source as MediaStream : parts?.kind === 'video' ? new MediaStream([source as MediaStreamTrack]) : undefined;
  if (!stream || typeof document !== 'object') {
    throw new DepthwiseError('BAD_INPUT', 'net.watch() takes a <video>, in pages also a video MediaStreamTrack or a MediaStream, and everywhere a ReadableStream of VideoFrames.');
  }
  return trackFrames(stream, signal);
}

/** A promise that others keep: `wait()` ends at the next `wake()`, or at once where nobody has waited since the last. */
function bell(signal?: AbortSignal): { wait(): Promise<void>; wake(): void; end(): void } {
  let rung = false, ring: (() => void) | undefined;
  const wake = (): void => {
    rung = true;
    ring?.();
  };
  signal?.addEventListener?.('abort', wake);
  return {
    wake,
    async wait() {
      if (!rung) await new Promise<void>((resolve) => (ring = resolve));
      rung = false;
    },
    end: () => signal?.removeEventListener?.('abort', wake),
  };
}

function videoFrames(video: HTMLVideoElement, signal?: AbortSignal, stopped = (): boolean => false): Frames {
  const { wait, wake, end } = bell(signal), events = ['loadeddata', 'seeked', 'ended', 'error', 'emptied'];
  let shown = 0, taken = 0, last = -1, handle = 0;
  const byFrame = typeof video.requestVideoFrameCallback === 'function';
  let time = -1;
  const note = (_now: number, about?: VideoFrameCallbackMetadata): void => {
    if (about || video.currentTime !== time) {
      time = about?.mediaTime ?? video.currentTime;
      shown = about?.presentedFrames ?? shown + 1;
      wake();
    }
    ask();
  };
  const ask = (): void => {
    handle = byFrame ? video.requestVideoFrameCallback(note) : requestAnimationFrame(note);
  };
  ask();
  for (const event of events) video.addEventListener(event, wake);
  return {
    async next() {
      for (; !signal?.aborted; await wait()) {
        if (stopped()) return undefined;
        if (video.error) throw new DepthwiseError('BAD_IMAGE', `The video stopped: ${video.error.message || `media error ${video.error.code}`}. Check its address and format.`);
        const showing = video.readyState >= 2 && video.videoWidth > 0;
        // One that plays tells of its frames; one that stands still shows the frame it stands at.
        if (showing && (taken !== shown || (video.paused && video.currentTime !== last))) {
          const dropped = taken > 0 ? Math.max(0, shown - taken - 1) : 0;
          taken = shown;
          last = video.currentTime;
          return { image: video, own: false, timestamp: (video.paused || time < 0 ? last : time) * 1000, dropped };
        }
        if (video.ended) return undefined;
      }
      return undefined;
    },
    end() {
      end();
      for (const event of events) video.removeEventListener(event, wake);
      if (byFrame) video.cancelVideoFrameCallback(handle);
      else cancelAnimationFrame(handle);
    },
  };
}

/** By way of a <video> that nobody sees: every browser has that. */
async function trackFrames(stream: MediaStream, signal?: AbortSignal): Promise<Frames> {
  const video = document.createElement('video');
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  const [track] = stream.getVideoTracks(), frames = videoFrames(video, signal, () => track?.readyState !== 'live');
  const ended = (): void => void video.dispatchEvent(new Event('ended')); // wakes whoever waits for a frame
  track?.addEventListener('ended', ended);
  video.play().catch(() => undefined); // where it may not, no frame comes, and the signal ends the wait
  return {
    next: () => frames.next(),
    end() {
      frames.end();
      track?.removeEventListener('ended', ended);
      video.pause();
      video.srcObject = null;
    },
  };
}

function streamFrames(stream: ReadableStream<VideoFrame>, signal?: AbortSignal): Frames {
  const { wait, wake, end } = bell(signal), reader = stream.getReader();
  let newest: VideoFrame | undefined, dropped = 0, over = false, failed: unknown;
  const read = async (): Promise<void> => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (over) return value.close();
      if (newest) dropped++, newest.close();
      newest = value;
      wake();
    }
  };
  void read().catch((cause) => (failed = cause)).finally(() => {
    over = true;
    wake();
  });
  return {
    async next() {
      for (; !signal?.aborted; await wait()) {
        if (newest) {
          const frame: Frame = { image: newest, own: true, timestamp: newest.timestamp / 1000, dropped };
          [newest, dropped] = [undefined, 0];
          drawableOf(frame.image);
          return frame;
        }
        if (failed !== undefined) throw new DepthwiseError('BAD_IMAGE', `The stream of frames broke: ${(failed as Error).message ?? failed}.`, { cause: failed });
        if (over) return undefined;
      }
      return undefined;
    },
    end() {
      end();
      over = true;
      newest?.close();
      newest = undefined;
      reader.cancel().catch(() => undefined);
    },
  };
}
