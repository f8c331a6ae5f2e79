"""Training steps of the networks of label maps in PyTorch eager: what bench/zoo.cpp does.

    python bench/zoo.py NETWORK PRECISION LAYOUT THREADS IN SIDE...

See answers.answer(); what a step gives is its loss. The networks are those of tests/golden, which bench/common.sh puts in the path, with their keys;
weights and data are those of bench/zoo.cpp.
"""

import sys

import torch
from torch import nn

from answers import answer, fill_kernels, noise, training_step
from reference_networks import reference_network

MAPS = 4


def fill(network):
    fill_kernels(network, lambda _, inputs: (2 / inputs) ** 0.5)
    for module in network.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d, nn.Dropout3d)):
            module.p = 0.0


def main():
    name, precision, layout, threads, channels, *sides = sys.argv[1:]
    torch.set_num_threads(int(threads))
    channels, sides = int(channels), [int(side) for side in sides]
    network = reference_network(name, channels, MAPS).train()
    fill(network)
    count = 1 if len(sides) == 3 else 2
    images = noise(1000, (count, channels, *sides))
    if layout == "channels_last":
        formats = {4: torch.channels_last, 5: torch.channels_last_3d}
        images = images.to(memory_format=formats[images.dim()])
        for parameter in network.parameters():
            if parameter.dim() in formats:
                parameter.data = parameter.data.to(memory_format=formats[parameter.dim()])
    labels = ((noise(2000, (count, *sides)) + 1) * 2).long().clamp(0, MAPS - 1)
    margin = getattr(network, "margin", 0)
    labels = labels[(slice(None), *[slice(margin, -margin or None)] * len(sides))]
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, momentum=0.9)

    def loss_of_step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(images)
        if isinstance(logits, dict):
            logits = logits["out"]
        loss = nn.functional.cross_entropy(logits.float(), labels)
        for auxiliary in getattr(network, "auxiliary", []):
            loss = loss + nn.functional.cross_entropy(auxiliary.float(), labels) / 3
        return loss

    answer(training_step(optimizer, loss_of_step))


if __name__ == "__main__":
    main()
