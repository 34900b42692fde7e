"""Patterns as objects: named ones, combinations, every question, and every error.

usage: patterns_test.py
"""

import ctypes
import pickle
import sys
import threading
import unittest
import xml.etree.ElementTree

import numpy as np
import stc
from stc._library import COMPILER

# Arguments for each form of each named pattern.
ARGUMENTS = {
    "dense": [()],
    "local": [(5,)],
    "dilated": [(4, 3)],
    "stride": [(7,)],
    "strided": [(6,)],
    "block": [(8,)],
    "blocks": [(4, 3)],
    "summary": [(8, 2), (8, 2, 1)],
    "summary_by_head": [(8, 2)],
    "fixed": [(8, 2), (8, 2, 3)],
    "fixed_by_head": [(8, 4)],
    "sinks": [(3,)],
    "global_": [(2,), (2, 8)],
    "longnet": [(4, 2), (4, 2, 3)],
    "axial": [(8,)],
    "neighborhood": [(6, 8, 3), (6, 8, 3, 5)],
}


class Named(unittest.TestCase):
    def test_all_are_here(self):
        others = "Entry Pattern Program Reach Tensor TraceError Undecided and_masks cache compile or_masks reaches"
        functions = set(stc.__all__) - set(others.split())
        self.assertEqual(functions, set(ARGUMENTS))

    def test_pairs_are_those_of_the_mask(self):
        n = 48
        for name, calls in ARGUMENTS.items():
            for arguments in calls:
                pattern = getattr(stc, name)(*arguments)
                mask = pattern.mask(n)
                self.assertEqual(pattern.pairs(n), mask.sum(), pattern)
                self.assertTrue(pattern.is_causal(n))
                self.assertFalse(np.triu(mask, 1).any())
                rows = mask.any(axis=-1).all()
                self.assertEqual(pattern.empty_rows(n) == "", rows, pattern)

    def test_by_name(self):
        self.assertEqual(stc.fixed(l=128, c=32), stc.fixed(128, 32))
        self.assertEqual(stc.fixed(128, c=32, s=1), stc.Pattern("fixed(128, 32, 1)"))
        self.assertEqual(stc.neighborhood(8, 8, kh=3, kw=5), stc.Pattern("neighborhood(8, 8, 3, 5)"))

    def test_help(self):
        self.assertIn("fixed(l, c): block(l) | summary(l, c)", stc.fixed.__doc__)
        self.assertIn("arXiv 1904.10509, Sec. 4.3", stc.fixed.__doc__)
        self.assertIn("\n    1 <= l, 1 <= c <= l\n", stc.fixed.__doc__)
        self.assertIn("\n    1 <= h, 1 <= w, 1 <= k, k odd\n", stc.neighborhood.__doc__)
        for name in ARGUMENTS:
            self.assertIn("ValueError", getattr(stc, name).__doc__)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"expected fixed\(l, c\) or fixed\(l, c, s\), found 1 argument"):
            stc.fixed(128)
        with self.assertRaisesRegex(ValueError, "1 <= c <= l"):
            stc.fixed(8, 9)
        with self.assertRaisesRegex(TypeError, r"expected local\(w\) with integers, found \(2.5,\)"):
            stc.local(2.5)
        with self.assertRaisesRegex(TypeError, r"expected fixed\(l, c\) or .*, found other names: width"):
            stc.fixed(8, width=2)


