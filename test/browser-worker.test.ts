// Knows that depthwise/worker runs in real browsers: under content security policies, with videos and cameras, with caches
// that hold wrong bytes, cancelled and struck dead. Runs from dist/.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/load.js';
import { eachBrowser, samplePixels } from './browser.js';

const weights = await readFile('weights/everyday.dw');
const expected = (await load(weights)).classify(await samplePixels());
const integrity = `sha256-${createHash('sha256').update(weights).digest('base64')}`;

await eachBrowser(test, (add, name) => {
  add('runs, cancels, reports and dies as it should', async ({ browser: { page } }) => {
    const told = await page.evaluate(async ({ integrity }) => {
      const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'NONE', ({ code, message }) => `${code}: ${message}`);
      const progress: number[] = [], file = await (await fetch('/weights/sample.png')).blob();
      const net = await remote.load('/weights/everyday.dw', { integrity, onProgress: (done) => progress.push(done) });
      const stop = new AbortController(), calls = [net.classify(file), net.classify(file, { signal: stop.signal })];
      stop.abort();
      const input = new Int8Array(128 * 128 * 3), [output] = await net.run(input), steps = (await net.profile(input)).length;
      const out = {
        scores: await calls[0], cancelled: await codeOf(calls[1]), output: output.data.length, steps, all: net.steps.length, progress: progress.at(-1), vector: (await net.embed(file)).length,
        layer: (await net.layer(net.outputs[0].name)).data.length, codes: [] as string[],
      };
      const slow = new AbortController(), loading = codeOf(remote.load('/slow.dw', { signal: slow.signal, onProgress: () => slow.abort() }));
      out.codes.push(await loading, await codeOf(remote.load('/weights/everyday.dw', { integrity: integrity.replace(/.{9}$/, 'AAAAAAAA=') })), await codeOf(remote.load('/missing.dw')));
      out.codes.push(await codeOf(remote.load('/weights/everyday.dw', { worker: '/dying.js' })), await codeOf(remote.load('/weights/everyday.dw', { worker: '/missing.js' })));
      const last = net.classify(file);
      net.dispose();
      out.codes.push(await codeOf(last));
      return out;
    }, { integrity });
    assert.equal(told.scores, expected);
    assert.match(told.cancelled, /^ABORTED/);
    assert.equal([told.output, told.steps, told.progress, told.vector, told.layer], [100, told.all, weights.length, 1024, 100]);
    [/^ABORTED/, /^BAD_FILE.*damaged/, /^NOT_FOUND.*404/, /^WORKER_LOST.*struck by the test/, /^UNSUPPORTED.*worker-src/, /^DISPOSED/].forEach((way, i) => assert.match(told.codes[i], way));
  });

  add('killed at every stage: all that wait hear of it at once, also while it computes or weights are on their way, and the next one works', async ({ browser: { page } }) => {
    const told = await page.evaluate(async () => {
      const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'NONE', ({ code, message }) => `${code}: ${message}`);
      const loads = (at: string, file = '/weights/everyday.dw'): ReturnType<typeof remote.load> => remote.load(file, { cache: 'killed', worker: `/struck.js?at=${at}` });
      const input = new Int8Array(128 * 128 * 3), out: Record<string, string[]> = {};
      out.starting = [await codeOf(loads('starting'))];
      out.downloading = [await codeOf(loads('started', '/slow.dw'))];
      out.compiling = [await codeOf(loads('load'))];
      const struck = await loads('running'), stuck = await loads('never');
      out.running = await Promise.all([struck.profile(), struck.run(input), struck.classify(new Blob())].map(codeOf));
      out.later = [await codeOf(struck.run(input))];
      const stop = new AbortController(), calls = [stuck.profile({ signal: stop.signal }), stuck.run(input)].map(codeOf); // it computes for ever
      await new Promise((wake) => setTimeout(wake, 100));
      stop.abort();
      out.stopped = [await calls[0]];
      stuck.dispose();
      out.disposed = [await calls[1]];
      const net = await loads('never'), keys = await (await caches.open('killed')).keys(), kept = await (await (await caches.open('killed')).match(keys[0]))!.arrayBuffer();
      return { out, scores: await net.classify(await fetch('/weights/sample.png')), keys: keys.length, kept: kept.byteLength };
    });
    const lost = /^WORKER_LOST.*struck by the test/, each: Record<string, RegExp[]> = {
      starting: [/^UNSUPPORTED.*struck by the test/], downloading: [lost], compiling: [lost], running: [lost, lost, lost], later: [lost], stopped: [/^ABORTED/], disposed: [/^DISPOSED/],
    };
    assert.equal(Object.keys(told.out), Object.keys(each));
    for (const [stage, ways] of Object.entries(each)) ways.forEach((way, i) => assert.match(told.out[stage][i], way, `${stage}: ${told.out[stage][i]}`));
    assert.equal(told.scores, expected);
    assert.equal([told.keys, told.kept], [1, weights.length]);
  });

  for (const [policy, build] of [['blob', 'wasm'], ['no-blob', 'wasm'], ['no-wasm', 'js']]) {
    add(`runs under the content security policy of ${policy}.html`, async ({ browser, origin }) => {
      const page = await browser.newPage();
      await page.goto(`${origin}/${policy}.html`);
      const told = await page.evaluate(async () => {
        const { load } = await import(`${location.origin}/dist/worker.js`) as typeof remote;
        const net = await load('/weights/everyday.dw');
        return { build: net.build, scores: await net.classify(await fetch('/weights/sample.png')) };
      });
      assert.equal(told.scores, expected);
      assert.is(told.build === 'js', build === 'js', told.build);
    });
  }

  add('says what to allow where no worker may start', async ({ browser, origin }) => {
    const page = await browser.newPage();
    await page.goto(`${origin}/no-worker.html`);
    const told = await page.evaluate(async () => (await import(`${location.origin}/dist/worker.js`) as typeof remote).load('/weights/everyday.dw').then(() => 'NONE', ({ code, message }) => `${code}: ${message}`));
    assert.match(told, /^UNSUPPORTED: No worker starts here .*worker-src blob:/);
  });

  add('watches a camera: newest frame first, one at a time, until told to stop', async ({ browser: { page } }) => {
    await page.native.bringToFront(); // hidden pages are shown no frames
    const told = await page.evaluate(async () => {
      const net = await remote.load('/weights/everyday.dw'), stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      const video = document.createElement('video');
      video.muted = true;
      video.srcObject = stream;
      await video.play();
      const seen: { results: number; timestamp: number; ms: number; dropped: number }[] = [], stop = new AbortController();
      let flying = 0, most = 0;
      const classify = net.classify.bind(net);
      net.classify = async (...args: Parameters<typeof classify>) => {
        most = Math.max(most, ++flying);
        return classify(...args).finally(() => flying--);
      };
      for await (const { results, timestamp, ms, dropped } of net.watch(video, { topK: 2, signal: stop.signal })) {
        seen.push({ results: results.length, timestamp, ms, dropped });
        if (seen.length === 3) await new Promise((wake) => setTimeout(wake, 400)); // frames pass meanwhile
        if (seen.length === 6) stop.abort();
      }
      let left = 0;
      for await (const one of net.watch(stream.getVideoTracks()[0])) if (one.results.length && ++left === 2) break;
      const ended = (async () => { for await (const _one of net.watch(stream)); return 'ended'; })();
      setTimeout(() => stream.getTracks().forEach((track) => track.stop()), 300);
      return { seen, most, left, ended: await ended };
    });
    assert.is(told.seen.length, 6);
    assert.is(told.most, 1);
    for (const { results, ms } of told.seen) assert.ok(results === 2 && ms > 0);
    for (let i = 1; i < 6; i++) assert.ok(told.seen[i].timestamp > told.seen[i - 1].timestamp, JSON.stringify(told.seen));
    assert.ok(told.seen[3].dropped >= 1, `frames that nobody looked at are counted: ${JSON.stringify(told.seen)}`);
    assert.equal([told.left, told.ended], [2, 'ended']);
  });

  add('watches a stream of frames and closes every one; ends with a video', async ({ browser: { page } }) => {
    await page.native.bringToFront();
    const told = await page.evaluate(async () => {
      const net = await remote.load('/weights/everyday.dw'), frames: VideoFrame[] = [];
      const stream = new ReadableStream<VideoFrame>({
        async start(controller) {
          for (let i = 0; i < 40; i++) {
            frames.push(new VideoFrame(new Uint8Array(64 * 64 * 4).fill(i * 6), { format: 'RGBA', codedWidth: 64, codedHeight: 64, timestamp: i * 1000 }));
            controller.enqueue(frames[i]);
            await new Promise((wake) => setTimeout(wake, 2));
          }
          controller.close();
        },
      });
      let seen = 0, dropped = 0, last = -1;
      for await (const one of net.watch(stream)) [seen, dropped, last] = [seen + 1, dropped + one.dropped, one.timestamp];
      const canvas = document.createElement('canvas'), context = canvas.getContext('2d')!, recorder = new MediaRecorder(canvas.captureStream(20)), parts: Blob[] = [];
      const draw = setInterval(() => { context.fillStyle = `hsl(${performance.now() / 5} 90% 50%)`; context.fillRect(0, 0, 300, 150); }, 30);
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.start();
      await new Promise((wake) => setTimeout(wake, 1200));
      await new Promise((stopped) => { recorder.onstop = stopped; recorder.stop(); });
      clearInterval(draw);
      const video = document.createElement('video');
      video.muted = true;
      video.src = URL.createObjectURL(new Blob(parts, { type: recorder.mimeType }));
      await video.play();
      let played = 0;
      for await (const one of net.watch(video)) played += one.results.length ? 1 : 0;
      return { seen, dropped, last, open: frames.filter((frame) => frame.format !== null).length, played, ended: video.ended };
    });
    assert.is(told.seen + told.dropped, 40);
    assert.ok(told.seen >= 2 && told.last === 39, JSON.stringify(told));
    assert.is(told.open, 0);
    assert.ok(told.played >= 2 && told.ended, JSON.stringify(told));
  });

  add('keeps weights in the Cache API, and does not trust what it finds', async ({ browser: { page }, asked }) => {
    const before = asked('/weights/everyday.dw');
    const fetched = (): number => asked('/weights/everyday.dw') - before;
    const loadIt = (options: object): Promise<number> => page.evaluate(async (options) => {
      const net = await plain.load('/weights/everyday.dw', options);
      net.dispose();
      return (await (await caches.open('depthwise')).keys()).length;
    }, options);
    assert.is(await loadIt({ integrity }), 0, 'nothing is kept unasked');
    const plainFetches = fetched();
    assert.is(await loadIt({ integrity, cache: true }), 1);
    assert.is(fetched(), plainFetches + 1);
    await loadIt({ integrity, cache: true });
    assert.is(fetched(), plainFetches + 1, 'the second time it is here');
    await page.evaluate(async () => {
      const cache = await caches.open('depthwise'), [key] = await cache.keys(), bytes = new Uint8Array(await (await cache.match(key))!.arrayBuffer());
      bytes[1000] ^= 1;
      await cache.put(key, new Response(bytes));
    });
    await loadIt({ integrity, cache: true });
    assert.is(fetched(), plainFetches + 2, 'wrong bytes are fetched again');
    await loadIt({ integrity, cache: true });
    assert.is(fetched(), plainFetches + 2, 'and kept right');
    await loadIt({ cache: 'mine' });
    await loadIt({ cache: 'mine' });
    assert.is(fetched(), plainFetches + 3, 'without integrity, by address, where it was asked for');
    assert.is(await page.evaluate(async () => (await (await caches.open('mine')).keys()).length), 1);
  });

  if (name === 'chromium') add('an insecure page has no cache, and goes on without one; hashes are checked all the same', async ({ browser, origin }) => {
    const page = await browser.newPage();
    await page.goto(`${origin.replace('127.0.0.1', 'insecure.example')}/empty.html`);
    const told = await page.evaluate(async (integrity) => {
      const { load } = await import(`${location.origin}/dist/worker.js`) as typeof remote;
      const net = await load('/weights/everyday.dw', { cache: true, integrity }), scores = await net.classify(await fetch('/weights/sample.png'));
      return { secure: isSecureContext, scores, cached: typeof caches, hashed: await load('/weights/everyday.dw', { integrity: integrity.replace(/.{9}$/, 'AAAAAAAA=') }).then(() => 'NONE', ({ code, message }) => `${code}: ${message}`) };
    }, integrity);
    assert.is(told.secure, false);
    assert.equal(told.scores, expected);
    assert.is(told.cached, 'undefined');
    assert.match(told.hashed, /^BAD_FILE/);
  });
});

test.run();
