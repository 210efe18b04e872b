// A user's program for a page: weights from an address, a picture, the likeliest label.
import { load } from 'depthwise';

globalThis.classify = async (picture, weights) => {
  const net = await load(weights);
  return net.classify(picture, { topK: 2 });
};
/** Needs a file apart: the zoo's names. */
globalThis.complaint = () => load('zoo:no-such-name').catch((error) => error.code);
