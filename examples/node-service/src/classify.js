// Knows what a thread of the pool does: decode a picture, classify it. Each thread has a net of its own; it knows no HTTP.
import { load } from 'depthwise';
import everyday from 'depthwise/weights/everyday';
import { workerData } from 'piscina';
import { decodePicture } from './picture.js';

/** Piscina waits for the function that a promise brings. */
export default load(everyday).then((net) => async ({ bytes, topK }) => {
  try {
    const picture = await decodePicture(bytes, { mostPixels: workerData.mostPixels });
    return { answer: { width: picture.width, height: picture.height, labels: net.classify(picture, { topK }) } };
  } catch (error) {
    if (error.name !== 'DepthwiseError') throw error;
    return { error: { code: error.code, message: error.message } }; // an Error loses its code on the way between threads
  }
});
