"""The usual 2-D U-Net in PyTorch, with the keys that Medsweep uses: what golden numbers and benches
compare with."""

import torch
from torch import nn


class ConvNormAct(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.normalization = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return torch.relu_(self.normalization(self.convolution(x)))


class Double(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = ConvNormAct(inputs, outputs)
        self.second = ConvNormAct(outputs, outputs)

    def forward(self, x):
        return self.second(self.first(x))


class UNet(nn.Module):
    def __init__(self, inputs, outputs, width, depth=5):
        super().__init__()
        self.depth = depth
        for level in range(depth):
            self.add_module(f"encoder{level}", Double(inputs, width << level))
            inputs = width << level
        for level in reversed(range(depth - 1)):
            self.add_module(f"up{level}", nn.ConvTranspose2d(width << (level + 1), width << level, 2, 2))
            self.add_module(f"decoder{level}", Double(width << (level + 1), width << level))
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x):
        skips = []
        for level in range(self.depth):
            x = getattr(self, f"encoder{level}")(x if level == 0 else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        for level in reversed(range(self.depth - 1)):
            up = getattr(self, f"up{level}")(x)
            x = getattr(self, f"decoder{level}")(torch.cat([skips[level], up], 1))
        return self.head(x)
