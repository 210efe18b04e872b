"""Makes segmentation.json.gz: single-operator .tflite files at odd sizes and scales, random inputs, and the outputs of
TensorFlow Lite's reference kernels. Run with Python and tensorflow-cpu 2.21.0: python test/vectors/segmentation.py"""
import base64
import gzip
import json
import os

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

random = np.random.default_rng(20240611)
TYPES = {'float32': schema.TensorType.FLOAT32, 'int8': schema.TensorType.INT8, 'uint8': schema.TensorType.UINT8,
         'int32': schema.TensorType.INT32, 'int64': schema.TensorType.INT64}
OPERATOR = schema.BuiltinOperator


class Model:
    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.buffers, self.codes = [schema.BufferT()], []

    def tensor(self, shape, dtype, scale=None, zero=0, data=None, axis=0):
        t = schema.TensorT()
        t.name, t.shape, t.type, t.buffer = f't{len(self.graph.tensors)}', list(shape), TYPES[dtype], 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype=dtype).tobytes(), np.uint8)
            t.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scale is not None:
            q = schema.QuantizationParametersT()
            q.scale = [float(s) for s in np.atleast_1d(scale)]
            q.zeroPoint = [zero] * len(q.scale)
            q.quantizedDimension = axis
            t.quantization = q
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def op(self, builtin, inputs, outputs, kind=schema.BuiltinOptions.NONE, options=None, version=1):
        code = schema.OperatorCodeT()
        code.builtinCode = builtin
        code.deprecatedBuiltinCode = min(builtin, 127)
        code.version = version
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.codes), inputs, outputs
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.codes.append(code)
        self.graph.operators.append(operator)

    def bytes(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [self.graph], self.buffers, self.codes
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b'TFL3')
        return bytes(builder.Output())


def values(shape, dtype):
    if dtype == 'float32':
        return random.uniform(-6, 6, shape).astype(np.float32)
    low = -128 if dtype == 'int8' else 0
    return random.integers(low, low + 256, shape).astype(dtype)


cases = []
text = lambda data: base64.b64encode(bytes(data)).decode()


