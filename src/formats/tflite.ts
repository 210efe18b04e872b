// Knows the .tflite file (FlatBuffers schema version 3) and every way it can be broken. It does not know kernels.
import { DepthwiseError } from '../error.js';
import { Table } from './flatbuffer.js';
import { bytesPerElement, elements, isShape, numbers } from './graph.js';
import type { DType, Graph, Operator, Quantization, Tensor } from './graph.js';
import { DETECTION_OPERATOR, detectionLabels, readDetection, shapeDetection } from './tflite-detection.js';
import { attributesOf, operatorName } from './tflite-operators.js';
import { storedText } from './zip.js';

const TYPES: (DType | undefined)[] = ['float32', 'float16', 'int32', 'uint8', 'int64', undefined, 'bool', 'int16', undefined, 'int8'];

const broken = (what: string): DepthwiseError => new DepthwiseError('BAD_FILE', `This .tflite file is damaged: ${what}. Download or export it again.`);

/** Constants are views into `bytes`. Only the first subgraph is read. */
export function readTflite(bytes: Uint8Array): Graph {
  const model = Table.root(bytes, 'the model');
  if (model.uint32(0) !== 3) throw new DepthwiseError('UNSUPPORTED', `This .tflite file has schema version ${model.uint32(0)}; version 3 is supported.`);
  const subgraph = model.tables(2, (i) => `subgraph ${i}`)[0];
  if (!subgraph) throw broken('it has no graph');
  const buffers = model.tables(4, (i) => `buffer ${i}`);
  const tensors = subgraph.tables(0, (i) => `tensor ${i}`).map((table, i) => readTensor(table, i, buffers));
  const codes = model.tables(1, (i) => `operator code ${i}`).map(readCode);
  const tables = subgraph.tables(3, (i) => `operator ${i}`), decoder = tables.find((table) => codes[table.uint32(0)]?.custom === POSE_DECODER);
  const operators = tables.flatMap((table, i) => (table === decoder ? [] : [readOperator(table, i, codes, tensors)]));
  const graph: Graph = {
    tensors, operators, inputs: subgraph.int32s(1), outputs: decoder ? withoutDecoder(decoder, subgraph.int32s(2)) : subgraph.int32s(2),
    about: { description: model.string(3) || undefined, source: 'TensorFlow Lite file' },
  };
  checkOrder(graph);
  const labels = readLabels(bytes, graph);
  return labels ? { ...graph, labels } : graph;
}

/** Some PoseNet files end in an operator that exists for one kind of device only. What it reads are the outputs here; net.pose() decodes them. */
const POSE_DECODER = 'PosenetDecoderOp';

function withoutDecoder(decoder: Table, outputs: number[]): number[] {
  const made = decoder.int32s(2);
  return [...decoder.int32s(1), ...outputs.filter((i) => !made.includes(i))];
}

interface Code { name: string; custom: string }

function readCode(table: Table): Code {
  const name = operatorName(Math.max(table.int8(0), table.int32(3)));
  return { name, custom: name === 'CUSTOM' ? table.string(1) : '' };
}

function readTensor(table: Table, index: number, buffers: Table[]): Tensor {
  const name = table.string(3) || `tensor ${index}`, shape = table.int32s(0);
  const type = table.int8(1), dtype = TYPES[type];
  if (!dtype) throw new DepthwiseError('UNSUPPORTED', `Tensor ${index} ("${name}") holds ${type === 5 ? 'strings' : `values of type ${type}`}, which this library does not read.`);
  if (!isShape(shape)) throw broken(`tensor ${index} ("${name}") has shape [${shape}]`);
  const buffer = table.uint32(2);
  if (buffer >= Math.max(1, buffers.length)) throw broken(`tensor ${index} ("${name}") names buffer ${buffer} of ${buffers.length}`);
  const data = buffer ? buffers[buffer].bytes(0) : undefined;
  const quantization = readQuantization(table.table(4, `the quantisation of tensor ${index}`), shape, `tensor ${index} ("${name}")`);
  const tensor: Tensor = { name, shape, dtype, ...(quantization && { quantization }) };
  if (!data?.length) return tensor;
  if (data.length !== elements(shape) * bytesPerElement[dtype]) throw broken(`tensor ${index} ("${name}") is ${dtype} [${shape}] but has ${data.length} bytes`);
  return { ...tensor, data };
}

