"""Pattern.to_block_mask beside the BlockMask that PyTorch makes of the mask.

usage: block_mask_test.py FOLDER    (of the commands)
"""

import sys
import unittest

sys.argv.pop()

try:
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention
except ImportError:
    print("skipped: expected a Python with PyTorch, found none; tools/test-torch.sh installs it", file=sys.stderr)
    sys.exit(77)

import stc

PATTERNS = [
    stc.local(100) | stc.sinks(4),
    stc.fixed(128, 32),
    stc.Pattern("{ [i] -> [j] : true }"),
    stc.Pattern("{ [i] -> [j] : (i + j) mod 3 = 0 and j < 200 }"),
    stc.Pattern([stc.local(4), stc.block(64)]),
    stc.longnet(128, 2),
    stc.neighborhood(20, 30, 5),
    stc.axial(32) - stc.local(3),
]


class BlockMasks(unittest.TestCase):
    def test_as_pytorchs(self):
        for pattern in PATTERNS:
            for n, size in ((512, 128), (300, 64), (100, 128)):
                mask = torch.from_numpy(pattern.mask(n)).reshape(pattern.heads, n, n)
                expected = create_block_mask(
                    lambda b, h, i, j: mask[h, i, j], None, pattern.heads, n, n, device="cpu", BLOCK_SIZE=size
                )
                found = pattern.to_block_mask(n, size)
                with self.subTest(pattern=pattern, n=n, size=size):
                    for name in ("kv_num_blocks", "full_kv_num_blocks", "q_num_blocks", "full_q_num_blocks"):
                        self.assertTrue(torch.equal(getattr(found, name), getattr(expected, name)), name)
                    for name in ("kv_indices", "full_kv_indices"):
                        self.assertEqual(getattr(found, name).dtype, getattr(expected, name).dtype)
                    self.assertTrue(torch.equal(found.to_dense(), expected.to_dense()))
                    self.assertEqual(found.seq_lengths, expected.seq_lengths)
                    mask_of = create_mask(found.mask_mod, 1, pattern.heads, n, n, "cpu")
                    self.assertTrue(torch.equal(mask_of[0], mask))

    def test_in_their_attention(self):
        torch.manual_seed(1)
        q, k, v = (torch.randn(1, 2, 200, 16) for _ in range(3))
        pattern = PATTERNS[4]
        found = flex_attention(q, k, v, block_mask=pattern.to_block_mask(200))
        torch.testing.assert_close(found, stc.attention(q, k, v, pattern))

    def test_a_long_one(self):
        found = PATTERNS[0].to_block_mask(98304)
        self.assertEqual(found.kv_num_blocks[0, 0].tolist(), [1] + [2] + [3] * 766)
        self.assertEqual(found.full_kv_num_blocks.sum(), 0)

    def test_refused(self):
        for size in (0, -1, 1):
            with self.assertRaisesRegex(ValueError, f"expected blocks of a size from 1 on, .* found the size {size}"):
                stc.local(4).to_block_mask(10000, size)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
