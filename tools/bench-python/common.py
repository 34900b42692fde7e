"""What the benchmarks of this folder have in common."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import paths  # noqa: F401
from clock import Clock

Json = dict[str, Any]


@dataclass
class Option:
    """An argument of a benchmark. Its default is another one on a GPU than on the CPU, where it only has to run."""

    help: str
    on_gpu: Any
    on_cpu: Any


class WallClock:
    """Medians on the CPU, of runs in whatever is in the cache."""

    def once(self, run: Callable[[], object]) -> float:
        begin = time.perf_counter()
        run()
        return (time.perf_counter() - begin) * 1e3

    def median(self, run: Callable[[], object]) -> float:
        self.once(run)
        return statistics.median(self.once(run) for _ in range(5))


def clock_of(device: str) -> Clock | WallClock:
    return Clock() if device == "cuda" else WallClock()


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def dtype_of(device: str) -> torch.dtype:
    """What stc.attention is best at there."""
    return torch.bfloat16 if device == "cuda" else torch.float32


def draw(options: Namespace, count: int) -> list[Tensor]:
    """Random tensors of [batch, heads, n, size]."""
    shape = (options.batch, options.heads, options.n, options.size)
    return [torch.randn(shape, device=options.device, dtype=dtype_of(options.device)) for _ in range(count)]


def attempt(measure: Callable[[], Json]) -> Json:
    """What is measured, or why it cannot be: that is a result, too."""
    try:
        return measure()
    except Exception as error:  # of any kind
        return {"cannot": (" ".join(str(error).split()) or type(error).__name__)[:300]}


def peak_gib(clock: Clock | WallClock) -> Json:
    """The most memory of PyTorch's since its statistics were reset, without the clock's."""
    if not isinstance(clock, Clock):
        return {}
    return {"peak_gib": (torch.cuda.max_memory_allocated() - clock.fill.nbytes) / 2**30}
