"""Makes segmentation-torchvision.json: names and shapes of torchvision's segmentation networks on MobileNetV3-Large, and
every fifth pixel of their scores for weights that are a hash of name and index, so that no weights need to be kept. The
same weights are made by test/hashed-weights.ts. Run with Python, torch and torchvision 0.28."""
import base64
import json
import os

import numpy as np
import torch
import torchvision

SIZE, CLASSES, EVERY = 75, 4, 5


def hashed(name, shape):
    """Uniform in [-1, 1): FNV-1a of the name, then a multiplicative hash of each index; 24 bits of it."""
    seed = np.uint32(2166136261)
    with np.errstate(over='ignore'):
        for byte in name.encode():
            seed = np.uint32((int(seed) ^ byte) * 16777619 & 0xffffffff)
        h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(2654435761) ^ seed
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7feb352d)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846ca68b)
        h = h ^ (h >> np.uint32(16))
    return ((h >> np.uint32(8)).astype(np.float64) / 2 ** 23 - 1).reshape(shape)


def weight(name, shape):
    x = hashed(name, shape)
    if name.endswith('running_var'):
        return 1 + x / 2
    if name.endswith('running_mean') or name.endswith('bias'):
        return x / 5
    if len(shape) == 1:
        return 1 + x / 4
    return x * np.sqrt(4.5 / np.prod(shape[1:]))


def run(make):
    model = make(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    for name, tensor in state.items():
        tensor.copy_(torch.from_numpy(weight(name, tuple(tensor.shape)).astype(np.float32)))
    x = torch.from_numpy((hashed('input', (1, SIZE, SIZE, 3)) * 2).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        scores = model(x)['out'][0].permute(1, 2, 0).numpy()
    print(make.__name__, 'mean', scores.mean(axis=(0, 1)), 'deviation', scores.std(axis=(0, 1)), 'classes', np.bincount(scores.argmax(-1).ravel(), minlength=CLASSES))
    kept = np.ascontiguousarray(scores[::EVERY, ::EVERY])
    return {'shapes': {name: list(tensor.shape) for name, tensor in state.items()}, 'scores': base64.b64encode(kept.tobytes()).decode()}


models = torchvision.models.segmentation
answers = {'lraspp-v3-large': run(models.lraspp_mobilenet_v3_large), 'deeplabv3-v3-large': run(models.deeplabv3_mobilenet_v3_large)}
place = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'segmentation-torchvision.json')
with open(place, 'w') as file:
    json.dump({'reference': f'torchvision {torchvision.__version__}', 'size': SIZE, 'every': EVERY, 'models': answers}, file)
    file.write('\n')
print(os.path.getsize(place), 'bytes')
