"""What pydicom reads out of DICOM files that it wrote itself, and out of the real ones of the RSNA folder.

python tests/golden/dicom.py [DATA]: writes tests/golden/dicom/*.dcm, small files of many kinds, and
tests/golden/dicom.json: their values as pydicom has them (rescaled; MONOCHROME1 turned over before), their values
within a window, and the SHA-256 of the pixels of DATA/rsna (../shared/data beside the project where DATA is left out).
"""
import hashlib
import io
import json
import pathlib
import sys

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_rescale, apply_windowing
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless, SecondaryCaptureImageStorage)

here = pathlib.Path(__file__).parent
window = [40.0, 300.0]  # centre, width


def made(name, values, syntax, photometric="MONOCHROME2", stored=None, **elements):
    """Writes `values`, [H, W] or [H, W, 3], under their own type."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3." + str(sum(name.encode()))
    meta.TransferSyntaxUID = syntax
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=syntax.is_implicit_VR,
                       is_little_endian=syntax.is_little_endian)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientID, data.Modality = "patient of " + name, "OT"
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel = 1 if values.ndim == 2 else 3
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = values.itemsize * 8
    data.BitsStored = stored or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        data.PlanarConfiguration = 0
    for key, value in elements.items():
        setattr(data, key, value)
    if syntax == JPEGBaseline8Bit:
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "JPEG", quality=95)
        data.PixelData = encapsulate([buffer.getvalue()])
        data["PixelData"].VR = "OB"
    elif syntax == RLELossless:
        data.compress(RLELossless, values, generate_instance_uid=False)
    else:
        array = values
        if values.ndim == 3 and data.PlanarConfiguration == 1:
            array = values.transpose(2, 0, 1)
        mask = (1 << data.BitsStored) - 1
        array = (array.astype(np.int64) & mask).astype(array.dtype.str.replace("i", "u"))
        array = array.astype(array.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<"))
        data.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
        data["PixelData"].VR = "OB" if data.BitsAllocated == 8 and syntax != ImplicitVRLittleEndian else "OW"
    data.save_as(here / "dicom" / f"{name}.dcm", enforce_file_format=True)


def expected(path):
    data = pydicom.dcmread(path)
    stored = data.pixel_array
    bits, signed = data.BitsStored, data.PixelRepresentation == 1
    turned = data.PhotometricInterpretation == "MONOCHROME1"
    upright = stored.astype(np.int64)
    if turned:
        upright = (-1 if signed else (1 << bits) - 1) - upright
    values = apply_rescale(upright, data) if "RescaleSlope" in data else upright
    result = {"shape": list(values.shape), "values": np.asarray(values, dtype=np.float64).ravel().tolist(),
              "spacing": [float(v) for v in data.get("PixelSpacing", data.get("ImagerPixelSpacing", []))],
              "identity": str(data.PatientID)}
    if data.SamplesPerPixel == 1:
        data.WindowCenter, data.WindowWidth = window
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        scaled = apply_rescale(np.array([low, high]), data) if "RescaleSlope" in data else np.array([low, high])
        low, high = scaled.min(), scaled.max()  # pydicom's range of a window
        shown = (apply_windowing(stored, data) if "RescaleSlope" not in data
                 else apply_windowing(apply_rescale(stored, data), data))
        shown = (np.asarray(shown, dtype=np.float64) - low) / (high - low) * 255
        result["windowed"] = np.round(255 - shown if turned else shown, 6).ravel().tolist()
    return result


def main():
    (here / "dicom").mkdir(exist_ok=True)
    rows, columns = np.mgrid[0:7, 0:9]
    byte = ((rows * 37 + columns * 23) % 256).astype(np.uint8)
    word = (rows * 580 + columns * 71).astype(np.uint16)  # 12 bits
    signed = (rows * 613 - columns * 271 - 900).astype(np.int16)
    color = np.stack([byte, np.roll(byte, 3), 255 - byte], -1)
    smooth = np.clip(20 + rows * 9 + columns * 11, 0, 255).astype(np.uint8)
    made("explicit8", byte, ExplicitVRLittleEndian, PixelSpacing=[0.7, 0.8])
    made("implicit12", word, ImplicitVRLittleEndian, stored=12, RescaleSlope=1, RescaleIntercept=-1024,
         ImagerPixelSpacing=[0.2, 0.3])
    made("big_endian16", signed, ExplicitVRBigEndian, RescaleSlope=2, RescaleIntercept=5)
    made("big_endian8", byte, ExplicitVRBigEndian)
    made("deflated12", signed, DeflatedExplicitVRLittleEndian, stored=13)
    made("rle16", word, RLELossless, stored=12)
    made("rle_color", color, RLELossless, photometric="RGB")
    made("monochrome1", word, ExplicitVRLittleEndian, photometric="MONOCHROME1", stored=12, RescaleSlope=0.5,
         RescaleIntercept=10)
    made("monochrome1_signed", signed, ExplicitVRLittleEndian, photometric="MONOCHROME1", stored=13)
    made("color", color, ExplicitVRLittleEndian, photometric="RGB")
    made("color_planes", color, ImplicitVRLittleEndian, photometric="RGB", PlanarConfiguration=1)
    made("jpeg8", smooth, JPEGBaseline8Bit)
    data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parents[1] / ".." / "shared" / "data"
    golden = {"pydicom": pydicom.__version__, "window": window,
              "made": {path.stem: expected(path) for path in sorted((here / "dicom").glob("*.dcm"))}, "real": {}}
    for path in sorted([*(data / "rsna/stage_2_train_images").glob("*.dcm"), *(data / "rsna/native").glob("*.dcm")]):
        image = pydicom.dcmread(path)
        pixels = 255 - image.pixel_array if image.PhotometricInterpretation == "MONOCHROME1" else image.pixel_array
        golden["real"][path.name] = hashlib.sha256(pixels.tobytes()).hexdigest()
    (here / "dicom.json").write_text(json.dumps(golden, indent=0) + "\n")


main()
