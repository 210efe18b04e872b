"""Makes ssdlite.json: what torchvision's SSDLite320 on MobileNetV3-Large answers with weights that follow from their names.

Weights, batch norms and the picture are numbers from an integer hash of name and index, which test/ssdlite.test.ts makes anew;
the variance of each batch norm is measured once, layer by layer, so that no map dies out, and stored.
Usage, with torch 2.13 and torchvision 0.28:
    python test/vectors/ssdlite.py > test/vectors/ssdlite.json
"""
import base64, json, math, sys
import numpy as np, torch, torchvision
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.image_list import ImageList

torch.set_num_threads(1)


def hashed(name, count, low, high):
    """FNV-1a of the name, then a multiply-xorshift of each index: numbers from low to high."""
    seed = 0x811C9DC5
    for c in name.encode():
        seed = (seed ^ c) * 0x01000193 & 0xFFFFFFFF
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B9 + seed) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h = h ^ (h >> np.uint64(16))
    return (low + (high - low) * ((h >> np.uint64(8)).astype(np.float64) / 2**24)).astype(np.float32)


def picture():
    coarse, fine = hashed('coarse', 20 * 20 * 3, -0.7, 0.7).reshape(20, 20, 3), hashed('fine', 320 * 320 * 3, -0.3, 0.3).reshape(320, 320, 3)
    return np.repeat(np.repeat(coarse, 16, 0), 16, 1) + fine


def bounds(name, shape):
    if name.endswith('running_var'): return 0.7, 1.3
    if name.endswith('running_mean'): return -0.2, 0.2
    if len(shape) == 4:
        spread = 1.5 if 'head' in name and name.endswith('.1.weight') else 1.0
        side = spread * math.sqrt(3 / (shape[1] * shape[2] * shape[3]))
        return -side, side
    return (0.8, 1.2) if name.endswith('weight') else (-0.2, 0.2)


model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=11).eval()
state = {name: value for name, value in model.state_dict().items() if not name.endswith('num_batches_tracked')}
for name, value in state.items():
    value.copy_(torch.from_numpy(hashed(name, value.numel(), *bounds(name, value.shape)).reshape(value.shape)))

variances = {}


def calibrate(name):
    def before(module, inputs):
        variance = float(np.float32(inputs[0].var().item()))
        variances[name + '.running_var'] = variance
        module.running_var.copy_(torch.from_numpy(module.running_var.numpy() * np.float32(variance)))
    return before


hooks = [module.register_forward_pre_hook(calibrate(name)) for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
x = torch.from_numpy(picture()).permute(2, 0, 1)[None].contiguous()
with torch.no_grad():
    model.head(list(model.backbone(x).values()))
    for hook in hooks:
        hook.remove()
    features = model.backbone(x)
    heads = model.head(list(features.values()))
    anchors = model.anchor_generator(ImageList(x, [(320, 320)]), list(features.values()))
    found = model.postprocess_detections(heads, anchors, [(320, 320)])[0]

text = lambda a: base64.b64encode(np.ascontiguousarray(a.numpy() if hasattr(a, 'numpy') else a).tobytes()).decode()
rows = list(range(0, heads['cls_logits'].shape[1], 97))
json.dump({
    'made by': f'test/vectors/ssdlite.py, torch {torch.__version__}, torchvision {torchvision.__version__}',
    'shapes': {name: list(value.shape) for name, value in state.items()}, 'variances': variances, 'boxes': heads['cls_logits'].shape[1],
    'rows': rows, 'cls_logits': text(heads['cls_logits'][0, rows]), 'bbox_regression': text(heads['bbox_regression'][0, rows]),
    'found': {'boxes': text(found['boxes'].float()), 'scores': text(found['scores']), 'labels': text(found['labels'].to(torch.int32))},
}, sys.stdout, indent=None, separators=(',', ':'))
print()
print({k: (v.std().item(), v.abs().max().item()) for k, v in heads.items()}, len(found['scores']), found['scores'][:5], found['scores'][-3:], np.bincount(found['labels'].numpy()), found['boxes'][:3], file=sys.stderr)
