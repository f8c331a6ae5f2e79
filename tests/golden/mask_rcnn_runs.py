"""Losses of Mask R-CNN's first steps from random weights, from torchvision 0.26.

    python tests/golden/mask_rcnn_runs.py   # writes mask_rcnn_runs.json beside itself

Each run has its own seed: initial weights and sampling are torchvision's. The 16 images are functions of
their number (counter_numbers.py); tests/models/mask_rcnn/rcnn_runs_manual_test.cpp makes them too. A run is
recorded by the means of its losses over steps 81 to 100.
"""
import json
import multiprocessing
import pathlib

import numpy as np
import torch
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

from counter_numbers import bits, uniform
from mask_rcnn import CLASSES, ellipse, make

OBJECTS, NOISE = 30000, 31000
RUNS = 12
IMAGES, SIDE, BATCH = 16, 128, 2
STEPS, FIRST = 100, 80
RATE, WARM_UP = 0.005, 20


def sample(index):
    numbers = [int(n) for n in bits(OBJECTS + index, 16)]
    image = np.float32(0.3) + np.float32(0.1) * uniform(NOISE + index, (3, SIDE, SIDE))
    boxes, labels, masks = [], [], []
    for k in range(1 + numbers[0] % 3):
        w, h, x, y, label = numbers[1 + 5 * k:6 + 5 * k]
        w, h = 24 + w % 48, 24 + h % 48
        x, y, label = x % (SIDE - w), y % (SIDE - h), 1 + label % CLASSES
        boxes.append((x, y, x + w, y + h))
        labels.append(label)
        masks.append(ellipse(boxes[-1], SIDE, SIDE))
        image[label - 1] += np.float32(0.4) * masks[-1]
    return image, {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels),
                   "masks": torch.stack(masks)}


def run(seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = make("resnet18", channels=64, representation=256).train()
    model.rpn.fg_bg_sampler = BalancedPositiveNegativeSampler(256, 0.5)
    model.roi_heads.fg_bg_sampler = BalancedPositiveNegativeSampler(512, 0.25)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    samples = [sample(i) for i in range(IMAGES)]
    kept = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / WARM_UP)
        chosen = [samples[(BATCH * step + i) % IMAGES] for i in range(BATCH)]
        losses = model([image for image, _ in chosen], [target for _, target in chosen])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        if step >= FIRST:
            kept.append({k: v.item() for k, v in losses.items()})
    means = {key: float(f"{np.mean([losses[key] for losses in kept]):.6g}") for key in kept[0]}
    means["total"] = float(f"{sum(means.values()):.6g}")
    print(seed, means, flush=True)
    return means


def main():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        runs = pool.map(run, range(RUNS), chunksize=1)
    text = json.dumps(runs, separators=(",", ":")).replace("},", "},\n")
    (pathlib.Path(__file__).parent / "mask_rcnn_runs.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
