#!/usr/bin/env python3
"""Fails on an #include that is not in the table of folders (CONTRIBUTING.md, "Folders").

A folder includes itself, base/, and what its row names. Prints every offender as file:line.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EVERYWHERE = {"fmt"}
TORCH = {"torch", "ATen", "c10"}
STD_LIKE = re.compile(r"^[a-z_0-9]+$|^(sys|linux|netinet|arpa)/")
C_SYSTEM = {"omp.h", "fcntl.h", "unistd.h", "signal.h", "dlfcn.h", "sched.h", "dirent.h", "termios.h", "errno.h", "pthread.h",
            "poll.h", "time.h", "spawn.h", "glob.h", "netdb.h", "malloc.h", "immintrin.h", "pwd.h"}
FOLDERS = {
    "base": ([], {"openssl", "libdeflate.h"}),
    "sweeps": (["base"], {"toml++"}),
    "results": (["base"], {"SQLiteCpp", "sqlite3.h", "pqxx", "simdjson.h", "nlohmann", "boost"}),
    "datasets": (["base"], TORCH | {"hdf5.h", "opencv2", "gif_lib.h", "nifti1_io.h", "nifti2_io.h", "dcmtk", "libdeflate.h", "zstd.h", "nlohmann"}),
    "models": (["base"], TORCH),
    "runner": (["base", "sweeps", "results", "datasets", "models"],
               TORCH | {"mpi.h", "CLI", "spdlog", "nlohmann", "hdf5.h", "H5public.h", "opencv2", "openssl", "libdeflate.h", "source_digests.inc"}),
}
# `models` may read one header of `datasets`.
SINGLE = {("models", "datasets/batch.h")}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def allowed(folder, bracket, target):
    own, third_party = FOLDERS[folder]
    first = target.split("/")[0]
    if first in FOLDERS:
        return first == folder or first in own or (folder, target) in SINGLE
    if STD_LIKE.match(target) or target in C_SYSTEM:
        return True
    return first in EVERYWHERE or first in third_party


def main():
    offenders, read = [], 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".h", ".cpp", ".inl"}:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    read += 1
                    if not allowed(folder, *match.groups()):
                        offenders.append(f"{path.relative_to(ROOT)}:{number}: {folder}/ may not include {match.group(2)}")
    print("\n".join(offenders) or f"include arrows: {read} includes, none against the table")
    return 1 if offenders else 0


sys.exit(main())
