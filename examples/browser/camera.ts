// Knows how a camera is asked for, shown and let go, and how many answers a second come; it classifies nothing.

export class Camera {
  readonly #video: HTMLVideoElement;
  #stream: MediaStream | undefined;
  #facing: 'environment' | 'user' = 'environment';

  constructor(video: HTMLVideoElement) { this.#video = video; }

  get running(): boolean { return Boolean(this.#stream); }

  async start(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error('This browser gives cameras to pages from https:// or localhost only. Open the page from there.');
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: this.#facing, width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) {
      throw new Error(reasonOf(error as DOMException), { cause: error });
    }
    this.#video.srcObject = this.#stream;
    await this.#video.play();
  }

  stop(): void {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  async flip(): Promise<void> {
    this.#facing = this.#facing === 'user' ? 'environment' : 'user';
    this.stop();
    await this.start();
  }

  async others(): Promise<boolean> {
    return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').length > 1;
  }

  /** The frame of this moment as a file. */
  async frame(): Promise<Blob> {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [this.#video.videoWidth, this.#video.videoHeight];
    canvas.getContext('2d')!.drawImage(this.#video, 0, 0);
    return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The frame could not be kept.'))), 'image/png'));
  }
}

function reasonOf({ name, message }: DOMException): string {
  if (name === 'NotAllowedError') return 'The page may not use the camera. Allow it in the address bar or the settings of the browser, then try again.';
  if (name === 'NotFoundError') return 'No camera was found. Connect one, or drop a photo instead.';
  if (name === 'NotReadableError') return 'The camera is in use by another program. Close that, then try again.';
  return `The camera did not start: ${message || name}.`;
}

/** Events of the last second. */
export class Pace {
  #times: number[] = [];
  add(now: number): number {
    this.#times.push(now);
    while (this.#times[0] < now - 1000) this.#times.shift();
    const span = now - this.#times[0];
    return span > 0 ? ((this.#times.length - 1) * 1000) / span : 0;
  }
}
