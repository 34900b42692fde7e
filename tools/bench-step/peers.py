#!/usr/bin/env python3
"""The training step of a specification's model on one GPU, as a user of PyTorch would have it for speed:
compiled, in bf16 by autocast, Adam fused, gradients clipped, and all of it one CUDA graph.

    peers.py SPEC.toml --way flex [--set model.layers=2 ...]

Prints a JSON object with the median of a step in ms, tokens a second and the peak of memory in GiB, or why there
is none. The batch is the specification's; with `recompute` other than "none" each block is checkpointed.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import paths  # noqa: F401
from spec import Spec, assignment, changed, load

try:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.checkpoint import checkpoint

    import attention
    import exact
    from clock import Clock
    from graph import captured
    from model import Attend, Model, call, initialize
    from patterns import mask_of
except ImportError as error:
    sys.exit(f"peers.py: error: expected PyTorch 2.9 or later, found none that serves: {error}")

WAYS = {
    "flex": "FlexAttention under the pattern",
    "expert": "the pattern split by hand into parts that are dense tiles",
    "dense": "dense causal attention, the pattern left out",
}
# The fastest that takes the sizes of the heads.
BACKENDS = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attention_of(way: str, pattern: str, n: int) -> Attend:
    if way == "dense":
        return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if way == "flex":
        return attention.flex(mask_of(pattern), n, n, "cuda")
    if (by_hand := attention.expert(pattern, n, "cuda")) is None:
        raise ValueError(f"expected a pattern with parts, found {pattern}: FlexAttention serves it as it is")
    return by_hand


def check(attend: Attend, spec: Spec, pattern: str) -> dict[str, float]:
    """Errors of output and gradients on random inputs, for some rows of one sequence, against float64."""
    m, n = spec.model, spec.data.context
    torch.manual_seed(1)
    q, k, v, g = (torch.randn(1, m.heads, n, size, device="cuda", dtype=torch.bfloat16, requires_grad=True)
                  for size in (m.query_key_size, m.query_key_size, m.value_size, m.value_size))
    output = attend(q, k, v)
    results = output, *torch.autograd.grad(output, (q, k, v), g)
    expected = exact.expect(*(t.detach() for t in (q, k, v, g)), mask_of(pattern))
    return exact.checked(dict(zip(exact.NAMES, (t.detach() for t in results))), expected)


class Step:
    """One step of training, on the same sequences each time."""

    def __init__(self, spec: Spec, attends: list[Attend]):
        self.model = Model(spec)
        initialize(self.model, spec.train.seed, spec.train.init_scale)
        self.model.cuda()
        self.attends, self.clip = attends, spec.train.clip
        torch.manual_seed(spec.train.seed)
        self.targets = torch.randint(spec.model.vocabulary, (spec.train.batch, spec.data.context), device="cuda")
        self.tokens = F.pad(self.targets[:, :-1], (1, 0), value=spec.model.vocabulary)
        self.positions = torch.arange(spec.data.context, device="cuda")
        self.loss = torch.zeros((), device="cuda")

        weights = list(self.model.parameters())
        groups = [{"params": [w for w in weights if w.dim() > 1], "weight_decay": spec.train.weight_decay},
                  {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0}]
        # A tensor, so that a schedule can change it under the graph.
        rate = torch.tensor(spec.train.learning_rate, device="cuda")
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(spec.train.beta1, spec.train.beta2),
                                           eps=spec.train.epsilon, fused=True, capturable=True)
        # All layers at once or, where it is computed again, block by block: the layers share what is compiled then.
        if spec.memory.recompute == "none":
            self.forward = torch.compile(partial(self.compute_loss, run=call), dynamic=False)
        else:
            for block in self.model.transformer["h"]:
                block.compile(dynamic=False)
            run = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
            self.forward = partial(self.compute_loss, run=run)

    def compute_loss(self, tokens: Tensor, targets: Tensor, run: Callable[..., Tensor]) -> Tensor:
        logits = self.model(tokens, self.positions, self.attends, run)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def __call__(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            loss = self.forward(self.tokens, self.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip, foreach=True)
        self.optimizer.step()
        self.loss.copy_(loss.detach())


def measure(spec: Spec, way: str) -> dict[str, object]:
    m, n = spec.model, spec.data.context
    patterns = spec.layer_patterns()
    if m.key_value_heads != m.heads or any(len(of_heads) > 1 for of_heads in patterns):
        raise ValueError("expected heads with keys of their own and one pattern, found shared keys or patterns")
    started = time.monotonic()
    made = {pattern: attention_of(way, pattern, n) for pattern, in patterns}
    with sdpa_kernel(BACKENDS, set_priority=True):
        errors = {pattern: check(attend, spec, "dense" if way == "dense" else pattern)
                  for pattern, attend in made.items()}
        torch.cuda.empty_cache()
        step = Step(spec, [made[pattern] for pattern, in patterns])
        graph = captured(step)
    peak = torch.cuda.max_memory_allocated()
    prepared = time.monotonic() - started
    milliseconds = Clock().median(graph.replay)
    loss, untrained = step.loss.item(), math.log(m.vocabulary)
    if not loss < untrained:
        raise ArithmeticError(f"expected a loss below that of no training, {untrained:.4f}, found {loss}")
    tokens = spec.train.batch * n
    return {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "way": way, "ms": milliseconds,
            "tokens_per_second": tokens / milliseconds * 1e3, "peak_gib": peak / 2**30,
            "parameters": sum(weight.numel() for weight in step.model.parameters()), "loss": loss, "errors": errors,
            "seconds_to_prepare": prepared}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path, help="a specification (.toml)")
    parser.add_argument("--way", choices=WAYS, required=True, help="; ".join(f"{k}: {v}" for k, v in WAYS.items()))
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE",
                        help="another value for a key of the specification, such as train.batch=4")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("peers.py: error: expected a GPU that PyTorch can use, found none")
    try:
        found = measure(Spec(changed(load(options.spec), dict(options.set))), options.way)
    except Exception as error:  # of any kind: a peer that cannot is a result, too
        found = {"cannot": (" ".join(str(error).split()) or type(error).__name__)[:300]}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
