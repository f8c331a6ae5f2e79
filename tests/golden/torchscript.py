"""Small scripted networks and what one gives: torchscript.pt (2 to 3 channels), torchscript_vessels.pt
(3 to 1), torchscript.json.

    python tests/golden/torchscript.py
"""

import json
import pathlib

import torch
from torch import nn

from counter_numbers import integers, uniform

FOLDER = pathlib.Path(__file__).parent
IMAGES, LABELS = 1, 2
STEPS, RATE = 3, 0.1


class Small(nn.Module):
    """With a parameter and a buffer of its own, which no layer has."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(inputs, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Conv2d(4, outputs, 1)
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("shift", torch.full((1,), 0.5))

    def forward(self, images):
        if self.training:
            return self.head(self.block(images)) * self.scale + self.shift
        return (self.head(self.block(images)) * self.scale + self.shift) * 1.0


def main():
    torch.manual_seed(0)
    torch.jit.script(Small(3, 1)).save(str(FOLDER / "torchscript_vessels.pt"))
    network = Small(2, 3)
    torch.jit.script(network).save(str(FOLDER / "torchscript.pt"))
    images, labels = uniform(IMAGES, (2, 2, 16, 32)), integers(LABELS, (2, 16, 32), 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    losses = []
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    network.eval()
    logits = network(images).detach().flatten()
    numbers = {"torch": torch.__version__, "losses": losses, "logits": logits[::31].tolist(),
               "keys": sorted(network.state_dict())}
    (FOLDER / "torchscript.json").write_text(json.dumps(numbers, separators=(",", ":")) + "\n")


main()
