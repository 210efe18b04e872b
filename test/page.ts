// Knows how to run a few lines in a page of the system's Chromium, under a given content security policy, and get their
// answer back. It needs no driver: the page posts its answer to the server that it came from.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** Where Chromium is, if there is one. */
export const chromium: string | undefined = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0);

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.html': 'text/html', '.wasm': 'application/wasm', '.json': 'application/json' };

/**
 * Runs the body of an async function in a page; files come from `folder`.
 * @returns what it returned, by way of JSON
 */
export async function inPage(policy: string, body: string, folder = '.'): Promise<unknown> {
  let answer: (text: string) => void;
  const answered = new Promise<string>((resolve) => (answer = resolve));
  const script = `const out = await (async () => {${body}\n})().catch((error) => ({ error: String(error.stack ?? error) }));
    await fetch('/answer', { method: 'POST', body: JSON.stringify(out) });`;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://page'), file = path.join(folder, decodeURIComponent(pathname));
    const send = (type: string, content: string | Buffer): void => void response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(content);
    if (pathname === '/') send('text/html', '<!doctype html><title>page</title><script type="module" src="/page.js"></script>');
    else if (pathname === '/page.js') send('text/javascript', script);
    else if (pathname === '/answer') request.setEncoding('utf8').reduce((all: string, part: string) => all + part, '').then(answer);
    else if (existsSync(file) && statSync(file).isFile()) send(TYPES[path.extname(file)] ?? 'application/octet-stream', readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const profile = mkdtempSync(path.join(os.tmpdir(), 'depthwise-chromium-'));
  const child = spawn(chromium!, [...FLAGS, `--user-data-dir=${profile}`, '--remote-debugging-port=0', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('Chromium gave no answer for three minutes')), 180_000).unref());
  const gone = ended.then(() => Promise.reject(new Error('Chromium ended without an answer')));
  gone.catch(() => undefined);
  child.stderr.resume();
  try {
    return JSON.parse(await Promise.race([answered, late, gone]));
  } finally {
    child.kill();
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
