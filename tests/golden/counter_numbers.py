"""Random numbers that are functions of a stream and a position, as tests/models/golden_numbers.h has them."""
import math

import numpy as np
import torch


def bits(stream, count):
    """count 32-bit integers of a stream."""
    x = np.arange(count, dtype=np.uint64) * 40503 + stream * 2654435761 + 12345
    x = (x & 0xFFFFFFFF).astype(np.uint32)
    for _ in range(2):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x45D9F3B)
    return x ^ (x >> np.uint32(16))


def uniform(stream, shape):
    """float32 in [-1, 1)."""
    values = (bits(stream, math.prod(shape)) >> np.uint32(8)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    return torch.from_numpy(values.reshape(shape))


def integers(stream, shape, count):
    """int64 in {0, ..., count - 1}."""
    return torch.from_numpy((bits(stream, math.prod(shape)) % np.uint32(count)).astype(np.int64).reshape(shape))
