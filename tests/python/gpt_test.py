"""docs/examples/gpt.py, which docs/pytorch-model.md explains: a few steps with each kind of attention.

usage: gpt_test.py FOLDER    (of the commands)
"""

import os
import re
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
DOCS = Path(__file__).resolve().parents[2] / "docs"
SMALL = "--context 48 --layers 3 --width 32 --heads 2 --batch 2 --steps 3".split()


class Gpt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.environment = os.environ | {"STC_CACHE": folder.name, "CUDA_VISIBLE_DEVICES": ""}

    def train(self, *patterns):
        """What the script prints."""
        command = [sys.executable, "-B", DOCS / "examples/gpt.py", DOCS / "architecture.md", *SMALL]
        if patterns:
            command += ["--pattern", *patterns]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def losses(self, printed):
        """At step 1, at step 3 and held out."""
        return [float(number) for number in re.findall(r"loss ([0-9.]+)", printed)]

    def test_dense_is_pytorchs(self):
        found, expected = self.losses(self.train("dense")), self.losses(self.train())
        self.assertEqual(len(expected), 3)
        for one, other in zip(found, expected, strict=True):
            self.assertAlmostEqual(one, other, delta=1e-4)

    def test_patterns_of_layers_in_turn(self):
        printed = self.train("block(8)", "summary(8, 2)")
        self.assertIn("Reach(hops=2, missing=None)", printed)
        self.assertEqual(len(self.losses(printed)), 3)

    def test_patterns_of_heads(self):
        printed = self.train("fixed_by_head(8, 4)")
        self.assertIn("2 x ", printed)
        self.assertEqual(len(self.losses(printed)), 3)


if __name__ == "__main__":
    unittest.main()
