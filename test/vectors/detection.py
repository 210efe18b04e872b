"""Makes detection.json.gz: models of one operator, inputs, and what TensorFlow Lite's reference kernels answer.

Knows TFLite_Detection_PostProcess, CONCATENATION across scales and LOGISTIC. Usage, with tensorflow 2.21 and flatbuffers:
    python test/vectors/detection.py | gzip -9n > test/vectors/detection.json.gz
"""
import base64, json, os, sys
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import flatbuffers, numpy as np, tensorflow as tf
from flatbuffers import flexbuffers
from tensorflow.lite.python import schema_py_generated as s

TYPES = {'float32': 0, 'uint8': 3, 'int8': 9}
rng = np.random.default_rng(7)


def tensor(name, shape, dtype, scale=None, zero=0, buffer=0):
    t = s.TensorT()
    t.name, t.shape, t.type, t.buffer = name, list(shape), TYPES[dtype], buffer
    if scale is not None:
        t.quantization = s.QuantizationParametersT()
        t.quantization.scale, t.quantization.zeroPoint = [scale], [zero]
    return t


def model(tensors, inputs, outputs, op, code, custom=None, constants=()):
    m, g = s.ModelT(), s.SubGraphT()
    m.version, m.subgraphs, m.buffers = 3, [g], [s.BufferT()]
    for data in constants:
        b = s.BufferT()
        b.data = list(data.tobytes())
        m.buffers.append(b)
    c = s.OperatorCodeT()
    c.builtinCode, c.deprecatedBuiltinCode, c.customCode, c.version = code, code, custom, 1 if custom or code == 14 else 2
    m.operatorCodes = [c]
    g.tensors, g.inputs, g.outputs, g.operators = tensors, inputs, outputs, [op]
    builder = flatbuffers.Builder(0)
    builder.Finish(m.Pack(builder), b'TFL3')
    return bytes(builder.Output())


