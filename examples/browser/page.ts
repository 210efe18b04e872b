// Knows what the page does when: which network, which pictures, photo or camera, and in what order things are asked for.
// How each is drawn, measured or loaded is said elsewhere.
import { say, saySettled, showAnswer, showWaiting, stillWaiting, TOP } from './answer.js';
import { Camera, Pace } from './camera.js';
import { milliseconds } from './figures.js';
import { showGallery } from './gallery.js';
import { measure, openInside, showInside } from './inside.js';
import { sentenceOf, tell, wasCancelled } from './messages.js';
import { load } from './model.js';
import type { Model } from './model.js';
import { find, put } from './page-parts.js';
import { fileChoice, isWeights, openPicker, shippedChoice, showChoice, showFacts, showLoading } from './picker.js';
import type { Choice } from './picker.js';
import { forget, look, picture } from './pictures.js';
import type { Picture } from './pictures.js';

const SAMPLES = ['sample.png', 'sample-group.webp', 'sample-single.webp'];

let model: Model | undefined;
let inUse: Choice | undefined;
let loading: AbortController | undefined;
let watching: AbortController | undefined;
let pictures: Picture[] = [];
let chosen: Picture | undefined;
/** Whose answer is on show, perhaps one of the network before. */
let answered: Picture | undefined;
const video = find<HTMLVideoElement>('video');
const camera = new Camera(video);

/** Loads a network, then asks it about everything again. The one before serves until the new one is there. */
async function use(choice: Choice): Promise<void> {
  loading?.abort();
  const { signal } = loading = new AbortController();
  showLoading(choice.name, 0, 0);
  try {
    const next = await load(choice.source, { signal, labels: choice.labels, onProgress: (done, total) => signal.aborted || showLoading(choice.name, done, total) });
    if (signal.aborted) return next.dispose();
    model?.dispose();
    [model, inUse] = [next, choice];
    showChoice(choice);
    showFacts(choice.name, next);
    for (const each of pictures) [each.answer, each.vector, each.failure] = [undefined, undefined, undefined];
    present();
    layOut();
    if (camera.running) void watch(next);
    await lookAtAll(next);
    await measureInside(next);
  } catch (error) {
    if (signal.aborted || wasCancelled(error)) return;
    find('loading').hidden = true;
    if (inUse) showChoice(inUse);
    tell(`${choice.name}:`, error);
  }
}

/** Those not looked at yet, the chosen one first. Ends early when another network has taken over. */
async function lookAtAll(by: Model): Promise<void> {
  for (;;) {
    const next = chosen && !chosen.answer ? chosen : pictures.find((each) => !each.answer);
    if (!next || by !== model) return;
    await look(next, by, TOP);
    if (by !== model) return;
    if (next === chosen) present();
    layOut();
  }
}

async function measureInside(by: Model): Promise<void> {
  try {
    const measured = await measure(by);
    if (by === model) showInside(by, measured);
  } catch (error) {
    if (by === model) tell('Measuring:', error);
  }
}

/** Shows the chosen picture and what is known of it. */
function present(): void {
  if (camera.running) return;
  const image = find<HTMLImageElement>('shown');
  image.hidden = find('backdrop').hidden = !chosen;
  find('empty').hidden = Boolean(chosen);
  if (!chosen) return put(find('caption'), ''), showWaiting('');
  if (image.src !== chosen.url) image.src = chosen.url, find<HTMLImageElement>('backdrop').src = chosen.thumbnail;
  image.alt = chosen.name;
  put(find('caption'), chosen.sample ? `${chosen.name}: a sample, painted by a ray tracer` : chosen.name);
  if (chosen.failure) return showWaiting(sentenceOf(chosen.failure));
  if (!chosen.answer) return chosen === answered ? stillWaiting('Looking …') : showWaiting('Looking …');
  answered = chosen;
  showAnswer(chosen.answer, `${milliseconds(chosen.ms ?? 0)} from file to answer`);
  say(chosen.name, chosen.answer);
}

function layOut(): void {
  showGallery(pictures, chosen, { choose, remove, add: () => find('photos').click() });
  const features = pictures.some(({ vector }) => vector);
  const note = !pictures.length ? 'Nothing here yet.' : pictures.every(({ answer }) => answer) && !features ? 'This network gives no features to compare pictures by.'
    : 'Choose one and the others follow by likeness: the cosine between the features that the network sees in them, at most 1.';
  put(find('gallery-note'), note);
  find('clear').hidden = !pictures.length;
}

async function choose(which: Picture): Promise<void> {
  if (camera.running) stopCamera();
  chosen = which;
  present();
  layOut();
}

function remove(which: Picture): void {
  const at = pictures.indexOf(which);
  pictures = pictures.filter((each) => each !== which);
  forget(which);
  if (chosen === which) chosen = pictures[Math.min(at, pictures.length - 1)];
  present();
  layOut();
  (document.querySelector<HTMLElement>('#gallery .pick') ?? find('choose')).focus();
}

/** Photos are added and the first of them chosen; weights become the network; what is neither is told. */
async function take(files: File[]): Promise<void> {
  const choice = await fileChoice(files);
  if (choice) void use(choice);
  const photos = files.filter((file) => !isWeights(file) && !(choice && /\.txt$/i.test(file.name)));
  let first = true;
  for (const file of photos) {
    const added = await add(file, file.name);
    if (added && first) first = !(await choose(added), true);
  }
  if (model && photos.length) await lookAtAll(model);
}

