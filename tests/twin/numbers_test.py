#!/usr/bin/env python3
"""STC trains as its twin in PyTorch did when numbers.json was written: losses, norms of the gradients, learning
rates, and the held-out loss of what was trained.

    numbers_test.py BIN [unittest's arguments]

BIN has stc-compile and stc-run. `twin_test.py BIN --write-numbers` writes the file, and twin_test.py compares the
twin with it.
"""

import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from given import KINDS, NORM_TOLERANCE, TOLERANCE, Trained

BIN = Path()


class Numbers(unittest.TestCase):
    def compare(self, kind: str, stored: dict[str, Any]) -> None:
        given = {"name": kind} | KINDS[kind]
        compute = given.get("precision", {}).get("compute", "float32")

        def assert_close(found: float, right: float, scale: float, what: str) -> None:
            tolerance = (NORM_TOLERANCE if what.startswith("gradient_norm") else TOLERANCE)[compute]
            self.assertLessEqual(abs(found - right), tolerance * scale, f"{what}: {found}, of the twin {right}")

        with tempfile.TemporaryDirectory() as folder:
            trained = Trained(BIN, Path(folder), given, stored["shapes"])
            self.assertEqual([line["step"] for line in trained.metrics], list(range(1, len(stored["steps"]) + 1)))
            for line, right in zip(trained.metrics, stored["steps"]):
                for name, value in right.items():
                    scale = given["train"]["learning_rate"] if name == "learning_rate" else abs(value)
                    assert_close(line[name], value, scale, f"{name} of step {line['step']}")
            held_out = trained.evaluated(trained.checkpoint(len(trained.metrics))[0])["bits_per_byte"]
            assert_close(held_out, stored["held_out_bits_per_byte"], stored["held_out_bits_per_byte"], "held-out loss")

    def test_kinds(self) -> None:
        numbers = json.loads((Path(__file__).parent / "numbers.json").read_text())
        self.assertEqual(list(numbers), list(KINDS))
        for kind, stored in numbers.items():
            with self.subTest(kind=kind):
                self.compare(kind, stored)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("numbers_test.py: error: expected the folder of stc-compile and stc-run")
    BIN = Path(sys.argv.pop(1)).resolve()
    unittest.main()
