"""tools/bench-python, as far as it goes without a GPU: what each benchmark prints, and that the ways agree.

usage: bench_test.py FOLDER    (of the commands)
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import torch  # noqa: F401
except ImportError:
    print("skipped: expected a Python with PyTorch, found none; tools/test-torch.sh installs it", file=sys.stderr)
    sys.exit(77)

sys.argv.pop()
MAIN = Path(__file__).resolve().parents[2] / "tools/bench-python/main.py"


class Benchmarks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.environment = os.environ | {"STC_CACHE": folder.name, "CUDA_VISIBLE_DEVICES": ""}

    def run_main(self, *arguments):
        command = [sys.executable, "-B", MAIN, *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)

    def rows(self, name, *options):
        """What it prints, by the first field of its own."""
        done = self.run_main(name, "--json", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        for row in found:
            self.assertEqual((row["benchmark"], row["device"]), (name, "CPU"))
        return found

    def assert_times(self, row, *names):
        for name in names:
            self.assertGreater(row[name], 0)
            self.assertTrue(math.isfinite(row[name]))

    def test_call(self):
        rows = {row["way"]: row for row in self.rows("call", "--calls", 2, "--repetitions", 3)}
        self.assertEqual(list(rows), ["stc.attention", "inside the op", "the program", "op without kernels"])
        for way, row in rows.items():
            self.assert_times(row, "without_autograd_us", "without_autograd_least_us")
            self.assertEqual("with_autograd_us" in row, way in ("stc.attention", "op without kernels"))
        self.assertEqual(rows["the program"]["options"]["n"], 50)

    def test_first(self):
        (row,) = self.rows("first", "--patterns", "fixed(8, 2)", "--n", 24, "--repetitions", 1)
        self.assert_times(row, "forward_ms", "backward_ms", "from_disk_forward_ms", "from_disk_backward_ms")
        self.assertEqual((row["pattern"], row["compiled"], row["from_disk_compiled"]), ("fixed(8, 2)", 2, 0))

    def test_gpt(self):
        for patterns in (["dense"], ["block(8)", "summary(8, 2)"]):
            with self.subTest(patterns):
                found = self.rows("gpt", "--n", 32, "--width", 16, "--batch", 1, "--pattern", *patterns)
                rows = {row["way"]: row for row in found}
                self.assertEqual(list(rows), ["stc", "flex", "dense"])
                ours, flex, dense = rows.values()
                self.assertAlmostEqual(ours["loss"], flex["loss"], delta=1e-4)
                self.assertEqual(flex["cannot"], "FlexAttention has no gradients on the CPU")
                self.assertEqual(ours["pattern"], ", ".join(patterns))
                for row in (ours, dense):
                    self.assert_times(row, "ms", "first_step_s", "gradient_norm")
                if patterns == ["dense"]:
                    self.assertAlmostEqual(ours["loss"], dense["loss"], delta=1e-4)
                    self.assertAlmostEqual(ours["gradient_norm"], dense["gradient_norm"], delta=1e-4)
                else:
                    self.assertNotAlmostEqual(ours["loss"], dense["loss"], delta=1e-4)

    @unittest.skipIf(importlib.util.find_spec("transformers") is None, "expected Transformers, found none")
    def test_transformers(self):
        rows = self.rows("transformers", "--implementations", "eager", "stc")
        self.assertEqual([row["model"] for row in rows], ["Mistral"] * 2 + ["Gemma3"] * 2)
        for eager, ours in (rows[:2], rows[2:]):
            self.assertEqual(eager["implementation"], "eager")
            self.assertNotIn("ms", eager)
            self.assert_times(ours, "ms")
            for name in ("logits_difference", "gradients_difference"):
                self.assertEqual(eager[name], 0)
                self.assertLess(ours[name], 1e-5)

    def test_table(self):
        done = self.run_main("call", "--calls", 1, "--repetitions", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| way | without autograd us |", done.stdout)
        self.assertIn("| the program | ", done.stdout)

    def test_errors(self):
        cases = [
            (["deterministic"], "expected a GPU, found the CPU"),
            (["tine"], "expected one of call, first, gpt, deterministic, transformers, found tine"),
            (["call", "--repetitions", "2"], "expected an odd number for --repetitions, found 2"),
            (["call", "--n", "0"], "expected a number above 0 for --n, found 0"),
            (["call", "--pattern", "tine"], "expected"),
            (["gpt", "--ways", "tine"], "expected one of stc, flex, dense, found the way tine"),
            (["transformers", "--models", "tine", "--n", "8"], "expected one of Mistral, Gemma3, found the model tine"),
        ]
        if importlib.util.find_spec("transformers") is None:
            cases.pop()
        for arguments, words in cases:
            with self.subTest(arguments):
                done = self.run_main(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stderr)
                self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
