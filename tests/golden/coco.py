"""Masks by pycocotools (2.0.11): polygons of every awkward kind, and run lengths, into coco.json.

    ~/.cache/medsweep/peers/bin/python tests/golden/coco.py [FOLDER WITH coco_tiny AND covid_cxr]

A mask is kept as its compressed run lengths, its area and its box; of real annotations the SHA-256 of
all masks' lines "id counts" is kept.
"""
import contextlib
import hashlib
import io
import json
import pathlib
import random
import sys

import numpy as np
from pycocotools import mask as api
from pycocotools.coco import COCO

random.seed(4)
numbers = np.random.default_rng(4)


def of_polygons(polygons, height, width):
    runs = api.merge(api.frPyObjects(polygons, height, width))
    return {"polygons": polygons, "height": height, "width": width, "counts": runs["counts"].decode(),
            "area": int(api.area(runs)), "box": [int(v) for v in api.toBbox(runs)]}


def random_polygon(height, width, corners, beyond):
    return [round(random.uniform(-beyond, size + beyond), random.choice([0, 1, 2, 2, 2, 6]))
            for _ in range(corners) for size in (width, height)]


polygons = [
    of_polygons([[1, 1, 1, 6, 8, 6, 8, 1]], 10, 12),                      # along the pixels
    of_polygons([[1.5, 1.5, 1.5, 6.5, 8.5, 6.5, 8.5, 1.5]], 10, 12),      # through their middles
    of_polygons([[0, 0, 0, 10, 12, 10, 12, 0]], 10, 12),                  # all of the image
    of_polygons([[-3, -4, -3, 20, 30, 20, 30, -4]], 10, 12),              # more than it
    of_polygons([[2, 2, 2, 2, 2, 2]], 10, 12),                            # nothing
    of_polygons([[2, 2, 9, 2, 5, 2]], 10, 12),                            # a line
    of_polygons([[3.1, 2, 3.1, 9, 3.1, 5]], 10, 12),                      # a line down
    of_polygons([[1, 1, 9, 9, 9, 1, 1, 9]], 10, 12),                      # crosses itself
    of_polygons([[1, 1, 9, 1, 9, 9, 1, 9, 1, 1, 9, 1, 9, 9, 1, 9]], 10, 12),  # twice around
    of_polygons([[20, 20, 30, 20, 30, 30]], 10, 12),                      # outside
    of_polygons([[-9, 2, -2, 2, -2, 8]], 10, 12),                         # left of it
    of_polygons([[5, 5, 5, 5, 9, 5, 9, 9, 9, 9]], 10, 12),                # doubled corners
    of_polygons([[0, 0, 1, 0, 1, 1, 0, 1]], 1, 1),
]
polygons += [of_polygons([random_polygon(height, width, random.randint(3, 12), beyond)
                          for _ in range(random.choice([1, 1, 2, 3]))], height, width)
             for height, width, beyond in [(17, 23, 0), (40, 31, 0), (31, 40, 7), (5, 60, 3), (60, 5, 3)]
             for _ in range(30)]

masks = []
for height, width, share in [(1, 1, .5), (7, 5, .5), (5, 7, 0), (5, 7, 1), (13, 29, .1), (64, 48, .9), (3, 4000, .01)]:
    mask = (numbers.random((height, width)) < share).astype(np.uint8)
    runs = api.encode(np.asfortranarray(mask))
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    ends = changes + [flat.size]
    uncompressed = np.diff([0] + ends).tolist()
    assert api.frPyObjects({"size": [height, width], "counts": uncompressed}, height, width)["counts"] == runs["counts"]
    masks.append({"height": height, "width": width, "counts": runs["counts"].decode(), "uncompressed": uncompressed,
                  "area": int(mask.sum()), "ones": np.flatnonzero(mask.flatten())[:40].tolist()})

root = pathlib.Path(__file__).resolve().parents[2]
data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "../shared/data"
real = []
for name in ["coco_tiny/instances_train2017.json", "covid_cxr/instances_lungs.json", "covid_cxr/instances_all.json"]:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(data / name)
    lines = [f"{entry['id']} {coco.annToRLE(entry)['counts'].decode()}\n" for entry in coco.dataset["annotations"]]
    real.append({"file": name, "annotations": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()})

target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps({"polygons": polygons, "masks": masks, "real": real}, separators=(",", ":")) + "\n")
print(target, target.stat().st_size)
