// Checks that runAsync lets a page live: timers, messages and clicks come between its steps, and a signal from any of them
// ends it. Clocks are put forward by hand, so that each step takes long. Runs from dist/.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eachBrowser } from './browser.js';

await eachBrowser(test, (add) => {
  for (const entry of ['index', 'core', 'js'] as const) {
    add(`depthwise/${entry}: what happens in the page comes between the steps of a run, and can end it`, async ({ browser: { page } }) => {
      const told = await page.evaluate(async (entry) => {
        const { load } = await import(`/dist/${entry}.js`) as typeof plain, wasm = entry === 'core' ? await WebAssembly.compile(await (await fetch('/dist/wasm/simd.wasm')).arrayBuffer()) : undefined;
        const net = await load('/weights/everyday.dw', { wasm, ...(entry === 'js' && { build: 'js' }) }), input = new Int8Array(128 * 128 * 3).map((_, i) => i * 7);
        const [expected] = net.run(input).map(({ data }) => data.join()), same: boolean[] = [], ended: Record<string, string> = {}, { now } = performance;
        let time = 0;
        performance.now = () => (time += 2);
        for (let i = 0; i < 2; i++) same.push((await net.runAsync(input))[0].data.join() === expected);
        const until = async (name: string, start: (stop: () => void) => void): Promise<void> => {
          const stop = new AbortController();
          start(() => stop.abort(name));
          try {
            for (;;) await net.runAsync(input, { signal: stop.signal });
          } catch (error) {
            const { code, cause } = error as { code: string; cause: string };
            ended[name] = `${code} ${cause}`;
          }
        };
        const { port1, port2 } = new MessageChannel(), button = document.body.appendChild(document.createElement('button'));
        await until('timer', (stop) => setTimeout(stop, 30));
        await until('message', (stop) => { port1.onmessage = stop; setTimeout(() => port2.postMessage(0), 30); });
        await until('answer', (stop) => { void fetch('/weights/sample.png').then((response) => response.blob()).then(stop); });
        await until('frame', (stop) => requestAnimationFrame(() => requestAnimationFrame(stop)));
        await until('click', (stop) => { button.onclick = stop; setTimeout(() => button.click(), 30); });
        performance.now = now;
        same.push((await net.runAsync(input))[0].data.join() === expected);
        return { same, ended };
      }, entry);
      assert.equal(told.same, [true, true, true]);
      assert.equal(told.ended, Object.fromEntries(['timer', 'message', 'answer', 'frame', 'click'].map((name) => [name, `ABORTED ${name}`])));
    });
  }
});

test.run();
