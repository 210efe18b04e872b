// Knows the page that browser tests run in: our files, a sample picture, the entries as globals, and other servers' ways of
// being in the way. It names a browser that is missing; it knows no test.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import decodePng, { init } from '@jsquash/png/decode.js';
import { createRequire } from 'node:module';
import type { Test } from 'uvu';
import type * as Plain from '../src/index.js';
import type * as Remote from '../src/worker.js';
import { HostMissing, openChromium, openFirefox } from './hosts/browsers.js';
import type { Browser } from './hosts/browsers.js';
import { serve } from './hosts/serve.js';

export type Picture = Plain.Picture;

declare global {
  // what the page has, for the functions that tests run in it
  var plain: typeof Plain;
  var remote: typeof Remote;
  var known: Record<string, unknown>;
}

export interface Bench {
  browser: Browser;
  /** Where our files are; /elsewhere.png is the same picture on a server that allows nothing. */
  origin: string;
  elsewhere: string;
  /** How often an address was asked for. */
  asked(path: string): number;
  close(): Promise<void>;
}

const BROWSERS = {
  chromium: () => openChromium({ flags: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--host-resolver-rules=MAP insecure.example 127.0.0.1'] }),
  firefox: () => openFirefox({ prefs: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0 } }),
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>depthwise</title><script type="module">
import * as plain from '/dist/index.js';
import * as remote from '/dist/worker.js';
Object.assign(globalThis, { plain, remote, known: {}, ready: true });
</script>`;

/** Policies by the page that has them. */
export const POLICIES: Record<string, string> = {
  '/blob.html': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self' blob:",
  '/no-blob.html': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'",
  '/no-wasm.html': "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self' blob:",
  '/no-worker.html': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'none'",
};

/** The worker's program, which dies where its address says: when it starts, has started, loads, or in the midst of profile. */
const STRUCK = `const at = new URL(location).searchParams.get('at'), strike = () => { throw new Error('struck by the test'); };
if (at === 'starting') strike();
if (at === 'started') setTimeout(strike, 100);
addEventListener('message', ({ data: { call } }) => {
  if (call === at) WebAssembly.compile = () => new Promise(() => setTimeout(strike));
  if (call === 'profile') performance.now = () => { if (at === 'running') reportError(new Error('struck by the test')); for (;;); };
});
importScripts('/dist/worker-host.js');`;

/** A browser with the page open, or undefined where there is none, which is said aloud. */
async function openBench(name: keyof typeof BROWSERS): Promise<Bench | undefined> {
  let browser: Browser;
  try {
    browser = await BROWSERS[name]();
  } catch (error) {
    if (!(error instanceof HostMissing)) throw error;
    console.log(`NOT RUN: ${error.message}`);
    return undefined;
  }
  const counts = new Map<string, number>();
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { pathname } = new URL(request.url!, 'http://page');
    counts.set(pathname, (counts.get(pathname) ?? 0) + 1);
    if (POLICIES[pathname]) response.setHeader('Content-Security-Policy', POLICIES[pathname]);
    if (pathname === '/empty.html' || POLICIES[pathname]) return Boolean(response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>empty</title>'));
    if (pathname === '/slow.dw') return Boolean(response.writeHead(200, { 'Content-Length': 1e6 }).write(new Uint8Array(1000))); // the rest never comes
    if (pathname === '/dying.js') return Boolean(response.writeHead(200, { 'Content-Type': 'text/javascript' }).end('postMessage({ ready: true }); onmessage = () => { throw new Error("struck by the test"); };'));
    if (pathname === '/struck.js') return Boolean(response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(STRUCK));
    return pathname === '/' && Boolean(response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE));
  };
  const site = await serve('.', { answer }), other = await serve('weights');
  await browser.page.goto(`${site.origin}/`);
  await browser.page.waitFor(() => (globalThis as { ready?: boolean }).ready);
  return {
    browser, origin: site.origin, elsewhere: `${other.origin}/sample.png`,
    asked: (path) => counts.get(path) ?? 0,
    async close() {
      await browser.close();
      await Promise.all([site.close(), other.close()]);
    },
  };
}

/** Decoded by a decoder that is no browser's. */
export async function samplePixels(): Promise<Picture> {
  (globalThis as { ImageData?: unknown }).ImageData ??= function (this: Picture, data: Uint8ClampedArray, width: number, height: number) { Object.assign(this, { data, width, height }); };
  const wasm = createRequire(import.meta.url).resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm');
  await init(await WebAssembly.compile(await readFile(wasm)));
  const { data, width, height } = await decodePng(Uint8Array.from(await readFile('weights/sample.png')).buffer);
  return { data, width, height };
}

type Work = (bench: Bench) => Promise<void>;

/** Declares tests that run once in every browser on this machine; where one is missing they count as skipped. */
export async function eachBrowser(test: Test, declare: (add: (title: string, work: Work) => void, name: string) => void): Promise<void> {
  for (const name of Object.keys(BROWSERS) as (keyof typeof BROWSERS)[]) {
    const bench = await openBench(name);
    declare((title, work) => (bench ? test(`${name}: ${title}`, () => work(bench)) : test.skip(`${name}: ${title}`)), name);
    test.after(async () => bench?.close());
  }
}

export const sha256 = (bytes: Uint8Array | Uint8ClampedArray): string => createHash('sha256').update(bytes).digest('hex');
