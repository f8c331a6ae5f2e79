"""Small .npy and .npz files of every kind that NumPy writes, and their values.

    python tests/golden/numpy_arrays.py > tests/golden/numpy_arrays.json

"npy": name -> the file's bytes in base64, shape and values; "npz": name -> bytes, whose arrays "x" and "y"
are 0, 1, ... 23 as int16 [4, 6] and 0, 1, 2 as float64.
"""
import base64
import io
import json

import numpy as np

VALUES = np.array([[0, 1, 2], [3, 100, 7]])
CASES = {
    "bool": (VALUES % 2).astype(bool),
    "uint8": VALUES.astype(np.uint8),
    "int8": -VALUES.astype(np.int8),
    "int16": (VALUES * -300).astype(np.int16),
    "uint16": (VALUES * 600).astype(np.uint16),
    "int32": (VALUES * 100_000).astype(np.int32),
    "uint32": (VALUES * 40_000_000).astype(np.uint32),
    "int64": (VALUES * 10_000_000_000).astype(np.int64),
    "big_int16": (VALUES * 300).astype(">i2"),
    "float16": (VALUES / 4).astype(np.float16),
    "float32": (VALUES / 8).astype(np.float32),
    "float64": VALUES / 16,
    "big_float64": (VALUES / 16).astype(">f8"),
    "fortran": np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
    "scalar_axis": VALUES.reshape(1, 6)[:, :5].astype(np.int16),
    "vector": np.arange(5),
}


def base64_of(write, *arguments, **names):
    file = io.BytesIO()
    write(file, *arguments, **names)
    return base64.b64encode(file.getvalue()).decode()


def wide_header(file, values):
    np.lib.format.write_array(file, values, version=(3, 0))


npy = {name: {"file": base64_of(np.save, values), "shape": values.shape,
              "values": values.astype(float).ravel().tolist()} for name, values in CASES.items()}
npy["version_3"] = npy["int16"] | {"file": base64_of(wide_header, CASES["int16"])}
arrays = {"x": np.arange(24, dtype=np.int16).reshape(4, 6), "y": np.arange(3.0)}
npz = {"stored": base64_of(np.savez, **arrays), "deflated": base64_of(np.savez_compressed, **arrays)}
refused = {"object": base64_of(np.save, np.array([{}], dtype=object)),
           "text": base64_of(np.save, np.array(["a", "b"])),
           "complex": base64_of(np.save, np.array([1j])),
           "empty": base64_of(np.save, np.zeros((0, 3)))}
print(json.dumps({"npy": npy, "npz": npz, "refused": refused}, separators=(",", ":")).replace('},"', '},\n"'))