def answer(bytes_, inputs):
    t = tf.lite.Interpreter(model_content=bytes_, num_threads=1, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    t.allocate_tensors()
    for detail, value in zip(t.get_input_details(), inputs):
        t.set_tensor(detail['index'], value)
    t.invoke()
    return [np.array(t.get_tensor(detail['index'])) for detail in t.get_output_details()]


cases = []


def record(name, bytes_, inputs, **more):
    try:
        outputs = answer(bytes_, inputs)
    except Exception as error:
        print(f'{name}: refused by TensorFlow Lite: {str(error)[:160]}', file=sys.stderr)
        return
    text = lambda a: base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()
    cases.append({'name': name, 'model': base64.b64encode(bytes_).decode(), 'inputs': [text(i) for i in inputs], 'outputs': [text(o) for o in outputs], **more})


def detection(name, n=18, classes=5, background=1, boxes='float32', scores='float32', values=4, levels=None, change=None, **options):
    options = {'max_detections': 8, 'max_classes_per_detection': 1, 'nms_score_threshold': 0.05, 'nms_iou_threshold': 0.5, 'num_classes': classes,
               'y_scale': 10.0, 'x_scale': 10.0, 'h_scale': 5.0, 'w_scale': 5.0, **options}
    anchors = np.stack([rng.uniform(0.1, 0.9, n), rng.uniform(0.1, 0.9, n), rng.uniform(0.1, 0.6, n), rng.uniform(0.1, 0.6, n)], 1).astype(np.float32)
    enc = rng.normal(0, 2, (1, n, values)).astype(np.float32)
    sc = rng.uniform(0, 1, (1, n, classes + background)).astype(np.float32) ** 3
    if levels:
        sc = (np.floor(sc * levels) / levels).astype(np.float32)
    if change:
        change(enc, sc, anchors)
    tensors, constant, quantised = [], anchors, lambda x, scale, zero, dtype: np.clip(np.round(x / scale) + zero, *((0, 255) if dtype == 'uint8' else (-128, 127))).astype(dtype)
    low = -128 if boxes == 'int8' else 0
    if boxes == 'float32':
        tensors.append(tensor('encodings', enc.shape, boxes))
    else:
        enc, constant = quantised(enc, 0.061, low + 131, boxes), quantised(anchors, 0.0037, low + 3, boxes)
        tensors.append(tensor('encodings', enc.shape, boxes, 0.061, low + 131))
    if scores == 'float32':
        tensors.append(tensor('scores', sc.shape, scores))
    else:
        zero = -128 if scores == 'int8' else 0
        sc = quantised(sc, 1 / 256, zero, scores)
        tensors.append(tensor('scores', sc.shape, scores, 1 / 256, zero))
    tensors.append(tensor('anchors', anchors.shape, boxes, buffer=1) if boxes == 'float32' else tensor('anchors', anchors.shape, boxes, 0.0037, low + 3, 1))
    tensors += [tensor(f'out{i}', [], 'float32') for i in range(4)]
    op = s.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs, op.customOptions = 0, [0, 1, 2], [3, 4, 5, 6], list(flexbuffers.Dumps(options))
    record(name, model(tensors, [0, 1], [3, 4, 5, 6], op, 32, 'TFLite_Detection_PostProcess', [constant]), [enc, sc],
           rows=options['max_detections'] if options.get('use_regular_nms') else None, each=options['max_classes_per_detection'],
           told=1 if options.get('use_regular_nms') else min(options['max_classes_per_detection'], classes))


def poison(enc, sc, anchors):  # box by box, TensorFlow Lite crashes on these
    sc[0, ::5, 1:] = np.nan
    endless(enc, sc, anchors)


def endless(enc, sc, anchors):
    sc[0, 1::7, 2] = np.inf
    sc[0, 1::8, 3] = -np.inf


def odd(enc, sc, anchors):
    enc[0, ::4, 2:] = [[-900.0, 4000.0]]
    enc[0, 1::6] = 3e38
    anchors[2::9, 2:] = 0
    anchors[3::9] = [[1e30, -1e30, 1e30, 1e30]]


def blank(enc, sc, anchors):
    enc[0, 1::3] = np.nan


for regular in (False, True):
    kind = 'regular' if regular else 'fast'
    of = lambda name, **options: detection(f'{kind}, {name}', **({'use_regular_nms': True} if regular else {}), **options)
    of('float32')
    of('uint8', boxes='uint8', scores='uint8')
    of('int8', boxes='int8', scores='int8')
    regular or of('uint8 boxes, float32 scores', boxes='uint8')
    regular or of('float32 boxes, uint8 scores', scores='uint8')
    of('many ties', n=40, levels=6, max_detections=20)
    of('nothing but ties', n=30, levels=1, nms_iou_threshold=0.3, nms_score_threshold=-1.0, max_detections=12)
    of('uint8 ties', n=44, classes=6, boxes='uint8', scores='uint8', levels=12, max_detections=25, nms_iou_threshold=0.7)
    regular or of('three classes a box', max_classes_per_detection=3, classes=9)
    of('three classes a box, ties', n=30, max_classes_per_detection=3, classes=9, levels=4)
    regular or of('more classes a box than there are', max_classes_per_detection=7)
    of('no background', background=0)
    of('one class', classes=1)
    regular or of('boxes with keypoints', values=8)
    of('more room than boxes', n=5, max_detections=30)
    regular or of('nothing above the threshold', nms_score_threshold=2.0)
    of('overlap of 1 allowed', n=12, nms_iou_threshold=1.0)
    of('infinite scores', change=endless)
    of('huge, tiny and empty boxes', change=odd)
    of('NaN boxes', change=blank)
    if regular:
        of('NaN scores', change=poison)
        of('two of a class', detections_per_class=2, levels=8)
        of('one in all', max_detections=1, levels=8, n=40)


def concatenation(name, dtype, axis, shapes, scales, zeros):
    out = list(shapes[0])
    out[axis] = sum(shape[axis] for shape in shapes)
    tensors = [tensor(f'in{i}', shape, dtype, scales[i], zeros[i]) for i, shape in enumerate(shapes)] + [tensor('out', out, dtype, scales[-1], zeros[-1])]
    op, options = s.OperatorT(), s.ConcatenationOptionsT()
    options.axis = axis
    op.opcodeIndex, op.inputs, op.outputs, op.builtinOptionsType, op.builtinOptions = 0, list(range(len(shapes))), [len(shapes)], s.BuiltinOptions.ConcatenationOptions, options
    inputs = [rng.integers(0, 256, shape).astype(np.uint8).view(dtype) for shape in shapes]
    record(name, model(tensors, list(range(len(shapes))), [len(shapes)], op, 2), inputs)


for dtype in ('uint8', 'int8'):
    zero = -128 if dtype == 'int8' else 0
    for axis in (1, 3):
        shapes = [[1, 2, 3, 5], [1, 2, 3, 5], [1, 2, 3, 5]]
        concatenation(f'concatenation, {dtype}, axis {axis}', dtype, axis, shapes, [0.0312, 0.071, 0.0312, 0.0312], [zero + 3, zero + 200, zero + 3, zero + 3])
    wide = [[1, 256, 2], [1, 256, 2], [1, 256, 1]]
    concatenation(f'concatenation, {dtype}, every byte', dtype, 2, wide, [0.0501, 0.0219, 0.0499, 0.05], [zero + 128, zero + 7, zero + 230, zero + 100])
    every = np.arange(256).astype(np.uint8).view(dtype)
    for scale, z in ((0.0497, 223), (0.1, 128), (0.003, 0)):
        op = s.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = 0, [0], [1]
        record(f'logistic, {dtype}, scale {scale}', model([tensor('x', [256], dtype, scale, zero + z), tensor('y', [256], dtype, 1 / 256, zero)], [0], [1], op, 14), [every])

json.dump({'made by': f'test/vectors/detection.py, tensorflow {tf.__version__}, reference kernels', 'cases': cases}, sys.stdout, indent=1)
print()
print(f'{len(cases)} cases', file=sys.stderr)
