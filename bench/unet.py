"""Training steps of the 2-D U-Net in PyTorch eager with Adam's defaults: what bench/step.cpp does.

    python bench/unet.py PRECISION LAYOUT THREADS

Prints "ready", then answers each line "N" on its standard input with "<seconds a step> <loss of the
last step>". Weights and data are those of bench/bench_training.h; the network is in tests/golden,
which bench/common.sh puts in the path.
"""

import sys
import time

import torch
from torch import nn

from pytorch_unet import UNet


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
