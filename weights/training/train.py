"""Trains one network for a given time and writes it as .safetensors with labels, preprocessing and origin inside.
    python train.py v3-small --data ../../../shared/data --minutes 30 --sizes 128 --start OFFICIAL.tflite -o everyday.safetensors"""
import argparse
import copy
import json
import math
import os
import time
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
import data
import official
from networks import make

BATCH, WARMUP_STEPS = 128, 300


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('architecture')
    parser.add_argument('--alpha', type=float, default=1.0)
    parser.add_argument('--data', required=True, help='folder of Everyday-100')
    parser.add_argument('--minutes', type=float, required=True, help='the schedule ends when they are over')
    parser.add_argument('--sizes', default='128', help='input sizes, each for an equal share of the time; the last is the network\'s')
    parser.add_argument('--rate', type=float, help='highest learning rate; 0.15 from scratch, 0.05 to go on, 0.03 from an official file')
    parser.add_argument('--start', help='an official .tflite classifier of the same architecture')
    parser.add_argument('--start-labels', help='its labels, one a line')
    parser.add_argument('--resume', help='FILE.safetensors from this script, to go on from')
    parser.add_argument('--teacher', help='FILE.safetensors from this script, whose answers are learnt as well')
    parser.add_argument('--rounded', action='store_true', help='activations are rounded to 8 bits while training, so that the int8 network loses less')
    parser.add_argument('--about', default='', help='origin, for the model card')
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--bfloat16', action='store_true', help='products in bfloat16, sums and weights in float32: faster for all but v3-small on CPUs that have it')
    parser.add_argument('-o', '--out', required=True)
    return parser.parse_args()


def load_net(path):
    from safetensors import safe_open
    with safe_open(path, 'pt') as file:
        about = file.metadata()
    net = make(about['architecture'].removeprefix('mobilenet_').replace('_', '-'), float(about['alpha']))
    net.load_state_dict(load_file(path), strict=False)
    return net.eval(), int(about['resolution'])


def rows_of(labels, path):
    """For each of our labels the line of an ImageNet label file that has it among its names."""
    lines = [line.strip() for line in open(path)]
    names = [(line.split(None, 1)[1] if line[:1].isdigit() else line).lower().split(', ') for line in lines]
    return [next(i for i, found in enumerate(names) if label.lower() in found) for label in labels]


def optimiser(net):
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return torch.optim.SGD([{'params': decayed, 'weight_decay': 5e-5}, {'params': others, 'weight_decay': 0}], lr=0.1, momentum=0.9, nesterov=True)


def follow(average, net, step):
    keep = min(0.998, step / (step + 50))
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), net.state_dict().values()):
            a.lerp_(b, 1 - keep) if a.dtype.is_floating_point else a.copy_(b)


def accuracy(net, pictures, classes, size):
    """Top-1 and top-5 in per cent."""
    first = five = 0
    with torch.no_grad():
        for i in range(0, len(pictures), 125):
            best = net(data.enlarged(pictures[i:i + 125], size)).topk(5, 1)[1]
            hits = best == classes[i:i + 125, None]
            first, five = first + hits[:, 0].sum().item(), five + hits.any(1).sum().item()
    return 100 * first / len(pictures), 100 * five / len(pictures)


def round_activations(net):
    """Rounds what activation functions return as one scale for the whole tensor would; gradients pass through.
    V3 needs it: weak channels of a hard-swish cannot be scaled up afterwards, as those of a ReLU can."""
    def rounded(module, _, out):
        if not module.training:
            return out
        with torch.no_grad():
            step = (out.amax() - out.amin()) / 255
            error = (out / step).round().mul_(step).sub_(out)
        return out + error
    for module in set(net.modules()):
        if isinstance(module, (torch.nn.Hardswish, torch.nn.ReLU, torch.nn.ReLU6)):
            module.inplace = False
            module.register_forward_hook(rounded)


