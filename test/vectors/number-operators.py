# Makes number-operators.json: models of one operator, random inputs, and what TensorFlow Lite's reference kernels answer.
# Run: python test/vectors/number-operators.py (needs tensorflow; number-operators.json was made with 2.21.0).
import base64
import json
import os

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

TYPES = {'float32': schema.TensorType.FLOAT32, 'int32': schema.TensorType.INT32, 'int8': schema.TensorType.INT8, 'uint8': schema.TensorType.UINT8}
random = np.random.default_rng(20)
cases = []


class T:
    """A tensor: run-time input (values drawn), constant (values given) or output."""

    def __init__(self, dtype, shape, q=None, data=None, low=None, high=None):
        self.dtype, self.shape, self.q, self.low, self.high = dtype, list(shape), q, low, high
        self.data = None if data is None else np.asarray(data, dtype).reshape(shape)

    def values(self):
        low, high = self.low, self.high
        if self.dtype == 'float32':
            return random.uniform(-6 if low is None else low, 6 if high is None else high, self.shape).astype(np.float32)
        limits = np.iinfo(self.dtype) if self.dtype != 'int32' else np.iinfo(np.int16)
        return random.integers(limits.min if low is None else low, (limits.max if high is None else high) + 1, self.shape).astype(self.dtype)


def case(name, code, inputs, outputs, options=None, version=1):
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    kind = schema.OperatorCodeT()
    kind.builtinCode = getattr(schema.BuiltinOperator, code)
    kind.deprecatedBuiltinCode = min(kind.builtinCode, 127)
    kind.version = version
    model.version, model.operatorCodes, model.subgraphs, model.description = 3, [kind], [graph], name
    model.buffers = [schema.BufferT()]
    graph.tensors, graph.operators = [], [operator]
    for i, t in enumerate(inputs + outputs):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f't{i}', t.shape, TYPES[t.dtype], 0
        if t.q:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [t.q[0]], [t.q[1]]
        if t.data is not None:
            buffer = schema.BufferT()
            buffer.data = list(t.data.tobytes())
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
    operator.opcodeIndex, operator.inputs = 0, list(range(len(inputs)))
    operator.outputs = [len(inputs) + i for i in range(len(outputs))]
    if options:
        kind_of_options = type(options).__name__[:-1]
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind_of_options), options
    graph.inputs, graph.outputs = [i for i, t in enumerate(inputs) if t.data is None], operator.outputs
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b'TFL3')
    content = bytes(builder.Output())

    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    given = [t.values() for t in inputs if t.data is None]
    for detail, value in zip(interpreter.get_input_details(), given):
        interpreter.set_tensor(detail['index'], value)
    interpreter.invoke()
    answers = [interpreter.get_tensor(detail['index']) for detail in interpreter.get_output_details()]
    for t, answer in zip(outputs, answers):
        assert list(answer.shape) == t.shape, (name, answer.shape, t.shape)
    text = lambda b: base64.b64encode(b).decode()
    cases.append({'name': name, 'model': text(content), 'inputs': [text(v.tobytes()) for v in given], 'outputs': [text(v.tobytes()) for v in answers]})


def options(kind, **fields):
    made = getattr(schema, f'{kind}OptionsT')()
    for field, value in fields.items():
        setattr(made, field, value)
    return made


RELU6 = schema.ActivationFunctionType.RELU6
RELU = schema.ActivationFunctionType.RELU

for dtype in ['uint8', 'int8', 'int32']:
    case(f'CAST {dtype} to float32', 'CAST', [T(dtype, [2, 7])], [T('float32', [2, 7])], options('Cast', inDataType=TYPES[dtype], outDataType=TYPES['float32']))

for name, a, b, out in [('alike', [3, 5], [3, 5], [3, 5]), ('by one', [3, 5], [], [3, 5]), ('one by many', [1], [2, 3], [2, 3]),
                        ('spread both ways', [4, 1, 3], [5, 1], [4, 5, 3]), ('of another rank', [1, 2, 3, 4], [2, 3, 4], [1, 2, 3, 4])]:
    case(f'DIV float32 {name}', 'DIV', [T('float32', a), T('float32', b, low=0.1)], [T('float32', out)], options('Div'))
