"""From patterns to the BlockMask of PyTorch's FlexAttention."""

from __future__ import annotations

import ctypes
import operator
from typing import TYPE_CHECKING, Any, Callable

import numpy
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from ._library import COMPILER, encoded

if TYPE_CHECKING:
    from ._pattern import Pattern


def _condition(text: str, n: int) -> Callable[[Tensor, Tensor], Tensor]:
    """What a pattern says of tensors of positions."""
    python = COMPILER.text_of("stcPatternPython", encoded(text), ctypes.c_int64(n))
    names = {
        "minimum": lambda a, b: torch.where(a < b, a, b),
        "maximum": lambda a, b: torch.where(a < b, b, a),
        "where": torch.where,
    }
    # A tensor of bools also where the condition is the same everywhere.
    return eval(f"lambda i, j: ({python} != 0) & (i == i)", names)


def _mask_mod(pattern: Pattern, n: int) -> Callable[..., Tensor]:
    conditions = [_condition(text, n) for text in pattern._texts]

    def mask_mod(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        result = conditions[0](i, j)
        for turn, condition in enumerate(conditions[1:], 1):
            result = torch.where(h % len(conditions) == turn, condition(i, j), result)
        return result

    return mask_mod


def _listed(holds: numpy.ndarray, device: Any) -> tuple[Tensor, Tensor]:
    """Of each row of blocks how many there are and, first in a list, which."""
    counts = holds.sum(-1, dtype=numpy.int32)
    indices = numpy.argsort(~holds, axis=-1, kind="stable").astype(numpy.int32)
    return torch.from_numpy(counts)[None].to(device), torch.from_numpy(indices)[None].to(device)


def block_mask(pattern: Pattern, n: int, block_size: int, device: Any) -> BlockMask:
    size = operator.index(block_size)
    rows = -(-operator.index(n) // max(size, 1))

    def blocks(text: str) -> numpy.ndarray:
        found = COMPILER.bytes_of(
            "stcPatternBlocks", rows * rows, encoded(text), ctypes.c_int64(n), ctypes.c_int64(size)
        )
        return numpy.frombuffer(found, dtype=numpy.uint8).reshape(rows, rows)

    known = {text: blocks(text) for text in dict.fromkeys(pattern._texts)}
    contents = numpy.stack([known[text] for text in pattern._texts])
    return BlockMask.from_kv_blocks(
        *_listed(contents == 1, device),
        *_listed(contents == 2, device),
        BLOCK_SIZE=size,
        mask_mod=_mask_mod(pattern, n),
        seq_lengths=(n, n),
    )
