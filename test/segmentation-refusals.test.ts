// Checks that operators of segmentation networks which contradict themselves, or cannot be run, are refused in words, and
// that plans from files cannot make their kernels reach outside of memory.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { checkPlan } from '../src/plan/check.js';
import { compile } from '../src/compile/plan.js';
import { DepthwiseError } from '../src/error.js';
import type { Graph } from '../src/formats/graph.js';
import { OneOperator, Random } from './random-graph.js';
import { dilatedGraph } from './random-maps.js';

const refuses = (work: () => unknown, code: string, words: RegExp): void =>
  assert.throws(work, (error: Error) => error instanceof DepthwiseError && error.code === code && words.test(error.message), `${words}`);

const builder = (dtype: 'float32' | 'int8' = 'int8'): OneOperator => new OneOperator(new Random(1), dtype);

function resized(size: number[], more: { align?: boolean; half?: boolean; scale?: number } = {}): Graph {
  const b = builder(), input = b.input([1, 4, 5, 3], 0.1), { quantization } = b.graph.tensors[input];
  const output = b.add({ shape: [1, 8, 9, 3], dtype: 'int8', quantization: { ...quantization!, scale: Float32Array.of(more.scale ?? 0.1) } });
  return b.op({ kind: 'resizeBilinear', alignCorners: more.align ?? false, halfPixelCenters: more.half ?? false }, [input, b.int32([2], size)], output);
}

function greatest(shape: number[], dtype: 'int32' | 'int64' | 'float32', axis = 3): Graph {
  const b = builder('float32');
  return b.op({ kind: 'argMax', axis }, [b.input([1, 4, 5, 3]), b.int32([], [axis])], b.add({ shape, dtype }));
}

function tiled(repeats: number[], shape: number[]): Graph {
  const b = builder('float32');
  return b.op({ kind: 'tile' }, [b.input([1, 4, 5, 3]), b.int32([4], repeats)], b.add({ shape, dtype: 'float32' }));
}

test('a resize says its size, one way to place pixels, and one scale', () => {
  compile(resized([8, 9]));
  refuses(() => compile(resized([8, 10])), 'BAD_FILE', /resizes 4x5x3 to \[8,10\], which is not 8x9x3/);
  refuses(() => compile(resized([8, 9], { align: true, half: true })), 'BAD_FILE', /only one/);
  refuses(() => compile(resized([8, 9], { scale: 0.2 })), 'BAD_FILE', /same type, scale and zero point/);
  const graph = resized([8, 9]);
  delete graph.tensors[graph.operators[0].inputs[1]].data;
  refuses(() => compile(graph), 'UNSUPPORTED', /takes its size at run time/);
});

test('an arg max names a dimension of its input and puts out whole numbers', () => {
  compile(greatest([1, 4, 5], 'int64'));
  refuses(() => compile(greatest([1, 4, 3], 'int32')), 'BAD_FILE', /greatest along dimension 3/);
  refuses(() => compile(greatest([1, 4, 5], 'int32', 7)), 'BAD_FILE', /dimension 7/);
  refuses(() => compile(greatest([1, 4, 5], 'float32')), 'UNSUPPORTED', /turns float32 into float32/);
});

test('a tile repeats to the shape it says, along two long dimensions at most', () => {
  compile(tiled([1, 2, 3, 1], [1, 8, 15, 3]));
  refuses(() => compile(tiled([1, 2, 3, 1], [1, 8, 10, 3])), 'BAD_FILE', /repeats \[1,4,5,3\] by \[1,2,3,1\] to \[1,8,10,3\]/);
  refuses(() => compile(tiled([1, 2, 2, 2], [1, 8, 10, 6])), 'UNSUPPORTED', /at most two dimensions/);
});

test('batches of pixels that belong to no dilated convolution are refused by name', () => {
  const graph = dilatedGraph(new Random(5), 'float32');
  compile(graph);
  const alone = { ...graph, operators: graph.operators.slice(0, 1), outputs: graph.operators[0].outputs };
  refuses(() => compile(alone), 'UNSUPPORTED', /spaceToBatch.*SPACE_TO_BATCH_ND, one convolution of stride 1 with VALID padding/);
});

test('a plan whose resize or arg max would reach outside of memory is no plan', () => {
  const spoils = (graph: Graph, word: number, value: number, words: RegExp): void => {
    const plan = compile(graph);
    checkPlan(plan);
    plan.steps[word] = value;
    refuses(() => checkPlan(plan), 'BAD_FILE', words);
  };
  spoils(resized([8, 9]), abi.OH, 4000, /output outside of memory/);
  spoils(resized([8, 9]), abi.H, 4000, /input outside of memory/);
  spoils(resized([8, 9]), abi.W, 0, /impossible size/);
  spoils(resized([8, 9]), abi.C, 0, /no channels/);
  spoils(greatest([1, 4, 5], 'int64'), abi.INDEX_BYTES, 3, /indices of an unknown size/);
  spoils(greatest([1, 4, 5], 'int32'), abi.INDEX_BYTES, 8, /output outside of memory/);
  spoils(greatest([1, 4, 5], 'int32'), abi.C, 4000, /input outside of memory/);
});

test.run();
