#!/usr/bin/env python3
"""Sampling from a specification's model on one GPU, as a user of PyTorch would have it for speed: in bf16, compiled,
keys and values in a cache, and a step of all sequences one CUDA graph.

    sample_peer.py SPEC.toml [--way gather] [--set sample.batch=64 ...]

Draws whole sequences and prints a JSON object: for each way tokens a second, ms a step, and the error of the last
logits against the whole sequence at once in float32. The peer is the faster way. The weights are random.
"""

import argparse
import gc
import json
import math
import sys
import time
from pathlib import Path

import paths  # noqa: F401
from spec import Spec, assignment, changed, load

try:
    import torch
    import torch.nn.functional as F
    from torch import Tensor

    from graph import captured
    from model import Attend, Model, attention_in, initialize
    from patterns import mask_of
except ImportError as error:
    sys.exit(f"sample_peer.py: error: expected PyTorch 2.9 or later, found none that serves: {error}")

WAYS = {
    "masked": "attention over the whole cache, under the pattern's row as a mask",
    "gather": "attention over the pattern's keys alone, gathered from the cache",
}
# bf16 through all layers; another pattern is off by far more.
BOUND = 0.1


def draw(model: Model, seed: int) -> None:
    """Weights with which every layer matters: eight times those that the paper's training starts from."""
    initialize(model, seed, scale=1)
    head = model.lm_head.weight
    with torch.no_grad():
        head.copy_(torch.randn(head.shape, generator=torch.Generator().manual_seed(seed)) / math.sqrt(head.shape[1]))


def pattern_of(text: str, n: int, device: str) -> Tensor:
    """Whether a query sees a key, [n, n]."""
    positions = torch.arange(n, device=device)
    seen = mask_of(text)(positions[:, None], positions)
    if not seen.any(1).all():
        raise ValueError(f"expected a key for every query, found none for some in {text}")
    return seen


def side_by_side(seen: Tensor) -> tuple[Tensor, Tensor]:
    """The keys of each query, [n, most keys], and which of them there are."""
    keys = torch.argsort(seen.int(), dim=1, descending=True, stable=True)[:, : int(seen.sum(1).max())]
    return keys, seen.gather(1, keys)


class Sampler:
    """Draws one position of all sequences after the other."""

    def __init__(self, spec: Spec, way: str, device: str = "cuda", dtype: torch.dtype = torch.bfloat16):
        patterns = spec.layer_patterns()
        if any(len(of_heads) > 1 for of_heads in patterns):
            raise ValueError("expected one pattern for all heads, found one for each")
        m, n, batch = spec.model, spec.data.context, spec.sample.batch
        self.spec, self.model = spec, Model(spec)
        draw(self.model, spec.train.seed)
        self.model.to(device, dtype).requires_grad_(False)
        self.start = m.vocabulary
        self.tokens = torch.full((batch, 1), self.start, device=device)
        self.position = torch.zeros(1, dtype=torch.int64, device=device)
        self.drawn = torch.zeros(batch, n, dtype=torch.int64, device=device)
        self.logits = torch.zeros(batch, m.vocabulary, device=device)

        def cache(size: int) -> Tensor:
            return torch.zeros(batch, m.key_value_heads, n, size, device=device, dtype=dtype)

        made = {pattern: pattern_of(pattern, n, device) for pattern, in patterns}
        if way == "gather":
            made = {pattern: side_by_side(seen) for pattern, seen in made.items()}
        attend = {"masked": self.masked, "gather": self.gathered}[way]
        self.attends = [attend(cache(m.query_key_size), cache(m.value_size), made[pattern]) for pattern, in patterns]

    def masked(self, keys: Tensor, values: Tensor, mask: Tensor) -> Attend:
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys[:, :, self.position] = k
            values[:, :, self.position] = v
            return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask[self.position], enable_gqa=True)

        return attend

    def gathered(self, keys: Tensor, values: Tensor, pattern: tuple[Tensor, Tensor]) -> Attend:
        rows, there = pattern

        # Sums, and no products of matrices: compiled, each reads what it gathers and keeps nothing.
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys[:, :, self.position] = k
            values[:, :, self.position] = v
            batch, heads, _, size = q.shape
            q = q.view(batch, keys.shape[1], -1, 1, size)
            row = rows[self.position][0]
            scores = (q.float() * keys[:, :, None, row]).sum(-1) * size**-0.5
            weights = torch.softmax(scores.masked_fill(~there[self.position], float("-inf")), -1)
            output = (weights.unsqueeze(-1) * values[:, :, None, row]).sum(-2)
            return output.view(batch, heads, 1, -1).to(k.dtype)

        return attend

    def compile(self) -> None:
        for block in self.model.transformer["h"]:
            block.compile(dynamic=False)

    def step(self) -> None:
        logits = self.model(self.tokens, self.position, self.attends)[:, 0].float()
        self.logits.copy_(logits)
        # The least of exponentials by their rates, which needs no number on the host.
        noise = torch.empty_like(logits).exponential_(1)
        self.tokens.copy_((torch.softmax(logits, -1) / noise).argmax(-1, keepdim=True))
        self.drawn[:, self.position] = self.tokens
        self.position += 1

    def restart(self) -> None:
        self.position.zero_()
        self.tokens.fill_(self.start)

    def error(self) -> float:
        """Of the last position's logits, for the first sequence."""
        tokens = F.pad(self.drawn[:1, :-1], (1, 0), value=self.start)
        whole = Model(self.spec)
        draw(whole, self.spec.train.seed)
        whole.to(tokens.device).requires_grad_(False)
        made = {pattern: attention_in(torch.float32, [pattern], tokens.shape[1], tokens.device)
                for pattern, in self.spec.layer_patterns()}
        attends = [made[pattern] for pattern, in self.spec.layer_patterns()]
        right = whole(tokens, torch.arange(tokens.shape[1], device=tokens.device), attends)[0, -1]
        return ((self.logits[0] - right).norm() / right.norm()).item()


def measure(spec: Spec, way: str) -> dict[str, float]:
    started = time.monotonic()
    sampler = Sampler(spec, way)
    sampler.compile()
    graph = captured(sampler.step)
    peak, prepared = torch.cuda.max_memory_allocated(), time.monotonic() - started
    sampler.restart()
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(spec.data.context):
        graph.replay()
    stop.record()
    torch.cuda.synchronize()
    milliseconds, error = start.elapsed_time(stop), sampler.error()
    if not error <= BOUND:
        raise ArithmeticError(f"expected logits with a relative error of at most {BOUND}, found {error}")
    return {"tokens_per_second": spec.sample.batch * spec.data.context / milliseconds * 1e3,
            "ms": milliseconds / spec.data.context, "peak_gib": peak / 2**30, "error": error,
            "seconds_to_prepare": prepared}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path, help="a specification (.toml); its dropout is left out")
    parser.add_argument("--way", choices=WAYS, nargs="+", default=list(WAYS),
                        help="; ".join(f"{k}: {v}" for k, v in WAYS.items()) + "; default: both")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE",
                        help="another value for a key of the specification, such as sample.batch=64")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("sample_peer.py: error: expected a GPU that PyTorch can use, found none")
    spec = Spec(changed(load(options.spec), {"train.dropout": 0.0} | dict(options.set)))
    results = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "batch": spec.sample.batch,
               "positions": spec.data.context, "ways": {}}
    for way in options.way:
        try:
            results["ways"][way] = measure(spec, way)
        except (ArithmeticError, ValueError) as error:
            sys.exit(f"sample_peer.py: error: {error}")
        torch.compiler.reset()
        gc.collect()
        torch.cuda.empty_cache()
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
