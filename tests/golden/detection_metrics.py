"""Writes detection_metrics.json: what pycocotools (2.0.11) says of made-up detections of real objects,
and what small functions of its own say of made-up boxes, for the numbers of the Heart system and of the
RSNA challenge.

    ~/.cache/medsweep/peers/bin/python tests/golden/detection_metrics.py [FOLDER WITH coco_tiny]

Detections come from a linear congruential generator that tests/runner/metrics/detection_golden.h
repeats, so that only the numbers are stored. Coordinates are eighths of pixels and scores 64ths: both
languages compute with the same numbers, and scores are often equal.
"""
import contextlib
import io
import json
import pathlib
import sys

import numpy as np
from pycocotools import mask as api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmix_generator import Generator

HERE = pathlib.Path(__file__).resolve().parent


def around(generator, reach):
    return generator.below(2 * reach + 1) - reach


def shifted(mask, dx, dy):
    height, width = mask.shape
    moved = np.zeros_like(mask)
    ys, xs = np.nonzero(mask)
    ys, xs = ys + dy, xs + dx
    inside = (ys >= 0) & (ys < height) & (xs >= 0) & (xs < width)
    moved[ys[inside], xs[inside]] = 1
    return moved


def near(item, classes, reach_share, generator):
    """A detection beside an object: its label mostly right, its mask and box moved."""
    x, y, w, h = item["box"]
    dx, dy = around(generator, w // reach_share), around(generator, h // reach_share)
    label = item["label"] if generator.below(8) > 0 else 1 + generator.below(classes)
    score = (1 + generator.below(63)) / 64
    steps = [1 + w // 16, 1 + h // 16, 1 + w // 16, 1 + h // 16]
    x1, y1, x2, y2 = [edge + around(generator, 8) * step / 8 * (generator.below(4) > 0)
                      for edge, step in zip([x + dx, y + dy, x + dx + w, y + dy + h], steps)]
    return {"label": label, "score": score, "mask": shifted(item["mask"], dx, dy),
            "box": [x1, y1, max(x2, x1 + 0.125), max(y2, y1 + 0.125)]}


def anywhere(items, classes, size, generator):
    height, width = size
    left, top = generator.below(width), generator.below(height)
    right = min(left + 1 + generator.below(width // 3), width)
    bottom = min(top + 1 + generator.below(height // 3), height)
    label = items[generator.below(len(items))]["label"] if items else 1 + generator.below(classes)
    mask = np.zeros(size, np.uint8)
    mask[top:bottom, left:right] = 1
    return {"label": label, "score": (1 + generator.below(63)) / 64, "mask": mask,
            "box": [left, top, right, bottom]}


def detections_of(items, classes, size, image_id, crowded):
    generator = Generator(image_id)
    found = []
    for item in items:
        for _ in range(generator.below(4)):
            found.append(near(item, classes, 8, generator))
    for _ in range(generator.below(4)):
        found.append(anywhere(items, classes, size, generator))
    for _ in range(130 if crowded else 0):
        found.append(near(items[0], 1, 3, generator))
    return found


def runs_of(mask):
    runs = api.encode(np.asfortranarray(mask))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


CROWDED = 3  # the image, in the order of ids, with more than 100 detections of a class


def made_up(folder):
    """(ground truth with the masks' areas, detections) in COCO's format."""
    coco = COCO(folder / "coco_tiny" / "instances_train2017.json")
    categories = sorted(coco.getCatIds())
    truth, found = [], []
    for number, image_id in enumerate(sorted(coco.getImgIds())):
        image = coco.imgs[image_id]
        items = []
        for annotation in coco.imgToAnns[image_id]:
            mask = coco.annToMask(annotation)
            runs = runs_of(mask)
            box = [int(v) for v in api.toBbox(runs)]
            label = categories.index(annotation["category_id"]) + 1
            items.append({"label": label, "mask": mask, "box": box})
            truth.append({"id": len(truth) + 1, "image_id": image_id, "category_id": label, "segmentation": runs,
                          "bbox": box, "area": int(api.area(runs)), "iscrowd": annotation["iscrowd"]})
        for one in detections_of(items, len(categories), (image["height"], image["width"]), image_id,
                                 number == CROWDED):
            x1, y1, x2, y2 = one["box"]
            found.append({"image_id": image_id, "category_id": one["label"], "score": one["score"],
                          "bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": runs_of(one["mask"])})
    images = [{key: image[key] for key in ("id", "height", "width")} for image in coco.imgs.values()]
    return {"images": images, "annotations": truth,
            "categories": [{"id": i + 1, "name": str(i)} for i in range(len(categories))]}, found


def number_of(values):
    values = values[values > -1]
    return float(np.mean(values)) if values.size else None


def evaluate(truth, found, kind):
    """metric -> {"all": the mean, "classes": [per class]}."""
    coco = COCO()
    coco.dataset = json.loads(json.dumps(truth))
    coco.createIndex()
    keys = ("image_id", "category_id", "score", {"bbox": "bbox", "segm": "segmentation"}[kind])
    run = COCOeval(coco, coco.loadRes([{key: one[key] for key in keys} for one in found]), kind)
    run.evaluate()
    run.accumulate()
    run.summarize()
    precision, recall = run.eval["precision"][..., 2], run.eval["recall"][..., 2]  # [T, R, K, A], [T, K, A]
    name = {"bbox": "box", "segm": "mask"}[kind]
    readings = {"ap": precision[:, :, :, 0], "ap50": precision[:1, :, :, 0], "ap75": precision[5:6, :, :, 0],
                "ap_small": precision[:, :, :, 1], "ap_medium": precision[:, :, :, 2],
                "ap_large": precision[:, :, :, 3], "recall": recall[:, None, :, 0]}
    places = {"ap": 0, "ap50": 1, "ap75": 2, "ap_small": 3, "ap_medium": 4, "ap_large": 5, "recall": 8}
    return {f"{name}_{reading}": {"all": float(run.stats[places[reading]]),
                                  "classes": [number_of(values[:, :, k]) for k in range(values.shape[2])]}
            for reading, values in readings.items()}


def coco_numbers(folder):
    truth, found = made_up(folder)
    with_masks = evaluate(truth, found, "segm") | evaluate(truth, found, "bbox")
    for annotation in truth["annotations"]:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    return {"images": len(truth["images"]), "objects": len(truth["annotations"]), "detections": len(found),
            "with_masks": with_masks, "boxes_only": evaluate(truth, found, "bbox")}


def random_box(generator):
    x, y = generator.below(800) / 8, generator.below(800) / 8
    return [x, y, x + 1 + generator.below(240) / 8, y + 1 + generator.below(240) / 8]


def moved_box(box, generator):
    return [edge + around(generator, 24) / 8 for edge in box]


def made_up_boxes(seed):
    """One image: (objects, detections as (score, box))."""
    generator = Generator(seed)
    objects = [random_box(generator) for _ in range(generator.below(4))]
    found = []
    for _ in range(generator.below(6)):
        box = moved_box(objects[generator.below(len(objects))], generator) if objects and generator.below(4) > 0 \
            else random_box(generator)
        found.append((generator.below(64) / 64, box))
    return objects, found


def heart_iou(a, b):
    """Boxes that end at their last pixel."""
    a, b = [[*box[:2], box[2] - 1, box[3] - 1] for box in (a, b)]
    sides = [max(0, min(a[2], b[2]) - max(a[0], b[0])), max(0, min(a[3], b[3]) - max(a[1], b[1]))]
    inner = sides[0] * sides[1]
    area = sum(max(0, box[2] - box[0]) * max(0, box[3] - box[1]) for box in (a, b))
    return inner / (area - inner + 1e-6)


def heart_numbers(images, thresholds):
    overlaps, precisions = [], []
    for objects, found in images:
        kept = sorted((one for one in found if one[0] > 0.05), key=lambda one: -one[0])
        matrix = [[heart_iou(box, one) for one in objects] for _, box in kept]
        overlaps += [max(row, default=0) for row in matrix] or [0] * (1 + len(thresholds))
        if not kept:
            continue
        for threshold in thresholds:
            used, hits = set(), []
            for row in matrix:
                best = int(np.argmax(row)) if row else -1
                hits.append(best >= 0 and row[best] >= threshold and best not in used)
                used |= {best} if hits[-1] else set()
            right, wrong = np.cumsum(hits), np.cumsum(np.logical_not(hits))
            precision = np.concatenate([[0], right / (right + wrong + 1e-6), [0]])
            recall = np.concatenate([[0], right / (len(objects) + 1e-6), [1]])
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            changes = np.nonzero(recall[1:] != recall[:-1])[0]
            precisions.append(np.sum((recall[changes + 1] - recall[changes]) * envelope[changes + 1]))
    return {"heart_box_iou": float(np.mean(overlaps)), "heart_box_map": float(np.mean(precisions))}


def plain_iou(a, b):
    sides = [max(0, min(a[2], b[2]) - max(a[0], b[0])), max(0, min(a[3], b[3]) - max(a[1], b[1]))]
    inner = sides[0] * sides[1]
    return inner / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - inner)


def rsna_of(objects, found):
    kept = [box for score, box in sorted(found, key=lambda one: -one[0]) if score >= 0.5]
    if not objects:
        return 0.0 if kept else None
    scores = []
    for hundredths in range(40, 80, 5):
        free, hits = list(range(len(objects))), 0
        for box in kept:
            met = [(plain_iou(box, objects[i]), -i) for i in free if plain_iou(box, objects[i]) > hundredths / 100]
            if met:
                free.remove(-max(met)[1])
                hits += 1
        scores.append(hits / (len(kept) + len(free)))
    return float(np.mean(scores))


def box_numbers():
    images = [made_up_boxes(seed) for seed in range(200)]
    return {"images": len(images),
            "0.1": heart_numbers(images, np.arange(0.5, 1.0, 0.1)),
            "0.05": heart_numbers(images, np.arange(0.5, 1.0, 0.05)),
            "rsna_score": [rsna_of(*image) for image in images]}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / ".." / "shared" / "data"
    with contextlib.redirect_stdout(io.StringIO()):
        numbers = {"coco": coco_numbers(folder), "boxes": box_numbers()}
    (HERE / "detection_metrics.json").write_text(json.dumps(numbers, separators=(",", ":")) + "\n")


main()
