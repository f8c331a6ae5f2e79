"""Training steps of the 2-D U-Net in PyTorch eager with Adam's defaults: what bench/step.cpp does.

    python bench/step.py PRECISION LAYOUT THREADS

See answers.answer(); what a step gives is its loss. Weights and data are those of
bench/bench_training.h; the network is in tests/golden, which bench/common.sh puts in the path.
"""

import sys

import torch
from torch import nn

from answers import answer, noise, training_step
from pytorch_unet import UNet


def fill(network):
    stream = 0
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
            if parameter.dim() == 4:
                stream += 1
                fan_in = parameter.numel() // parameter.shape[0]
                parameter.copy_(noise(stream, parameter.shape) * (6 / fan_in) ** 0.5)


def main():
    precision, layout, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    network = UNet(3, 1, 32)
    fill(network)
    network = network.to(memory_format=memory_format).train()
    images = noise(1000, (2, 3, 256, 256)).to(memory_format=memory_format)
    labels = (noise(2000, (2, 256, 256)) > 0.5).float()[:, None]
    optimizer = torch.optim.Adam(network.parameters())

    def loss_of_step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(images)
        return nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)

    answer(training_step(optimizer, loss_of_step))


if __name__ == "__main__":
    main()