def loss_of(net, x, y, mixed, teacher, bfloat16):
    """Cross-entropy with smoothed labels; with a teacher, half of it is the divergence from its answers at temperature 2."""
    share = 1.0
    if mixed:
        share, other = torch.distributions.Beta(0.2, 0.2).sample().item(), torch.randperm(len(x))
        x = x * share + x[other] * (1 - share)
    with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
        logits = net(x).float()
    loss = share * F.cross_entropy(logits, y, label_smoothing=0.1)
    if mixed:
        loss = loss + (1 - share) * F.cross_entropy(logits, y[other], label_smoothing=0.1)
    if teacher:
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=bfloat16):
            wanted = F.softmax(teacher(x).float() / 2, 1)
        loss = 0.4 * loss + 0.6 * 4 * F.kl_div(F.log_softmax(logits / 2, 1), wanted, reduction='batchmean')
    return loss


def save(net, args, labels, size, scores, epochs):
    about = {
        'format': 'pt', 'architecture': 'mobilenet_' + args.architecture.replace('-', '_'), 'alpha': str(args.alpha), 'resolution': str(size),
        'padding': 'same', 'bn_epsilon': '0.001', 'labels': json.dumps(labels),
        'preprocessing': json.dumps({'color': 'RGB', 'crop': 'centre square', 'resize': [size, size], 'filter': 'bilinear, antialiased', 'scale': 'x / 127.5 - 1'}),
        'description': f'top-1 {scores[0]:.1f} %, top-5 {scores[1]:.1f} % on the 5,000 validation pictures of Everyday-100 (float32, PyTorch, {epochs} epochs)',
        'source': args.about,
    }
    tensors = {name: value.contiguous() for name, value in net.state_dict().items() if not name.endswith('num_batches_tracked')}
    save_file(tensors, args.out, about)


def main():
    args = arguments()
    torch.set_num_threads(args.threads), torch.manual_seed(0), torch.set_flush_denormal(True)
    pictures, classes = data.training(args.data)
    held, held_classes = data.validation(args.data)
    labels = data.labels(args.data)
    sizes = [int(size) for size in args.sizes.split(',')]
    net = make(args.architecture, args.alpha, len(labels))
    if args.start:
        official.start_from(net, args.start, rows_of(labels, args.start_labels), data.enlarged(pictures[:512], sizes[-1]))
    elif args.resume:
        net.load_state_dict(load_file(args.resume), strict=False)
    else:
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, mode='fan_out')
    teacher = load_net(args.teacher)[0].to(memory_format=torch.channels_last) if args.teacher else None
    average, steps, rate = copy.deepcopy(net).eval(), optimiser(net), args.rate or (0.03 if args.start else 0.05 if args.resume else 0.15)
    if args.rounded:
        round_activations(net)
    start, step, epoch, done = time.time(), 0, 0, 0.0
    while done < 1:
        net.train()
        for indices in torch.randperm(len(pictures))[:len(pictures) // BATCH * BATCH].split(BATCH):
            done = (time.time() - start) / (60 * args.minutes)
            if done >= 1:
                break
            size = sizes[min(int(done * len(sizes)), len(sizes) - 1)]
            for group in steps.param_groups:
                group['lr'] = rate * min(1, step / WARMUP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-4
            x = data.augmented(pictures[indices], size, 1 - done)
            loss = loss_of(net, x, classes[indices], done < 0.85 and torch.rand(1).item() < 0.5, teacher, args.bfloat16)
            steps.zero_grad(), loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            steps.step()
            step += 1
            follow(average, net, step)
        epoch += 1
        scores = accuracy(average, held, held_classes, sizes[-1])
        print(f'epoch {epoch}  {(time.time() - start) / 60:5.1f} min  size {size}  loss {loss.item():.3f}  top-1 {scores[0]:.2f}  top-5 {scores[1]:.2f}', flush=True)
        save(average, args, labels, sizes[-1], scores, epoch)


main()
