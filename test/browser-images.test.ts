// Knows that a browser's pictures of every kind give Node's answers, on the page and in the worker, and what is said of
// those that cannot be read. Runs from dist/ in real browsers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { eachBrowser, samplePixels, sha256 } from './browser.js';

const pixels = await samplePixels();
const net = await load(await readFile('weights/everyday.dw'));
const expected = net.classify(pixels), embedding = Array.from(net.embed(pixels));

interface Told { label: string; code: string; message: string }

/** In the page: one of each kind of picture, all of the same pixels, as `known.images`. */
async function makeImages(): Promise<string[]> {
  const response = await fetch('/weights/sample.png'), file = await response.clone().blob();
  const image = new Image();
  image.src = '/weights/sample.png';
  await image.decode();
  const canvas = document.createElement('canvas'), offscreen = new OffscreenCanvas(image.width, image.height);
  for (const one of [canvas, offscreen]) {
    [one.width, one.height] = [image.width, image.height];
    (one.getContext('2d') as CanvasRenderingContext2D).drawImage(image, 0, 0);
  }
  const frame = document.createElement('iframe');
  document.body.append(frame);
  const foreign = frame.contentDocument!.createElement('canvas');
  [foreign.width, foreign.height] = [image.width, image.height];
  foreign.getContext('2d')!.drawImage(image, 0, 0);
  const imageData = canvas.getContext('2d')!.getImageData(0, 0, image.width, image.height);
  const gl = document.createElement('canvas');
  [gl.width, gl.height] = [image.width, image.height];
  gl.getContext('bitmaprenderer')!.transferFromImageBitmap(await createImageBitmap(file));
  known.images = {
    'ImageData': imageData, '{ data, width, height }': { data: new Uint8Array(imageData.data), width: image.width, height: image.height },
    '<img>': image, '<canvas>': canvas, 'OffscreenCanvas': offscreen, 'ImageBitmap': await createImageBitmap(file), 'canvas of another window': foreign,
    'canvas of a bitmap': gl, 'VideoFrame of a canvas': new VideoFrame(canvas, { timestamp: 0 }),
    'VideoFrame of RGBA': new VideoFrame(imageData.data, { format: 'RGBA', codedWidth: image.width, codedHeight: image.height, timestamp: 0 }),
  };
  known.files = { 'Blob': file, 'File': new File([file], 'sample.png'), 'ArrayBuffer': await file.arrayBuffer(), 'Uint8Array': new Uint8Array(await file.arrayBuffer()), 'Response': response };
  known.net ??= await plain.load('/weights/everyday.dw');
  known.remote ??= await remote.load('/weights/everyday.dw');
  return Object.keys(known.images as object);
}

