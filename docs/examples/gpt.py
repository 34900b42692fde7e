"""Trains a GPT of bytes in PyTorch, with dense attention or with that of a pattern.

usage: gpt.py TEXT [--pattern PATTERN...] [--context N] [--steps N] ...

Without --pattern attention is PyTorch's, else stc.attention; of several patterns layers take one in turn. The last
tenth of the file is held out.
"""

import argparse
import math
import time
from pathlib import Path

import stc
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, pattern=None):
        super().__init__()
        self.heads, self.pattern = heads, pattern
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).unbind(2)  # [batch, positions, heads, size]
        if self.pattern is None:
            q, k, v = (t.transpose(1, 2) for t in (q, k, v))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        else:
            y = stc.attention(q, k, v, self.pattern, layout="bnhd")
        return self.out(y.flatten(2))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, pattern=None):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads, pattern))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class GPT(nn.Module):
    def __init__(self, context: int, layers: int, width: int, heads: int, patterns=(None,)):
        super().__init__()
        self.bytes, self.positions = nn.Embedding(256, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, patterns[n % len(patterns)]) for n in range(layers)))
        self.norm = nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.bytes(tokens) + self.positions.weight[: tokens.shape[1]]
        return F.linear(self.norm(self.blocks(x)), self.bytes.weight)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=Path)
    parser.add_argument("--pattern", nargs="+", default=[])
    numbers = {"context": 512, "layers": 4, "width": 128, "heads": 4, "batch": 4, "steps": 600, "seed": 1}
    for name, number in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()

    patterns = [stc.Pattern(text) for text in args.pattern] or [None]
    if args.pattern:
        print(stc.reaches([patterns[n % len(patterns)] for n in range(args.layers)], args.context))
        for p in patterns:
            share = p.pairs(args.context) / p.heads / stc.dense().pairs(args.context)
            print(f"{p.heads} x {p}: {share:.1%} of the pairs of dense attention")

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    model = GPT(args.context, args.layers, args.width, args.heads, patterns).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=0.1)
    warmup = max(1, args.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min((n + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * n / args.steps))
    )
    data = torch.frombuffer(bytearray(args.text.read_bytes()), dtype=torch.uint8)
    held_out = len(data) - len(data) // 10

    def loss_of(starts: list[int]) -> Tensor:
        rows = torch.stack([data[s : s + args.context + 1] for s in starts]).long().to(device)
        with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
            return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1).float(), rows[:, 1:].flatten())

    draw, begin = torch.Generator().manual_seed(args.seed), time.perf_counter()
    for step in range(1, args.steps + 1):
        loss = loss_of(torch.randint(held_out - args.context, (args.batch,), generator=draw).tolist())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step == 1 or step % 100 == 0 or step == args.steps:
            print(f"step {step}: loss {loss.item():.5f}, {time.perf_counter() - begin:.0f} s", flush=True)

    starts = torch.linspace(held_out, len(data) - args.context - 1, 64 * args.batch).long().split(args.batch)
    with torch.no_grad():
        loss = sum(loss_of(batch.tolist()).item() for batch in starts) / len(starts)
    print(f"held out: loss {loss:.4f}, {loss / math.log(2):.4f} bits a byte")


if __name__ == "__main__":
    main()
