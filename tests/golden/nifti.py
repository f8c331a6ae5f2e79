"""Files and numbers for tests/datasets/nifti_golden_test.cpp: small NIfTI files written by nibabel, oblique, scaled, with
channels, and what nibabel reads out of them. Writes nifti/*.nii.gz and nifti/expected.json beside this file."""
import json
import pathlib

import nibabel
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "nifti"


def oblique_affine():
    a, b = np.deg2rad(20), np.deg2rad(30)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag([-1.2, 0.9, 4.0])
    affine[:3, 3] = [-87.5, 12.25, 3.5]
    return affine


def images():
    voxels = (np.arange(5 * 4 * 3).reshape(5, 4, 3) * 37 % 1009).astype(np.int16)
    both = nibabel.Nifti1Image(voxels, oblique_affine())
    both.set_qform(oblique_affine(), code=1)
    yield "oblique", both
    only_qform = nibabel.Nifti1Image(voxels, None)
    only_qform.set_qform(oblique_affine(), code=1)
    yield "qform", only_qform
    scaled = nibabel.Nifti1Image(voxels.astype(np.float64) / 8 - 3, oblique_affine())
    scaled.set_data_dtype(np.int16)
    yield "scaled", scaled
    yield "channels", nibabel.Nifti1Image(np.stack([voxels, voxels[::-1]], 3).astype(np.float32) / 3, oblique_affine())


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, image in images():
        path = FOLDER / f"{name}.nii.gz"
        nibabel.save(image, path)
        read = nibabel.load(path)
        values = np.asarray(read.dataobj)
        expected[name] = {"affine": np.float32(read.affine[:3]).astype(float).ravel().tolist(),
                          "zooms": [float(z) for z in read.header.get_zooms()[:3]],
                          "shape": values.shape[::-1],
                          "values": [float(np.float32(v)) for v in values.T.ravel()]}  # [c, z, y, x]
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")


main()