case('DIV float32, RELU6', 'DIV', [T('float32', [3, 5]), T('float32', [5], low=-1, high=1)], [T('float32', [3, 5])], options('Div', fusedActivationFunction=RELU6))
case('DIV int32', 'DIV', [T('int32', [3, 5]), T('int32', [5], data=[3, -7, 48, -1, 100])], [T('int32', [3, 5])], options('Div'))
case('FLOOR_DIV int32', 'FLOOR_DIV', [T('int32', [3, 5]), T('int32', [5], data=[3, -7, 48, -1, 100])], [T('int32', [3, 5])], version=1)
case('FLOOR_DIV int32 of a constant', 'FLOOR_DIV', [T('int32', [], data=-1000), T('int32', [4], low=1, high=50)], [T('int32', [4])])
case('FLOOR_DIV float32', 'FLOOR_DIV', [T('float32', [3, 5]), T('float32', [1], low=0.5)], [T('float32', [3, 5])], version=2)

for code, kind in [('ADD', 'Add'), ('SUB', 'Sub'), ('MUL', 'Mul')]:
    case(f'{code} int32', code, [T('int32', [2, 3]), T('int32', [2, 3])], [T('int32', [2, 3])], options(kind))
    case(f'{code} int32 with one', code, [T('int32', [1, 17]), T('int32', [], data=48)], [T('int32', [1, 17])], options(kind))
    case(f'{code} int32, constant first, spread both ways', code, [T('int32', [3, 1], data=[-5, 9, 70]), T('int32', [1, 4])], [T('int32', [3, 4])], options(kind))
    case(f'{code} int32, RELU', code, [T('int32', [2, 3]), T('int32', [3])], [T('int32', [2, 3])], options(kind, fusedActivationFunction=RELU))
    case(f'{code} float32, spread both ways', code, [T('float32', [4, 1, 3]), T('float32', [5, 1])], [T('float32', [4, 5, 3])], options(kind))
    for dtype, zero in [('int8', -128), ('uint8', 0)]:
        wide = {'q': (0.4 if code != 'MUL' else 12.0, zero + 120)}
        a, b = {'q': (0.18, zero)}, {'q': (0.21, zero + 77)}
        constant = np.arange(20).reshape(4, 5, 1) * 11 % 256 + np.iinfo(dtype).min
        case(f'{code} {dtype}, constant map with a row', code, [T(dtype, [4, 5, 1], data=constant, **a), T(dtype, [1, 6], **b)], [T(dtype, [4, 5, 6], **wide)], options(kind), 2 if dtype == 'int8' else 1)
        case(f'{code} {dtype}, one with a row', code, [T(dtype, [1, 1], **a), T(dtype, [17], **b)], [T(dtype, [1, 17], **wide)], options(kind), 2 if dtype == 'int8' else 1)
        case(f'{code} {dtype}, spread both ways', code, [T(dtype, [3, 1, 9], **a), T(dtype, [4, 1], **b)], [T(dtype, [3, 4, 9], **wide)], options(kind), 2 if dtype == 'int8' else 1)
        case(f'{code} {dtype}, the same in every channel', code, [T(dtype, [2, 2, 3], **a), T(dtype, [1, 1, 3], data=[3, 3, 3], **b)], [T(dtype, [2, 2, 3], **wide)], options(kind), 2 if dtype == 'int8' else 1)

case('SQRT float32', 'SQRT', [T('float32', [4, 9], low=0, high=900)], [T('float32', [4, 9])])

