// Knows what readers of examples/browser do, and does it in real browsers: photos, camera, networks, files, keys. It
// takes the page as `npm run demo` serves it.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { missing, openChromium, openFirefox } from './hosts/browsers.js';
import type { Browser, Page } from './hosts/browsers.js';

const SECONDS = 120; // a safety limit: the machine may be busy
const { load } = await import(`${process.cwd()}/dist/index.js`) as typeof import('../src/index.js');

/** What the command line says of the sample picture: labels and shares as the page writes them. */
function nodeSays(weights: string): { label: string; score: number }[] {
  const { stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'classify', 'weights/sample.png', '--weights', weights, '--json'], { encoding: 'utf8' });
  const found = /\[\s*\{[^[\]]*"label"[^[\]]*\]/.exec(stdout);
  if (!found) throw new Error(stdout + stderr);
  return JSON.parse(found[0]);
}

async function serveDemo(): Promise<{ origin: string; stop(): void }> {
  const child = spawn(process.execPath, ['scripts/demo.mjs', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  return new Promise((resolve, reject) => {
    const listen = (part: Buffer): void => {
      said += part;
      const address = /http:\/\/\S+:\d+/.exec(said);
      if (address) resolve({ origin: address[0], stop: () => child.kill() });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('close', () => reject(new Error(said)));
  });
}

/** Puts files on the page as a drop or a pick would. `from` is an address to fetch, `text` the bytes themselves. */
const give = (page: Page, way: 'drop' | 'pick' | 'paste', files: { name: string; from?: string; text?: string }[]): Promise<void> => page.evaluate(async ({ way, files }) => {
  const transfer = new DataTransfer();
  for (const { name, from, text } of files) transfer.items.add(new File([from ? await (await fetch(from)).blob() : text!], name, { type: from ? 'image/png' : '' }));
  const input = document.querySelector<HTMLInputElement>('#photos')!;
  if (way === 'pick') input.files = transfer.files, input.dispatchEvent(new Event('change'));
  else if (way === 'drop') document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  else document.body.dispatchEvent(Object.defineProperty(new Event('paste', { bubbles: true, cancelable: true }), 'clipboardData', { value: transfer })); // Firefox's own constructor takes no files
}, { way, files });

const textOf = (page: Page, selector: string): Promise<string> => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
const settled = (page: Page, network: string): Promise<unknown> => page.waitFor((name) => document.querySelector('#facts dd')?.textContent === name
  && !document.querySelector('#gallery')?.textContent?.includes('looking') && document.querySelectorAll('#timeline .bar').length > 5 && !document.querySelector('#pace')?.textContent?.includes('Looking'), network, SECONDS);
const rowsOf = (page: Page): Promise<{ name: string; share: string }[]> => page.evaluate(() => [...document.querySelectorAll<HTMLElement>('#bars li')].filter((row) => !row.hidden)
  .map((row) => ({ name: row.querySelector('.name')!.textContent!, share: row.querySelector('.share')!.textContent! })));

/** The page writes whole percents above ten, one decimal below. */
const same = (rows: { name: string; share: string }[], node: { label: string; score: number }[]): void => {
  assert.equal(rows[0].name, node[0].label);
  for (const [i, { share, name }] of rows.entries()) {
    assert.ok(Math.abs(parseFloat(share) - node[i].score * 100) < 0.51, `${name} ${share}, Node: ${node[i].label} ${node[i].score}`);
  }
};

const served = await serveDemo();
const OPEN: [name: 'chromium' | 'firefox', open: () => Promise<Browser>][] = [
  ['chromium', () => openChromium({ flags: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'], context: { viewport: { width: 1280, height: 800 } } })],
  ['firefox', () => openFirefox({ prefs: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true } })],
];
const open: Browser[] = [];

for (const [name, start] of OPEN) {
  const lacks = missing(name);
  if (lacks.length) {
    console.log(`!!!! The page was not tried in ${name}, which is missing. To install it: ${lacks.join(' && ')}`);
    continue;
  }
  let page: Page;
  const asked: string[] = [];
  const check = (what: string, work: () => Promise<void>): void => test(`${name}: ${what}`, work);

  check('the sample is classified as Node does it', async () => {
    open.push(await start());
    page = open.at(-1)!.page;
    page.native.on('request', (request: { url(): string }) => asked.push(request.url()));
    await page.goto(served.origin);
    await settled(page, 'V3-Small, int8');
    assert.is(await textOf(page, '#best'), 'orange');
    same(await rowsOf(page), nodeSays('weights/everyday.dw'));
  });

  check('times and memory are drawn, a bar a step and a box a tensor; the slider says what a step is', async () => {
    const net = await load('weights/everyday.dw');
    const drawn = await page.evaluate(() => [document.querySelectorAll('#timeline .bar').length, document.querySelectorAll('#memory .box').length, document.querySelectorAll('#table tbody tr').length]);
    assert.equal(drawn, [net.steps.length, net.tensors.length, net.steps.length]);
    const wide = await page.evaluate(() => [...document.querySelectorAll('#timeline .bar')].reduce((sum, bar) => sum + Number(bar.getAttribute('width')), 0) / document.querySelector('#timeline')!.clientWidth);
    assert.ok(wide > 0.7 && wide <= 1.05, `bars take ${wide} of the width`);
    await page.evaluate(() => document.querySelector<HTMLInputElement>('#step')!.focus());
    await page.native.keyboard.press('Home');
    await page.native.keyboard.press('ArrowRight');
    assert.match(await textOf(page, '#readout'), net.steps[1].name);
    assert.match(await page.evaluate(() => document.querySelector('#step')!.getAttribute('aria-valuetext')!), /step 1 of 107/);
    net.dispose();
  });

  check('picked photos are added, the first is chosen, and the most alike comes next', async () => {
    await give(page, 'pick', [{ name: 'half.png', from: 'sample-single.webp' }, { name: 'again.png', from: 'sample-single.webp' }]);
    await page.waitFor(() => document.querySelectorAll('.pick').length === 5 && [...document.querySelectorAll('.pick')].filter((pick) => /likeness/.test(pick.textContent!)).length === 4, undefined, SECONDS);
    const order = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('.pick')].map((pick) => ({ name: pick.querySelector('img')!.alt, alike: pick.querySelector('.alike')!.textContent! })));
    assert.equal(order[0], { name: 'half.png', alike: 'chosen' });
    assert.is(order[1].alike, 'likeness 1.00');
    const values = order.slice(1).map(({ alike }) => Number(alike.split(' ')[1]));
    assert.equal(values, [...values].sort((a, b) => b - a));
    assert.ok(values.at(-1)! < 0.99, String(values));
  });

  check('a dropped and a pasted photo get their answer', async () => {
    for (const way of ['drop', 'paste'] as const) {
      await give(page, way, [{ name: `${way}.png`, from: 'sample.png' }]);
      await page.waitFor((caption) => document.querySelector('#caption')!.textContent === caption && /from file/.test(document.querySelector('#pace')!.textContent!), `${way}.png`, SECONDS);
      same(await rowsOf(page), nodeSays('weights/everyday.dw'));
    }
  });

  check('another network answers as it does in Node', async () => {
    await page.evaluate(() => document.querySelector<HTMLInputElement>('input[value="V2"]')!.click());
    await settled(page, 'V2, int8');
    same(await rowsOf(page), nodeSays('weights/everyday-v2.dw'));
  });

  check('broken weights and broken photos are told in a sentence, and the network in use stays', async () => {
    const text = 'this is no network at all';
    const why = await load(new TextEncoder().encode(text)).then(() => '', (error: Error) => error.message);
    await give(page, 'drop', [{ name: 'broken.tflite', text }]);
    await page.waitFor((sentence) => document.querySelector('#messages')!.textContent!.includes(sentence), why, SECONDS);
    await give(page, 'drop', [{ name: 'notes.png', text }]);
    await page.waitFor(() => /notes\.png: This browser cannot read it/.test(document.querySelector('#messages')!.textContent!), undefined, SECONDS);
    assert.is(await textOf(page, '#facts dd'), 'V2, int8');
    assert.is(await page.evaluate(() => document.querySelector<HTMLInputElement>('input[value="V2"]')!.checked), true);
    await page.evaluate(() => document.querySelectorAll<HTMLElement>('#messages button').forEach((button) => button.click()));
    assert.is(await textOf(page, '#messages'), '');
  });

  check('one\'s own model file is used when dropped', async () => {
    await page.evaluate(async () => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([await (await fetch('weights/everyday-v1.dw')).blob()], 'mine.dw'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    });
    await settled(page, 'mine.dw');
    same(await rowsOf(page), nodeSays('weights/everyday-v1.dw'));
  });

  check('the camera gives answers and frames a second, and stops', async () => {
    await page.evaluate(() => document.querySelector<HTMLElement>('#camera')!.click());
    await page.waitFor(() => Number(/^(\d+) fps · /.exec(document.querySelector('#pace')!.textContent!)?.[1]) > 0, undefined, SECONDS);
    assert.is((await rowsOf(page)).length, 5);
    await page.evaluate(() => document.querySelector<HTMLElement>('#camera')!.click());
    assert.is(await page.evaluate(() => document.querySelector<HTMLVideoElement>('#video')!.srcObject), null);
    assert.match(await textOf(page, '#pace'), 'from file to answer');
  });

  check('everything can be reached and used by keys', async () => {
    await page.goto(served.origin);
    await settled(page, 'V3-Small, int8');
    await page.evaluate(() => document.querySelector<HTMLElement>('input[name="families"]:checked')!.focus());
    await page.native.keyboard.press('ArrowDown');
    await settled(page, 'V3-Large, int8');
    await page.evaluate(() => document.querySelectorAll<HTMLElement>('.pick')[1].focus());
    await page.native.keyboard.press('Enter');
    await page.waitFor(() => document.activeElement!.matches('.pick[aria-pressed="true"]'), undefined, SECONDS);
    await page.goto(served.origin); // the walk comes last: its end is among the browser's own buttons, from where Firefox's driver knows no way back
    await settled(page, 'V3-Small, int8');
    const reached: string[] = [];
    for (let i = 0; i < 40; i++) {
      await page.native.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const focused = document.activeElement as HTMLElement, { outlineStyle } = getComputedStyle(focused.matches('.segments input') ? focused.nextElementSibling! : focused);
        return { what: focused.id || (focused as HTMLInputElement).name || focused.className || focused.tagName, seen: outlineStyle !== 'none' };
      });
      if (at.what === 'BODY' || at.what === 'HTML') break;
      assert.ok(at.seen, `${at.what} has no visible focus`);
      reached.push(at.what);
    }
    const order = ['skip', 'choose', 'camera', 'paste', 'clear', 'pick', 'remove', 'add', 'families', 'numbers', 'official', 'open', 'measure', 'step', 'SUMMARY'];
    assert.equal(order.filter((what) => !reached.includes(what)), []);
    assert.equal(order.map((what) => reached.indexOf(what)), order.map((what) => reached.indexOf(what)).sort((a, b) => a - b));
  });

  check('nothing has to be scrolled sideways at 375 pixels', async () => {
    await (page.native.setViewportSize ?? page.native.setViewport).call(page.native, { width: 375, height: 740 });
    await page.waitFor(() => innerWidth === 375 && document.querySelector('#timeline')!.clientWidth < 375, undefined, SECONDS);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 375);
  });

  check('axe finds nothing to complain about, light and dark', async () => {
    const axe = readFileSync(createRequire(`${process.cwd()}/package.json`).resolve('axe-core/axe.min.js'), 'utf8');
    await page.native.evaluate(axe);
    for (const scheme of ['light', 'dark']) {
      if (page.native.emulateMedia) await page.native.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      else if (scheme === 'dark') break; // Puppeteer cannot ask Firefox for it
      const wrong = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
      });
      assert.equal(wrong, [], scheme);
    }
  });

  check('no request left for elsewhere, and nothing went wrong unheard', async () => {
    assert.ok(asked.length > 5);
    assert.equal(asked.filter((address) => !address.startsWith(`${served.origin}/`) && !/^(blob|data):/.test(address)), []);
    assert.equal(page.said.filter((line) => /^(error|uncaught)/.test(line)), []);
  });
}

test('the files are there to be served by any host', () => {
  assert.not.match(readFileSync('build/demo/index.html', 'utf8'), /(src|href)="(\/|https?:)/);
});

test.after(async () => {
  await Promise.all(open.map((browser) => browser.close()));
  served.stop();
});
test.run();
