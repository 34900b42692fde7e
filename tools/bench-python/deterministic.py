"""What gradients with the same bits in every run cost: forward and backward, in milliseconds.

stc.attention with and without torch.use_deterministic_algorithms. Where that is on, PyTorch also fills memory that it
allocates, unless torch.utils.deterministic.fill_uninitialized_memory is off: both are measured. FlashAttention-4 has
dense attention and an argument of its own; it is left out where `flash_attn.cute` cannot be imported. Each is first checked against
float64, and its bits against those of a second run. `over` is the time over that without determinism.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial

import stc
import torch
from torch import Tensor

from common import Json, Option, attempt, draw
from clock import Clock
from compare import Inputs, measure_torch
from exact import Expected

PATTERNS = ["dense", "fixed(128, 32)", "strided(128)"]
OPTIONS = {
    "patterns": Option("the patterns", PATTERNS, PATTERNS),
    "batch": Option("sequences", 4, 4),
    "heads": Option("heads", 8, 8),
    "n": Option("positions", 12288, 12288),
    "size": Option("elements of a head", 64, 64),
}
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


def same_bits(attend: Attend, inputs: Inputs) -> bool:
    q, k, v = (tensor.detach().requires_grad_() for tensor in (inputs.q, inputs.k, inputs.v))
    one, other = (torch.autograd.grad(attend(q, k, v), (q, k, v), inputs.g) for _ in range(2))
    return all(map(torch.equal, one, other))


def measure_one(attend: Attend, inputs: Inputs, expected: Expected, clock: Clock) -> Json:
    found = measure_torch(attend, inputs, expected, clock)
    error = max(found.pop("errors").values())
    return found | {"same_bits": same_bits(attend, inputs), "largest_error": error}


def measure_stc(pattern: str, inputs: Inputs, clock: Clock) -> Iterator[Json]:
    expected = inputs.expect(pattern)
    fills = torch.utils.deterministic.fill_uninitialized_memory
    try:
        for deterministic, fill in ((False, False), (True, False), (True, True)):
            torch.use_deterministic_algorithms(deterministic)
            torch.utils.deterministic.fill_uninitialized_memory = fill
            named = {"way": "stc.attention", "pattern": pattern, "deterministic": deterministic, "fills_memory": fill}
            attend = partial(stc.attention, pattern=pattern)
            yield named | attempt(lambda: measure_one(attend, inputs, expected, clock))
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = fills


def measure_flash(inputs: Inputs, clock: Clock) -> Iterator[Json]:
    named = {"way": "FlashAttention-4", "pattern": "dense"}
    try:
        from flash_attn.cute.interface import flash_attn_func
    except ImportError as error:
        yield named | {"cannot": f"expected flash_attn.cute, found none that serves: {error}"}
        return
    expected = inputs.expect("dense")
    # Its own layout is token-major.
    inputs = Inputs(*(tensor.transpose(1, 2).contiguous().transpose(1, 2)
                      for tensor in (inputs.q, inputs.k, inputs.v, inputs.g)))  # fmt: skip
    for deterministic in (False, True):

        def attend(q: Tensor, k: Tensor, v: Tensor, deterministic: bool = deterministic) -> Tensor:
            q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))
            return flash_attn_func(q, k, v, causal=True, deterministic=deterministic, return_lse=True)[0].transpose(1, 2)

        named |= {"deterministic": deterministic, "fills_memory": False}
        yield named | attempt(lambda: measure_one(attend, inputs, expected, clock))


def measure(options: Namespace) -> Iterator[Json]:
    if options.device != "cuda":
        raise ValueError("expected a GPU, found the CPU, where gradients have the same bits in every run")
    torch.manual_seed(1)
    inputs, clock = Inputs(*draw(options, 4)), Clock()
    for rows in (*(measure_stc(pattern, inputs, clock) for pattern in options.patterns), measure_flash(inputs, clock)):
        least = None
        for row in rows:
            if not row.get("deterministic"):
                least = row.get("both_ms")
            elif least and "both_ms" in row:
                row["over"] = row["both_ms"] / least
            yield row
