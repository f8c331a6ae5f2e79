"""The PyTorch script that bench/first_step.sh compares with: h5py data set, DataLoader, U-Net, Adam,
one training step.

    python bench/first_step.py DATA.h5

What a user writes, with nothing that could be left out; the network of tests/golden/pytorch_unet.py.
"""

import sys

import h5py
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from pytorch_unet import UNet


class Slices(Dataset):
    def __init__(self, path):
        self.file = h5py.File(path)
        self.names = [row["name"].decode() for row in self.file["index/samples"][:]]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        sample = self.file["samples"][self.names[i]]
        image = torch.from_numpy(sample["image"][:]).float()
        return (image - image.mean()) / image.std(), torch.from_numpy(sample["labels"][:]).long()


def main():
    loader = DataLoader(Slices(sys.argv[1]), batch_size=8, shuffle=True)
    network = UNet(1, 4, 8, 4)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        print(f"step 1/{len(loader)} loss {loss.item():.4f}", flush=True)
        break


main()
