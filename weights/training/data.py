"""Everyday-100: 64x64 pictures as uint8 tensors [n, 3, 64, 64] with their classes, and the pictures a network sees."""
import io
import json
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

SIDE, PER_ROW, FILES = 64, 50, 20


def labels(folder):
    return [entry['label'] for entry in json.load(open(f'{folder}/labels.json'))]


def mosaic(folder, k):
    """The 2,500 pictures of file k, [n, 3, 64, 64]."""
    pixels = np.asarray(Image.open(f'{folder}/train-{k:02d}.webp').convert('RGB')).reshape(PER_ROW, SIDE, PER_ROW, SIDE, 3)
    return pixels.transpose(0, 2, 4, 1, 3).reshape(-1, 3, SIDE, SIDE)


def training(folder):
    return torch.from_numpy(np.concatenate([mosaic(folder, k) for k in range(FILES)])), _classes(f'{folder}/train.labels.u8')


def validation(folder):
    blob, offsets = open(f'{folder}/validation.jpegs', 'rb').read(), np.fromfile(f'{folder}/validation.offsets.u32', '<u4')
    pictures = [np.asarray(Image.open(io.BytesIO(blob[a:b])).convert('RGB')).transpose(2, 0, 1) for a, b in zip(offsets[:-1], offsets[1:])]
    return torch.from_numpy(np.stack(pictures)), _classes(f'{folder}/validation.labels.u8')


def _classes(path):
    return torch.from_numpy(np.fromfile(path, 'u1').astype(np.int64))


def normalised(pictures):
    return pictures.float().div_(127.5).sub_(1)


def enlarged(pictures, size):
    """As the runtime shows a small picture to the network."""
    x = F.interpolate(normalised(pictures), size=(size, size), mode='bilinear', align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)


def uniform(n, low, high):
    return torch.empty(n).uniform_(low, high)


def augmented(pictures, size, strength):
    """Random crop, mirror, turn, saturation, contrast and brightness; a third is sharpened, since photos shrunk to this
    size are crisper than enlarged small pictures. `strength` 1 crops hardest, 0 least."""
    n = len(pictures)
    side, aspect = uniform(n, 0.75 - 0.2 * strength, 1).sqrt(), torch.exp(uniform(n, -0.22, 0.22))
    width, height = (side * aspect).clamp(max=1.05), (side / aspect).clamp(max=1.05)
    mirror, turn = torch.where(torch.rand(n) < 0.5, -1.0, 1.0), torch.empty(n).normal_(0, 0.08)
    left, top = uniform(n, -1, 1) * (1 - width).clamp(min=0), uniform(n, -1, 1) * (1 - height).clamp(min=0)
    affine = torch.stack([torch.stack([mirror * width * turn.cos(), -height * turn.sin(), left], 1),
                          torch.stack([mirror * width * turn.sin(), height * turn.cos(), top], 1)], 1)
    grid = F.affine_grid(affine, (n, 3, size, size), align_corners=False)
    x = F.grid_sample(normalised(pictures), grid, mode='bicubic' if torch.rand(1) < 0.25 else 'bilinear', padding_mode='reflection', align_corners=False)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform((n, 1, 1, 1), 0.6, 1.4)
    mean = x.mean((2, 3), keepdim=True)
    x = (x - mean) * uniform((n, 1, 1, 1), 0.7, 1.3) + mean + uniform((n, 1, 1, 1), -0.25, 0.25)
    if torch.rand(1) < 0.35:
        x = x + uniform((n, 1, 1, 1), 0, 1.5) * (x - F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode='reflect'), 3, 1))
    return x.clamp_(-1, 1).contiguous(memory_format=torch.channels_last)
