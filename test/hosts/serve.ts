// Knows how to serve folders to the browsers of the tests, with the headers a test asks for; it knows no browser.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.css': 'text/css', '.wasm': 'application/wasm',
  '.png': 'image/png', '.jpg': 'image/jpeg', '.svg': 'image/svg+xml', '.dw': 'application/octet-stream', '.tflite': 'application/octet-stream', '.webmanifest': 'application/manifest+json',
};

/** What makes a page cross-origin isolated, and with it able to share memory between threads. */
export const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export interface Served {
  /** Ends without a slash. */
  readonly origin: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  headers?: Record<string, string>;
  /** Answers before files are looked for; false where it has nothing to say. */
  answer?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
}

/** Serves a folder on a free port of 127.0.0.1, which browsers take for a secure context. */
export async function serve(folder: string, { headers = {}, answer }: ServeOptions = {}): Promise<Served> {
  const root = path.resolve(folder);
  const server = createServer(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (await answer?.(request, response)) return;
    const { pathname } = new URL(request.url!, 'http://localhost'), asked = path.join(root, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
    try {
      if (asked !== root && !asked.startsWith(root + path.sep)) throw new Error('outside of the folder');
      const body = await readFile(asked);
      response.writeHead(200, { 'Content-Type': TYPES[path.extname(asked)] ?? 'application/octet-stream', 'Content-Length': body.length });
      response.end(body);
    } catch {
      response.writeHead(404).end('not found');
    }
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.on('error', reject).listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    }),
  };
}
