// Knows how a host answers about real networks and real pictures: the first label and a hash of the bytes of each, on each
// build. It runs on every host, compares nothing but with the answers that came along, and judges nothing.
import { fromBase64, toBase64 } from '../../src/base64.js';
import { buildsOf, sha256 } from './suite.js';
import type { Build, Depthwise } from './suite.js';

export interface SentPicture {
  name: string;
  width: number;
  height: number;
  /** RGB bytes as base64. */
  data: string;
}

export interface SentNetwork {
  name: string;
  float: boolean;
  /** Builds that answer, of those that the host has. */
  builds: string[];
  weights: string;
  /** Of each picture: the hash of the input tensor and of the output as another host made them. */
  inputs: string[];
  outputs: string[];
}

export interface AgreementMaterial {
  pictures: SentPicture[];
  networks: SentNetwork[];
}

export interface Answers {
  network: string;
  build: Build;
  /** Pictures whose input tensors are not the same bytes as those of the host that sent them. */
  otherInputs: number;
  /** Index of the greatest output, picture by picture, and the output's hash. */
  top: number[];
  outputs: string[];
  /** Float32 outputs as base64, of pictures whose hash is another than the one that was sent. */
  others: Record<number, string>;
}

export interface AgreementReport {
  builds: string[];
  answers: Answers[];
}

/** Ties go to the first. */
const greatest = (data: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[best]) best = i;
  return best;
};

export async function run(depthwise: Depthwise, weights: Uint8Array, { pictures, networks }: AgreementMaterial): Promise<AgreementReport> {
  const report: AgreementReport = { builds: await buildsOf(depthwise, weights), answers: [] };
  const decoded = pictures.map(({ width, height, data }) => ({ width, height, data: fromBase64(data) }));
  for (const network of networks) {
    const file = fromBase64(network.weights);
    for (const build of report.builds as Build[]) {
      if (!network.builds.includes(build)) continue;
      const net = await depthwise.load(file, { build }), answers: Answers = { network: network.name, build, otherInputs: 0, top: [], outputs: [], others: {} };
      decoded.forEach((picture, i) => {
        const input = net.shrinker.toInput(picture, net.inputs[0], net.preprocessing), [{ data }] = net.run(input), hash = sha256(data);
        if (sha256(input) !== network.inputs[i]) answers.otherInputs++;
        answers.top.push(greatest(data));
        answers.outputs.push(hash);
        if (network.float && hash !== network.outputs[i]) answers.others[i] = toBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      });
      net.dispose();
      report.answers.push(answers);
    }
  }
  return report;
}
