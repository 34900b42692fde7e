"""The CPU's time of a call of stc.attention, in microseconds: many calls in a go, and the median of the goes.

On a GPU none is waited for: a go is short enough for its queue. On the CPU it is all of a call, of which `the program` is
what the compiled code takes. `op without kernels` only makes its outputs, with an autograd.Function behind `define` and
`impl`: what PyTorch itself takes of any such op. `inside the op` is stc.attention without checks and autograd. On a GPU there is
also scaled_dot_product_attention, which is dense. Each way runs one go first, and they take turns.
"""

from __future__ import annotations

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import stc
import torch
import torch.nn.functional as F
from torch import Tensor

from common import Json, Option, draw, synchronize

OPTIONS = {
    "pattern": Option("the pattern", "local(256)", "local(8)"),
    "batch": Option("sequences", 1, 2),
    "heads": Option("heads", 2, 4),
    "n": Option("positions", 512, 50),
    "size": Option("elements of a head", 64, 16),
    "calls": Option("calls in a go", 100, 100),
    "repetitions": Option("goes", 21, 21),
}
AUTOGRAD = {"without_autograd": torch.no_grad, "with_autograd": torch.enable_grad}


def op_without_kernels() -> Callable[..., tuple[Tensor, Tensor]]:
    library = torch.library.Library("stc_bench", "DEF")  # noqa: TOR901
    library.define("empty(Tensor q, Tensor k, Tensor v) -> (Tensor, Tensor)")

    def outputs(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return q.new_empty(q.shape), q.new_empty(q.shape[:3], dtype=torch.float32)

    class Empty(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            with torch._C._AutoDispatchBelowAutograd():
                return torch.ops.stc_bench.empty.default(q, k, v)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> tuple[None, None, None]:
            return None, None, None

    for device in ("CPU", "CUDA"):
        library.impl("empty", outputs, device)
    library.impl("empty", Empty.apply, "Autograd")
    return lambda q, k, v: (library, torch.ops.stc_bench.empty.default(q, k, v))[1]  # as long as the op, the library


def ways_of(options: Namespace, q: Tensor, k: Tensor, v: Tensor) -> dict[str, dict[str, Callable[[], object]]]:
    """By name, what runs with autograd and without it; of what is below autograd, the latter alone."""
    from stc import _attention

    pattern, scale = stc.Pattern(options.pattern), 1 / math.sqrt(options.size)
    text, empty = str(pattern.head(0)), op_without_kernels()

    def both(run: Callable[[], object]) -> dict[str, Callable[[], object]]:
        return dict.fromkeys(AUTOGRAD, run)

    ways = {
        "stc.attention": both(lambda: stc.attention(q, k, v, pattern)),
        "inside the op": {"without_autograd": lambda: _attention._forward(q, k, v, text, scale, "bhnd")},
    }
    if options.device == "cpu":
        from stc import cache
        from stc._module import Sizes, module

        program = cache.program(module("attention", Sizes.of(q, k, v, "bhnd"), text, scale), "attention")["attention"]
        arrays = [tensor.detach().numpy() for tensor in (q, k, v)]
        ways["the program"] = {"without_autograd": lambda: program(*arrays)}
    else:
        ways["scaled_dot_product_attention"] = both(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))
    ways["op without kernels"] = both(lambda: empty(q, k, v))
    return ways


def measure(options: Namespace) -> Iterator[Json]:
    q, k, v = (tensor.requires_grad_() for tensor in draw(options, 3))
    ways = ways_of(options, q, k, v)
    times: dict[tuple[str, str], list[float]] = {(way, mode): [] for way, runs in ways.items() for mode in runs}
    for repetition in range(1 + options.repetitions):
        for way, mode in times:
            run = ways[way][mode]
            with AUTOGRAD[mode]():
                synchronize(options.device)
                begin = time.perf_counter()
                for _ in range(options.calls):
                    run()
                spent = time.perf_counter() - begin
            if repetition:
                times[way, mode].append(spent / options.calls * 1e6)
    for way, runs in ways.items():
        found: Json = {"way": way}
        for mode in runs:
            found[f"{mode}_us"] = statistics.median(times[way, mode])
            found[f"{mode}_least_us"] = min(times[way, mode])
        yield found
