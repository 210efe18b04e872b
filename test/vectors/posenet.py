# Makes posenet.json: a file as small as can be that ends, as some PoseNet files do, in the operator PosenetDecoderOp, which
# TensorFlow Lite itself does not have. Run: python test/vectors/posenet.py (needs tensorflow for the file's schema).
import base64
import json
import os

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

random = np.random.default_rng(7)
model, graph = schema.ModelT(), schema.SubGraphT()
conv, decoder = schema.OperatorCodeT(), schema.OperatorCodeT()
conv.builtinCode = conv.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
decoder.builtinCode = decoder.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
decoder.customCode = 'PosenetDecoderOp'
conv.version = decoder.version = 1
model.version, model.operatorCodes, model.subgraphs, model.buffers, model.description = 3, [conv, decoder], [graph], [schema.BufferT()], 'PoseNet in small'
graph.tensors, graph.operators = [], []


def tensor(name, shape, data=None):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.FLOAT32, 0
    if data is not None:
        buffer = schema.BufferT()
        buffer.data = list(data.astype(np.float32).tobytes())
        model.buffers.append(buffer)
        made.buffer = len(model.buffers) - 1
    graph.tensors.append(made)
    return len(graph.tensors) - 1


def operator(code, inputs, outputs):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    graph.operators.append(made)
    return made


picture, maps = tensor('picture', [1, 33, 33, 3]), []
for name, channels in [('heatmaps', 17), ('short_offsets', 34), ('mid_offsets', 64)]:
    weights, bias = tensor(f'{name}/weights', [channels, 1, 1, 3], random.normal(size=(channels, 3))), tensor(f'{name}/bias', [channels], random.normal(size=channels))
    maps.append(tensor(name, [1, 3, 3, channels]))
    options = operator(0, [picture, weights, bias], [maps[-1]])
    options.builtinOptionsType, options.builtinOptions = schema.BuiltinOptions.Conv2DOptions, schema.Conv2DOptionsT()
    options.builtinOptions.strideW = options.builtinOptions.strideH = 16
    options.builtinOptions.dilationWFactor = options.builtinOptions.dilationHFactor = 1
    options.builtinOptions.padding = schema.Padding.VALID
poses = [tensor(name, []) for name in ['poses', 'keypoint_scores', 'pose_scores', 'count']]
operator(1, maps, poses)
graph.inputs, graph.outputs = [picture], poses

builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b'TFL3')
described = [{'name': graph.tensors[i].name, 'shape': graph.tensors[i].shape} for i in maps]
with open(os.path.join(os.path.dirname(__file__), 'posenet.json'), 'w') as file:
    json.dump({'model': base64.b64encode(bytes(builder.Output())).decode(), 'outputs': described}, file)
    file.write('\n')