/** The dimension is ignored on one-dimensional tensors: some real files have a wrong one on their biases. */
function readQuantization(table: Table | undefined, shape: number[], where: string): Quantization | undefined {
  const scale = table?.float32s(2);
  if (!table || !scale?.length) return undefined;
  const zeros = table.int64s(3), axis = shape.length === 1 ? 0 : table.int32(6);
  if (!scale.every((s) => Number.isFinite(s) && s >= 0)) throw broken(`${where} has a scale that is no positive number`);
  if (zeros.some((z) => !Number.isInteger(z) || Math.abs(z) > 2 ** 31)) throw broken(`${where} has a zero point outside of int32`);
  if (scale.length > 1 && scale.length !== shape[axis]) throw broken(`${where} has ${scale.length} scales for shape [${shape}] along dimension ${axis}`);
  return { scale, zeroPoint: Int32Array.from({ length: scale.length }, (_, i) => zeros[i] ?? zeros[0] ?? 0), axis };
}

function readOperator(table: Table, index: number, codes: Code[], tensors: Tensor[]): Operator {
  const code = codes[table.uint32(0)];
  if (!code) throw broken(`operator ${index} names operator code ${table.uint32(0)} of ${codes.length}`);
  const where = `operator ${index} (${code.custom || code.name})`;
  const inputs = table.int32s(1), outputs = table.int32s(2);
  if ([...inputs, ...outputs].some((i) => i < -1 || i >= tensors.length) || outputs.some((i) => i < 0) || !outputs.length) {
    throw broken(`${where} names a tensor that does not exist`);
  }
  const second = tensors[inputs[1]];
  const axes = (): number[] => {
    if (!second?.data) throw new DepthwiseError('UNSUPPORTED', `${where} takes its axes at run time. Export the model with constant ones.`);
    if (elements(second.shape) > 8) throw broken(`${where} has ${elements(second.shape)} axes`);
    return numbers(second);
  };
  const attributes = code.custom === DETECTION_OPERATOR ? readDetection(table.bytes(5), where)
    : attributesOf(code.name, table.table(4, `the options of ${where}`), where, axes, tensors[inputs[0]]?.shape.length ?? 0);
  const operator = { attributes, inputs, outputs, where };
  checkShapes(operator, tensors);
  shapeDetection(operator, tensors);
  return operator;
}

const LEAST_INPUTS: Partial<Record<Operator['attributes']['kind'], number>> = {
  conv2d: 2, depthwiseConv2d: 2, fullyConnected: 2, add: 2, sub: 2, mul: 2, pad: 2, transpose: 2, stridedSlice: 4, mean: 2, resizeBilinear: 2,
  argMax: 2, tile: 2, spaceToBatch: 3, batchToSpace: 3, div: 2, floorDiv: 2, gatherNd: 2,
};

