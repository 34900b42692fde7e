"""Pattern.to_block_mask beside the BlockMask that PyTorch makes of the mask, and to_fa4 beside the mask.

usage: block_mask_test.py FOLDER    (of the commands)
"""

import os
import random
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

SEED = int(os.environ.get("STC_SEED") or random.randrange(1 << 30))


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


def random_pattern(rng):
    width, period = rng.randint(1, 90), rng.randint(2, 40)
    parts = [
        stc.local(width),
        stc.stride(period),
        stc.block(period),
        stc.sinks(rng.randint(1, 5)),
        stc.fixed(period, rng.randint(1, period)),
        stc.Pattern(f"{{ [i] -> [j] : {width} <= i + j and j < n - {period} }}"),
        stc.Pattern(lambda b, h, i, j: (j // period + i) % 3 != 0),
    ]
    one, other = rng.sample(parts, 2)
    return rng.choice([one | other, one - other, one, stc.Pattern([one, other, one])])


def listed(count, indices, columns):
    """The blocks of lists as bools."""
    found = torch.zeros(*count.shape, columns, dtype=bool)
    for row in torch.cartesian_prod(*map(torch.arange, count.shape)).tolist():
        found[(*row, indices[(*row, slice(count[tuple(row)]))].long())] = True
    return found


class FlashAttention4(unittest.TestCase):
    def check(self, tensors, mask, size, swap):
        """Tensors beside a mask of [heads, n, n], in which a block that reaches beyond n is never full."""
        n = mask.shape[1]
        rows, columns = (-(-n // of) for of in size)
        padded = torch.zeros(len(mask), rows * size[0], columns * size[1], dtype=bool)
        padded[:, :n, :n] = mask
        blocks = padded.reshape(-1, rows, size[0], columns, size[1])
        full = blocks.all(4).all(2)
        partial = blocks.any(4).any(2) & ~full
        for name, expected in (("mask", partial), ("full", full)):
            count, indices = getattr(tensors, f"{name}_block_cnt"), getattr(tensors, f"{name}_block_idx")
            expected = expected.mT if swap else expected
            self.assertTrue(torch.equal(listed(count, indices, expected.shape[2])[0], expected), name)
            self.assertEqual((count.dtype, indices.dtype), (torch.int32, torch.int32))
            self.assertEqual(indices.shape[3], max(count.max().item(), 1))
            self.assertTrue(indices.is_contiguous())
        self.assertEqual(tensors.block_size, size)

    def test_beside_masks(self):
        print(f"STC_SEED={SEED}", file=sys.stderr)
        rng = random.Random(SEED)
        for _ in range(60):
            pattern, n = random_pattern(rng), rng.randint(1, 300)
            size = (rng.choice([16, 32, 48]), rng.choice([8, 16, 32]))
            heads = rng.choice([None, pattern.heads, 7]) if pattern.heads > 1 else rng.choice([None, 4])
            with self.subTest(pattern=pattern, n=n, size=size, heads=heads):
                found = pattern.to_fa4(n, size, heads)
                of_heads = range(1 if pattern.heads == 1 else heads or pattern.heads)
                mask = torch.stack([torch.tensor(pattern.head(h).mask(n)) for h in of_heads])
                self.check(found.forward, mask, size, swap=False)
                self.check(found.backward, mask, size, swap=True)
                i, j = torch.arange(n)[:, None], torch.arange(n)
                names = {"i": i, "j": j, "minimum": torch.minimum, "maximum": torch.maximum, "where": torch.where}
                for h, condition in enumerate(found.conditions):
                    holds = torch.as_tensor(eval(condition, names) != 0).broadcast_to(n, n)
                    self.assertTrue(torch.equal(holds, torch.tensor(pattern.head(h).mask(n))))

    def test_a_long_one(self):
        found = PATTERNS[0].to_fa4(98304, (256, 128))
        self.assertEqual(found.forward.mask_block_cnt[0, 0].tolist(), [2] + [4] * 383)
        self.assertEqual(found.forward.mask_block_idx.shape, (1, 1, 384, 4))
        self.assertEqual(found.forward.mask_block_idx[0, 0, 5].tolist(), [0, 9, 10, 11])
        self.assertEqual(found.backward.mask_block_idx.shape, (1, 1, 768, 384))

    def test_refused(self):
        for size in (0, (128, -1)):
            with self.assertRaisesRegex(ValueError, "expected blocks of a size from 1 on, found"):
                stc.local(4).to_fa4(1000, size)
        with self.assertRaisesRegex(ValueError, "at most 8192 in a row, found the size 1"):
            stc.local(4).to_fa4(10000, (128, 127))


if __name__ == "__main__":
    unittest.main(warnings="ignore")
