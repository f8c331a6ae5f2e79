"""What nibabel, Pillow and h5py say of the real ACDC and DRIVE data, independent of our converters.

    python tests/golden/data_files.py DATA > tests/golden/data_files.json      make the numbers
    python tests/golden/data_files.py DATA --check acdc acdc.h5                compare a data file

The numbers are, per sample, its digest as datasets/FORMAT.md defines it, and the file's digest.
"""
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np


def shortest(value):
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def digest_of(sample):
    line = [sample["name"], sample["case"], sample["patient"], sample["group"], sample["source"],
            str(sample["slice"]), " ".join(shortest(mm) for mm in sample["spacing"])]
    digest = hashlib.sha256(("\t".join(line) + "\n").encode())
    if "affine" in sample:
        digest.update(f"affine {' '.join(shortest(value) for value in sample['affine'])}\n".encode())
    for name in ("image", "labels", "field_of_view"):
        if name in sample:
            values = np.ascontiguousarray(sample[name])
            shape = " ".join(str(size) for size in values.shape)
            digest.update(f"{name} {values.dtype.name} {shape}\n".encode())
            digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def acdc(root):
    import nibabel

    patients = sorted(path for path in root.resolve().rglob("patient*") if path.is_dir())
    for folder in patients:
        for path in sorted(folder.glob("*_gt.nii.gz")):
            case = path.name[:-len("_gt.nii.gz")]
            image = nibabel.load(folder / f"{case}.nii.gz")
            header = image.header
            norms = np.linalg.norm(image.affine[:3, :3], axis=0)
            assert np.allclose(norms, 1), "these files have directions only"
            assert np.isnan(header["scl_slope"]), "and are not scaled"
            spacing = [float(str(np.float32(mm))) for mm in header["pixdim"][3:0:-1]]
            affine = image.affine[:3].copy()  # rows; its columns x, y, z get the voxels' size
            affine[:, :3] *= spacing[::-1]
            voxels = np.asanyarray(image.dataobj.get_unscaled()).T  # [z, y, x]
            labels = np.asanyarray(nibabel.load(path).dataobj.get_unscaled()).T
            for position in range(voxels.shape[0]):
                yield {"name": f"{case}/{position}", "case": case, "patient": folder.name,
                       "group": "", "source": folder.parent.name, "slice": position,
                       "spacing": spacing, "affine": (affine + 0.0).ravel(),
                       "image": voxels[position:position + 1], "labels": labels[position].astype(np.uint8)}


def drive(root):
    from PIL import Image

    def mask(path):
        return (np.asarray(Image.open(path).convert("L")) == 255).astype(np.uint8)

    for path in sorted((root / "training" / "images").glob("*.tif")):
        number = re.match(r"\d+", path.name).group()
        half = path.parent.parent
        yield {"name": number, "case": number, "patient": number, "group": "",
               "source": half.name, "slice": 0, "spacing": [],
               "image": np.asarray(Image.open(path)).transpose(2, 0, 1),
               "labels": mask(half / "1st_manual" / f"{number}_manual1.gif"),
               "field_of_view": mask(half / "mask" / f"{number}_training_mask.gif")}


SETS = {"acdc": (acdc, ["rv", "myo", "lv"], 1), "drive": (drive, ["vessel"], 3)}


def numbers(data, name):
    make, classes, channels = SETS[name]
    samples = {sample["name"]: digest_of(sample) for sample in make(data / name)}
    text = f"medsweep data 1\nclasses {' '.join(classes)}\nchannels {channels}\n"
    text += "".join(digest + "\n" for digest in samples.values())
    return {"digest": hashlib.sha256(text.encode()).hexdigest(), "samples": samples}


def check(data, name, path):
    """Everything that h5py reads out of the file equals what nibabel or Pillow read."""
    import h5py

    make, classes, channels = SETS[name]
    expected = numbers(data, name)
    with h5py.File(path) as file:
        assert list(file.attrs["classes"].astype(str)) == classes
        assert file.attrs["channels"] == channels
        assert file.attrs["digest"].decode() == expected["digest"], "the digest over all"
        rows = file["index/samples"][:]
        assert len(rows) == len(expected["samples"])
        for row, sample in zip(rows, make(data / name)):
            assert row["name"].decode() == sample["name"]
            group = file["samples"][sample["name"]]
            assert group.attrs["digest"].decode() == digest_of(sample), sample["name"]
            for key in ("image", "labels", "field_of_view"):
                assert (key in group) == (key in sample), key
                if key in sample:
                    assert group[key].dtype == sample[key].dtype
                    assert np.array_equal(group[key][:], sample[key]), (sample["name"], key)
            assert list(group.attrs.get("spacing", [])) == sample["spacing"]
            assert list(group.attrs.get("affine", [])) == list(sample.get("affine", []))
    print(f"{path}: {len(rows)} samples equal")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps({name: numbers(Path(sys.argv[1]), name) for name in SETS}, indent=0))
    elif len(sys.argv) == 5 and sys.argv[2] == "--check":
        check(Path(sys.argv[1]), sys.argv[3], sys.argv[4])
    else:
        sys.exit(__doc__)