async function add(blob: Blob, name: string, sample = false): Promise<Picture | undefined> {
  try {
    const added = await picture(blob, name, sample);
    pictures = sample ? [...pictures, added] : [added, ...pictures];
    layOut();
    return added;
  } catch {
    tell(`${name}:`, `This browser cannot read it as a picture${blob.size ? '' : ', it is empty'}. JPEG, PNG, WebP and GIF work everywhere; models end in .tflite, .onnx, .safetensors or .dw.`);
    return undefined;
  }
}

async function watch(by: Model): Promise<void> {
  watching?.abort();
  const { signal } = watching = new AbortController(), pace = new Pace();
  try {
    for await (const { results, ms, dropped } of by.watch(video, { topK: TOP, signal })) {
      if (signal.aborted) return;
      const now = performance.now();
      showAnswer(results, `${pace.add(now).toFixed(0)} fps · ${milliseconds(ms)} a frame${dropped ? ` · ${dropped} skipped` : ''}`);
      saySettled(results, now);
    }
  } catch (error) {
    if (signal.aborted || wasCancelled(error)) return;
    stopCamera();
    tell('Camera:', error);
  }
}

async function startCamera(): Promise<void> {
  const button = find<HTMLButtonElement>('camera');
  button.disabled = true;
  try {
    await camera.start();
    showCamera(true);
    find('flip').hidden = !(await camera.others());
    if (model) void watch(model);
  } catch (error) {
    camera.stop();
    tell('Camera:', error);
  } finally {
    button.disabled = false;
  }
}

function stopCamera(): void {
  watching?.abort();
  camera.stop();
  showCamera(false);
  present();
}

function showCamera(on: boolean): void {
  video.hidden = !on;
  find('shown').hidden = find('backdrop').hidden = on;
  if (on) find('empty').hidden = true;
  find('keep').hidden = !on;
  if (!on) find('flip').hidden = true;
  find('camera').setAttribute('aria-pressed', String(on));
  put(find('camera').querySelector('span')!, on ? 'Stop the camera' : 'Use the camera');
  if (on) put(find('caption'), 'Camera: frames are looked at and thrown away'), showWaiting('Waiting for the first frame …');
}

async function keepFrame(): Promise<void> {
  const kept = await add(await camera.frame(), `camera ${new Date().toLocaleTimeString()}`);
  if (kept && model) await lookAtAll(model);
}

/** Pictures on the clipboard, by button; the keys for pasting work anywhere on the page. */
async function pasteByButton(): Promise<void> {
  try {
    if (!navigator.clipboard?.read) throw new Error('This browser gives the clipboard to the keyboard only: press Ctrl+V (or ⌘V).');
    const items = await navigator.clipboard.read();
    const blobs = await Promise.all(items.flatMap((item) => item.types.filter((type) => type.startsWith('image/')).slice(0, 1).map((type) => item.getType(type))));
    if (!blobs.length) throw new Error('There is no picture on the clipboard. Copy one, then paste again.');
    await take(blobs.map((blob) => new File([blob], 'pasted picture', { type: blob.type })));
  } catch (error) {
    tell('Paste:', (error as Error).name === 'NotAllowedError' ? 'The page may not read the clipboard. Press Ctrl+V (or ⌘V) instead.' : error);
  }
}

function openDrops(): void {
  let depth = 0;
  const over = (by: number): void => {
    depth = Math.max(0, depth + by);
    find('over').hidden = !depth;
  };
  const holdsFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragenter', (event) => holdsFiles(event) && over(1));
  addEventListener('dragleave', (event) => holdsFiles(event) && over(-1));
  addEventListener('dragover', (event) => holdsFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    over(-depth);
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    void take([...event.dataTransfer.files]);
  });
  addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []];
    if (files.length) event.preventDefault(), void take(files.map((file) => (file.name && file.name !== 'image.png' ? file : new File([file], 'pasted picture', { type: file.type }))));
  });
}

function openActions(): void {
  const input = find<HTMLInputElement>('photos');
  find('choose').addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...input.files ?? []];
    input.value = '';
    void take(files);
  });
  find('camera').addEventListener('click', () => (camera.running ? stopCamera() : void startCamera()));
  find('keep').addEventListener('click', () => void keepFrame());
  find('flip').addEventListener('click', () => void camera.flip().then(() => model && watch(model), (error) => (stopCamera(), tell('Camera:', error))));
  find('paste').addEventListener('click', () => void pasteByButton());
  find('measure').addEventListener('click', () => model && void measureInside(model));
  find('clear').addEventListener('click', () => {
    pictures.forEach(forget);
    [pictures, chosen] = [[], undefined];
    present();
    layOut();
    find('choose').focus();
  });
}

async function addSamples(): Promise<void> {
  for (const file of SAMPLES) {
    const response = await fetch(file).catch(() => undefined);
    if (response?.ok) await add(await response.blob(), 'Oranges', true);
  }
  chosen ??= pictures[0];
  present();
  layOut();
}

openActions();
openDrops();
openInside();
openPicker((choice) => void use(choice));
await addSamples();
const first = shippedChoice('V3-Small', 'int8');
if (first) await use(first);
