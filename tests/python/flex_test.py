"""stc.flex beside torch.nn.attention.flex_attention, from the same functions.

usage: flex_test.py FOLDER    (of the commands)
"""

import os
import sys
import tempfile
import unittest

sys.argv.pop()

try:
    import torch
    from torch.nn.attention import flex_attention as theirs
except ImportError:
    print("skipped: expected a Python with PyTorch, found none; tools/test-torch.sh installs it", file=sys.stderr)
    sys.exit(77)

import stc
from stc import flex as ours


def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def window(b, h, q_idx, kv_idx):
    return (q_idx - kv_idx) <= 7


def sinks(b, h, q_idx, kv_idx):
    return kv_idx < 2


def window_by_head(b, h, q_idx, kv_idx):
    return (q_idx - kv_idx <= 3 + 6 * h) & (q_idx >= kv_idx)


def twice(score, b, h, q_idx, kv_idx):
    return 3 * score / 1.5


def layer(module, q, k, v, mask, score_mod=None, heads=None, **options):
    n = q.shape[2]
    block_mask = None if mask is None else module.create_block_mask(mask, None, heads, n, n, device="cpu")
    return module.flex_attention(q, k, v, score_mod=score_mod, block_mask=block_mask, **options)


class Flex(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.environ["STC_CACHE"] = folder.name
        torch.manual_seed(1)
        cls.q, cls.k, cls.v = (torch.randn(2, heads, 40, 16) for heads in (2, 2, 2))

    def same(self, mask, *arguments, tensors=None, **options):
        tensors = tensors or (self.q, self.k, self.v)
        found = layer(ours, *tensors, mask(ours), *arguments, **options)
        expected = layer(theirs, *tensors, mask(theirs), *arguments, **options)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)

    def test_masks(self):
        self.same(lambda of: of.and_masks(causal, of.or_masks(window, sinks)), return_lse=True)
        self.same(lambda of: of.noop_mask)
        self.same(lambda of: None)
        self.same(lambda of: window_by_head, heads=2)

    def test_scales(self):
        self.same(lambda of: causal, twice)
        self.same(lambda of: causal, twice, scale=0.125, return_lse=True)
        self.same(lambda of: causal, lambda score, b, h, i, j: -score)
        self.same(lambda of: causal, lambda score, b, h, i, j: score)

    def test_shared_heads_and_aux(self):
        tensors = (torch.randn(2, 4, 40, 16), self.k, self.v)
        aux = theirs.AuxRequest(lse=True)
        self.same(lambda of: causal, tensors=tensors, enable_gqa=True, return_aux=aux)
        self.same(lambda of: causal, tensors=tensors, enable_gqa=True, return_aux=theirs.AuxRequest())

    def test_gradients_and_shorter_queries(self):
        block_mask = ours.create_block_mask(causal, None, None, 100, 100)
        q, k, v = (x.clone().requires_grad_() for x in (self.q, self.k, self.v))
        output, logsumexp = ours.flex_attention(q, k, v, block_mask=block_mask.to("cpu"), return_lse=True)
        expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        torch.testing.assert_close(output, expected)
        for one, other in zip(*(torch.autograd.grad(x.square().sum(), (q, k, v)) for x in (output, expected))):
            torch.testing.assert_close(one, other)

    def test_compiled(self):
        block_mask = ours.create_block_mask(causal, None, None, 40, 40)
        compiled = torch.compile(ours.flex_attention, fullgraph=True)
        tensors = (self.q, self.k, self.v)
        for score_mod in (None, twice):
            found = compiled(*tensors, score_mod, block_mask)
            torch.testing.assert_close(found, ours.flex_attention(*tensors, score_mod, block_mask))

    def test_refused(self):
        def refused(error, words, mask, score_mod=None, **options):
            with self.assertRaisesRegex(error, words):
                layer(ours, self.q, self.k, self.v, mask, score_mod, **options)

        bias, slopes = torch.zeros(40), [1.0, 2.0]
        expected = "expected the score times a constant"
        for words, score_mod in [
            (r"found \+ of the score and a position", lambda score, b, h, i, j: score + (i - j)),
            (r"found torch.tanh", lambda score, b, h, i, j: torch.tanh(score / 20) * 20),
            (r"found \* of the score and a tensor", lambda score, b, h, i, j: score * bias),
            (r"found 0", lambda score, b, h, i, j: 0),
        ]:
            refused(stc.TraceError, f"{expected}.*{words}", causal, score_mod)
        refused(stc.TraceError, "read at the head", causal, lambda score, b, h, i, j: score * slopes[h])
        refused(stc.TraceError, "found <= of the batch b", lambda b, h, i, j: b <= j)
        refused(ValueError, "expected 3 heads, as block_mask has, found 2", causal, heads=3)
        refused(ValueError, "max_scores", causal, return_aux=theirs.AuxRequest(max_scores=True))
        short = ours.create_block_mask(causal, None, None, 30, 30)
        for error, words, block_mask in [
            (ValueError, "at most 30 positions, as block_mask has, found 40", short),
            (TypeError, "of stc.flex.create_block_mask, found a torch.nn.*BlockMask",
             theirs.create_block_mask(causal, None, None, 40, 40, device="cpu")),
        ]:  # fmt: skip
            with self.assertRaisesRegex(error, words):
                ours.flex_attention(self.q, self.k, self.v, block_mask=block_mask)
        with self.assertRaisesRegex(ValueError, "equal lengths, found Q_LEN=4 and KV_LEN=5"):
            ours.create_block_mask(causal, None, None, 4, 5)


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # theirs says that it is not compiled
