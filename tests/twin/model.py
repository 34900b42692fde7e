"""The model of a specification in PyTorch, with the names and shapes of STC's own weights: a checkpoint's
weights.safetensors is its state_dict.

Attention and products are given from outside, so that the same model is computed as STC does or as fast as
PyTorch can.
"""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spec import Spec

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools/bench-attention"))
from patterns import mask_of  # noqa: E402

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries [batch, heads, n, size] and keys and values of key_value_heads to [batch, heads, n, value size]."""

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From rows [..., in], a weight [out, in] and perhaps a bias [out] to [..., out]."""


class Attention(nn.Module):
    def __init__(self, spec: Spec, linear: Linear):
        super().__init__()
        m = spec.model
        self.heads, self.key_value_heads, self.linear = m.heads, m.key_value_heads, linear
        self.sizes = [m.heads * m.query_key_size, m.key_value_heads * m.query_key_size,
                      m.key_value_heads * m.value_size]
        self.c_attn = nn.Linear(m.width, sum(self.sizes))
        self.c_proj = nn.Linear(m.heads * m.value_size, m.width)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        batch, n, _ = x.shape
        parts = self.linear(x, self.c_attn.weight, self.c_attn.bias).split(self.sizes, -1)
        heads = (self.heads, self.key_value_heads, self.key_value_heads)
        q, k, v = (part.view(batch, n, count, -1).transpose(1, 2) for part, count in zip(parts, heads))
        output = attend(q, k, v).transpose(1, 2).reshape(batch, n, -1)
        return self.linear(output, self.c_proj.weight, self.c_proj.bias)


class FeedForward(nn.Module):
    def __init__(self, spec: Spec, linear: Linear):
        super().__init__()
        self.linear = linear
        self.c_fc = nn.Linear(spec.model.width, spec.model.feed_forward)
        self.c_proj = nn.Linear(spec.model.feed_forward, spec.model.width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x, self.c_fc.weight, self.c_fc.bias)
        # x * sigmoid(1.702 x)
        x = x * ((torch.tanh(x * 0.851) + 1) * 0.5)
        return self.linear(x, self.c_proj.weight, self.c_proj.bias)


class Block(nn.Module):
    def __init__(self, spec: Spec, linear: Linear):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(spec.model.width), nn.LayerNorm(spec.model.width)
        self.attn, self.mlp = Attention(spec, linear), FeedForward(spec, linear)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        x = x + self.attn(self.ln_1(x), attend)
        return x + self.mlp(self.ln_2(x))


def call(block: Block, x: Tensor, attend: Attend) -> Tensor:
    return block(x, attend)


class Model(nn.Module):
    def __init__(self, spec: Spec, linear: Linear = F.linear):
        super().__init__()
        if spec.train.dropout:
            raise ValueError(f"expected a dropout of 0, found {spec.train.dropout}: its random numbers are STC's own")
        width = spec.model.width
        self.tables, self.linear = spec.position_tables(), linear
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(spec.model.vocabulary + 1, width),  # and the start symbol
            "wpe": nn.ModuleDict({name: nn.Embedding(rows, width) for name, (rows, _) in self.tables.items()}),
            "h": nn.ModuleList(Block(spec, linear) for _ in range(spec.model.layers)),
            "ln_f": nn.LayerNorm(width),
        })
        self.lm_head = nn.Linear(width, spec.model.vocabulary, bias=False)

    def forward(self, tokens: Tensor, positions: Tensor, attends: Sequence[Attend],
                run: Callable[[Block, Tensor, Attend], Tensor] = call) -> Tensor:
        """Logits [batch, n, vocabulary] of tokens [batch, n] at positions [n]. `attends` has an attention for
        each layer, and `run` runs a block."""
        parts = self.transformer
        x = parts["wte"](tokens)
        for name, (rows, divisor) in self.tables.items():
            x = x + parts["wpe"][name](positions // divisor % rows)
        for block, attend in zip(parts["h"], attends, strict=True):
            x = run(block, x, attend)
        return self.linear(parts["ln_f"](x), self.lm_head.weight, None)


def initialize(model: Model, seed: int, scale: float) -> None:
    """As STC starts: matrices normal with deviation scale / sqrt(fan-in), smaller by 1 / sqrt(2 N) where they
    end on the residual stream; biases and the logits' matrix 0, gains 1."""
    generator = torch.Generator().manual_seed(seed)
    residual = 1 / math.sqrt(2 * len(model.transformer["h"]))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1 or name == "lm_head.weight":
                weight.fill_(1 if ".ln_" in name and name.endswith("weight") else 0)
                continue
            fan_in = weight.shape[1] * (len(model.tables) if ".wpe." in name else 1)
            deviation = scale / math.sqrt(fan_in) * (residual if ".c_proj." in name else 1)
            weight.copy_(torch.randn(weight.shape, generator=generator) * deviation)


def rounded(t: Tensor, compute: torch.dtype) -> Tensor:
    """To the nearest of a narrower type and back. The gradient is rounded, too."""
    return t if t.dtype.itemsize <= compute.itemsize else t.to(compute).to(t.dtype)


def linear_in(compute: torch.dtype) -> Linear:
    """Products of operands and with results of this type; biases are added in the operands' own."""

    def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = rounded(F.linear(rounded(x, compute), rounded(weight, compute)), compute)
        return y if bias is None else y + bias

    return linear


def attention_in(compute: torch.dtype, patterns: list[str], n: int, device: str = "cpu") -> Attend:
    """Attention by a matrix of all scores, for small n: one pattern for all heads or one for each. A row
    without keys is zero."""
    positions = torch.arange(n, device=device)
    mask = torch.stack([mask_of(text)(positions[:, None], positions) for text in patterns])

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (rounded(t, compute) for t in (q, k, v))
        group = q.shape[1] // k.shape[1]
        k, v = (t.repeat_interleave(group, 1) for t in (k, v))
        scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(q.shape[3]))
        weights = torch.softmax(scores.masked_fill(~mask, -1e30), -1) * mask
        return rounded(weights @ v, compute)

    return attend


def attends_of(spec: Spec, compute: torch.dtype, device: str = "cpu") -> list[Attend]:
    return [attention_in(compute, patterns, spec.data.context, device) for patterns in spec.layer_patterns()]
