"""What bench/augmentation.sh compares with: the same list of augmentations in torchvision v2 or
MONAI, in a DataLoader with two workers.

    python bench/augmentation.py torchvision|monai SIZE CHANNELS BATCH

Prints "ready", then answers each line "N" on its standard input with the samples a second of N
batches, the workers started before.
"""

import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset

SAMPLES = 16


def torchvision_list():
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    bilinear = v2.InterpolationMode.BILINEAR
    change = v2.Compose([
        v2.RandomHorizontalFlip(1), v2.RandomVerticalFlip(1), v2.RandomRotation(45, bilinear),
        v2.ElasticTransform(alpha=100.0), v2.ColorJitter(brightness=0.3)])

    def apply(image, label):
        image, label = change(tv_tensors.Image(image), tv_tensors.Mask(label))
        return image.as_subclass(torch.Tensor), label.as_subclass(torch.Tensor)
    return apply


def monai_list():
    from monai import transforms

    keys, mode = ["image", "label"], ["bilinear", "nearest"]
    change = transforms.Compose([
        transforms.RandFlipd(keys, prob=1, spatial_axis=0),
        transforms.RandFlipd(keys, prob=1, spatial_axis=1),
        transforms.RandRotated(keys, range_x=0.785, prob=1, mode=mode, padding_mode="zeros"),
        transforms.Rand2DElasticd(keys, spacing=(64, 64), magnitude_range=(4, 8), prob=1, mode=mode,
                                  padding_mode="zeros"),
        transforms.RandScaleIntensityd(["image"], factors=0.3, prob=1)])

    def apply(image, label):
        out = change({"image": image, "label": label})
        return out["image"].as_tensor(), out["label"].as_tensor()
    return apply


class Samples(Dataset):
    def __init__(self, library, size, channels, length):
        self.change = torchvision_list() if library == "torchvision" else monai_list()
        self.images = [torch.rand(channels, size, size) for _ in range(SAMPLES)]
        self.labels = [torch.randint(0, 4, (1, size, size)).to(torch.uint8) for _ in range(SAMPLES)]
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return self.change(self.images[i % SAMPLES].clone(), self.labels[i % SAMPLES].clone())


def main():
    library, size, channels, batch = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    print("ready", flush=True)
    for line in sys.stdin:
        batches = int(line)
        loader = DataLoader(Samples(library, size, channels, (batches + 2) * batch), batch_size=batch,
                            num_workers=2)
        stream = iter(loader)
        for _ in range(2):  # both workers are there
            next(stream)
        start = time.perf_counter()
        for _ in range(batches):
            next(stream)
        print(f"{batches * batch / (time.perf_counter() - start):.2f}", flush=True)


main()
