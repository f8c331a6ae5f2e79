"""operators.py: torchvision's RoIAlign and NMS, timed when asked, with the boxes of bench_operators and two threads."""
import sys
import time

import torch
import torchvision

SECONDS = 0.5


def milliseconds_of(run, warm):
    if warm:
        run()
    start, runs = time.perf_counter(), 0
    while True:
        run()
        runs += 1
        seconds = time.perf_counter() - start
        if seconds >= SECONDS:
            return seconds * 1000 / runs


def random_boxes(count, side, smallest, largest):
    torch.manual_seed(0)
    values = torch.rand(count, 4)
    low = values[:, :2] * side
    return torch.cat([low, low + values[:, 2:] * (largest - smallest) + smallest], 1).clamp(0, side)


def roi_align_milliseconds(count, dtype, warm):
    boxes = random_boxes(count, 256, 16, 112)
    rois = torch.cat([torch.arange(count, dtype=torch.float32)[:, None] % 2, boxes], 1).to(dtype)
    features = torch.randn(2, 256, 64, 64).to(dtype).requires_grad_()
    gradient = torch.randn(count, 256, 7, 7).to(dtype)

    def run():
        features.grad = None
        torchvision.ops.roi_align(features, rois, 7, 0.25, 2).backward(gradient)

    return milliseconds_of(run, warm)


def nms_milliseconds(count, warm):
    boxes, scores = random_boxes(count, 1000, 10, 110), torch.rand(count)
    return milliseconds_of(lambda: torchvision.ops.nms(boxes, scores, 0.7), warm)


def main():
    torch.set_num_threads(2)
    seen = set()
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        warm = line not in seen
        seen.add(line)
        if words[0] == "nms":
            value = nms_milliseconds(int(words[1]), warm)
        else:
            value = roi_align_milliseconds(int(words[1]), getattr(torch, words[2]), warm)
        print(f"{value:.3f}", flush=True)


main()
