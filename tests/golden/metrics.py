"""Writes metrics.json: what MONAI, medpy and plain formulas say of random masks.

Run with a Python that has numpy, scipy, torch, monai and medpy:  python tests/golden/metrics.py
The masks come from a linear congruential generator that tests/runner/metrics_golden_test.cpp
repeats, so that only the numbers are stored.
"""

import json
import pathlib
import warnings

import numpy as np
import torch
from medpy.metric import binary
from monai.metrics import compute_hausdorff_distance
from scipy.stats import rankdata

from mmix_generator import Generator

warnings.filterwarnings("ignore")


def make_mask(kind, shape, generator):
    """shape: [D, H, W]"""
    mask = np.zeros(shape, bool)
    if kind == "full":
        mask[:] = True
    if kind == "voxel":
        mask[tuple(generator.below(size) for size in shape)] = True
    if kind in ("balls", "noise"):
        grid = np.indices(shape)
        for _ in range(3):
            center = [generator.below(size) for size in shape]
            radius = 1 + generator.below(max(shape) // 4)
            squared = sum((grid[axis] - center[axis]) ** 2 for axis in range(3))
            mask |= squared <= radius**2
    if kind == "noise":
        for voxel in np.ndindex(*shape):
            if generator.below(40) == 0:
                mask[voxel] = not mask[voxel]
    return mask


def make_valid(shape):
    """A disc in every plane, as a field of view."""
    grid = np.indices(shape)
    height, width = shape[1:]
    return (2 * grid[1] - height) ** 2 + (2 * grid[2] - width) ** 2 <= min(height, width) ** 2


def make_scores(truth, generator):
    """Multiples of 1/64 with many ties, exact in float32."""
    scores = np.zeros(truth.shape)
    for voxel in np.ndindex(*truth.shape):
        scores[voxel] = (generator.below(48) + 16 * truth[voxel]) / 64
    return scores


def ratio(numerator, denominator):
    return float(numerator) / float(denominator) if denominator else None


def overlap(prediction, truth, valid):
    hit = int((prediction & truth & valid).sum())
    invented = int((prediction & ~truth & valid).sum())
    missed = int((~prediction & truth & valid).sum())
    left = int((~prediction & ~truth & valid).sum())
    both_empty = hit + invented + missed == 0
    return {
        "counts": [hit, invented, missed, left],
        "dice": 1.0 if both_empty else ratio(2 * hit, 2 * hit + invented + missed),
        "iou": 1.0 if both_empty else ratio(hit, hit + invented + missed),
        "sensitivity": ratio(hit, hit + missed),
        "specificity": ratio(left, left + invented),
        "precision": ratio(hit, hit + invented),
        "accuracy": ratio(hit + left, hit + left + invented + missed),
        "voe": 0.0 if both_empty else 1 - ratio(hit, hit + invented + missed),
        "rvd": ratio(abs(invented - missed), hit + missed),
    }


def hd95(prediction, truth, spacing):
    masks = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (prediction, truth)]
    return compute_hausdorff_distance(
        *masks, include_background=True, percentile=95, spacing=spacing
    ).item()


def surfaces(prediction, truth, spacing):
    if not prediction.any() or not truth.any():
        return {"hd_mm": None, "hd95_mm": None, "hd95_pooled_mm": None, "assd_mm": None}
    return {
        "hd_mm": float(binary.hd(prediction, truth, spacing, 1)),
        "hd95_mm": hd95(prediction, truth, spacing),
        "hd95_pooled_mm": float(binary.hd95(prediction, truth, spacing, 1)),
        "assd_mm": float(binary.assd(prediction, truth, spacing, 1)),
    }


def auc(scores, truth, valid):
    positive, ranks = truth[valid], rankdata(scores[valid])
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return None
    return (ranks[positive].sum() - count * (count + 1) / 2) / (count * others)


def make_case(seed, shape, spacing, prediction_kind, truth_kind, field_of_view):
    generator = Generator(seed)
    prediction = make_mask(prediction_kind, shape, generator)
    truth = make_mask(truth_kind, shape, generator)
    valid = make_valid(shape) if field_of_view else np.ones(shape, bool)
    scores = make_scores(truth, generator)
    planar = shape[0] == 1
    seen = [(mask & valid)[0] if planar else mask & valid for mask in (prediction, truth)]
    expected = overlap(prediction, truth, valid)
    expected |= surfaces(*seen, spacing[1:] if planar else spacing)
    expected["auc"] = auc(scores, truth, valid)
    return {
        "seed": seed,
        "shape": shape,
        "spacing": spacing,
        "prediction": prediction_kind,
        "truth": truth_kind,
        "field_of_view": field_of_view,
        "expected": expected,
    }


def main():
    geometries = [
        ([1, 40, 48], [1.0, 1.0, 1.0]),
        ([1, 33, 21], [8.0, 1.5625, 0.7]),
        ([7, 24, 30], [10.0, 1.25, 1.25]),
        ([12, 15, 11], [1.0, 1.0, 1.0]),
        ([2, 19, 26], [0.3, 2.5, 1.1]),
    ]
    kinds = [
        ("balls", "balls"),
        ("noise", "balls"),
        ("noise", "noise"),
        ("voxel", "balls"),
        ("voxel", "voxel"),
        ("full", "balls"),
        ("empty", "balls"),
        ("balls", "empty"),
        ("empty", "empty"),
    ]
    cases = []
    for shape, spacing in geometries:
        for prediction_kind, truth_kind in kinds:
            for field_of_view in (False, True):
                seed = len(cases) + 1
                cases.append(
                    make_case(seed, shape, spacing, prediction_kind, truth_kind, field_of_view)
                )
    lines = ",\n".join(json.dumps(case) for case in cases)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
