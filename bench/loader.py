"""loader.py FILE: samples a second of h5py and torch's DataLoader with two workers on a Medsweep file.

The same work as bench_loader's `slices`: a batch of eight float32 images and int64 labels.
"""
import sys
import time

import h5py
import torch


class Slices(torch.utils.data.Dataset):
    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path) as file:
            self.names = [name.decode() for name in file["index/samples"]["name"]]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        if self.file is None:  # one handle a worker
            self.file = h5py.File(self.path)
        sample = self.file["samples"][self.names[index]]
        image = torch.from_numpy(sample["image"][:].astype("float32"))
        labels = torch.from_numpy(sample["labels"][:].astype("int64"))
        return image, labels


def main():
    loader = torch.utils.data.DataLoader(Slices(sys.argv[1]), batch_size=8, shuffle=True, num_workers=2,
                                         persistent_workers=True)
    for _ in loader:  # the first epoch starts the workers
        pass
    start, samples = time.perf_counter(), 0
    for _ in range(3):
        for images, _ in loader:
            samples += len(images)
    print(f"{samples / (time.perf_counter() - start):.1f}")


main()
