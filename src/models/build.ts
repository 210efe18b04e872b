// Knows how a MobileNet is put together from a .safetensors file: the papers' tables give strides and windows, the file
// gives every channel count. It does not know kernels.
import { DepthwiseError } from '../error.js';
import { readSafetensors } from '../formats/safetensors.js';
import type { Activation, Graph, Preprocessing } from '../formats/graph.js';
import { addBlock, blocksOf } from './blocks.js';
import { GraphBuilder } from './graph-builder.js';
import type { Style } from './graph-builder.js';
import { namesOf, recognise } from './names.js';
import type { Architecture, BlockArchitecture, Library, ModelNames } from './names.js';
import { assembleSegmentation, isSegmentation, SEGMENTATION_SIZE, segmentationPreprocessing } from './segmentation.js';
import { assembleSsdlite, SSDLITE_PREPROCESSING } from './ssdlite.js';
import { divisible } from './v2.js';
import { assembleV4, isV4 } from './v4.js';

export type { Architecture } from './names.js';

export const ARCHITECTURES: readonly Architecture[] = ['v1', 'v2', 'v3-small', 'v3-large', 'v3-small-minimal', 'v3-large-minimal', 'v4-conv-small', 'v4-conv-medium', 'v4-conv-large', 'ssdlite-v3-large', 'lraspp-v3-large', 'deeplabv3-v3-large'];

export interface ModelOptions {
  arch?: Architecture;
  alpha?: number;
  size?: number;
  style?: Style;
}

/**
 * @returns a graph from normalised pixels [1, size, size, 3] to logits [1, classes], scores [1, size, size, classes], or a detector's boxes, classes, scores and count
 * @throws DepthwiseError BAD_FILE where a tensor is missing or misshapen, BAD_INPUT where the options contradict the file
 */
export function modelFromSafetensors(bytes: Uint8Array, options: ModelOptions = {}): Graph {
  const { tensors, metadata } = readSafetensors(bytes);
  const known = recognise(new Set(tensors.keys()));
  if (!known) {
    throw new DepthwiseError('UNSUPPORTED', `The tensor names of this file (${[...tensors.keys()].slice(0, 3).join(', ')} ...) are not those of a MobileNetV1, V2, V3 or V4 from torchvision, timm or Keras, nor of torchvision's SSDLite, LR-ASPP or DeepLabV3 on V3. Rename them, or convert the model to .tflite.`);
  }
  const arch = options.arch ?? fromMetadata(metadata) ?? known.arch!;
  if (!ARCHITECTURES.includes(arch)) throw new DepthwiseError('BAD_INPUT', `There is no architecture "${arch}"; there are ${ARCHITECTURES.join(', ')}.`);
  const size = options.size ?? Number(metadata.resolution ?? (arch === 'ssdlite-v3-large' ? 320 : isSegmentation(arch) ? SEGMENTATION_SIZE : 224));
  if (!Number.isInteger(size) || size < 1 || size > 4096) throw new DepthwiseError('BAD_INPUT', `The input size is a whole number of pixels from 1 to 4096, not ${size}.`);
  const style = options.style ?? (known.library === 'keras' || metadata.padding === 'same' ? 'tf' : 'torch');
  const epsilon = Number(metadata.bn_epsilon ?? defaultEpsilon(known.library, arch, style));
  const builder = new GraphBuilder(tensors, known.library, style, epsilon);
  const channels = isV4(arch) ? assembleV4(builder, arch, size) : arch === 'ssdlite-v3-large' ? assembleSsdlite(builder, size)
    : isSegmentation(arch) ? assembleSegmentation(builder, arch, size) : assembleBlocks(builder, arch, known.library, size);
  if (options.alpha !== undefined) checkAlpha(arch, options.alpha, channels);
  return {
    ...builder.graph,
    about: { name: `MobileNet ${arch}`, description: metadata.description ?? metadata.accuracy, licence: metadata.licence ?? metadata.license, source: metadata.source ?? `${known.library} weights` },
    ...labelsOf(metadata),
    preprocessing: arch === 'ssdlite-v3-large' ? SSDLITE_PREPROCESSING : isSegmentation(arch) ? segmentationPreprocessing(IMAGENET) : preprocessingOf(metadata, known.library, style),
  };
}

const fromMetadata = ({ architecture }: Record<string, string>): Architecture | undefined => {
  const name = architecture?.replace(/^mobilenet_?/, '').replaceAll('_', '-');
  return ARCHITECTURES.find((arch) => arch === name);
};

function defaultEpsilon(library: Library, arch: Architecture, style: Style): number {
  if (library === 'keras' || style === 'tf') return 1e-3;
  return library === 'torchvision' && arch.includes('v3') ? 1e-3 : 1e-5;
}

/** All layers in order. Returns the channels of the last block, which tell alpha in every library. */
function assembleBlocks(builder: GraphBuilder, arch: BlockArchitecture, library: Library, size: number): number {
  const blocks = blocksOf(arch), names: ModelNames = namesOf(library, arch, blocks);
  const v3 = arch.startsWith('v3');
  const outer: Activation = !v3 ? 'relu6' : arch.endsWith('minimal') ? 'relu' : 'hardSwish';
  let x = builder.conv(builder.input(size), names.stem, { kernel: 3, stride: 2, activation: outer, name: names.stem.name });
  blocks.forEach((block, i) => { x = addBlock(builder, x, block, names.blocks[i]); });
  const channels = builder.channels(x);
  if (names.last) x = builder.conv(x, names.last, { kernel: 1, stride: 1, activation: outer, name: names.last.name });
  x = builder.pool(x, 'pool');
  if (v3) x = builder.fullyConnected(x, names.hidden, outer);
  builder.output(builder.fullyConnected(x, names.classifier, 'none'));
  return channels;
}

function checkAlpha(arch: Architecture, alpha: number, channels: number): void {
  const full = arch === 'v1' ? 1024 : arch === 'v2' ? 320 : arch.startsWith('v3-small') ? 96 : arch.startsWith('v3') ? 160 : arch === 'v4-conv-small' ? 128 : arch === 'v4-conv-medium' ? 256 : arch === 'ssdlite-v3-large' ? 80 : isSegmentation(arch) ? 160 : 512;
  const expected = arch === 'v1' ? Math.max(8, Math.floor(full * alpha)) : divisible(full * alpha);
  if (expected !== channels) {
    throw new DepthwiseError('BAD_INPUT', `alpha ${alpha} gives the last block of ${arch} ${expected} channels, but the file has ${channels}, as alpha ${Number((channels / full).toFixed(3))} would. Leave alpha out to take what the file says.`);
  }
}

function labelsOf(metadata: Record<string, string>): { labels?: string[] } {
  try {
    const labels: unknown = JSON.parse(metadata.labels ?? 'null');
    if (Array.isArray(labels) && labels.every((label) => typeof label === 'string')) return { labels };
  } catch { /* labels are a convenience: a broken list is as good as none */ }
  return {};
}

const IMAGENET = { mean: [0.485, 0.456, 0.406].map((m) => m * 255), std: [0.229, 0.224, 0.225].map((s) => s * 255) };

function preprocessingOf(metadata: Record<string, string>, library: Library, style: Style): Preprocessing {
  const own = metadata.preprocessing ?? '';
  const symmetric = own.includes('x / 127.5 - 1') || (!own && (library === 'keras' || style === 'tf'));
  return { fit: 'centre', crop: own.includes('centre square') ? 1 : 0.875, ...(symmetric ? { mean: [127.5], std: [127.5] } : IMAGENET) };
}
