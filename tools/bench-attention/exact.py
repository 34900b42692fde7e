"""Attention over a pattern, straight from its definition and in float64, for some queries and keys."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patterns import Mask


def count_pairs(mask: Mask, n: int, device: str) -> int:
    """All n x n of them, one by one."""
    keys = torch.arange(n, device=device)
    step = max(1, 2**28 // n)
    return sum(int(mask(torch.arange(first, min(first + step, n), device=device)[:, None], keys).sum())
               for first in range(0, n, step))


@dataclass
class Sample:
    """Places (batch, head), and positions there."""

    places: list[tuple[int, int]]
    queries: Tensor
    keys: Tensor


def choose_sample(mask: Mask, batch: int, heads: int, n: int, device: str) -> Sample:
    """The first and the last place; the ends and some positions between them. A key's gradients are of all
    queries that see it, and need all their scores: keys that would take more than 2^33 are left out."""
    generator = torch.Generator().manual_seed(n)

    def positions(count: int) -> Tensor:
        some = torch.randint(n, (count,), generator=generator)
        return torch.cat([torch.tensor([0, max(0, n - 4096), n - 1]), some]).unique().to(device)

    keys = positions(4)
    seen = mask(torch.arange(n, device=device)[:, None], keys).sum(0)
    return Sample(sorted({(0, 0), (batch - 1, heads - 1)}), positions(48), keys[seen * n <= 2**33])


Gradients = dict[str, Tensor]
NAMES = ("output", "q_grad", "k_grad", "v_grad")


def pick(sample: Sample, results: Gradients) -> Gradients:
    """What the sample has of whole results [batch, heads, n, size], as [places, positions, size]."""

    def rows(name: str) -> Tensor:
        at = sample.queries if name in ("output", "q_grad") else sample.keys
        at = at.to(results[name].device)
        return torch.stack([results[name][b, h, at].double() for b, h in sample.places])

    return {name: rows(name) for name in NAMES}


@dataclass
class Expected:
    sample: Sample
    values: Gradients


def expect(q: Tensor, k: Tensor, v: Tensor, g: Tensor, mask: Mask) -> Expected:
    """What a sample has to be: q, k, v and the output's gradient g are [batch, heads, n, size]."""
    batch, heads, n, _ = q.shape
    sample = choose_sample(mask, batch, heads, n, q.device.type)
    parts = [exact_place(sample, *(t[b, h].double() for t in (q, k, v, g)), mask) for b, h in sample.places]
    return Expected(sample, {name: torch.stack([part[name] for part in parts]) for name in NAMES})


def exact_place(sample: Sample, q: Tensor, k: Tensor, v: Tensor, g: Tensor, mask: Mask) -> Gradients:
    n, scale = len(q), q.shape[1] ** -0.5
    positions = torch.arange(n, device=q.device)

    def attend(rows: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Some rows at a time: their numbers, their probabilities for all keys, their outputs."""
        for some in rows.split(max(1, 2**26 // n)):
            scores = (q[some] @ k.T).mul_(scale)
            scores.masked_fill_(~mask(some[:, None], positions), float("-inf"))
            # A row without a key has no probabilities.
            weights = torch.softmax(scores, -1).nan_to_num_(0)
            yield some, weights, weights @ v

    outputs, q_grads = [], []
    for some, weights, output in attend(sample.queries):
        delta = (g[some] * output).sum(-1, keepdim=True)
        outputs.append(output)
        q_grads.append((weights * (g[some] @ v.T - delta)) @ k * scale)

    keys = sample.keys
    k_grad = torch.zeros(len(keys), k.shape[1], dtype=torch.float64, device=k.device)
    v_grad = torch.zeros(len(keys), v.shape[1], dtype=torch.float64, device=k.device)
    # A key's gradients are of all queries that see it.
    meeting = positions[mask(positions[:, None], keys).any(1)]
    for some, weights, output in attend(meeting):
        delta = (g[some] * output).sum(-1, keepdim=True)
        seen = weights[:, keys]
        v_grad += seen.T @ g[some]
        k_grad += (seen * (g[some] @ v[keys].T - delta)).T @ q[some] * scale
    return {"output": torch.cat(outputs), "q_grad": torch.cat(q_grads), "k_grad": k_grad, "v_grad": v_grad}


# Outputs and gradients are bf16, with 8 bits of mantissa; what is rounded between adds to that.
BOUND = 2.0**-7


def errors(results: Gradients, expected: Expected) -> dict[str, float]:
    """Of each whole result, the norm of the sample's difference by its norm; not a number stays one."""
    found = pick(expected.sample, results)

    def error(name: str) -> float:
        right = expected.values[name]
        return ((found[name].to(right.device) - right).norm() / right.norm()).item()

    return {name: error(name) for name in NAMES}


def checked(results: Gradients, expected: Expected) -> dict[str, float]:
    """The errors. ArithmeticError, if one is above the bound."""
    found = errors(results, expected)
    wrong = {name: error for name, error in found.items() if not error <= BOUND}
    if wrong:
        raise ArithmeticError(f"expected relative errors of at most {BOUND:.1e}, found {wrong}")
    return found
