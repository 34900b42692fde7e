"""From patterns to the BlockMask of PyTorch's FlexAttention and the block-sparse tensors of FlashAttention-4."""

from __future__ import annotations

import ctypes
import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from ._library import COMPILER, encoded

if TYPE_CHECKING:
    from ._pattern import Pattern


def _python(text: str, n: int) -> str:
    """An expression in Python of i and j, which is 0 or False where i does not attend to j."""
    return COMPILER.text_of("stcPatternPython", encoded(text), ctypes.c_int64(n))


def _condition(text: str, n: int) -> Callable[[Tensor, Tensor], Tensor]:
    """What a pattern says of tensors of positions."""
    names = {
        "minimum": lambda a, b: torch.where(a < b, a, b),
        "maximum": lambda a, b: torch.where(a < b, b, a),
        "where": torch.where,
    }
    # A tensor of bools also where the condition is the same everywhere.
    return eval(f"lambda i, j: ({_python(text, n)} != 0) & (i == i)", names)


def _mask_mod(pattern: Pattern, n: int) -> Callable[..., Tensor]:
    conditions = [_condition(text, n) for text in pattern._texts]

    def mask_mod(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        result = conditions[0](i, j)
        for turn, condition in enumerate(conditions[1:], 1):
            result = torch.where(h % len(conditions) == turn, condition(i, j), result)
        return result

    return mask_mod


def _contents(pattern: Pattern, n: int, size: int) -> numpy.ndarray:
    """Of each head's blocks whether they hold no pair (0), some (1) or all (2)."""
    rows = -(-operator.index(n) // max(size, 1))

    def ask(text: str) -> numpy.ndarray:
        found = COMPILER.bytes_of(
            "stcPatternBlocks", rows * rows, encoded(text), ctypes.c_int64(n), ctypes.c_int64(size)
        )
        return numpy.frombuffer(found, dtype=numpy.uint8).reshape(rows, rows)

    known = {text: ask(text) for text in dict.fromkeys(pattern._texts)}
    return numpy.stack([known[text] for text in pattern._texts])


def _listed(holds: numpy.ndarray, device: Any, compact: bool = False) -> tuple[Tensor, Tensor]:
    """Of each row of blocks how many there are and, first in a list, which. A compact list is as long
    as the longest needs."""
    counts = holds.sum(-1, dtype=numpy.int32)
    indices = numpy.argsort(~holds, axis=-1, kind="stable").astype(numpy.int32)
    if compact:
        indices = numpy.ascontiguousarray(indices[..., : max(counts.max(), 1)])
    return torch.from_numpy(counts)[None].to(device), torch.from_numpy(indices)[None].to(device)


def block_mask(pattern: Pattern, n: int, block_size: int, device: Any) -> BlockMask:
    size = operator.index(block_size)
    contents = _contents(pattern, n, size)
    return BlockMask.from_kv_blocks(
        *_listed(contents == 1, device),
        *_listed(contents == 2, device),
        BLOCK_SIZE=size,
        mask_mod=_mask_mod(pattern, n),
        seq_lengths=(n, n),
    )


class BlockSparseTensors(NamedTuple):
    """What FlashAttention-4 calls BlockSparseTensorsTorch, by the names of its fields. Of each row of blocks
    the numbers of those that hold some pairs, and of those that hold all: int32 of [1, heads, rows] and
    [1, heads, rows, as many as the longest row has]."""

    mask_block_cnt: Tensor
    mask_block_idx: Tensor
    full_block_cnt: Tensor
    full_block_idx: Tensor
    block_size: tuple[int, int]


@dataclass(frozen=True)
class Fa4:
    """What Pattern.to_fa4 returns.

    forward: rows are blocks of queries, which list blocks of keys: block_sparse_tensors.
    backward: the other way round: block_sparse_tensors_bwd.
    conditions: for each of the patterns that heads take in turn, what the mask_mod of partial blocks has
        to compute: an expression in Python of i and j that is not 0 where query i attends to key j. In it
        // rounds down, and where(condition, a, b), minimum and maximum may occur.
    """

    forward: BlockSparseTensors
    backward: BlockSparseTensors
    conditions: tuple[str, ...]


def fa4(pattern: Pattern, n: int, block_size: int | tuple[int, int], heads: int | None, device: Any) -> Fa4:
    sizes = block_size if isinstance(block_size, tuple) else (block_size, block_size)
    queries, keys = map(operator.index, sizes)
    if queries < 1 or keys < 1:
        raise ValueError(f"expected blocks of a size from 1 on, found {queries} x {keys}")
    # Blocks of both sizes consist of squares. Beyond the sequence these hold no pair.
    square = math.gcd(queries, keys)
    squares = _contents(pattern, n, square)
    rows, columns = -(-n // queries), -(-n // keys)
    beyond = (rows * (queries // square) - squares.shape[1], columns * (keys // square) - squares.shape[2])
    squares = numpy.pad(squares, ((0, 0), (0, beyond[0]), (0, beyond[1])))
    squares = squares.reshape(-1, rows, queries // square, columns, keys // square)
    full = (squares == 2).all((2, 4))
    partial = (squares != 0).any((2, 4)) & ~full
    if heads is not None and pattern.heads > 1:
        turns = numpy.arange(operator.index(heads)) % pattern.heads
        full, partial = full[turns], partial[turns]

    def tensors(partial: numpy.ndarray, full: numpy.ndarray) -> BlockSparseTensors:
        lists = (*_listed(partial, device, compact=True), *_listed(full, device, compact=True))
        return BlockSparseTensors(*lists, block_size=(queries, keys))

    return Fa4(
        forward=tensors(partial, full),
        backward=tensors(partial.swapaxes(1, 2), full.swapaxes(1, 2)),
        conditions=tuple(_python(text, n) for text in pattern._texts),
    )
