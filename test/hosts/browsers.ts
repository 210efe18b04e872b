// Knows how to start real browsers on this machine and to hold one page of each; it does not know what the page shows.
// Drivers are installed apart in build/hosts, browsers come from the system; what is missing is named with its command.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import { commandFor } from '../apart.js';

/** What a driver of another package gives: its types are installed apart as well. */
type Foreign = any;

/** A page of any browser. `native` is the driver's own page (Playwright's or Puppeteer's) for what only one test needs. */
export interface Page {
  goto(url: string): Promise<void>;
  /** Runs a function in the page (it sees nothing outside of itself) and returns what it returns; promises are awaited. */
  evaluate<A, T>(work: (argument: A) => T | Promise<T>, argument?: A): Promise<T>;
  /** Waits until a function in the page returns something true, and returns that. */
  waitFor<A, T>(work: (argument: A) => T | Promise<T>, argument?: A, seconds?: number): Promise<T>;
  /** Not in WebKitGTK, whose driver never answers. */
  screenshot(file: string): Promise<void>;
  /** Console lines and uncaught errors so far, where the driver reports them. */
  readonly said: string[];
  readonly native: Foreign;
}

export interface Browser {
  readonly name: string;
  readonly version: string;
  readonly page: Page;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

/** The browser or its driver is not on this machine; `command` installs it. */
export class HostMissing extends Error {
  readonly command: string;
  constructor(name: string, command: string) {
    super(`${name} is not on this machine. To install it: ${command}`);
    this.command = command;
  }
}

export const apt = (packages: string): string => `apt-get update && apt-get install -y --no-install-recommends ${packages}`;
/** Packages too large for devDependencies, each in a folder of its own under build/hosts. */
export const npm = (folder: string, ...packages: string[]): string => commandFor(`hosts/${folder}`, packages);

const DRIVERS = { playwright: 'playwright-core@1.65.1', puppeteer: 'puppeteer-core@24.43.1' };
export const INSTALL = {
  chromium: [apt('chromium'), npm('playwright', DRIVERS.playwright)],
  firefox: [apt('firefox-esr'), npm('puppeteer', DRIVERS.puppeteer)],
  webkitgtk: [apt('webkit2gtk-driver xvfb xauth')],
  wpe: [apt('cog wpewebkit-driver')],
};

/** What a shell would run for one of these names, if any. */
export function onPath(...names: string[]): string | undefined {
  for (const name of names) for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    if (existsSync(path.join(folder, name))) return path.join(folder, name);
  }
  return undefined;
}

/** A file that a Debian package brought and that is not on the path. */
export function packaged(ending: string, ...packages: string[]): string | undefined {
  if (!onPath('dpkg')) return undefined;
  const listed = packages.flatMap((name) => String(spawnSync('dpkg', ['-L', name]).stdout ?? '').split('\n'));
  return listed.find((file) => file.endsWith(ending) && existsSync(file));
}

/** Where a package of build/hosts lies, or undefined. */
export function installed(folder: string, name: string): string | undefined {
  const place = path.resolve('build', 'hosts', folder, 'node_modules', name);
  return existsSync(path.join(place, 'package.json')) ? place : undefined;
}

/** The commands that are still needed before each browser starts; none when it is ready. */
export function missing(name: keyof typeof INSTALL): string[] {
  const [system, driver] = INSTALL[name];
  const gtk = onPath('WebKitWebDriver') && onPath('xvfb-run') && miniBrowser();
  const here = { chromium: onPath('chromium'), firefox: onPath('firefox-esr'), webkitgtk: gtk, wpe: onPath('WPEWebDriver') && onPath('cog') }[name];
  const drivers = { chromium: installed('playwright', 'playwright-core'), firefox: installed('puppeteer', 'puppeteer-core'), webkitgtk: 'fetch', wpe: 'fetch' }[name];
  return [...(here ? [] : [system]), ...(drivers ? [] : [driver])];
}

function need(name: keyof typeof INSTALL, spoken: string): void {
  const commands = missing(name);
  if (commands.length) throw new HostMissing(spoken, commands.join(' && '));
}

const driver = (folder: string, name: string): Foreign => createRequire(path.join(installed(folder, name)!, 'package.json'))(name);

