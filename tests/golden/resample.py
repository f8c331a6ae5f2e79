"""Numbers for tests/datasets/resample_test.cpp: scipy.ndimage.map_coordinates (cubic B-splines, edges going on) on a
small volume. Writes resample.json beside this file."""
import json
import pathlib

import numpy as np
from scipy import ndimage


def coordinates(size, step):
    made = max(1, round(size / step))
    return (size - 1 - (made - 1) * step) / 2 + np.arange(made) * step


def main():
    shape, cases = (5, 9, 8), []
    z, y, x = np.mgrid[: shape[0], : shape[1], : shape[2]]
    volume = np.round(400 * np.sin(0.9 * x + 0.3 * z) * np.cos(0.7 * y) + 5 * ((7 * x + 11 * y + 3 * z) % 13))
    for spacing, wanted in [((2, 1.5, 1), (1.25, 1.1, 1.3)), ((1, 1, 1), (0.8, 0.7, 1.9))]:
        axes = [coordinates(n, w / s) for n, s, w in zip(shape, spacing, wanted)]
        grid = np.meshgrid(*axes, indexing="ij")
        made = ndimage.map_coordinates(volume, grid, order=3, mode="nearest")
        made = np.clip(made, volume.min(), volume.max())
        cases.append({"spacing": spacing, "wanted": wanted, "shape": made.shape,
                      "values": [round(float(v), 4) for v in made.ravel()]})
    content = {"shape": shape, "volume": [int(v) for v in volume.ravel()], "cases": cases}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(content) + "\n")


main()
