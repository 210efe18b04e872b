// Knows a local HTTP server that misbehaves on demand, one answer per request, and remembers what it was asked. It does not
// know the zoo.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { test } from 'uvu';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Asked {
  url: string;
  range?: string;
  ifRange?: string;
}

export interface Misbehaving {
  base: string;
  asked: Asked[];
  /** The next requests get these answers in turn, all later ones the last. */
  answers(...list: Answer[]): void;
  close(): Promise<void>;
}

export async function misbehaving(): Promise<Misbehaving> {
  let waiting: Answer[] = [];
  const asked: Asked[] = [];
  const server: Server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    asked.push({ url: request.url!, ...(range && { range }), ...(typeof ifRange === 'string' && { ifRange }) });
    response.on('error', () => undefined);
    (waiting.length > 1 ? waiting.shift()! : waiting[0])(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answers: (...list) => {
      waiting = list;
      asked.length = 0;
    },
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

const startOf = ({ headers }: IncomingMessage): number | undefined => (headers.range ? Number(/^bytes=(\d+)-$/.exec(headers.range)![1]) : undefined);

/** A server as it should be: Range and If-Range are heeded. */
export const whole = (bytes: Uint8Array, etag?: string): Answer => (request, response) => {
  const from = startOf(request), same = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
  const tag = etag ? { etag } : {};
  if (from === undefined || !same) return void response.writeHead(200, { ...tag, 'content-length': bytes.length }).end(bytes);
  if (from >= bytes.length) return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
  response.writeHead(206, { ...tag, 'content-length': bytes.length - from, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }).end(bytes.subarray(from));
};

/** Sends the whole file whatever part was asked for. */
export const deafToRange = (bytes: Uint8Array): Answer => (_, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);

/** Gives the part that was asked for even where If-Range says not to. */
export const deafToIfRange = (bytes: Uint8Array, etag: string): Answer => (request, response) => {
  delete request.headers['if-range'];
  whole(bytes, etag)(request, response);
};

const sendSome = (bytes: Uint8Array, end: number, etag: string | undefined, then: (response: ServerResponse) => void): Answer => (request, response) => {
  const from = startOf(request) ?? 0, headers = { ...(etag && { etag }), 'content-length': bytes.length - from };
  if (from) response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
  else response.writeHead(200, headers);
  response.write(bytes.subarray(from, end), () => then(response));
};

/** Promises everything and hangs up after byte `end`. The pause lets the bytes be read before the reset. */
export const truncated = (bytes: Uint8Array, end: number, etag?: string): Answer => sendSome(bytes, end, etag, (response) => setTimeout(() => response.destroy(), 50));

/** Promises everything and falls silent after byte `end`. */
export const stalled = (bytes: Uint8Array, end: number, etag?: string): Answer => sendSome(bytes, end, etag, () => undefined);

/** Everything, in so many pieces with so many milliseconds between them. */
export const slowly = (bytes: Uint8Array, pieces: number, pause: number, etag?: string): Answer => (request, response) => {
  const from = startOf(request) ?? 0, step = Math.ceil((bytes.length - from) / pieces);
  sendSome(bytes, from, etag, () => {
    let at = from;
    const timer = setInterval(() => {
      response.write(bytes.subarray(at, at += step));
      if (at >= bytes.length) response.end();
    }, pause);
    response.on('close', () => clearInterval(timer));
  })(request, response);
};

/** Never answers. */
export const silent: Answer = () => undefined;

/** No length at all, and an orderly end: the only sign that something is missing is the missing part. */
export const shortened = (bytes: Uint8Array, end: number): Answer => (_, response) => {
  response.writeHead(200);
  response.write(bytes.subarray(0, end), () => response.end());
};

export const status = (code: number): Answer => (_, response) => void response.writeHead(code, { 'content-type': 'text/plain' }).end(`${code}`);

export const redirect = (to: string): Answer => (_, response) => void response.writeHead(302, { location: to }).end();

export const endless: Answer = (_, response) => {
  const timer = setInterval(() => response.write(new Uint8Array(1 << 16)), 1);
  response.on('close', () => clearInterval(timer));
};

/** A misbehaving server for a suite, and an empty cache folder for each of its tests; they go when it ends. */
export async function serverAndCaches(suite: typeof test, use: (cache: string) => void): Promise<Misbehaving> {
  const server = await misbehaving(), temporary = mkdtempSync(path.join(os.tmpdir(), 'depthwise-caches-'));
  suite.before.each(() => use(mkdtempSync(path.join(temporary, 'cache-'))));
  suite.after(async () => {
    await server.close();
    rmSync(temporary, { recursive: true, force: true });
  });
  return server;
}