async function waiting<T>(look: () => Promise<T>, seconds: number, what: string): Promise<T> {
  for (const end = Date.now() + seconds * 1000; ;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: nothing came within ${seconds} s.`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

const CHROMIUM_FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/**
 * Chromium through Playwright. `flags` go to its command line, such as --use-fake-device-for-media-stream; `context` to
 * Playwright's newContext: viewport, colorScheme, permissions, deviceScaleFactor ...
 */
export async function openChromium({ flags = [], context = {} }: { flags?: string[]; context?: object } = {}): Promise<Browser> {
  need('chromium', 'Chromium');
  const browser = await driver('playwright', 'playwright-core').chromium.launch({ executablePath: onPath('chromium'), args: [...CHROMIUM_FLAGS, ...flags] });
  const tab = await browser.newContext(context);
  const newPage = async (): Promise<Page> => driven(await tab.newPage());
  return { name: 'chromium', version: browser.version(), page: await newPage(), newPage, close: () => browser.close() };
}

/** Firefox ESR through Puppeteer and WebDriver BiDi. `prefs` are those of about:config. */
export async function openFirefox({ prefs = {} }: { prefs?: object } = {}): Promise<Browser> {
  need('firefox', 'Firefox');
  const browser = await driver('puppeteer', 'puppeteer-core').launch({ browser: 'firefox', executablePath: onPath('firefox-esr'), headless: true, extraPrefsFirefox: prefs });
  const newPage = async (): Promise<Page> => driven(await browser.newPage());
  return { name: 'firefox', version: String(await browser.version()).replace(/^firefox\//i, ''), page: await newPage(), newPage, close: () => browser.close() };
}

/** Playwright and Puppeteer agree on what is used here. */
function driven(native: Foreign): Page {
  const said: string[] = [];
  native.on('console', (line: { type(): string; text(): string }) => said.push(`${line.type()}: ${line.text()}`));
  native.on('pageerror', (error: Error) => said.push(`uncaught: ${error.message}`));
  return {
    native, said,
    async goto(url) { await native.goto(url); },
    evaluate: (work, argument) => native.evaluate(work, argument),
    waitFor: (work, argument, seconds = 60) => waiting(() => native.evaluate(work, argument), seconds, `${native.url()}\n${said.join('\n')}`),
    async screenshot(file) { await native.screenshot({ path: file }); },
  };
}

const miniBrowser = (): string | undefined => packaged('/MiniBrowser', 'libwebkit2gtk-4.1-0', 'libwebkit2gtk-4.0-37');

/** WebKitGTK's MiniBrowser under a virtual display, by its own WebDriver. `env` reaches JavaScriptCore, such as JSC_useWasmSIMD=0. */
export async function openWebKitGtk({ env = {} }: { env?: Record<string, string> } = {}): Promise<Browser> {
  need('webkitgtk', 'WebKitGTK');
  const command = ['xvfb-run', '-a', 'WebKitWebDriver'];
  return webDriver('webkitgtk', command, { WEBKIT_DISABLE_COMPOSITING_MODE: '1', ...env }, { 'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] } });
}

/** WPE WebKit's cog, headless: JavaScriptCore of Safari 16.0, without SIMD. */
export async function openWpe(): Promise<Browser> {
  need('wpe', 'WPE WebKit');
  return webDriver('wpe', ['WPEWebDriver'], {}, { 'wpe:browserOptions': { binary: onPath('cog'), args: ['--automation', '-P', 'headless'] } });
}

export const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
});

/** One session of the W3C WebDriver protocol; one page, since a session has one window here. */
async function webDriver(name: string, [program, ...args]: string[], env: Record<string, string>, capabilities: object): Promise<Browser> {
  const port = await freePort(), base = `http://127.0.0.1:${port}`;
  const child = spawn(program, [...args, `--port=${port}`], { env: { ...process.env, ...env }, stdio: 'ignore', detached: true });
  const stop = (): void => stopGroup(child);
  const interrupted = (): void => process.exit(1); // a group of its own hears no Ctrl-C
  process.once('exit', stop).once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const call = async (method: string, where: string, body?: object): Promise<Foreign> => {
    const signal = AbortSignal.timeout(where.endsWith('/screenshot') ? 20_000 : 310_000);
    const response = await fetch(base + where, { method, signal, ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) });
    const { value } = await response.json() as { value: Foreign };
    if (!response.ok) throw new Error(`${name}: ${value?.error}: ${value?.message}`);
    return value;
  };
  try {
    await waiting(() => fetch(`${base}/status`).then(() => true, () => false), 60, `${name}'s driver`);
    const session = await call('POST', '/session', { capabilities: { alwaysMatch: capabilities } });
    const at = `/session/${session.sessionId}`;
    await call('POST', `${at}/timeouts`, { script: 300_000, pageLoad: 300_000 });
    const page = webDriverPage((method, where, body) => call(method, at + where, body));
    return {
      name, version: session.capabilities.browserVersion, page, newPage: async () => page,
      async close() {
        await call('DELETE', at).catch(() => undefined);
        stop();
        process.off('exit', stop).off('SIGINT', interrupted).off('SIGTERM', interrupted);
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/** xvfb-run starts a display of its own: the whole group goes, also when this process ends first. */
function stopGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGTERM');
  } catch { /* gone already */ }
}

function webDriverPage(call: (method: string, where: string, body?: object) => Promise<Foreign>): Page {
  const evaluate = async <A, T>(work: (argument: A) => T | Promise<T>, argument?: A): Promise<T> => {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${work})(arguments[0])).then((value) => done({ value }), (error) => done({ error: String(error) }))`;
    const { value, error } = await call('POST', '/execute/async', { script, args: [argument ?? null] });
    if (error) throw new Error(error);
    return value as T;
  };
  return {
    native: call, said: [], evaluate,
    async goto(url) { await call('POST', '/url', { url }); },
    waitFor: (work, argument, seconds = 60) => waiting(() => evaluate(work, argument), seconds, 'WebDriver'),
    async screenshot(file) {
      writeFileSync(file, Buffer.from(await call('GET', '/screenshot'), 'base64'));
    },
  };
}
