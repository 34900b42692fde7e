"""Mask functions that are traced: against the same function on arrays of all positions, and what is refused.

usage: masks_test.py    (STC_TEST_SEED=N for one random mask)
"""

import operator
import os
import random
import sys
import unittest

import numpy as np
import stc

LENGTH = 24
CASES = 100


def evaluated(mask, heads=1, n=LENGTH):
    """The mask on all positions at once, as FlexAttention would evaluate it: [heads, n, n]."""
    i, j = np.arange(n)[:, None], np.arange(n)[None, :]
    return np.stack([np.broadcast_to(mask(0, h, i, j), (n, n)) for h in range(heads)])


def traced(mask, heads=None, n=LENGTH):
    """The pattern's mask, of as many heads as there are."""
    pattern = stc.Pattern(mask, heads=heads)
    return np.stack([pattern.head(h).mask(n) for h in range(heads or 1)])


class RandomMask:
    """Functions of positions, of what tracing knows."""

    COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def number(self, depth):
        pick = self.random.randrange(9 if depth else 3)
        constant = self.random.choice([-7, -3, -2, -1, 1, 2, 3, 4, 5, 8])
        if pick == 0:
            return lambda h, i, j: constant
        if pick in (1, 2):
            return (lambda h, i, j: i) if pick == 1 else (lambda h, i, j: j)
        a = self.number(depth - 1)
        if pick == 3:
            b = self.number(depth - 1)
            return lambda h, i, j: a(h, i, j) + b(h, i, j)
        if pick == 4:
            b = self.number(depth - 1)
            return lambda h, i, j: a(h, i, j) - b(h, i, j)
        if pick == 5:
            return lambda h, i, j: a(h, i, j) * (constant + h)
        if pick == 6:
            return lambda h, i, j: a(h, i, j) // constant
        if pick == 7:
            return lambda h, i, j: a(h, i, j) % constant
        return lambda h, i, j: abs(-a(h, i, j))

    def condition(self, depth):
        pick = self.random.randrange(5 if depth else 1)
        if pick == 0:
            compare, a, b = self.random.choice(self.COMPARISONS), self.number(2), self.number(1)
            return lambda h, i, j: compare(a(h, i, j), b(h, i, j))
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        if pick == 1:
            # ~ of a bool of Python would be a number.
            return lambda h, i, j: ~(a(h, i, j) & (i >= 0))
        join = {2: operator.and_, 3: operator.or_, 4: operator.xor}[pick]
        return lambda h, i, j: join(a(h, i, j), b(h, i, j))

    def mask(self):
        condition = self.condition(3)
        return lambda b, h, i, j: condition(h, i, j)


