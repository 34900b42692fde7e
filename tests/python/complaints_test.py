"""What users of masks in PyTorch ran into, each as a test: the numbers are those of their issues.

usage: complaints_test.py FOLDER    (of the commands)
"""

import sys
import tracemalloc
import unittest

import stc

sys.argv.pop()

try:
    import torch
except ImportError:
    torch = None


def windowed_with_sinks(positions, window, sinks):
    """Pairs of a window of `window` keys and of the first `sinks` keys."""
    return sum(min(i + 1, window) + max(0, min(sinks, i + 1 - window)) for i in range(positions))


class Masks(unittest.TestCase):
    def peak(self, run):
        """What it returns, and the most bytes that Python had allocated meanwhile."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        result = run()
        return result, tracemalloc.get_traced_memory()[1]

    def test_no_mask_in_memory(self):
        """pytorch 134756: create_block_mask of 98,304 positions needs 9.7 GB and more."""
        for positions in (98_304, 1_000_000):

            def ask(positions=positions):
                p = stc.Pattern(lambda b, h, i, j: (j <= i) & (i - j < 1024))
                return p.pairs(positions)

            pairs, peak = self.peak(ask)
            self.assertEqual(pairs, 1024 * positions - 1024 * 1023 // 2)
            self.assertLess(peak, 2**20)

    def test_window_and_sinks_at_many_lengths(self):
        p = stc.local(255) | stc.sinks(4)
        for positions in range(100, 2100, 100):
            with self.subTest(positions):
                self.assertEqual(p.pairs(positions), windowed_with_sinks(positions, 256, 4))

    def test_window_of_2048_keys(self):
        """transformers 29623: a window of 2048 is one of 2048 keys, the query's own among them."""
        p = stc.Pattern(lambda b, h, i, j: (j <= i) & (i - j < 2048))
        self.assertTrue(p.equals(stc.local(2047), 100_000))
        self.assertEqual(p.pairs(5000) - p.pairs(4999), 2048)

    def test_dilated_window(self):
        """attention-gym 2: every second of the last keys."""
        p = stc.Pattern(lambda b, h, i, j: (j <= i) & (i - j < 64) & ((i - j) % 2 == 0))
        self.assertTrue(p.equals(stc.dilated(32, 2), 100_000))
        self.assertEqual(p.pairs(1000) - p.pairs(999), 32)

    def test_cost_before_the_run(self):
        """attention-gym 63: how sparse a mask is, and what of it is computed."""
        p = stc.fixed(128, 32)
        own = sum(i % 128 + 1 for i in range(12_288))
        self.assertEqual(p.pairs(12_288), own + sum(32 * (i // 128) for i in range(12_288)))
        said = p.explain(12_288, target="sm_90a")
        self.assertIn("pairs", said)
        self.assertIn("tiles", said)

    def test_heads_with_patterns_of_their_own(self):
        windows = [32 * (h + 1) for h in range(40)]
        p = stc.Pattern(lambda b, h, i, j: (j <= i) & (i - j < windows[h]), heads=40)
        self.assertEqual(p.heads, 40)
        for head in (0, 17, 39):
            self.assertTrue(p.head(head).equals(stc.local(windows[head] - 1), 10_000))


@unittest.skipIf(torch is None, "expected a Python with PyTorch, found none")
class Calls(unittest.TestCase):
    def expected(self, x, window, sinks):
        n = x.shape[2]
        i, j = torch.arange(n)[:, None], torch.arange(n)
        mask = (j <= i) & ((i - j < window) | (j < sinks))
        return torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)

    def test_lengths_that_change(self):
        """pytorch 141486: each new length compiles, or fails to."""
        for positions in (37, 64, 65, 100, 128, 200):
            x = torch.randn(1, 2, positions, 16)
            found = stc.attention(x, x, x, stc.local(15) | stc.sinks(2))
            torch.testing.assert_close(found, self.expected(x, 16, 2), rtol=1e-5, atol=1e-5)

    def test_shorter_than_the_mask(self):
        from stc.flex import create_block_mask, flex_attention

        mask = create_block_mask(lambda b, h, i, j: (j <= i) & ((i - j < 16) | (j < 2)), None, None, 512, 512)
        for positions in (512, 300, 1):
            x = torch.randn(1, 2, positions, 16)
            torch.testing.assert_close(
                flex_attention(x, x, x, block_mask=mask), self.expected(x, 16, 2), rtol=1e-5, atol=1e-5
            )


if __name__ == "__main__":
    unittest.main()