/** A copy of a JPEG with an EXIF segment that says how it lies. */
function asTurned(jpeg: Uint8Array, orientation: number): Uint8Array<ArrayBuffer> {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const segment = [0xff, 0xe1, 0, tiff.length + 8, 0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
  return Uint8Array.of(0xff, 0xd8, ...segment, ...jpeg.subarray(2));
}

await eachBrowser(test, (add) => {
  add('every kind of picture has the pixels and the scores that Node has', async ({ browser: { page } }) => {
    const kinds = await page.evaluate(makeImages);
    const answers = await page.evaluate(async () => {
      const hash = async (data: ArrayBufferView): Promise<string> => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)), (byte) => byte.toString(16).padStart(2, '0')).join('');
      const net = known.net as Awaited<ReturnType<typeof plain.load>>;
      return Promise.all(Object.entries(known.images as Record<string, HTMLCanvasElement>).map(async ([kind, image]) => ({
        kind, hash: await hash((await plain.pictureFrom(image)).data), scores: net.classify(image), embedding: Array.from(net.embed(image)),
      })));
    });
    assert.equal(answers.map(({ kind }) => kind), kinds);
    for (const { kind, hash, scores, embedding: vector } of answers) {
      assert.equal(scores, expected, kind);
      assert.equal(vector, embedding, kind);
      assert.is(hash, sha256(pixels.data), kind);
    }
  });

  add('files of every kind are decoded to the same', async ({ browser: { page } }) => {
    await page.evaluate(makeImages);
    const answers = await page.evaluate(async () => {
      const net = known.net as Awaited<ReturnType<typeof plain.load>>;
      return Promise.all(Object.entries(known.files as Record<string, Blob>).map(async ([kind, file]) => ({ kind, scores: net.classify(await plain.pictureFrom(file)) })));
    });
    assert.is(answers.length, 5);
    for (const { kind, scores } of answers) assert.equal(scores, expected, kind);
  });

  add('the worker takes all of them, and leaves them whole', async ({ browser: { page } }) => {
    await page.evaluate(makeImages);
    const answers = await page.evaluate(async () => {
      const net = known.remote as Awaited<ReturnType<typeof remote.load>>, all = { ...known.images as Record<string, Blob>, ...known.files as Record<string, Blob> };
      const once = await Promise.all(Object.entries(all).map(async ([kind, image]) => ({ kind, scores: await net.classify(image) })));
      const { Response: _spent, ...again } = all;
      return [...once, ...await Promise.all(Object.entries(again).map(async ([kind, image]) => ({ kind: `${kind}, again`, scores: await net.classify(image) })))];
    });
    assert.is(answers.length, 29);
    for (const { kind, scores } of answers) assert.equal(scores, expected, kind);
  });

  add('what is given away is not copied', async ({ browser: { page } }) => {
    await page.evaluate(makeImages);
    const answers = await page.evaluate(async () => {
      const net = known.remote as Awaited<ReturnType<typeof remote.load>>, { ImageBitmap: bitmap, 'VideoFrame of a canvas': frame, ImageData: data } = known.images as { ImageBitmap: ImageBitmap; 'VideoFrame of a canvas': VideoFrame; ImageData: ImageData };
      const { ArrayBuffer: buffer } = known.files as { ArrayBuffer: ArrayBuffer };
      const scores = await Promise.all([bitmap, frame, data, buffer].map((image) => net.classify(image, { transfer: true })));
      return { scores, left: [bitmap.width, frame.codedWidth, data.data.length, buffer.byteLength] };
    });
    assert.equal(answers, { scores: [expected, expected, expected, expected], left: [0, 0, 0, 0] });
  });

  add('a video is seen as it looks at this moment', async ({ browser: { page } }) => {
    const { scores, same, there } = await page.evaluate(async () => {
      await (known.images as { '<img>': HTMLImageElement })['<img>'].decode();
      const net = known.net as Awaited<ReturnType<typeof plain.load>>, canvas = document.createElement('canvas'), context = canvas.getContext('2d')!;
      [canvas.width, canvas.height] = [256, 256];
      const draw = (): void => context.drawImage((known.images as { '<img>': HTMLImageElement })['<img>'], 0, 0);
      draw();
      const stream = canvas.captureStream(30), video = document.createElement('video'), timer = setInterval(draw, 30);
      video.muted = true;
      video.srcObject = stream;
      await video.play();
      while (video.readyState < 2 || !video.videoWidth) await new Promise((wake) => setTimeout(wake, 30));
      video.pause();
      const shot = new OffscreenCanvas(256, 256), shotContext = shot.getContext('2d')!;
      shotContext.drawImage(video, 0, 0);
      const scores = net.classify(video), same = net.classify(shot), there = await (known.remote as Awaited<ReturnType<typeof remote.load>>).classify(video);
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      return { scores, same, there };
    });
    assert.equal(scores, same);
    assert.equal(there, same);
    assert.is(scores[0].label, expected[0].label);
  });

  add('EXIF orientation is heeded everywhere', async ({ browser: { page } }) => {
    const jpeg = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(200, 120), context = canvas.getContext('2d')!;
      context.drawImage((known.images as { '<img>': HTMLImageElement })['<img>'], 0, 30, 200, 120, 0, 0, 200, 120);
      return Array.from(new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 })).arrayBuffer()));
    });
    const turned = asTurned(Uint8Array.from(jpeg), 6);
    const answer = await page.evaluate(async ([flat, turned]) => {
      const net = known.net as Awaited<ReturnType<typeof plain.load>>, there = known.remote as Awaited<ReturnType<typeof remote.load>>;
      const lying = await plain.pictureFrom(new Blob([Uint8Array.from(flat)])), { width: w, height: h } = lying;
      const upright = { width: h, height: w, data: new Uint8ClampedArray(w * h * 4) };
      for (let y = 0; y < w; y++) for (let x = 0; x < h; x++) for (let c = 0; c < 4; c++) upright.data[(y * h + x) * 4 + c] = lying.data[((h - 1 - x) * w + y) * 4 + c];
      const file = new Blob([Uint8Array.from(turned)], { type: 'image/jpeg' }), image = new Image(), shown = new Image();
      image.src = shown.src = URL.createObjectURL(file);
      document.body.append(shown);
      await Promise.all([image.decode(), shown.decode()]);
      const sources = { file, image, shown, bitmap: await createImageBitmap(file), bytes: await file.arrayBuffer() };
      const found: Record<string, unknown> = {};
      for (const [kind, source] of Object.entries(sources)) {
        const picture = await plain.pictureFrom(source);
        found[kind] = [picture.width, picture.height, (picture.data as Uint8ClampedArray).reduce((most, value, i) => Math.max(most, Math.abs(value - upright.data[i])), 0)];
        found[`${kind} in the worker`] = JSON.stringify(await there.classify(source)) === JSON.stringify(net.classify(picture));
      }
      return { found, scores: net.classify(upright) };
    }, [jpeg, Array.from(turned)]);
    for (const [kind, result] of Object.entries(answer.found)) assert.equal(result, kind.endsWith('worker') ? true : [120, 200, 0], kind);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'depthwise-'));
    writeFileSync(path.join(folder, 'turned.jpg'), turned);
    const said = spawnSync(process.execPath, ['dist/cli.js', 'classify', path.join(folder, 'turned.jpg'), '--json'], { encoding: 'utf8' }).stdout;
    rmSync(folder, { recursive: true });
    assert.match(said, `"${answer.scores[0].label}"`, 'Node decodes JPEG by other code, and sees the same thing');
  });

  add('a picture larger than the largest canvas of phones is read whole', async ({ browser: { page } }) => {
    const wrong = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(4200, 4100), context = canvas.getContext('2d', { willReadFrequently: true })!;
      const fill = context.createLinearGradient(0, 0, 4200, 4100);
      for (let i = 0; i <= 20; i++) fill.addColorStop(i / 20, i % 2 ? '#f80' : '#08f');
      context.fillStyle = fill;
      context.fillRect(0, 0, 4200, 4100);
      const { data, width, height } = await plain.pictureFrom(canvas), direct = context.getImageData(0, 0, 4200, 4100).data;
      return [width, height, data.length, new Uint32Array(data.buffer).findIndex((value, i) => value !== new Uint32Array(direct.buffer, i * 4, 1)[0])];
    });
    assert.equal(wrong, [4200, 4100, 4200 * 4100 * 4, -1]);
  });

  add('what shows nothing or may not be read is said clearly, on the page and by the worker', async ({ browser: { page }, elsewhere }) => {
    const told: Told[] = await page.evaluate(async (elsewhere) => {
      const net = known.net as Awaited<ReturnType<typeof plain.load>>, there = known.remote as Awaited<ReturnType<typeof remote.load>>, out: Told[] = [];
      const tell = async (label: string, work: () => unknown): Promise<void> => {
        try {
          await work();
          out.push({ label, code: 'NONE', message: '' });
        } catch (error) {
          const { code, message } = error as { code: string; message: string };
          out.push({ label, code, message });
        }
      };
      const empty = document.createElement('canvas');
      empty.width = 0;
      const closed = await createImageBitmap(new ImageData(2, 2));
      closed.close();
      const frame = new VideoFrame(new Uint8Array(16), { format: 'RGBA', codedWidth: 2, codedHeight: 2, timestamp: 0 });
      frame.close();
      const loading = new Image(), broken = new Image(), foreign = new Image(), tainted = document.createElement('canvas');
      loading.src = '/weights/sample.png?slow';
      broken.src = '/dist/core.js';
      await broken.decode().catch(() => undefined);
      foreign.src = elsewhere;
      await foreign.decode();
      [tainted.width, tainted.height] = [8, 8];
      tainted.getContext('2d')!.drawImage(foreign, 0, 0);
      const cases: Record<string, unknown> = {
        'empty canvas': empty, 'closed bitmap': closed, 'closed frame': frame, 'unloaded img': new Image(), 'broken img': broken, 'video without data': document.createElement('video'),
        'img from elsewhere': foreign, 'tainted canvas': tainted, 'text': 'a text', 'nothing': undefined, 'a div': document.createElement('div'), 'floats': { data: new Float32Array(16), width: 2, height: 2 },
      };
      for (const [label, image] of Object.entries(cases)) {
        await tell(label, () => net.classify(image as never));
        await tell(`${label}, worker`, () => there.classify(image as never));
      }
      await tell('file', () => net.classify(new Blob(['x']) as never));
      await tell('text file', () => plain.pictureFrom(new Blob(['no picture'], { type: 'text/plain' })));
      await tell('text file, worker', () => there.classify(new Blob(['no picture'])));
      await tell('missing, worker', async () => there.classify(await fetch('/missing.png')));
      await tell('cancelled', () => plain.pictureFrom(new Blob(['x']), { signal: AbortSignal.abort() }));
      await tell('after all that', () => net.classify((known.images as { '<img>': HTMLImageElement })['<img>']));
      return out;
    }, elsewhere);
    const ways: Record<string, RegExp> = {
      'empty canvas': /canvas shows nothing \(0 x 150/, 'closed bitmap': /ImageBitmap shows nothing .* closed or transferred/, 'closed frame': /VideoFrame shows nothing .* closed/,
      'unloaded img': /<img> shows nothing .*decode\(\)/, 'broken img': /<img> shows nothing/, 'video without data': /<video> shows nothing .*loadeddata/,
      'img from elsewhere': /another site.*crossorigin/, 'tainted canvas': /another site/, 'text': /A picture is \{ data/, 'nothing': /A picture is/, 'a div': /A picture is|is no picture/, 'floats': /RGBA bytes/,
      'file': /await pictureFrom\(file\)/, 'text file': /10 bytes \(text\/plain\) are no picture/, 'missing': /answered 404/, 'cancelled': /cancelled/,
    };
    for (const { label, code, message } of told) {
      const way = ways[label.replace(', worker', '')];
      if (label === 'after all that') assert.is(code, 'NONE', message);
      else {
        assert.is(code, label.startsWith('missing') ? 'NOT_FOUND' : label === 'cancelled' ? 'ABORTED' : 'BAD_IMAGE', `${label}: ${message}`);
        assert.match(message, way, `${label}: ${message}`);
      }
    }
    assert.is(told.length, 30);
  });

});

test.run();
