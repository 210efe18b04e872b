// Knows how a posted JPEG is answered with labels; it knows no pixel.
import { DepthwiseError, load } from 'depthwise';
import everyday from 'depthwise/weights/everyday.dw';
import { decodeJpeg } from './jpeg.js';

const MOST_BYTES = 2_000_000;

// When the worker starts: a request's CPU time is not spent on it, and all requests to this isolate share the net.
const net = await load(everyday);

const problem = (status, code, message) => Response.json({ error: { code, message } }, { status });

async function classify(request) {
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > MOST_BYTES) return problem(413, 'BAD_IMAGE', `The body has ${length} bytes; the limit is ${MOST_BYTES}. Make the picture smaller.`);
  const body = await request.arrayBuffer();
  if (body.byteLength > MOST_BYTES) return problem(413, 'BAD_IMAGE', `The body has ${body.byteLength} bytes; the limit is ${MOST_BYTES}. Make the picture smaller.`);
  const picture = await decodeJpeg(body);
  return Response.json({ width: picture.width, height: picture.height, labels: net.classify(picture) });
}

export default {
  async fetch(request) {
    if (request.method === 'GET') return Response.json({ usage: 'POST the bytes of a JPEG', build: net.build, memory: net.memory });
    if (request.method !== 'POST') return problem(405, 'BAD_INPUT', 'POST the bytes of a JPEG.');
    try {
      return await classify(request);
    } catch (error) {
      if (error instanceof DepthwiseError) return problem(400, error.code, error.message);
      throw error;
    }
  },
};
