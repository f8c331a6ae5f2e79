"""Training steps of the 2-D U-Net in PyTorch eager with Adam's defaults: what bench/step.cpp does.

    python bench/unet.py PRECISION LAYOUT THREADS

Prints "ready", then answers each line "N" on its standard input with
"<seconds a step> <loss of the last step>". Weights and data are those of bench/bench_training.h.
"""

import sys
import time

import torch
from torch import nn


class ConvNormAct(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
                         nn.ReLU(inplace=True))


class Double(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(ConvNormAct(inputs, outputs), ConvNormAct(outputs, outputs))


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
            x = torch.cat([skips[level], getattr(self, f"up{level}")(x)], 1)
            x = getattr(self, f"decoder{level}")(x)
        return self.head(x)


def waves(stream, shape):
    count = torch.Size(shape).numel()
    positions = torch.arange(count, dtype=torch.float64)
    return torch.sin(positions * 12.9898 + stream * 78.233).float().view(shape)


def fill(network):
    stream = 0
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
            if parameter.dim() == 4:
                stream += 1
                fan_in = parameter.numel() // parameter.shape[0]
                parameter.copy_(waves(stream, parameter.shape) * (6 / fan_in) ** 0.5)


def main():
    precision, layout, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    network = UNet(3, 1, 32)
    fill(network)
    network = network.to(memory_format=memory_format).train()
    images = waves(1000, (2, 3, 256, 256)).to(memory_format=memory_format)
    labels = (waves(2000, (2, 256, 256)) > 0.5).float()[:, None]
    optimizer = torch.optim.Adam(network.parameters())

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(images)
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        print(f"{(time.perf_counter() - start) / steps:.6f} {loss:.6f}", flush=True)


if __name__ == "__main__":
    main()
