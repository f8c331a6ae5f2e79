"""What bench/convert_acdc.sh compares with: one script as people write it, nibabel in, h5py out. The same arrays as
`runner prepare acdc`: each slice int16 or float32 with its uint8 labels, gzip level 4 (h5py's default) after shuffle,
one chunk a slice, and the attributes of a sample.  Usage: convert_acdc.py SOURCE OUTPUT"""
import pathlib
import re
import sys

import h5py
import nibabel
import numpy as np


def convert(source, output):
    with h5py.File(output, "w") as file:
        file.attrs["classes"] = ["rv", "myo", "lv"]
        for labels_path in sorted(source.rglob("patient*_gt.nii.gz")):
            image_path = labels_path.with_name(labels_path.name.replace("_gt", ""))
            case = image_path.name.removesuffix(".nii.gz")
            image = nibabel.load(image_path)
            voxels = np.asarray(image.dataobj)
            labels = np.asarray(nibabel.load(labels_path).dataobj).astype(np.uint8)
            spacing = image.header["pixdim"][1:4][::-1].astype(float)
            for z in range(voxels.shape[2]):
                group = file.create_group(f"samples/{case}/{z}")
                group.attrs.update({"case": case, "patient": re.match("patient[0-9]+", case).group(),
                                    "slice": z, "spacing": spacing})
                for name, array in (("image", voxels[:, :, z].T[None]), ("labels", labels[:, :, z].T)):
                    group.create_dataset(name, data=np.ascontiguousarray(array), chunks=array.shape, shuffle=True,
                                         compression="gzip", compression_opts=4)


convert(pathlib.Path(sys.argv[1]), sys.argv[2])
