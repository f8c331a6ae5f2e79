"""Writes augmentation.json: what scikit-image, SciPy and torchvision make of a small image.

Run with a Python that has numpy, scipy, scikit-image, torch and torchvision:
python tests/golden/augmentation.py
The image comes from a linear congruential generator that tests/datasets/augmentation_golden_test.cpp
repeats, so that only the results are stored.
"""

import json
import pathlib

import numpy as np
import torch
from scipy import ndimage
from skimage import exposure, transform
from torchvision.transforms.v2 import functional

from mmix_generator import Generator

HEIGHT, WIDTH, DEPTH = 24, 32, 5


def noise(shape, seed):
    """Multiples of 1/1024 in [0, 1): exact in single precision."""
    generator = Generator(seed)
    return np.array([generator.below(1024) / 1024 for _ in range(int(np.prod(shape)))]).reshape(shape)


def blocks(shape):
    """Labels 0...3 in blocks."""
    index = np.indices(shape)
    return (index[-2] // 5 + index[-1] // 7 + (index[0] if len(shape) == 3 else 0)) % 4


def rotation_in_space(degrees, first, second):
    """3 x 3; the plane of two axes of z, y, x."""
    angle = np.deg2rad(degrees)
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = np.sin(angle), -np.sin(angle)
    return matrix


def rotated_volume(volume, spacing, degrees, row_tilt, column_tilt, order, outside):
    scale = np.diag(spacing)
    matrix = (rotation_in_space(degrees, 1, 2) @ rotation_in_space(row_tilt, 0, 2)
              @ rotation_in_space(column_tilt, 0, 1))
    matrix = np.linalg.inv(scale) @ matrix @ scale
    centre = (np.array(volume.shape) - 1) / 2
    return ndimage.affine_transform(volume, matrix, centre - matrix @ centre, order=order,
                                    mode="grid-constant", cval=outside)


def numbers(array):
    return [round(float(value), 6) for value in np.asarray(array).ravel()]


def codes(labels):
    return [int(value) for value in np.rint(labels).ravel()]


def main():
    image, labels = noise((HEIGHT, WIDTH), 1), blocks((HEIGHT, WIDTH))
    colour = torch.tensor(noise((3, HEIGHT, WIDTH), 2), dtype=torch.float32)
    volume, volume_labels = noise((DEPTH, HEIGHT, WIDTH), 3), blocks((DEPTH, HEIGHT, WIDTH))
    single = torch.tensor(image, dtype=torch.float32)[None]
    spacing = (3.0, 1.0, 1.0)
    bright = image * 0.5 + 0.25  # sharpening stays within [0, 1] nearly everywhere
    golden = {
        "rotate_30": numbers(transform.rotate(image, 30, order=1, mode="constant", cval=0)),
        "rotate_30_labels": codes(transform.rotate(labels.astype(float), 30, order=0, mode="constant",
                                                   cval=-1)),
        "rotate_volume": numbers(rotated_volume(volume, spacing, 30, 8, -5, 1, 0)),
        "rotate_volume_labels": codes(rotated_volume(volume_labels.astype(float), spacing, 30, 8, -5, 0,
                                                     -1)),
        "gamma": numbers(exposure.adjust_gamma((image - image.min()) / np.ptp(image), 1.7)
                         * np.ptp(image) + image.min()),
        "equalize": numbers(exposure.equalize_hist(image, nbins=256) * np.ptp(image) + image.min()),
        "blur": numbers(ndimage.gaussian_filter(image, 1.3, mode="mirror", truncate=4)),
        "saturation": numbers(functional.adjust_saturation(colour * 0.5 + 0.25, 1.6)),
        "sharpness": numbers(functional.adjust_sharpness(torch.tensor(bright, dtype=torch.float32)[None],
                                                         1.8)),
        "contrast": numbers(functional.adjust_contrast(single * 0.5 + 0.25, 1.4)),
    }
    path = pathlib.Path(__file__).with_name("augmentation.json")
    path.write_text("{\n" + ",\n".join(f'"{key}": {json.dumps(value, separators=(",", ":"))}'
                                       for key, value in golden.items()) + "\n}\n")


main()