def record(name, model, inputs, outputs):
    data = model.bytes(inputs, outputs)
    interpreter = tf.lite.Interpreter(model_content=data, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    x = values(detail['shape'], np.dtype(detail['dtype']).name)
    interpreter.set_tensor(detail['index'], x)
    interpreter.invoke()
    answers = [interpreter.get_tensor(output['index']).tobytes() for output in interpreter.get_output_details()]
    cases.append({'name': name, 'model': text(data), 'input': text(x.tobytes()), 'outputs': [text(answer) for answer in answers]})


def quantised(dtype, scale, zero):
    return (None, 0) if dtype == 'float32' else (scale, zero - (128 if dtype == 'int8' else 0))


for dtype in ['float32', 'int8', 'uint8']:
    for (h, w, c), (oh, ow) in [((5, 7, 3), (13, 9)), ((9, 4, 21), (5, 11)), ((1, 1, 9), (4, 3)), ((17, 13, 1), (8, 29))]:
        m, (scale, zero), results = Model(), quantised(dtype, 0.0373, 101), []
        x, size = m.tensor([1, h, w, c], dtype, scale, zero), m.tensor([2], 'int32', data=[oh, ow])
        for mode in ['asymmetric', 'align corners', 'half pixel centres']:
            results.append(m.tensor([1, oh, ow, c], dtype, scale, zero))
            options = schema.ResizeBilinearOptionsT()
            options.alignCorners, options.halfPixelCenters = mode == 'align corners', mode == 'half pixel centres'
            m.op(OPERATOR.RESIZE_BILINEAR, [x, size], [results[-1]], schema.BuiltinOptions.ResizeBilinearOptions, options, 3)
        record(f'resize {dtype} {h}x{w}x{c} to {oh}x{ow}: asymmetric, align corners, half pixel centres', m, [x], results)

for dtype, out in [('float32', 'int32'), ('int8', 'int64'), ('uint8', 'int32'), ('uint8', 'int64')]:
    for shape, axis in [((1, 5, 3, 21), 3), ((1, 6, 2, 5), 1)] + ([((1, 3, 4, 7), -1), ((1, 2, 2, 151), 3)] if out == 'int64' else []):
        m, (scale, zero) = Model(), quantised(dtype, 0.1, 77)
        x, along = m.tensor(shape, dtype, scale, zero), m.tensor([], 'int32', data=[axis])
        y = m.tensor([n for i, n in enumerate(shape) if i != axis % 4], out)
        options = schema.ArgMaxOptionsT()
        options.outputType = TYPES[out]
        m.op(OPERATOR.ARG_MAX, [x, along], [y], schema.BuiltinOptions.ArgMaxOptions, options)
        record(f'arg max {dtype} {list(shape)} along {axis}, {out}', m, [x], [y])

for dtype in ['float32', 'int8', 'uint8']:
    for shape, repeats in [((1, 1, 1, 9), (1, 5, 3, 1)), ((1, 3, 2, 4), (1, 2, 3, 1))]:
        m, (scale, zero) = Model(), quantised(dtype, 0.02, 3)
        x, times = m.tensor(shape, dtype, scale, zero), m.tensor([4], 'int32', data=repeats)
        y = m.tensor([a * b for a, b in zip(shape, repeats)], dtype, scale, zero)
        m.op(OPERATOR.TILE, [x, times], [y])
        record(f'tile {dtype} {list(shape)} by {list(repeats)}', m, [x], [y])


def depthwise(m, dtype, x, channels, output, dilation, padding):
    if dtype == 'float32':
        w, b = m.tensor([1, 3, 3, channels], dtype, data=random.normal(0, 0.3, [1, 3, 3, channels])), m.tensor([channels], dtype, data=random.normal(0, 1, channels))
    else:
        scales = random.uniform(0.001, 0.01, channels if dtype == 'int8' else 1).astype(np.float32)
        weights = random.integers(-127, 128, [1, 3, 3, channels]) if dtype == 'int8' else random.integers(0, 256, [1, 3, 3, channels])
        w = m.tensor([1, 3, 3, channels], dtype, scales, 0 if dtype == 'int8' else 117, weights, 3)
        bias = random.integers(-3000, 3000, channels)
        b = m.tensor([channels], 'int32', scales * np.float32(0.02), 0, bias)
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, options.strideW, options.strideH, options.depthMultiplier = padding, 1, 1, 1
    options.dilationWFactor = options.dilationHFactor = dilation
    m.op(OPERATOR.DEPTHWISE_CONV_2D, [x, w, b], [output], schema.BuiltinOptions.DepthwiseConv2DOptions, options, 3 if dtype == 'int8' else 2)


for dtype in ['float32', 'int8', 'uint8']:
    for h, w, c, dilation in [(9, 7, 11, 2), (11, 13, 8, 4)]:
        m, (scale, zero), (outScale, outZero) = Model(), quantised(dtype, 0.02, 120), quantised(dtype, 0.05, 131)
        x, y = m.tensor([1, h, w, c], dtype, scale, zero), m.tensor([1, h, w, c], dtype, outScale, outZero)
        depthwise(m, dtype, x, c, y, dilation, schema.Padding.SAME)
        record(f'depthwise {dtype} {h}x{w}x{c}, dilation {dilation}', m, [x], [y])

# The same by SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, with crops
for dtype in ['float32', 'int8', 'uint8']:
    h, w, c, block = 9, 10, 5, 2
    m, (scale, zero), (outScale, outZero) = Model(), quantised(dtype, 0.02, 120), quantised(dtype, 0.05, 131)
    x, blocks = m.tensor([1, h, w, c], dtype, scale, zero), m.tensor([2], 'int32', data=[block, block])
    pads, crops = m.tensor([2, 2], 'int32', data=[[2, 3], [2, 2]]), m.tensor([2, 2], 'int32', data=[[0, 1], [0, 0]])
    batches, filtered = m.tensor([4, 7, 7, c], dtype, scale, zero), m.tensor([4, 5, 5, c], dtype, outScale, outZero)
    y = m.tensor([1, h, w, c], dtype, outScale, outZero)
    version = 2 if dtype == 'int8' else 1
    m.op(OPERATOR.SPACE_TO_BATCH_ND, [x, blocks, pads], [batches], schema.BuiltinOptions.SpaceToBatchNDOptions, schema.SpaceToBatchNDOptionsT(), version)
    depthwise(m, dtype, batches, c, filtered, 1, schema.Padding.VALID)
    m.op(OPERATOR.BATCH_TO_SPACE_ND, [filtered, blocks, crops], [y], schema.BuiltinOptions.BatchToSpaceNDOptions, schema.BatchToSpaceNDOptionsT(), version)
    record(f'depthwise {dtype} by batches {h}x{w}x{c}, block {block}', m, [x], [y])

for dtype in ['float32', 'int8', 'uint8']:
    m, (scale, zero) = Model(), quantised(dtype, 0.02, 120)
    x, y = m.tensor([1, 33, 33, 3], dtype, scale, zero), m.tensor([1, 1, 1, 3], dtype, scale, zero)
    options = schema.Pool2DOptionsT()
    options.padding, options.strideW, options.strideH, options.filterWidth, options.filterHeight = schema.Padding.VALID, 33, 33, 33, 33
    m.op(OPERATOR.AVERAGE_POOL_2D, [x], [y], schema.BuiltinOptions.Pool2DOptions, options, 2)
    record(f'average pool {dtype} 33x33x3', m, [x], [y])

place = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'segmentation.json.gz')
with open(place, 'wb') as file:
    file.write(gzip.compress(json.dumps({'reference': f'TensorFlow {tf.__version__}, BUILTIN_REF', 'cases': cases}).encode(), mtime=0))
print(len(cases), 'cases', os.path.getsize(place), 'bytes')
