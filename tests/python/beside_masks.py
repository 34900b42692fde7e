"""What tests of attention in PyTorch have in common. Where there is no PyTorch, importing it ends the test as skipped."""

import math
import os
import random
import sys
import tempfile
import unittest

import stc

try:
    import torch
except ImportError:
    print("skipped: expected a Python with PyTorch, found none; tools/test-torch.sh installs it", file=sys.stderr)
    sys.exit(77)

SEED = int(os.environ.get("STC_SEED") or random.randrange(1 << 30))
BHND, BNHD = "bhnd", "bnhd"


def tensors(heads, positions, size, *, batch=1, key_heads=None, value_size=None, layout=BHND, **options):
    """Queries, keys and values, of which gradients are taken. Options are torch.randn's."""
    shapes = [(heads, size), (key_heads or heads, size), (key_heads or heads, value_size or size)]
    order = (lambda h: (h, positions)) if layout == BHND else (lambda h: (positions, h))
    return [torch.randn(batch, *order(h), s, requires_grad=True, **options) for h, s in shapes]


def masked(q, k, v, pattern, scale=None, layout=BHND):
    """Output and log-sum-exp in float64, from a mask."""
    q, k, v = (x.double() if layout == BHND else x.double().transpose(1, 2) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(group, dim=1) for x in (k, v))
    masks = [torch.tensor(pattern.head(h).mask(q.shape[2])).to(q.device) for h in range(pattern.heads)]
    mask = torch.stack([masks[h % len(masks)] for h in range(q.shape[1])])
    scores = (q @ k.mT * (1 / math.sqrt(q.shape[3]) if scale is None else scale)).masked_fill(~mask, -math.inf)
    logsumexp = scores.logsumexp(-1)
    output = (scores - logsumexp.unsqueeze(-1)).exp().masked_fill(~mask, 0) @ v
    return output if layout == BHND else output.transpose(1, 2), logsumexp


def gradients(results, weights, inputs):
    """Of the sum of the results with weights, where they are finite."""
    total = sum((result * weight)[result.isfinite()].sum() for result, weight in zip(results, weights))
    return torch.autograd.grad(total, inputs, retain_graph=True)


def opcheck(q, k, v, pattern):
    """PyTorch's checks of both ops, in both layouts."""
    assert callable(stc.attention)  # which defines the ops when it is first asked for
    for layout in (BHND, BNHD):
        inputs = [x if layout == BHND else x.detach().transpose(1, 2).requires_grad_() for x in (q, k, v)]
        rest = (pattern, 0.25, layout)
        torch.library.opcheck(torch.ops.stc.attention.default, (*inputs, *rest))
        results = torch.ops.stc.attention(*inputs, *rest)
        known = [x.detach() for x in (*inputs, *results, results[0])]
        for logsumexp_grad in (None, results[1].detach()):
            torch.library.opcheck(torch.ops.stc.attention_backward.default, (*known, logsumexp_grad, *rest))


class OwnCache(unittest.TestCase):
    """Programs are cached in a folder of the test's own, and the seed is said."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.environ["STC_CACHE"] = folder.name
        print(f"STC_SEED={SEED}", file=sys.stderr)

    def setUp(self):
        torch.manual_seed(SEED)