class Traced(unittest.TestCase):
    def test_random_masks(self):
        only = os.environ.get("STC_TEST_SEED")
        for seed in [int(only)] if only else range(CASES):
            with self.subTest(STC_TEST_SEED=seed):
                mask = RandomMask(seed).mask()
                expected = evaluated(mask, heads=2)
                np.testing.assert_array_equal(traced(mask, heads=2), expected)
                for h in range(2):
                    pattern = stc.Pattern(mask, heads=2).head(h)
                    self.assertEqual(pattern.pairs(LENGTH), expected[h].sum())
                    self.assertEqual(pattern.is_causal(LENGTH), not np.triu(expected[h], 1).any())
                    self.assertEqual(pattern.empty_rows(LENGTH) == "", expected[h].any(axis=1).all())

    def test_text(self):
        for mask, text in [
            (lambda b, h, i, j: (i - j) % 128 == 0, "((i - j) mod 128) = 0"),
            (lambda b, h, i, j: (j <= i) & (i // 8 == j // 8), "j <= i and floor((i)/8) = floor((j)/8)"),
            (lambda b, h, i, j: 2 * (i - 1) - i + 5 > 3 - j, "i + 3 > -j + 3"),
            (lambda b, h, i, j: abs(i - j) < 4, "max(i - j, -i + j) < 4"),
            (lambda b, h, i, j: (i < 3) | (j < 3) & ~(i == j), "i < 3 or (j < 3 and not (i = j))"),
            (lambda b, h, i, j: divmod(i, 4)[1] == 0, "((i) mod 4) = 0"),
            (lambda b, h, i, j: i - i == 0, "true"),
            (lambda b, h, i, j: False, "false"),
            (lambda b, h, i, j: np.bool_(True) & (i >= j), "i >= j"),
            (lambda b, h, i, j: np.int64(3) - i <= j, "-i + 3 <= j"),
        ]:
            self.assertEqual(str(stc.Pattern(mask)), f"{{ [i] -> [j] : {text} }}")

    def test_division_rounds_down(self):
        for divisor in (3, -3):
            for mask in (
                lambda b, h, i, j: (i - j) // divisor == -2,
                lambda b, h, i, j: (i - j) % divisor == divisor // 2,
                lambda b, h, i, j: divmod(j - i, divisor)[0] > 0,
            ):
                np.testing.assert_array_equal(traced(mask), evaluated(mask))

    def test_masks_are_combined(self):
        causal = lambda b, h, i, j: j <= i  # noqa: E731
        window = lambda b, h, i, j: i - j <= 4  # noqa: E731
        sinks = lambda b, h, i, j: j < 2  # noqa: E731
        both = stc.and_masks(causal, stc.or_masks(window, sinks))
        self.assertTrue(stc.Pattern(both).equals(stc.local(4) | stc.sinks(2), 64))
        self.assertTrue(stc.Pattern(stc.and_masks()).mask(4).all())
        self.assertFalse(stc.Pattern(stc.or_masks()).mask(4).any())

    def test_pytorchs_own_combinations(self):
        """What torch.nn.attention.flex_attention.and_masks does."""

        def mask(b, h, i, j):
            result = b.new_ones((), dtype=bool)
            for one in (j <= i, i - j < 5):
                result = result & one
            return result

        self.assertTrue(stc.Pattern(mask).equals(stc.local(4), 64))
        self.assertFalse(stc.Pattern(lambda b, h, i, j: b.new_zeros(()) | (i < 0)).mask(4).any())

    def test_named_patterns(self):
        for mask, pattern in [
            (lambda b, h, i, j: (j <= i) & ((i - j) % 12 == 0), stc.stride(12)),
            (lambda b, h, i, j: (j <= i) & (i // 12 == j // 12), stc.block(12)),
            (lambda b, h, i, j: (j <= i) & ((i // 12 == j // 12) | (j % 12 >= 9)), stc.fixed(12, 3)),
            (lambda b, h, i, j: (j <= i) & ((i - j) % 2 == 0) & (i - j < 10), stc.dilated(5, 2)),
        ]:
            self.assertTrue(stc.Pattern(mask).equals(pattern, 600), str(pattern))


class Heads(unittest.TestCase):
    def test_each_has_its_own(self):
        windows = [4, 8, 4, 16]
        pattern = stc.Pattern(lambda b, h, i, j: (j <= i) & (i - j <= windows[h]), heads=4)
        self.assertEqual(pattern.heads, 4)
        self.assertEqual(pattern.pairs(64), sum(stc.local(w).pairs(64) for w in windows))

    def test_in_turn(self):
        pattern = stc.Pattern(lambda b, h, i, j: (j <= i) & ((i - j) % (1 + h % 2) == 0), heads=40)
        self.assertEqual(pattern.heads, 2)
        self.assertEqual(pattern.head(39), pattern.head(1))

    def test_may_branch_on_the_head(self):
        pattern = stc.Pattern(lambda b, h, i, j: j <= i if h < 2 else i - j == 0, heads=4)
        self.assertEqual([pattern.head(h).pairs(8) for h in range(4)], [36, 36, 8, 8])

    def test_all_alike(self):
        self.assertEqual(stc.Pattern(lambda b, h, i, j: j <= i, heads=8).heads, 1)


class FakeTensor:
    """Has of a tensor what masks do with one."""

    def __getitem__(self, index):
        operator.index(index[0] if isinstance(index, tuple) else index)


FakeTensor.__name__ = "Tensor"


class Refused(unittest.TestCase):
    def refused(self, mask, *words, heads=None, error=stc.TraceError):
        with self.assertRaises(error) as caught:
            stc.Pattern(mask, heads=heads)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_not_affine(self):
        self.refused(lambda b, h, i, j: i * j > 3, "found * of a position and a position")
        self.refused(lambda b, h, i, j: i / 2 > j, "found / of a position and 2: // rounds down")
        self.refused(lambda b, h, i, j: 8 // i > j, "found // of a position and 8")
        self.refused(lambda b, h, i, j: i % j == 0, "found % of a position and a position")
        self.refused(lambda b, h, i, j: i**2 > j, "found ** of a position and 2")
        self.refused(lambda b, h, i, j: i & 1 == 0, "found & of a position and 1")
        self.refused(lambda b, h, i, j: i << 1 > j, "found << of a position and 1")
        self.refused(lambda b, h, i, j: i < 2.5, "found < of a position and 2.5")
        self.refused(lambda b, h, i, j: i + True > j, "found + of a position and True")
        self.refused(lambda b, h, i, j: ~i > j, "found ~ of a position")
        self.refused(lambda b, h, i, j: (i < j) + 1 > 0, "found + of a comparison of positions and 1")
        self.refused(lambda b, h, i, j: (i < j) & 1, "found & of a comparison of positions and 1")
        self.refused(lambda b, h, i, j: (i < j) == (j < i), "found == of a comparison")
        self.refused(lambda b, h, i, j: int(i) > 3, "found int() of a position")
        self.refused(lambda b, h, i, j: i.item() > 3, "found .item of a position")
        self.refused(lambda b, h, i, j: i % 0 == 1, "% of a position and 0", error=ZeroDivisionError)

    def test_branches(self):
        words = "write &, | and ~"
        self.refused(lambda b, h, i, j: i > 3 and j > 3, words)
        self.refused(lambda b, h, i, j: i > 3 or j > 3, words)
        self.refused(lambda b, h, i, j: not i > 3, words)
        self.refused(lambda b, h, i, j: 0 <= i - j < 3, words, "a chain of comparisons")
        self.refused(lambda b, h, i, j: (j < 3) if i > 3 else (j < 5), words)
        self.refused(lambda b, h, i, j: max(i, j) > 3, words)

    def test_tensors(self):
        tensor, table = FakeTensor(), {}
        self.refused(lambda b, h, i, j: tensor[i] == tensor[j], "a tensor, list or range that is read at a position")
        self.refused(lambda b, h, i, j: np.arange(9)[i] == 0, "an array that is read at, or made of, a position")
        self.refused(lambda b, h, i, j: np.abs(i) == 0, "'Position' does not support ufuncs", error=TypeError)
        self.refused(lambda b, h, i, j: [1, 2][i] == 0, "that is read at a position")
        self.refused(lambda b, h, i, j: table[i], "a table that is read at a position")
        self.refused(lambda b, h, i, j: i < tensor, "found < of a position and a tensor")
        self.refused(lambda b, h, i, j: np.arange(9) < i, "found > of a position and a tensor")
        self.refused(lambda b, h, i, j: all(i < k for k in range(j)), "that is read at a position")

    def test_functions_of_pytorch(self):
        def where(b, h, i, j):
            return type(i).__torch_function__(where, (), (i < j, i, j))

        self.refused(where, "found torch.where, which takes a tensor")

    def test_batch(self):
        tensor = FakeTensor()
        self.refused(lambda b, h, i, j: tensor[b, i] == 0, "read at the batch b")
        self.refused(lambda b, h, i, j: (b == 0) & (i < j), "found == of the batch b", "all sequences of a batch")

    def test_head_without_a_number_of_heads(self):
        self.refused(lambda b, h, i, j: i - j < h, "the head h", "stc.Pattern(mask, heads=...)")
        self.refused(lambda b, h, i, j: (h < 4) & (i < j), "found < of the head h")

    def test_what_is_no_condition(self):
        for mask in (lambda b, h, i, j: i - j, lambda b, h, i, j: None, lambda b, h, i, j: 1):
            self.refused(mask, "expected a mask that returns a condition or a bool", error=TypeError)

    def test_heads(self):
        mask = lambda b, h, i, j: i < j  # noqa: E731
        self.refused(mask, "expected a positive number of heads, found 0", heads=0, error=ValueError)
        self.refused("dense", "expected heads with a mask function only", heads=2, error=TypeError)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
