// The file `convert.js`: makes plans of the files of other libraries, and saves them. Only those who bring such a file fetch
// it; the entries with builds inside hold it. It does not know where bytes come from, nor what runs a plan.
import { DTYPE, FLOAT32 } from '../assembly/abi.js';
import { DepthwiseError } from './error.js';
import { notBeside } from './fetched.js';
import { writeDw } from './formats/dw.js';
import type { Graph, Preprocessing } from './formats/graph.js';
import { readTflite } from './formats/tflite.js';
import type { Architecture } from './models/build.js';
import { recordsOf } from './plan/plan.js';
import type { Plan, Purpose } from './plan/plan.js';
import { toUtf8 } from './text.js';

export { compile } from './compile/plan.js';

export interface ConvertOptions {
  /** Names of the classes, for files that carry none. */
  labels?: string[];
  /** How a picture becomes the input, for files that do not say. */
  preprocessing?: Preprocessing;
  /** Terms and origin of the weights, to travel with them. */
  licence?: string;
  source?: string;
  /** What a .safetensors file holds; often told by its tensor names. */
  arch?: Architecture;
  /** Width multiplier, checked against the file when given. */
  alpha?: number;
  /** Height and width of the input, in pixels. */
  size?: number;
  /** What to plan for: speed (default), the least memory, or every layer to look at. A .dw file has been planned. */
  plan?: Purpose;
  /** Saves float32 weights as float16: half the bytes. Answers change in the fourth digit. */
  float16?: boolean;
  /** 'torch': symmetric padding. 'tf': SAME padding and epsilon 1e-3. */
  style?: 'torch' | 'tf';
}

/** What a .tflite, .safetensors or .onnx file says. */
export async function readGraph(bytes: Uint8Array, options: ConvertOptions): Promise<Graph> {
  const magic = String.fromCharCode(...bytes.subarray(0, 10));
  if (magic.slice(4, 8) === 'TFL3') return readTflite(bytes);
  if (bytes.length >= 10 && magic[8] === '{') {
    const { modelFromSafetensors } = await import('./safetensors.js').catch(notBeside('safetensors.js'));
    return modelFromSafetensors(bytes, options);
  }
  if (/^\x08.[\x12-\x42]/s.test(magic)) { // ir_version, then another field
    const { readOnnx } = await import('./onnx.js').catch(notBeside('onnx.js'));
    return readOnnx(bytes, options);
  }
  const looks = magic.startsWith('PK') ? 'a ZIP archive (a .pth or .keras file?)' : magic.startsWith('\x89HDF') ? 'an HDF5 file (.h5)'
    : /^[\s -~]+$/.test(magic) ? 'text' : 'something else';
  throw new DepthwiseError('BAD_FILE', `These ${bytes.length} bytes are no .dw, .tflite, .safetensors or .onnx weights; they look like ${looks}. Convert the model first.`);
}

/** A plan as the bytes of a .dw file. */
export async function savePlan({ steps, weights, info, arenaBytes, scratchBytes, float16 }: Plan): Promise<Uint8Array> {
  if (float16 && recordsOf(steps).some((words) => words[DTYPE] !== FLOAT32)) {
    throw new DepthwiseError('BAD_INPUT', 'Only a float32 model can be stored as float16; this one has 8-bit layers, which take less. Leave float16 out.');
  }
  return writeDw({
    steps: new Uint8Array(steps.buffer, steps.byteOffset, steps.byteLength), weights, info: toUtf8(JSON.stringify(info)), arenaBytes, scratchBytes, float16,
  });
}
