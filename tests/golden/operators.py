"""Numbers of the operators of detection, from torchvision.

    python tests/golden/operators.py        # writes operators.json beside itself

Boxes, features, masks and scores are a function of (stream, position) in 32-bit integers, which
tests/models/golden_numbers.h repeats. Results of RoIAlign and of pasting are held by every 7th value and by
their products with 4 vectors of signs; those of NMS, box coding and IoU whole.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision
from torchvision.models.detection import _utils as detection
from torchvision.models.detection.roi_heads import paste_masks_in_image

from counter_numbers import bits, integers, uniform

FOLDER = pathlib.Path(__file__).parent
SIGNS = 1000
FEATURES, BOXES, GRADIENT, SCORES, GROUPS, MASKS, DELTAS = 11, 12, 13, 14, 15, 16, 17
# Outside, touching an edge, of no area, of no width, inside out, larger than the map, far larger, less than a pixel.
ODD_BOXES = [[-40, -40, -20, -20], [100, 90, 128, 96], [30, 30, 30, 30], [50, 10, 50, 70], [60, 60, 20, 30],
             [-50, -30, 200, 180], [-900, -700, 1200, 1000], [33.3, 21.7, 33.5, 21.9], [127.9, 95.9, 180, 130],
             [0, 0, 128, 96], [-4, -4, 8, 8]]


def products(values):
    flat = values.detach().double().flatten()
    signs = bits(SIGNS, flat.numel())
    return [float(flat @ torch.from_numpy(1.0 - 2.0 * ((signs >> np.uint32(8 + k)) & np.uint32(1)).astype(np.float64)))
            for k in range(4)]


def short(values):
    return [float(f"{value:.9g}") for value in values.detach().flatten().tolist()]


def held(values):
    return {"shape": list(values.shape), "values": short(values.flatten()[::7]), "products": products(values)}


def boxes_in(stream, count, width, height, size):
    """Corners anywhere in the image, sides up to `size`."""
    values = uniform(stream, (count, 4)) * np.float32(0.5) + np.float32(0.5)
    x, y = values[:, 0] * width, values[:, 1] * height
    return torch.stack([x, y, x + values[:, 2] * size, y + values[:, 3] * size], 1)


def roi_align_cases():
    for aligned in (False, True):
        for sampling_ratio, height, width, scale in ((2, 7, 7, 0.25), (0, 7, 7, 0.25), (1, 3, 5, 0.5), (3, 2, 2, 0.125),
                                                     (0, 2, 3, 1.0)):
            features = uniform(FEATURES, (2, 19, 24, 32)).requires_grad_()
            boxes = torch.cat([boxes_in(BOXES, 9, 128, 96, 60), torch.tensor(ODD_BOXES, dtype=torch.float32)])
            images = torch.arange(len(boxes), dtype=torch.float32)[:, None] % 2
            pooled = torchvision.ops.roi_align(features, torch.cat([images, boxes], 1), (height, width), scale,
                                               sampling_ratio, aligned)
            pooled.backward(uniform(GRADIENT, tuple(pooled.shape)))
            yield {"aligned": aligned, "sampling_ratio": sampling_ratio, "height": height, "width": width,
                   "scale": scale, "pooled": held(pooled[:, ::6]), "pooled_products": products(pooled),
                   "gradient": held(features.grad[:, ::6]), "gradient_products": products(features.grad)}


def nms_boxes(count, size):
    """Some on whole pixels, so that ratios meet thresholds; some twice, some of no area, some inside out."""
    boxes = boxes_in(BOXES + 100, count, 200, 150, size)
    boxes[::3] = boxes[::3].floor()
    boxes[5::11] = boxes[::11][: len(boxes[5::11])]
    boxes[7::13, 2] = boxes[7::13, 0]
    boxes[9::17] = boxes[9::17][:, [2, 3, 0, 1]]
    return boxes


def nms_cases():
    for count, size, levels in ((0, 10, 50), (1, 10, 50), (63, 80, 20), (500, 60, 40), (1500, 120, 100000), (1500, 12, 100000)):
        boxes = nms_boxes(count, size)
        scores = integers(SCORES, (count,), levels).float() / levels
        groups = integers(GROUPS, (count,), 5)
        for threshold in (0.0, 0.3, 0.5, 0.7, 1.0):
            kept = torchvision.ops.nms(boxes, scores, threshold)
            in_groups = torchvision.ops.boxes._batched_nms_vanilla(boxes, scores, groups, threshold)
            # Equal scores: its order of groups is not by index.
            in_groups = torch.tensor(sorted(in_groups.tolist(), key=lambda i: (-float(scores[i]), i)), dtype=torch.int64)
            yield {"count": count, "size": size, "levels": levels, "threshold": threshold,
                   "kept": kept.tolist() if len(kept) <= 200 else None, "kept_count": len(kept),
                   "kept_sum": int((kept * (torch.arange(len(kept)) + 1)).sum()),
                   "in_groups_count": len(in_groups),
                   "in_groups_sum": int((in_groups * (torch.arange(len(in_groups)) + 1)).sum())}


def box_cases():
    anchors, boxes = boxes_in(BOXES, 20, 128, 96, 60), boxes_in(BOXES + 1, 20, 128, 96, 60)
    deltas = uniform(DELTAS, (20, 12)) * 6
    coder = detection.BoxCoder((10.0, 10.0, 5.0, 5.0))
    narrow = detection.BoxCoder((1.0, 1.0, 1.0, 1.0))
    decoded = narrow.decode_single(deltas, anchors)
    return {"encoded": short(coder.encode_single(boxes, anchors)), "decoded": short(coder.decode_single(deltas, anchors)),
            "decoded_narrow": short(decoded), "clipped": short(torchvision.ops.clip_boxes_to_image(decoded.reshape(-1, 4), (96, 128))),
            "area": short(torchvision.ops.box_area(boxes)), "iou": short(torchvision.ops.box_iou(anchors, boxes))}


def paste_cases():
    for size, side in ((28, 40), (14, 300), (5, 3)):
        boxes = boxes_in(BOXES, 6, 128, 96, side)
        boxes[1, :2] -= 100
        boxes[2, 2:] = boxes[2, :2]
        masks = uniform(MASKS, (6, size, size)) * np.float32(0.5) + np.float32(0.5)
        yield {"size": size, "side": side, "pasted": products(paste_masks_in_image(masks[:, None], boxes, (96, 128))[:, 0]),
               "values": short(paste_masks_in_image(masks[:, None], boxes, (96, 128))[:, 0, ::5, ::7][:3])}


def main():
    torch.set_num_threads(1)
    numbers = {"torchvision": torchvision.__version__, "roi_align": list(roi_align_cases()), "nms": list(nms_cases()),
               "boxes": box_cases(), "paste": list(paste_cases())}
    (FOLDER / "operators.json").write_text(json.dumps(numbers, separators=(",", ":")).replace("},{", "},\n{") + "\n")


main()
