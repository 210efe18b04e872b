"""Starts a network from an official .tflite classifier: its constants, dequantised, in the order of its layers."""
import struct
import numpy as np
import torch
from torch import nn
from networks import Conv, EPSILON

CONV, DEPTHWISE = 3, 4
DTYPES = {0: '<f4', 2: '<i4', 3: 'u1', 9: 'i1'}


class Table:
    """A FlatBuffers table: field i lies where its vtable says."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def _field(self, i):
        vtable = self.at - struct.unpack_from('<i', self.data, self.at)[0]
        size = struct.unpack_from('<H', self.data, vtable)[0]
        offset = struct.unpack_from('<H', self.data, vtable + 4 + 2 * i)[0] if 4 + 2 * i < size else 0
        return self.at + offset if offset else None

    def number(self, i, form='<i', default=0):
        at = self._field(i)
        return default if at is None else struct.unpack_from(form, self.data, at)[0]

    def _follow(self, at):
        return at + struct.unpack_from('<I', self.data, at)[0]

    def table(self, i):
        at = self._field(i)
        return None if at is None else Table(self.data, self._follow(at))

    def array(self, i, dtype):
        at = self._field(i)
        if at is None:
            return np.zeros(0, dtype)
        start = self._follow(at)
        return np.frombuffer(self.data, dtype, struct.unpack_from('<I', self.data, start)[0], start + 4)

    def tables(self, i):
        at = self._field(i)
        if at is None:
            return []
        start = self._follow(at)
        return [Table(self.data, self._follow(start + 4 + 4 * k)) for k in range(struct.unpack_from('<I', self.data, start)[0])]


def layers(path):
    """[(weights, bias)] of all convolutions in the order of the operators: weights as PyTorch has them, float32."""
    data = open(path, 'rb').read()
    model = Table(data, struct.unpack_from('<I', data, 0)[0])
    codes = [max(code.number(0, '<b'), code.number(3)) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)

    def values(index):
        tensor = tensors[index]
        raw = buffers[tensor.number(2, '<I')].array(0, 'u1').view(DTYPES[tensor.number(1, '<b')]).reshape(tensor.array(0, '<i4'))
        scheme = tensor.table(4)
        scale, zero = (scheme.array(2, '<f4'), scheme.array(3, '<i8')) if scheme else ((), ())
        if len(scale) == 0:
            return raw.astype('f4')
        shape = [1] * raw.ndim
        shape[scheme.number(6) if len(scale) > 1 else 0] = len(scale)
        return ((raw.astype('f4') - zero.reshape(shape)) * scale.reshape(shape)).astype('f4')

    found = []
    for operator in graph.tables(3):
        code = codes[operator.number(0, '<I')]
        if code in (CONV, DEPTHWISE):
            _, weights, bias = operator.array(1, '<i4')[:3]
            order = (0, 3, 1, 2) if code == CONV else (3, 0, 1, 2)
            found.append((torch.from_numpy(values(weights).transpose(order).copy()), torch.from_numpy(values(bias).copy())))
    return found


def start_from(net, path, rows, pictures):
    """Fills `net` from a file whose batch norms are folded. `rows`: the file's class for each of ours. `pictures` give
    each fresh batch norm its statistics; the function computed stays the file's."""
    convs = [module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    norms = iter([module for module in net.modules() if isinstance(module, nn.BatchNorm2d)])
    found = layers(path)
    assert len(convs) == len(found), f'{path} has {len(found)} convolutions, the network {len(convs)}'
    hooks = []
    with torch.no_grad():
        for module, (weights, bias) in zip(convs, found):
            if isinstance(module, nn.Linear):
                weights, bias = weights[rows].flatten(1), bias[rows]
            module.weight.copy_(weights)
            if isinstance(module, Conv):
                follow = next(norms)
                follow.running_mean.zero_(), follow.running_var.fill_(1 - EPSILON), follow.weight.fill_(1), follow.bias.copy_(bias)
                hooks.append((follow, follow.register_forward_pre_hook(lambda self, x: setattr(self, 'seen', x[0].transpose(0, 1).flatten(1)))))
            else:
                module.bias.copy_(bias)
        net.eval()(pictures)
        for module, hook in hooks:
            hook.remove()
            mean, variance = module.seen.mean(1), module.seen.var(1, unbiased=False)
            module.bias.add_(mean), module.weight.copy_((variance + EPSILON).sqrt())
            module.running_mean.copy_(mean), module.running_var.copy_(variance)
            del module.seen
