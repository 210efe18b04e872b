// A user's program that takes everything there is: every entry, and the weights inside the bundle.
import * as core from 'depthwise/core';
import * as plain from 'depthwise/js';
import * as compat from 'depthwise/compat/tfjs';
import { quantise } from 'depthwise/quantise';
import { createIndex } from 'depthwise/search';
import { list } from 'depthwise/zoo';
import { load } from 'depthwise';
import everyday from 'depthwise/weights/everyday';

globalThis.entries = [core, plain, compat, quantise, list, createIndex].map((entry) => typeof entry);
globalThis.classify = async (picture) => {
  const net = await load(everyday);
  const [{ className }] = await (await compat.load({ weights: everyday })).classify(picture);
  const answer = net.classify(picture, { topK: 2 });
  const vector = net.embed(picture), index = createIndex({ dimensions: vector.length });
  index.add('this', vector);
  if (index.search(vector)[0].key !== 'this') return 'the index does not find what it holds';
  return className === answer[0].label ? answer : className;
};
globalThis.complaint = () => load('zoo:no-such-name').catch((error) => error.code);
