"""Loss and gradients of a step of the GPT of docs/examples/gpt.py, compiled whole: torch.compile(fullgraph=True).

`stc` and `flex` (FlexAttention) have the pattern; `dense`, PyTorch's scaled_dot_product_attention, leaves it out. All
begin with the same weights and read the same random bytes; losses and norms of the gradient are those of the first step. On a
GPU it runs in bfloat16 by autocast. Milliseconds are medians after two steps more. On the CPU FlexAttention has no gradients,
and its loss is all there is.
"""

from __future__ import annotations

import math
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial

import stc
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from attention import block_mask
from common import Json, Option, attempt, clock_of, peak_gib, synchronize
from paths import example
from patterns import mask_of

WAYS = ("stc", "flex", "dense")
OPTIONS = {
    "pattern": Option("the pattern, or several that layers take in turn", ["fixed(128, 32)"], ["fixed(16, 4)"]),
    "n": Option("positions", 12288, 64),
    "width": Option("the model's width", 512, 32),
    "layers": Option("layers", 12, 2),
    "heads": Option("heads", 8, 2),
    "batch": Option("sequences", 4, 2),
    "ways": Option(f"of {', '.join(WAYS)}", list(WAYS), list(WAYS)),
    "backend": Option("of torch.compile", "inductor", "aot_eager"),
}


class Flex(nn.Module):
    """The example's attention, computed by FlexAttention."""

    def __init__(self, attention: nn.Module, blocks: BlockMask):
        super().__init__()
        self.attention, self.blocks = attention, blocks

    def forward(self, x: Tensor) -> Tensor:
        inner = self.attention
        q, k, v = inner.qkv(x).unflatten(2, (3, inner.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return inner.out(flex_attention(q, k, v, block_mask=self.blocks).transpose(1, 2).flatten(2))


def model_of(way: str, options: Namespace) -> nn.Module:
    patterns = [stc.Pattern(text) if way == "stc" else None for text in options.pattern]
    torch.manual_seed(0)
    model = example("gpt").GPT(options.n, options.layers, options.width, options.heads, patterns)
    if way == "flex":
        masks = [block_mask(mask_of(text), options.n, options.n, options.device) for text in options.pattern]
        for number, block in enumerate(model.blocks):
            block.attention[1] = Flex(block.attention[1], masks[number % len(masks)])
    return model.to(options.device)


def measure_way(way: str, tokens: Tensor, options: Namespace) -> Json:
    torch.compiler.reset()
    begin = time.perf_counter()
    model = model_of(way, options)
    compiled = torch.compile(model, fullgraph=True, backend=options.backend)

    def compute_loss() -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=options.device == "cuda"):
            return F.cross_entropy(compiled(tokens[:, :-1]).flatten(0, 1).float(), tokens[:, 1:].flatten())

    def step() -> Tensor:
        model.zero_grad(set_to_none=True)
        loss = compute_loss()
        loss.backward()
        return loss.detach()

    if way == "flex" and options.device == "cpu":
        model.requires_grad_(False)
        return {"loss": compute_loss().item(), "cannot": "FlexAttention has no gradients on the CPU"}
    loss = step().item()
    synchronize(options.device)
    first = time.perf_counter() - begin
    norm = torch.stack([weight.grad.float().norm() for weight in model.parameters()]).norm().item()
    if not math.isfinite(loss + norm):
        raise ArithmeticError(f"expected finite numbers, found the loss {loss} and the norm of the gradient {norm}")
    clock = clock_of(options.device)
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    step()
    milliseconds = clock.median(step)
    return {"ms": milliseconds, "loss": loss, "gradient_norm": norm, "first_step_s": first, **peak_gib(clock)}


def measure(options: Namespace) -> Iterator[Json]:
    for way in options.ways:
        if way not in WAYS:
            raise ValueError(f"expected one of {', '.join(WAYS)}, found the way {way}")
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(256, (options.batch, options.n + 1), generator=generator).to(options.device)
    for way in options.ways:
        pattern = "dense" if way == "dense" else ", ".join(options.pattern)
        yield {"way": way, "pattern": pattern} | attempt(partial(measure_way, way, tokens, options))
        if options.device == "cuda":
            torch.cuda.empty_cache()
