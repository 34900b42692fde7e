"""Windows of bytes, in the order in which STC trains on them (runtime/Data)."""

from pathlib import Path

import numpy
import torch
from torch import Tensor

START = 256
"""What stands before a window's first byte."""

WORD = 2**32 - 1


def philox(counter: tuple[int, int, int, int], key: int) -> int:
    """The first word of Philox 4x32-10."""
    a, b, c, d = counter
    key0, key1 = key & WORD, key >> 32
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = right >> 32 ^ b ^ key0, right & WORD, left >> 32 ^ d ^ key1, left & WORD
        key0, key1 = (key0 + 0x9E3779B9) & WORD, (key1 + 0xBB67AE85) & WORD
    return a


def permuted(index: int, size: int, seed: int, epoch: int) -> int:
    """Where `index` goes in a shuffle of `size` numbers: a Feistel network, walked until it is one of them."""
    bits = 1
    while 1 << 2 * bits < size:
        bits += 1
    mask = (1 << bits) - 1
    while True:
        left, right = index >> bits, index & mask
        for turn in range(6):
            left, right = right, left ^ (philox((right, turn, epoch & WORD, epoch >> 32), seed) & mask)
        index = left << bits | right
        if index < size:
            return index


class Windows:
    """One part (0 to train, 1 to validate, 2 to test) of a file of bytes or a .npy array of them, whose records
    are windows."""

    def __init__(self, path: Path, window: int, split: list[float], part: int):
        array = numpy.load(path) if path.suffix == ".npy" else numpy.fromfile(path, dtype=numpy.uint8)
        self.window, self.records = window, array.ndim > 1
        unit = window if self.records else 1
        count = array.size // unit
        first, end = (min(count, round(sum(split[:k]) * count)) * unit for k in (part, part + 1))
        self.bytes = torch.from_numpy(array.reshape(-1)[first:end].astype(numpy.int64))

    def read(self, starts: list[int]) -> tuple[Tensor, Tensor]:
        """Tokens and targets [len(starts), window] of the windows from these bytes on."""
        targets = torch.stack([self.bytes[start : start + self.window] for start in starts])
        tokens = torch.cat([torch.full_like(targets[:, :1], START), targets[:, :-1]], 1)
        return tokens, targets

    def evaluated(self) -> tuple[Tensor, Tensor]:
        """All whole windows, from the first on."""
        return self.read(list(range(0, len(self.bytes) - self.window + 1, self.window)))

    def start(self, sample: int, seed: int) -> int:
        """The first byte of a sample of training. All windows of an epoch of a stream are moved by an offset."""
        size, window = len(self.bytes), self.window
        count = size // window if self.records else max(1, (size + 1 - window) // window)
        epoch, index = divmod(sample, count)
        offsets = 1 if self.records else min(window, size - count * window + 1)
        offset = philox((0, WORD, epoch & WORD, epoch >> 32), seed) * offsets >> 32
        return offset + permuted(index, count, seed, epoch) * window

    def batch(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        """What step 1, 2, ... trains on."""
        return self.read([self.start((step - 1) * size + row, seed) for row in range(size)])