class Expressions(unittest.TestCase):
    def test_combinations(self):
        a, b, c = stc.local(2), stc.stride(4), stc.sinks(1)
        self.assertEqual(str(a | b | c), "local(2) | stride(4) | sinks(1)")
        self.assertEqual(str((a | b) & c), "(local(2) | stride(4)) & sinks(1)")
        self.assertEqual(str(a - (b - c)), "local(2) - (stride(4) - sinks(1))")
        masks = [p.mask(32) for p in (a, b, c)]
        for combine, expected in [
            (lambda x, y, z: x | y | z, masks[0] | masks[1] | masks[2]),
            (lambda x, y, z: x & (y | z), masks[0] & (masks[1] | masks[2])),
            (lambda x, y, z: x - y - z, masks[0] & ~masks[1] & ~masks[2]),
            (lambda x, y, z: x - (y - z), masks[0] & ~(masks[1] & ~masks[2])),
            (lambda x, y, z: (x | y) - z, (masks[0] | masks[1]) & ~masks[2]),
        ]:
            np.testing.assert_array_equal(combine(a, b, c).mask(32), expected)

    def test_set_notation(self):
        window = stc.Pattern("{ [i] -> [j] :\n  0 <= i - j <= 7 }")
        self.assertEqual(str(window), "{ [i] -> [j] : 0 <= i - j <= 7 }")
        self.assertTrue(window.equals(stc.local(7), 1_000_000))
        self.assertFalse(window.equals(stc.local(8), 1_000_000))
        self.assertEqual(stc.Pattern("{ [i] -> [j] : j = n - 1 }").pairs(10), 10)

    def test_identity(self):
        pattern = stc.local(2) | stc.sinks(1)
        self.assertEqual(pattern, stc.Pattern("local(2)  |  sinks(1)"))
        self.assertEqual(len({pattern, stc.Pattern(pattern), stc.local(2)}), 2)
        self.assertNotEqual(pattern, str(pattern))
        self.assertEqual(eval(repr(pattern)), pattern)
        self.assertEqual(pickle.loads(pickle.dumps(pattern)), pattern)

    def test_heads(self):
        by_head = stc.fixed_by_head(8, 2)
        self.assertEqual(by_head.heads, 4)
        self.assertEqual(by_head.head(5), stc.fixed(8, 2, 1))
        self.assertEqual(by_head.mask(16).shape, (4, 16, 16))
        self.assertEqual(eval(repr(by_head)), by_head)
        self.assertEqual(stc.Pattern(str(by_head)), by_head)
        sets = stc.Pattern(["{ [i] -> [j] : j <= i }", "local(4) | sinks(2)"])
        self.assertEqual(stc.Pattern(str(sets)), sets)
        self.assertEqual((by_head | stc.sinks(1)).heads, 4)
        windows = stc.Pattern(["local(1)", "local(2)"])
        self.assertEqual((by_head | windows).head(2), stc.fixed(8, 2, 2) | stc.local(1))
        # As a specification's list: head h has text h mod p, and patterns by head one after the other.
        mixed = stc.Pattern(["dense", "fixed_by_head(8, 4)"])
        found = [str(mixed.head(h)) for h in range(4)]
        self.assertEqual(found, ["dense", "fixed(8, 4, 0)", "dense", "fixed(8, 4, 1)"])
        self.assertEqual(stc.Pattern(["dense", "dense"]), stc.dense())
        self.assertEqual(stc.Pattern([stc.dense(), stc.summary(4, 1)]).empty_rows(16), "head 1: 0 to 2")

    def test_errors(self):
        where = r"pattern 'local\(2\) \| loca\(3\)', byte 11: "
        with self.assertRaisesRegex(ValueError, where + "expected one of .*did you mean 'local'"):
            stc.Pattern("local(2) | loca(3)")
        with self.assertRaisesRegex(ValueError, "expected a text without zero bytes"):
            stc.Pattern("dense\0")
        with self.assertRaisesRegex(ValueError, "expected at least one pattern, found an empty list"):
            stc.Pattern([])
        with self.assertRaisesRegex(TypeError, "expected a pattern's text, a mask function .*, found 3"):
            stc.Pattern(3)
        with self.assertRaises(TypeError):
            stc.local(2) | "sinks(1)"
        with self.assertRaisesRegex(ValueError, "the number of a head, from 0, found -1"):
            stc.dense().head(-1)


