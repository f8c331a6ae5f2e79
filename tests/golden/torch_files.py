"""Small files of torch.save of every kind that weights come in, and some that are to be refused.

    python tests/golden/torch_files.py

Writes tests/golden/torch_files/*.pth and *.pt, and torch_files.json: file -> name -> type, shape and values of
the tensors that are in its state dictionary.
"""
import collections
import io
import json
import os
import pathlib
import pickle
import struct
import types
import zipfile

import torch

FOLDER = pathlib.Path(__file__).parent / "torch_files"
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def types_state():
    state = collections.OrderedDict()
    for name in DTYPES:
        state[name] = (torch.arange(6) * 3 % 7).reshape(2, 3).to(getattr(torch, name))
    return state | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "negative": torch.tensor([-2, -300])}


def views_state():
    base = torch.arange(24.0)
    return {"whole": base.reshape(4, 6), "transposed": base.reshape(4, 6).t(), "column": base.reshape(4, 6)[:, 2],
            "offset": base[5:11:2], "expanded": torch.tensor([7.0]).expand(3, 2),
            "channels_last": torch.arange(48.0).reshape(2, 3, 4, 2).contiguous(memory_format=torch.channels_last),
            "parameter": torch.nn.Parameter(base[20:])}


def network_state():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).state_dict()


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def entries_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(entries, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def without_checksums(value):
    torch.serialization.set_crc32_options(False)
    data = saved(value)
    torch.serialization.set_crc32_options(True)
    return data


def big_endian():
    entries = entries_of(saved({"float32": torch.tensor([1.0, -2.5]), "int16": torch.tensor([1, 2, 300], dtype=torch.int16)}))
    return zipped(entries | {"archive/byteorder": b"big", "archive/data/0": struct.pack(">2f", 1, -2.5),
                             "archive/data/1": struct.pack(">3h", 1, 2, 300)})


class Tensor:
    """Pickled as a call of torch's `function`."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


class Storage:
    def __init__(self, *description):
        self.description = description


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", *value.description) if isinstance(value, Storage) else None


def pickled(value):
    file = io.BytesIO()
    Pickler(file, 2).dump(value)
    return file.getvalue()


def archive(value, storages):
    return zipped({"archive/data.pkl": pickled(value)} | {f"archive/data/{key}": data for key, data in storages.items()})


def stream(value, storages):
    """As torch wrote before 1.6; storages: key -> (elements, bytes)."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    data = b"".join(pickle.dumps(part, 2) for part in (torch.serialization.MAGIC_NUMBER, 1001, system))
    data += value + pickle.dumps(list(storages), 2)
    return data + b"".join(struct.pack("<q", elements) + values for elements, values in storages.values())


def rebuilt(storage, offset, shape, strides):
    return Tensor(torch._utils._rebuild_tensor_v2, storage, offset, shape, strides, False, collections.OrderedDict())


def views_of_storages():
    """Storages that are views of another one, as torch wrote before 0.4: 0 to 7, of which 2 to 5."""
    view = Storage(torch.FloatStorage, "94", "cpu", 8, ("95", 2, 4))
    state = {"view": rebuilt(view, 1, (3,), (1,)), "root": rebuilt(Storage(torch.FloatStorage, "94", "cpu", 8, None), 0, (8,), (1,))}
    return stream(pickled(state), {"94": (8, struct.pack("<8f", *range(8)))})


def python_2():
    """As Python 2 pickled: byte strings, __builtin__, an OrderedDict of a list of pairs, _rebuild_tensor."""
    text = lambda value: b"U" + bytes([len(value)]) + value
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"1") + text(b"cpu") + b"K\x02NtQ"
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00K\x02\x85K\x01\x85tR"
    pairs = b"](]" + b"(" + text(b"bias") + tensor + b"ee"
    value = b"\x80\x02ccollections\nOrderedDict\n" + pairs + b"\x85R."
    return stream(value, {"1": (2, struct.pack("<2f", 0.5, -4))})


class Code:
    def __reduce__(self):
        return os.system, ("touch medsweep-code-has-run",)


