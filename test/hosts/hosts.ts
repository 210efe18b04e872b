// Knows each host: what installs it, which builds it must run, how it is started on the suite. It does not know what the
// suite asks.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { APP, at } from './app.js';
import { INSTALL, apt, freePort, installed, missing, npm, onPath, openChromium, openFirefox, openWebKitGtk, openWpe } from './browsers.js';
import type { Browser, Page } from './browsers.js';
import { ISOLATED, serve } from './serve.js';
import type { Report } from './suite.js';

export interface Ran {
  version: string;
  report: Report;
}

export interface Host {
  name: string;
  /** Builds that this host must run, no more and no less. */
  builds: string[];
  /** Commands that are still needed before it starts; none when it is there. */
  missing(): string[];
  run(): Promise<Ran>;
}

const ALL = ['relaxed', 'simd', 'scalar', 'js'], WITHOUT_RELAXED = ALL.slice(1), SCALAR = ALL.slice(2), JS = ALL.slice(3);
const LIMIT_MS = 10 * 60_000;

/** What a program printed. */
function said(program: string, args: string[], cwd = APP): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, NO_COLOR: '1' }, timeout: LIMIT_MS, killSignal: 'SIGKILL' });
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    child.stderr.on('data', (part) => (text += part));
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

function reportIn(text: string): Report {
  const line = text.split('\n').find((found) => found.startsWith('REPORT '));
  if (!line) throw new Error(`no report came; it said: ${text.trim().slice(-2000)}`);
  return JSON.parse(line.slice('REPORT '.length)) as Report;
}

function reportOf(answer: Report | { failed: string }): Report {
  if ('failed' in answer) throw new Error(answer.failed);
  return answer;
}

const versionOf = (program: string, ...args: string[]): string => /\d+\.\d+[\w.]*/.exec(String(spawnSync(program, args).stdout ?? ''))?.[0] ?? '?';

// ---- programs that take a module

const majorHere = process.versions.node.split('.')[0];
/** scripts/test.mjs keeps Node 24 in build/node24. */
function nodeBinary(major: string): string | undefined {
  if (major === majorHere) return process.execPath;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const places = [path.resolve('build', 'hosts', `node${major}`), path.resolve('build', `node${major}`)];
  const apart = places.map((place) => path.join(place, 'node_modules', 'node', 'bin', name)).find((file) => existsSync(file)), ofNpm = process.env.npm_node_execpath;
  return apart ?? (ofNpm && versionOf(ofNpm, '-v').startsWith(`${major}.`) ? ofNpm : undefined);
}

function node(major: string, builds: string[], ...flags: string[]): Host {
  return {
    name: `node ${major}${flags.length ? ` ${flags.join(' ')}` : ''}`, builds,
    missing: () => (nodeBinary(major) ? [] : [npm(`node${major}`, `node@${major}`)]),
    run: async () => ({ version: versionOf(nodeBinary(major)!, '-v'), report: reportIn(await said(nodeBinary(major)!, [...flags, 'console.mjs'])) }),
  };
}

function runtime(name: string, version: string, args: string[], builds: string[]): Host {
  const binary = (): string | undefined => (installed(name, name) ? path.resolve('build', 'hosts', name, 'node_modules', '.bin', name) : onPath(name));
  return {
    name, builds,
    missing: () => (binary() ? [] : [npm(name, `${name}@${version}`)]),
    run: async () => ({ version: versionOf(binary()!, '--version'), report: reportIn(await said(binary()!, [...args, 'console.mjs'])) }),
  };
}

/** An engine on its own: no console, no fetch, no package names. The program prints with what the shell calls print. */
const shell = (name: string, program: string, debian: string, builds: string[]): Host => ({
  name, builds,
  missing: () => (onPath(program) ? [] : [apt(debian)]),
  run: async () => ({ version: debianVersion(debian), report: reportIn(await said(onPath(program)!, ['-m', 'shell.mjs'])) }),
});

/** For programs that do not tell theirs. */
const debianVersion = (name: string): string => String(spawnSync('dpkg-query', ['-W', '-f', '${Version}', name]).stdout ?? '?').split('-')[0];

// ---- edges

const packageVersion = (folder: string, name: string): string => (JSON.parse(readFileSync(path.join(installed(folder, name)!, 'package.json'), 'utf8')) as { version: string }).version;
const packageOf = (folder: string, name: string): ReturnType<typeof JSON.parse> => createRequire(path.join(installed(folder, name)!, 'package.json'))(name);

const miniflare: Host = {
  name: 'workerd (miniflare)', builds: ['relaxed', 'simd'],
  missing: () => (installed('miniflare', 'miniflare') ? [] : [npm('miniflare', 'miniflare@4.20260426.0')]),
  async run() {
    const folder = at('workerd'), wasm = readdirSync(folder).filter((name) => name.endsWith('.wasm'));
    const { Miniflare } = packageOf('miniflare', 'miniflare');
    const worker = new Miniflare({
      cf: false, compatibilityDate: '2026-04-01', modulesRoot: folder,
      modules: [{ type: 'ESModule', path: path.join(folder, 'edge.mjs') }, ...wasm.map((name) => ({ type: 'CompiledWasm', path: path.join(folder, name) }))],
    });
    try {
      const response = await worker.dispatchFetch('http://localhost/');
      return { version: packageVersion('miniflare', 'workerd').replace(/^1\./, ''), report: reportOf(JSON.parse(await response.text())) };
    } finally {
      await worker.dispose();
    }
  },
};