class Questions(unittest.TestCase):
    def test_a_million_positions(self):
        pattern = stc.local(256) | stc.sinks(4)
        window, sinks = 257 * 1_000_000 - 256 * 257 // 2, 4 * 1_000_000 - (257 + 258 + 259 + 260)
        self.assertEqual(pattern.pairs(1_000_000), window + sinks)
        self.assertTrue(pattern.is_causal(1_000_000))
        self.assertEqual(pattern.empty_rows(1_000_000), "")

    def test_causality(self):
        self.assertFalse(stc.Pattern(lambda b, h, i, j: (i - j) % 128 == 0).is_causal(256))
        self.assertFalse(stc.Pattern(["dense", "{ [i] -> [j] }"]).is_causal(8))

    def test_reach(self):
        found = stc.fixed(8, 2).reaches(64, layers=3)
        self.assertTrue(found)
        self.assertEqual((found.hops, found.missing), (2, None))
        missing = stc.local(4).reaches(1024, layers=2)
        self.assertFalse(missing)
        i, j = missing.missing
        self.assertGreater(i - j, 8)
        self.assertTrue(stc.reaches([stc.stride(8), stc.local(8)], 64))
        # The heads of a layer together.
        self.assertTrue(stc.Pattern(["stride(8)", "local(8)"]).reaches(64, 2))

    def test_explanation(self):
        text = stc.fixed(128, 32).explain(12288)
        self.assertIn("19,470,336, 1 / 3.9 of the 75,503,616 with j <= i", text)
        self.assertIn("128 x 128", stc.dense().explain(4096, target="sm_90a"))
        self.assertEqual(stc.fixed_by_head(8, 4).explain(64).count("pattern     "), 2)

    def test_picture(self):
        for pattern, words in [(stc.strided(8), "all together"), (stc.fixed_by_head(8, 4), "head 1 of 2")]:
            drawing = pattern._repr_svg_()
            self.assertTrue(xml.etree.ElementTree.fromstring(drawing).tag.endswith("svg"))
            self.assertIn(words, drawing)

    def test_blocks_and_the_condition(self):
        """What a BlockMask of PyTorch is made of."""
        ask, names = COMPILER, {"minimum": np.minimum, "maximum": np.maximum, "where": np.where}
        n, size, rows = 100, 16, 7
        i, j = np.ogrid[:n, :n]
        remainders = "((i mod 97) + (j mod 89) + ((i + j) mod 83)) mod 7"  # too much to be decided without pairs
        sets = [stc.Pattern(f"{{ [i] -> [j] : {remainders} = 0 }}")]
        for pattern in [stc.local(20), stc.fixed(8, 2), stc.longnet(4, 2), stc.axial(32) - stc.sinks(3), *sets]:
            mask = pattern.mask(n)
            condition = ask.text_of("stcPatternPython", str(pattern).encode(), ctypes.c_int64(n))
            np.testing.assert_array_equal(mask, eval(condition, names, {"i": i, "j": j}))
            pairs = np.pad(mask, (0, rows * size - n)).reshape(rows, size, rows, size).sum((1, 3))
            arguments = (str(pattern).encode(), ctypes.c_int64(n), ctypes.c_int64(size))
            found = ask.bytes_of("stcPatternBlocks", rows * rows, *arguments)
            expected = np.where(pairs == size**2, 2, pairs > 0)
            np.testing.assert_array_equal(np.frombuffer(found, np.uint8).reshape(rows, rows), expected)

    def test_threads(self):
        results = []
        ask = lambda: results.append(stc.strided(64).pairs(65536))  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [stc.strided(64).pairs(65536)] * 4)

    def test_undecided(self):
        remainders = " or ".join(f"(7*i + {k}*j) mod {k * k + 1} = {k}" for k in range(20, 40))
        with self.assertRaisesRegex(stc.Undecided, "within the budget"):
            stc.Pattern(f"{{ [i] -> [j] : {remainders} }}").pairs(1 << 20)

    def test_errors(self):
        dense = stc.dense()
        for n in (0, -1, 1 << 31):
            with self.assertRaisesRegex(ValueError, f"expected a length from 1 to 1073741824, found {n}"):
                dense.pairs(n)
        with self.assertRaisesRegex(ValueError, "expected a number of positions of 64 bits"):
            dense.pairs(1 << 80)
        with self.assertRaisesRegex(TypeError, "expected a number of positions, an integer, found 2.5"):
            dense.is_causal(2.5)
        with self.assertRaisesRegex(ValueError, "at most 8192 for a mask of n x n elements, found 1000000"):
            dense.mask(1_000_000)
        with self.assertRaisesRegex(ValueError, "expected a positive number of layers, found 0"):
            dense.reaches(8, 0)
        with self.assertRaisesRegex(ValueError, "expected 1 to 4096 layers, found 0"):
            stc.reaches([], 8)
        with self.assertRaisesRegex(TypeError, "expected patterns, found 'dense'"):
            stc.reaches(["dense"], 8)
        with self.assertRaisesRegex(ValueError, "expected the target host, sm_80 or sm_90a, found 'tpu'"):
            dense.explain(64, target="tpu")


class Package(unittest.TestCase):
    def test_version(self):
        self.assertRegex(stc.__version__, r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
