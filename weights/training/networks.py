"""MobileNets V1, V2 and V3 in PyTorch, as the papers' tables have them. Padding is TensorFlow's SAME, batch-norm
epsilon 1e-3, and modules carry timm's names, so that a state dict is a file that `depthwise convert --style tf` reads."""
import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-3


def divisible(value, divisor=8):
    """Channels rounded to a multiple of 8, losing at most a tenth (MobileNetV2's reference implementation)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: the odd pixel is added below and to the right."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, bias=False):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=bias)

    def forward(self, x):
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride > 1:
            total = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:]]
            x = F.pad(x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2))
        if stride > 1 and self.groups > 1:  # on the CPU the bfloat16 gradient of these is twenty times slower
            with torch.autocast('cpu', enabled=False):
                return super().forward(x.float())
        return super().forward(x)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.05)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        squeezed = divisible(channels / 4)
        self.conv_reduce, self.conv_expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.conv_expand(F.relu(self.conv_reduce(x.mean((2, 3), keepdim=True)))))


class Separable(nn.Module):
    """Depthwise, then pointwise: the block of V1 (activated) and the first block of V2 and V3 (linear)."""

    def __init__(self, inputs, outputs, kernel, stride, act, gated=False, linear=True):
        super().__init__()
        self.conv_dw, self.bn1 = Conv(inputs, inputs, kernel, stride, inputs), norm(inputs)
        self.se = SqueezeExcite(inputs) if gated else nn.Identity()
        self.conv_pw, self.bn2 = Conv(inputs, outputs, 1), norm(outputs)
        self.act, self.last = act, nn.Identity() if linear else act
        self.residual = linear and stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.last(self.bn2(self.conv_pw(self.se(self.act(self.bn1(self.conv_dw(x)))))))
        return x + y if self.residual else y


class InvertedResidual(nn.Module):
    def __init__(self, inputs, expanded, outputs, kernel, stride, act, gated=False):
        super().__init__()
        self.conv_pw, self.bn1 = Conv(inputs, expanded, 1), norm(expanded)
        self.conv_dw, self.bn2 = Conv(expanded, expanded, kernel, stride, expanded), norm(expanded)
        self.se = SqueezeExcite(expanded) if gated else nn.Identity()
        self.conv_pwl, self.bn3 = Conv(expanded, outputs, 1), norm(outputs)
        self.act, self.residual = act, stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.act(self.bn2(self.conv_dw(self.act(self.bn1(self.conv_pw(x))))))
        y = self.bn3(self.conv_pwl(self.se(y)))
        return x + y if self.residual else y


class ConvNormAct(nn.Module):
    def __init__(self, inputs, outputs, act):
        super().__init__()
        self.conv, self.bn1, self.act = Conv(inputs, outputs, 1), norm(outputs), act

    def forward(self, x):
        return self.act(self.bn1(self.conv(x)))


class MobileNet(nn.Module):
    """`last`: channels of V2's last convolution before the pool. `hidden`: those of V3's after it."""

    def __init__(self, stem, stages, channels, classes, act, last=None, hidden=None):
        super().__init__()
        self.conv_stem, self.bn1, self.act = Conv(3, stem, 3, 2), norm(stem), act
        self.blocks = nn.Sequential(*(nn.Sequential(*blocks) for blocks in stages))
        self.last, self.hidden = last, hidden
        if last:
            self.conv_head, self.bn2 = Conv(channels, last, 1), norm(last)
        if hidden:
            self.conv_head = nn.Conv2d(channels, hidden, 1)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(hidden or last or channels, classes)

    def forward(self, x):
        x = self.blocks(self.act(self.bn1(self.conv_stem(x))))
        if self.last:
            x = self.act(self.bn2(self.conv_head(x)))
        x = x.mean((2, 3), keepdim=True)
        if self.hidden:
            x = self.act(self.conv_head(x))
        return self.classifier(self.dropout(x.flatten(1)))


def v1(alpha, classes):
    relu6 = nn.ReLU6(inplace=True)
    table = [[(64, 1)], [(128, 2), (128, 1)], [(256, 2), (256, 1)], [(512, 2)] + [(512, 1)] * 5, [(1024, 2), (1024, 1)]]
    stem = inputs = int(32 * alpha)
    stages = []
    for rows in table:
        blocks = []
        for channels, stride in rows:
            blocks.append(Separable(inputs, int(channels * alpha), 3, stride, relu6, linear=False))
            inputs = int(channels * alpha)
        stages.append(blocks)
    return MobileNet(stem, stages, inputs, classes, relu6)


def v2(alpha, classes):
    relu6 = nn.ReLU6(inplace=True)
    stem = inputs = divisible(32 * alpha)
    stages = []
    for expand, channels, repeat, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        outputs, blocks = divisible(channels * alpha), []
        for i in range(repeat):
            first = stride if i == 0 else 1
            blocks.append(Separable(inputs, outputs, 3, first, relu6) if expand == 1 else InvertedResidual(inputs, inputs * expand, outputs, 3, first, relu6))
            inputs = outputs
        stages.append(blocks)
    return MobileNet(stem, stages, inputs, classes, relu6, last=divisible(1280 * max(1, alpha)))


# kernel, expanded channels, output channels, gated, hard-swish, stride; one list a stage
SMALL = [[(3, 16, 16, 1, 0, 2)], [(3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1)], [(5, 96, 40, 1, 1, 2), (5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1)],
         [(5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1)], [(5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1), (5, 576, 96, 1, 1, 1)]]
LARGE = [[(3, 16, 16, 0, 0, 1)], [(3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1)], [(5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1)],
         [(3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1)], [(3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1)],
         [(5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1)]]


def v3(table, hidden, alpha, classes):
    """Expansions are ratios of the scaled input channels, and the hidden layer is not scaled below alpha 1: as Google's
    published 0.75 networks."""
    relu, swish = nn.ReLU(inplace=True), nn.Hardswish(inplace=True)
    stem = inputs = full = 16
    stages = []
    for rows in table:
        blocks = []
        for kernel, expand, channels, gated, hard, stride in rows:
            act, outputs, expanded = swish if hard else relu, divisible(channels * alpha), divisible(inputs * expand / full)
            blocks.append(Separable(inputs, outputs, kernel, stride, act, bool(gated)) if expand == full == 16
                          else InvertedResidual(inputs, expanded, outputs, kernel, stride, act, bool(gated)))
            inputs, full = outputs, channels
        stages.append(blocks)
    stages.append([ConvNormAct(inputs, inputs * 6, swish)])
    return MobileNet(stem, stages, inputs * 6, classes, swish, hidden=hidden)


NETWORKS = {
    'v1': lambda alpha, classes: v1(alpha, classes),
    'v2': lambda alpha, classes: v2(alpha, classes),
    'v3-small': lambda alpha, classes: v3(SMALL, 1024, alpha, classes),
    'v3-large': lambda alpha, classes: v3(LARGE, 1280, alpha, classes),
}


def make(architecture, alpha=1.0, classes=100):
    return NETWORKS[architecture](alpha, classes).to(memory_format=torch.channels_last)