const wrangler: Host = {
  name: 'wrangler dev --local', builds: ['relaxed', 'simd'],
  missing: () => (installed('wrangler', 'wrangler') ? [] : [npm('wrangler', 'wrangler@4.86.0')]),
  async run() {
    const port = await freePort(), inspector = await freePort();
    const child = spawn(process.execPath, [
      path.join(installed('wrangler', 'wrangler')!, 'bin', 'wrangler.js'), 'dev', '--local', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', String(inspector),
    ], { cwd: APP, env: { ...process.env, CI: '1', NO_COLOR: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let text = '', ended = false;
    child.stdout.on('data', (part) => (text += part));
    child.stderr.on('data', (part) => (text += part));
    child.on('close', () => (ended = true));
    const stop = (): void => {
      if (!ended) process.kill(-child.pid!, 'SIGTERM');
    };
    process.once('exit', stop);
    try {
      for (const end = Date.now() + LIMIT_MS; ;) {
        const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
        if (response?.ok) return { version: packageVersion('wrangler', 'wrangler'), report: reportOf(JSON.parse(await response.text())) };
        if (ended || Date.now() > end || response) throw new Error(`wrangler gave no report: ${response ? await response.text() : ''} ${text.slice(-2000)}`);
        await new Promise((wake) => setTimeout(wake, 200));
      }
    } finally {
      stop();
      process.off('exit', stop);
    }
  },
};

const edgeRuntime: Host = {
  name: 'vercel edge-runtime', builds: ['simd'],
  missing: () => (installed('edge-runtime', 'edge-runtime') ? [] : [npm('edge-runtime', 'edge-runtime@4.0.1')]),
  async run() {
    const { EdgeRuntime } = packageOf('edge-runtime', 'edge-runtime');
    const simd = await WebAssembly.compile(readFileSync(at('node_modules', 'depthwise', 'dist', 'wasm', 'simd.wasm')));
    const edge = new EdgeRuntime({ initialCode: readFileSync(at('vercel', 'vercel.js'), 'utf8'), extend: (context: object) => Object.assign(context, { wasm_simd: simd }) });
    const response = await edge.dispatchFetch('http://localhost/');
    return { version: packageVersion('edge-runtime', 'edge-runtime'), report: reportOf(JSON.parse(await response.text())) };
  },
};

// ---- browsers

interface Visit {
  file?: string;
  headers?: Record<string, string>;
}

function browser(name: string, kind: keyof typeof INSTALL, open: () => Promise<Browser>, builds: string[], { file = 'page.html', headers }: Visit = {}): Host {
  return {
    name, builds, missing: () => missing(kind),
    async run() {
      const served = await serve(APP, { headers });
      try {
        const opened = await open();
        try {
          return { version: opened.version, report: await visit(opened.page, `${served.origin}/${file}`) };
        } finally {
          await opened.close();
        }
      } finally {
        await served.close();
      }
    },
  };
}

async function visit(page: Page, url: string): Promise<Report> {
  await page.goto(url);
  const text = await page.waitFor(() => {
    const { report } = globalThis as { report?: object };
    return report && JSON.stringify(report);
  }, undefined, LIMIT_MS / 1000);
  return reportOf(JSON.parse(text!));
}

const noSse4 = '--no-enable-sse4-1';
export const HOSTS: Host[] = [
  node('20', WITHOUT_RELAXED),
  node('22', ALL),
  node('24', ALL),
  node('26', ALL),
  node('26', SCALAR, noSse4),
  node('26', JS, '--jitless'),
  runtime('deno', '2.9.6', ['run', '--allow-read', '--no-prompt'], ALL),
  runtime('bun', '1.4.5', [], ALL),
  miniflare,
  wrangler,
  edgeRuntime,
  browser('chromium', 'chromium', openChromium, ALL),
  browser('chromium, isolated', 'chromium', openChromium, ALL, { headers: ISOLATED }),
  browser('chromium, web worker', 'chromium', openChromium, ALL, { file: 'worker.html' }),
  // A service worker may not import() what is kept apart.
  browser('chromium, service worker', 'chromium', openChromium, ALL.slice(0, 3), { file: 'service-worker.html' }),
  browser('chromium, no SIMD', 'chromium', () => openChromium({ flags: [`--js-flags=${noSse4}`] }), SCALAR),
  browser('chromium, CSP without wasm', 'chromium', openChromium, JS, { headers: { 'Content-Security-Policy': "script-src 'self' 'unsafe-inline'" } }),
  browser('firefox', 'firefox', openFirefox, ALL),
  browser('firefox, web worker', 'firefox', openFirefox, ALL, { file: 'worker.html' }),
  browser('webkitgtk', 'webkitgtk', openWebKitGtk, WITHOUT_RELAXED),
  browser('wpe webkit', 'wpe', openWpe, SCALAR, { file: 'page-without-map.html' }),
  shell('jsc shell', 'jsc', 'libjavascriptcoregtk-4.0-bin', WITHOUT_RELAXED),
  shell('gjs (SpiderMonkey 102)', 'gjs', 'gjs', WITHOUT_RELAXED),
];