def claim(elements, data):
    state = {"weight": rebuilt(Storage(torch.FloatStorage, "0", "cpu", elements), 0, (elements,), (1,))}
    return state, data


def refused():
    two_gigabytes = 2**29
    state, data = claim(two_gigabytes, struct.pack("<4f", *range(4)))
    beyond = {"weight": rebuilt(Storage(torch.FloatStorage, "0", "cpu", 4), 1, (2, 2), (2, 1))}
    script = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), script)
    return {"code.pth": saved({"weight": torch.ones(2), "more": Code()}),
            "code_stream.pth": saved(Code(), _use_new_zipfile_serialization=False),
            "code_protocol_4.pth": saved({"model": Code()}, pickle_protocol=4),
            "object.pth": saved({"model": {"weight": torch.ones(2)}, "args": types.SimpleNamespace(epochs=3)}),
            "network.pth": saved(torch.nn.ReLU()),
            "complex.pth": saved({"weight": torch.ones(2, dtype=torch.complex64)}),
            "negated.pth": saved({"weight": torch._neg_view(torch.ones(2))}),
            "script.pt": script.getvalue(),
            "claim.pth": archive(state, {"0": data}),
            "claim_stream.pth": stream(pickled(state), {"0": (two_gigabytes, data)}),
            "beyond.pth": archive(beyond, {"0": data}),
            "compressed.pth": zipped(entries_of(saved({"weight": torch.ones(100)})), zipfile.ZIP_DEFLATED),
            "list.pth": saved([torch.ones(2)]),
            "no_state.pth": saved({"epoch": 3, "loss": 0.5}),
            "number.pth": saved({"weight": torch.ones(2), "epoch": 3})}


def accepted():
    types_, views, network = types_state(), views_state(), network_state()
    training = {"epoch": 3, "best": 0.5, "rng": torch.arange(5, dtype=torch.uint8), "names": ["a", ("b", None)], "seen": {1, 2},
                "seed": 2**63 + 5, "optimizer": {"state": {0: {"step": torch.tensor(4.0)}}, "param_groups": [{"lr": 0.1}]}}
    wrapped = {"module." + name: tensor for name, tensor in network.items()}
    return {"zip.pth": (saved(types_), types_), "zip_protocol_5.pth": (saved(types_, pickle_protocol=5), types_),
            "stream.pth": (saved(types_, _use_new_zipfile_serialization=False), types_),
            "views.pth": (saved(views), views), "views_stream.pth": (saved(views, _use_new_zipfile_serialization=False), views),
            "no_checksums.pth": (without_checksums(types_), types_), "network_state.pt": (saved(network), network),
            "model.pth": (saved(training | {"model": network}), network),
            "state_dict.pth": (saved(training | {"state_dict": wrapped}), wrapped),
            "model_state_dict.pth": (saved({"model_state_dict": network}, _use_new_zipfile_serialization=False, pickle_protocol=4), network),
            "big_endian.pth": (big_endian(), {"float32": torch.tensor([1.0, -2.5]), "int16": torch.tensor([1, 2, 300], dtype=torch.int16)}),
            "views_of_storages.pth": (views_of_storages(), {"view": torch.tensor([3.0, 4, 5]), "root": torch.arange(8.0)}),
            "python_2.pth": (python_2(), {"bias": torch.tensor([0.5, -4])})}


def described(tensor):
    return {"type": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "values": tensor.detach().double().flatten().tolist()}


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, data in refused().items():
        (FOLDER / name).write_bytes(data)
    expected = {}
    for name, (data, state) in accepted().items():
        (FOLDER / name).write_bytes(data)
        expected[name] = {key: described(tensor) for key, tensor in state.items()}
        loaded = torch.load(io.BytesIO(data), weights_only=False, encoding="latin1")
        loaded = next((loaded[key] for key in ("model", "state_dict", "model_state_dict") if key in loaded), loaded)
        if name != "big_endian.pth":
            for key, tensor in state.items():
                assert torch.equal(loaded[key], tensor), (name, key)
    text = json.dumps(expected, separators=(",", ":")).replace('}},"', '}},\n"')
    (FOLDER / "torch_files.json").write_text(text + "\n")


main()