/** Operators that read weights: their sizes must agree before anything is packed. */
function checkShapes({ attributes, inputs, outputs, where }: Operator, tensors: Tensor[]): void {
  if (inputs.length < (LEAST_INPUTS[attributes.kind] ?? 1) || inputs[0] < 0) throw broken(`${where} has ${inputs.length} inputs`);
  if (attributes.kind === 'softmax' && !(attributes.beta > 0)) throw broken(`${where} has beta ${attributes.beta}`);
  if ('stride' in attributes && [...attributes.stride, ...('dilation' in attributes ? attributes.dilation : []), ...('window' in attributes ? attributes.window : [])].some((n) => n < 1 || n > 4096)) {
    throw broken(`${where} has an impossible stride, dilation or window`);
  }
  const [input, weights, bias] = inputs.map((i) => tensors[i]), output = tensors[outputs[0]];
  const convolution = attributes.kind === 'conv2d' || attributes.kind === 'depthwiseConv2d';
  if (convolution && [input, weights, output].some((tensor) => tensor?.shape.length !== 4)) throw broken(`${where} needs input, weights and output of four dimensions`);
  if (attributes.kind === 'fullyConnected' && weights?.shape.length !== 2) throw broken(`${where} needs weights of two dimensions`);
  if (!convolution && attributes.kind !== 'fullyConnected') return;
  const channels = attributes.kind === 'depthwiseConv2d' ? weights.shape[3] : weights.shape[0];
  const scales = weights.quantization?.scale.length ?? 1;
  if (scales > 1 && scales !== channels) throw broken(`${where} has ${scales} weight scales for ${channels} channels`);
  if (output.shape.at(-1) !== channels && attributes.kind !== 'fullyConnected') throw broken(`${where} has ${channels} channels of weights and output [${output.shape}]`);
  if (attributes.kind === 'fullyConnected' && elements(output.shape) * weights.shape[1] !== elements(input.shape) * channels) {
    throw broken(`${where} multiplies [${input.shape}] by [${weights.shape}] to [${output.shape}]`);
  }
  if (attributes.kind === 'depthwiseConv2d' && (input.shape[3] < 1 || channels % input.shape[3])) throw broken(`${where} has ${channels} channels for ${input.shape[3]} of its input`);
  if (bias && elements(bias.shape) !== channels) throw broken(`${where} has a bias of ${elements(bias.shape)} values for ${channels} channels`);
  if (bias && !bias.data) throw new DepthwiseError('UNSUPPORTED', `${where} computes its bias at run time. Export the model with a constant one.`);
  if (convolution) checkWindow(where, attributes, input.shape, weights.shape, output.shape);
}

/** TensorFlow's output sizes: ceil(in / stride) for SAME, ceil((in - window + 1) / stride) for VALID. */
function checkWindow(where: string, attributes: Operator['attributes'] & { stride: [number, number]; dilation: [number, number] }, input: number[], weights: number[], output: number[]): void {
  for (const axis of [0, 1] as const) {
    const window = (weights[1 + axis] - 1) * attributes.dilation[axis] + 1;
    const room = 'padding' in attributes && attributes.padding === 'same' ? input[1 + axis] : input[1 + axis] - window + 1;
    if (weights[1 + axis] < 1 || output[1 + axis] !== Math.ceil(Math.max(0, room) / attributes.stride[axis])) {
      throw broken(`${where} turns [${input}] into [${output}] with a window of ${weights[1]}x${weights[2]}`);
    }
  }
}

/** Each tensor is written at most once, and before it is read. */
function checkOrder({ tensors, operators, inputs, outputs }: Graph): void {
  const ready = new Set<number>();
  if (!inputs.length || !outputs.length) throw broken('it has no input or no output');
  if ([...inputs, ...outputs].some((i) => i < 0 || i >= tensors.length)) throw broken('an input or output is no tensor');
  for (const i of inputs) {
    if (tensors[i].data) throw broken(`input "${tensors[i].name}" is a constant`);
    ready.add(i);
  }
  tensors.forEach((tensor, i) => { if (tensor.data || elements(tensor.shape) === 0) ready.add(i); });
  for (const { inputs: reads, outputs: writes, where } of operators) {
    const early = reads.find((i) => i >= 0 && !ready.has(i));
    if (early !== undefined) throw broken(`${where} reads tensor "${tensors[early].name}" before anything wrote it`);
    for (const i of writes) {
      if (ready.has(i)) throw broken(`${where} writes tensor "${tensors[i].name}" a second time`);
      ready.add(i);
    }
  }
  const never = outputs.find((i) => !ready.has(i));
  if (never !== undefined) throw broken(`nothing writes output "${tensors[never].name}"`);
}

/** Labels of a ZIP archive after the model, where their number fits the output. */
function readLabels(bytes: Uint8Array, { tensors, operators, outputs }: Graph): string[] | undefined {
  const lines = storedText(bytes)?.split(/\r?\n/).filter((line) => line !== '');
  const named = lines && detectionLabels(lines, operators);
  if (named) return named;
  const classes = tensors[outputs[0]].shape.at(-1) ?? 0;
  return lines && (lines.length === classes || lines.length === classes - 1) ? lines : undefined;
}
