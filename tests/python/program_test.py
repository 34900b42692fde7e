"""Programs that are called on arrays: what comes out, what goes in, and every error.

usage: program_test.py FOLDER    (of the commands)
"""

import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np
import stc

RUN = Path(sys.argv.pop()) / "stc-run"
INPUTS = Path(__file__).resolve().parent.parent / "lit/Tools/Inputs"

# Rows of a table, whose numbers have a bound; and floats of 16 bits.
FUNCTIONS = """
func.func @look(%table: tensor<5x2xf32> {stc.name = "table"}, %rows: tensor<3xi32> {stc.name = "rows"})
    -> tensor<3x2xf32> {
  %0 = stc.gather %table, %rows : tensor<5x2xf32>, tensor<3xi32> -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}
func.func @halve(%x: tensor<4xbf16> {stc.name = "x"}, %y: tensor<4xf32> {stc.name = "y"})
    -> (tensor<4xbf16> {stc.name = "half"}, tensor<4xf32> {stc.name = "double"}) {
  %half = arith.constant dense<0.5> : tensor<4xbf16>
  %0 = arith.mulf %x, %half : tensor<4xbf16>
  %1 = arith.addf %y, %y : tensor<4xf32>
  return %0, %1 : tensor<4xbf16>, tensor<4xf32>
}
"""


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.attend = stc.compile(INPUTS / "attend.mlir", output=cls.folder / "attend.stcp")
        cls.tiny = stc.compile(INPUTS / "tiny.toml", output=cls.folder / "tiny.stcp")
        (cls.folder / "functions.mlir").write_text(FUNCTIONS, encoding="utf-8")
        cls.functions = stc.compile(cls.folder / "functions.mlir", output=cls.folder / "functions.stcp")

    def test_attention(self):
        random = np.random.default_rng(1)
        q, k, v = (random.standard_normal((1, 20, 2, 16), dtype=np.float32) for _ in range(3))
        scores = np.einsum("bihd,bjhd->bhij", q, k)
        scores[..., ~stc.strided(4).mask(20)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        expected = np.einsum("bhij,bjhd->bihd", weights / weights.sum(-1, keepdims=True), v)
        attend = stc.Program(self.attend)["attend"]
        np.testing.assert_allclose(attend(q, k, v), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(attend(q, value=v, key=k), attend(q, k, v))
        transposed = np.ascontiguousarray(q.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
        np.testing.assert_array_equal(attend(transposed, k, v), attend(q, k, v))

    def test_training(self):
        program = stc.Program(self.tiny, seed=3, threads=2)
        tokens = np.arange(256, dtype=np.int32).reshape(4, 64)
        losses = [program["train_step"](tokens, targets=tokens)["loss"].item() for _ in range(20)]
        self.assertAlmostEqual(losses[0], np.log(256), delta=0.1)
        self.assertLess(losses[-1], losses[0] - 0.5)
        again = stc.Program(self.tiny, seed=3, threads=1)
        self.assertEqual(again["train_step"](tokens, tokens)["loss"].item(), losses[0])

    def test_weights(self):
        run = self.folder / "run"
        data = ["--data", INPUTS / "tiny.toml", "--out", run]
        subprocess.run([RUN, "train", self.tiny, *data, "--steps", "2"], check=True, capture_output=True)
        tokens = np.arange(256, dtype=np.int32).reshape(4, 64)
        found = [
            stc.Program(self.tiny, weights=weights)["eval"](tokens, tokens)
            for weights in (run, run / "weights.safetensors", None)
        ]
        np.testing.assert_array_equal(found[0], found[1])
        self.assertFalse(np.array_equal(found[0], found[2]))

    def test_signatures(self):
        program = stc.Program(self.functions)
        self.assertEqual(list(program.entries), ["look", "halve"])
        self.assertEqual(
            repr(program),
            "stc.Program with\n  look(table: float32[5, 2], rows: int32[3]) -> (result0: float32[3, 2])\n"
            "  halve(x: float32[4], y: float32[4]) -> (half: float32[4], double: float32[4])",
        )

    def test_what_converts(self):
        halve = stc.Program(self.functions)["halve"]
        for x in ([1, 2, 3, 4], np.array([1, 2, 3, 4], np.float16), np.array([1, 2, 3, 4], np.int8), (1, 2.0, 3, 4)):
            found = halve(x, x)
            self.assertEqual(found["half"].tolist(), [0.5, 1, 1.5, 2])
            self.assertEqual(found["double"].tolist(), [2, 4, 6, 8])

        class OfOthers:
            """An array of another library, as DLPack hands it over."""

            dtype = "float32"
            array = np.array([1, 2, 3, 4], np.float32)

            def __dlpack__(self, **options):
                return self.array.__dlpack__(**options)

            def __dlpack_device__(self):
                return self.array.__dlpack_device__()

        self.assertEqual(halve(OfOthers(), OfOthers())["double"].tolist(), [2, 4, 6, 8])

    def test_threads(self):
        attend, ones = stc.Program(self.attend)["attend"], np.ones((1, 20, 2, 16), np.float32)
        wrong = []
        call = lambda k: wrong.extend(x for x in attend(ones, ones, k * ones).flat if abs(x - k) > 1e-4)  # noqa: E731
        threads = [threading.Thread(target=call, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_programs_share_threads(self):
        programs = [stc.Program(self.attend)]
        threads = len(os.listdir("/proc/self/task"))
        programs += [stc.Program(self.attend) for _ in range(8)]
        self.assertEqual(len(os.listdir("/proc/self/task")), threads)
        programs.append(stc.Program(self.attend, threads=3))
        self.assertEqual(len(os.listdir("/proc/self/task")), threads + 2)

    def test_errors_of_calls(self):
        program = stc.Program(self.functions)
        look, table = program["look"], np.zeros((5, 2), np.float32)
        for error, words, arguments in [
            (TypeError, "expected for look the inputs table, rows, found an array", [table]),
            (TypeError, "expected float32 for the input 'table', found float64", [np.zeros((5, 2)), [0, 1, 2]]),
            (TypeError, "expected int32 for the input 'rows', found float64", [table, [0.5, 1, 2]]),
            (ValueError, r"expected the shape \[3\] for the input 'rows', found \[2\]", [table, [0, 1]]),
            (ValueError, "expected indices of 0 to 4 for input 'rows', found 5 as element 2", [table, [0, 1, 5]]),
        ]:
            with self.assertRaisesRegex(error, words):
                look(*arguments)
        with self.assertRaisesRegex(TypeError, "found an array, an array, columns"):
            look(table, [0, 1, 2], columns=3)
        with self.assertRaisesRegex(KeyError, "expected an entry of look, halve, found 'see'"):
            program["see"]

    def test_errors_of_programs(self):
        for error, words, arguments in [
            (FileNotFoundError, "none.stcp", {"path": "none.stcp"}),
            (ValueError, "tiny.toml: expected a compiled program", {"path": INPUTS / "tiny.toml"}),
            (ValueError, "expected 1 to 4096 threads, found 0", {"path": self.attend, "threads": 0}),
            (FileNotFoundError, "none", {"path": self.tiny, "weights": "none"}),
            (ValueError, "tiny.toml: ", {"path": self.tiny, "weights": INPUTS / "tiny.toml"}),
        ]:
            with self.assertRaisesRegex(error, words):
                stc.Program(**arguments)
        gpu = stc.compile(INPUTS / "attend.mlir", target="sm_80", output=self.folder / "gpu.stcp")
        with self.assertRaisesRegex(ValueError, "expected a program for the CPU, found one for the target 'sm_80'"):
            stc.Program(gpu)


if __name__ == "__main__":
    unittest.main()