q = {'int8': {'q': (0.5, 3)}, 'uint8': {'q': (0.5, 3)}}
for dtype in ['float32', 'int32', 'int8', 'uint8']:
    version, how = (2 if dtype == 'int8' else 1), q.get(dtype, {})
    t = lambda shape, **more: T(dtype, shape, **how, **more)
    if dtype == 'uint8':  # held as int8: what matters is constants, and one of each move
        case('PACK uint8 along 1', 'PACK', [t([2, 3]), t([2, 3], data=np.arange(6)), t([2, 3])], [t([2, 3, 3])], options('Pack', valuesCount=3, axis=1))
        case('CONCATENATION uint8 with a constant', 'CONCATENATION', [t([3, 2]), t([3, 1], data=[[0], [1], [2]])], [t([3, 3])], options('Concatenation', axis=1))
        case('UNPACK uint8 along 0', 'UNPACK', [t([2, 3])], [t([3]), t([3])], options('Unpack', num=2, axis=0))
        continue
    places = np.stack([random.integers(0, n, 7) for n in (2, 3, 4)], 1).astype(np.int32)
    for depth in [1, 2, 3]:
        rest = [2, 3, 4, 5][depth:]
        case(f'GATHER_ND {dtype} by {depth}', 'GATHER_ND', [t([2, 3, 4, 5]), T('int32', [7, depth], data=places[:, :depth])], [t([7, *rest])], version=version)
    case(f'GATHER_ND {dtype} by what is computed', 'GATHER_ND', [t([3, 3, 2]), T('int32', [4, 2], low=0, high=2)], [t([4, 2])], version=version)
    axes = [1] if dtype == 'int32' else [0, 1, 2, -1]
    for axis in axes:
        shape = [2, 3]
        packed = shape.copy()
        packed.insert(axis if axis >= 0 else 2, 3)
        case(f'PACK {dtype} along {axis}', 'PACK', [t(shape), t(shape, data=np.arange(6)), t(shape)], [t(packed)], options('Pack', valuesCount=3, axis=axis), version)
    for axis in axes:
        shape = [3, 2, 4]
        each = [d for i, d in enumerate(shape) if i != axis % 3]
        case(f'UNPACK {dtype} along {axis}', 'UNPACK', [t(shape)], [t(each) for _ in range(shape[axis])], options('Unpack', num=shape[axis], axis=axis), version)
    case(f'CONCATENATION {dtype} with a constant', 'CONCATENATION', [t([3, 2]), t([3, 1], data=[[0], [1], [2]])], [t([3, 3])], options('Concatenation', axis=1), version)
    ints = lambda *values: T('int32', [len(values)], data=values)
    for name, shape, begin, end, by, out, masks in [
            ('forward', [4, 5], [1, 0], [4, 5], [2, 3], [2, 2], {}),
            ('open', [4, 5], [1, 3], [3, 1], [1, 1], [3, 2], {'beginMask': 1, 'endMask': 2}),
            ('backwards', [4, 5], [3, -1], [0, -6], [-2, -1], [2, 5], {}),
            ('open backwards', [2, 6], [0, 0], [0, 0], [-1, -2], [2, 3], {'beginMask': 3, 'endMask': 3}),
            ('of one index', [3, 4, 2], [1, -1, 0], [2, 0, 2], [1, 1, 1], [2], {'shrinkAxisMask': 3}),
            ('of fewer dimensions', [3, 2, 2, 2], [-2], [3], [1], [2, 2, 2, 2], {}),
            ('beyond the end', [3, 4], [-9, 2], [9, 9], [1, 1], [3, 2], {}),
            ('with a new dimension', [3, 4], [0, 0, 1], [0, 3, 4], [1, 1, 2], [1, 3, 2], {'newAxisMask': 1})][:2 if dtype == 'int32' else None]:
        case(f'STRIDED_SLICE {dtype} {name}', 'STRIDED_SLICE', [t(shape), ints(*begin), ints(*end), ints(*by)], [t(out)], options('StridedSlice', **masks), version)

with open(os.path.join(os.path.dirname(__file__), 'number-operators.json'), 'w') as file:
    file.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')
print(len(cases), 'cases')
