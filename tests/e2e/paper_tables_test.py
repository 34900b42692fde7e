"""The driver of the paper's tables, with a stand-in for stc-run: which runs it makes, that it goes on where it was
stopped, and what the page says.

usage: paper_tables_test.py ROOT
"""

import os
import stat
import sys
import tempfile
import time
import unittest
import unittest.mock
import wave
from pathlib import Path

ROOT = Path(sys.argv.pop())
sys.path[:0] = [str(ROOT / "tools/paper-tables"), str(ROOT / "tools/bench-step")]

from compressors import read_npy  # noqa: E402
from experiments import OURS, PAPER, Run, Task  # noqa: E402
from page import write_page  # noqa: E402
from results import Results  # noqa: E402
from spectrogram import read_test, read_wav  # noqa: E402
from training import Trainer, gpus  # noqa: E402

# Trains three steps; a loss depends on the program's name: the one with the rate 0.002 is best, later seeds are
# worse. Where STOPS is true it ends as after SIGTERM, with a checkpoint of what was trained.
STAND_IN = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
command, program, *rest = sys.argv[1:]
given = dict(zip(rest, rest[1:]))
name = Path(program).stem
if command == "info":
    print(json.dumps({"parameters": 5, "entries": [{"name": "train_step", "peak_bytes": 2**30}]}))
elif command == "train":
    out = Path(given["--out"])
    resumed = "--resume" in rest
    (out / "checkpoints/step").mkdir(parents=True, exist_ok=True)
    with open(Path(given["--out"]).parents[1] / "calls", "a") as calls:
        print(name, given["--seed"], "resume" if resumed else "fresh", file=calls)
    done = len((out / "metrics.jsonl").read_text().splitlines()) if resumed else 0
    with open(out / "metrics.jsonl", "a") as metrics:
        for step in range(done + 1, 4):
            if STOPS and step == 2:
                sys.exit(143)
            print(json.dumps({"kind": "step", "step": step, "bits_per_byte": 2, "seconds": step * 0.5}), file=metrics, flush=True)
        loss = (1 if name.endswith("0.002") else 1.5) + int(given["--seed"]) / 10
        print(json.dumps({"kind": "eval", "step": 3, "bits_per_byte": loss}), file=metrics)
    (out / "weights.safetensors").write_text(str(loss))
elif command == "eval":
    loss = float((Path(given["--weights"]) / "weights.safetensors").read_text()) + 1
    if "--contexts" in given:
        print(json.dumps({"contexts": [{"bits_per_byte": loss - k} for k, _ in enumerate(given["--contexts"].split(","))]}))
    else:
        print(json.dumps({"bits_per_byte": loss, "standard_error": 0.1, "bytes": 7}))
elif "--out" in given:
    source = given.get("--complete")
    Path(given["--out"]).write_bytes(Path(source).read_bytes() if source else b"pictures")
else:
    sys.stdout.buffer.write(b"a sample of bytes \\xc8a\\n")
"""


class Driver(unittest.TestCase):
    def setUp(self) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)
        os.environ["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self.task = Task("small", "small text", "text-small", "text", {"dense": {}, "local": {}}, (0.001, 0.002),
                         contexts=(0, 8), sample=("--length", "9"))

    def train(self, task: Task, stops: bool = False) -> list[str]:
        """The calls of training so far."""
        stand_in = self.folder / "stc-run"
        stand_in.write_text(STAND_IN.replace("STOPS", str(stops)))
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
        self.assertTrue(Trainer(self.folder, stand_in, time.time() + 1e9).run_all([task]))
        return (self.folder / "calls").read_text().splitlines()

    def test_rates_are_tried_with_the_first_seed_and_the_best_with_all(self) -> None:
        calls = self.train(self.task)
        wanted = [f"small.{pattern}.{rate} 0 fresh" for pattern in ("dense", "local") for rate in ("0.001", "0.002")]
        wanted += [f"small.{pattern}.0.002 {seed} fresh" for pattern in ("dense", "local") for seed in (1, 2)]
        self.assertCountEqual(calls, wanted)
        self.assertEqual(self.train(self.task), calls)  # all of it has results

    def test_a_rate_chosen_elsewhere_is_the_only_one(self) -> None:
        task = Task("small", "", "text-small", "text", {"dense": {}, "local": {}}, (), seeds=(0, 1),
                    rate_of={"dense": 0.001, "local": 0.002})
        wanted = [f"small.{pattern} {seed} fresh" for pattern in ("dense.0.001", "local.0.002") for seed in (0, 1)]
        self.assertCountEqual(self.train(task), wanted)

    def test_what_was_stopped_goes_on(self) -> None:
        task = Task("small", "", "text-small", "text", {"dense": {}}, (0.002,), seeds=(4,))
        self.assertEqual(self.train(task, stops=True), ["small.dense.0.002 4 fresh"])
        self.assertIsNone(Results(self.folder).of(Run(task, "dense", 0.002, 4)))
        self.assertEqual(self.train(task)[1:], ["small.dense.0.002 4 resume"])
        self.assertEqual(Results(self.folder).of(Run(task, "dense", 0.002, 4))["steps"], 3)

    def test_the_page_has_means_and_errors(self) -> None:
        self.train(self.task)
        (self.folder / "images").mkdir()
        page = self.folder / "paper-tables.md"
        page.write_text("Before\n<!-- learned small -->\nold\n<!-- end -->\n<!-- rates small -->\n<!-- end -->\n"
                        "<!-- contexts small -->\n<!-- end -->\n<!-- samples table9 -->\n<!-- end -->\n"
                        "<!-- learned other -->\nkept\n<!-- end -->\n")
        write_page(self.folder, {"table9": [self.task]}, self.folder)
        text = page.read_text()
        self.assertIn("Before\n<!-- learned small -->\n| pattern |", text)
        # Of 2, 2.1 and 2.2: the standard deviation is 0.1, over the root of three.
        self.assertIn("| dense | 0.002 | 2.100 +- 0.058 |  | 2.000 | 500.0 | 1.00 |", text)
        self.assertIn("| local | 0.002 | 2.100 +- 0.058 | 0.000 +- 0.000 |", text)
        self.assertIn("| dense | 1.500 | 1.000 |", text)
        self.assertIn("| dense | 2.100 +- 0.058 | 1.100 +- 0.058 |", text)
        self.assertIn("small text, local:\n\n```\na sample of bytes \ufffda\n```", text)
        self.assertIn("<!-- learned other -->\nkept\n<!-- end -->", text)

    def test_samples_stay_in_the_page_without_their_files(self) -> None:
        self.train(self.task)
        page = self.folder / "paper-tables.md"
        page.write_text("<!-- samples table9 -->\nsmall text, dense:\n\n```\none:\n\ntwo\n```\n\nanother:\n\n```\ngone\n```\n\n"
                        "sound:\n\n![tones](tones.png)\n<!-- end -->\n")
        next(self.folder.glob("results/small.dense.0.002.0.txt")).unlink()
        write_page(self.folder, {"table9": [self.task]}, self.folder)
        self.assertEqual(page.read_text(), "<!-- samples table9 -->\nsmall text, dense:\n\n```\none:\n\ntwo\n```\n\n"
                                           "small text, local:\n\n```\na sample of bytes \ufffda\n```\n\n"
                                           "sound:\n\n![tones](tones.png)\n<!-- end -->\n")

    def test_pictures_are_completed_too(self) -> None:
        task = Task("tiles", "tiles", "photos-8min", "photos", {"dense": {}}, (0.002,), seeds=(3, 4),
                    sample=("--count", "2"), complete=2)
        (self.folder / "data/photos").mkdir(parents=True)
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (5, 1, 1, 3), }\n"
        (self.folder / "data/photos/test.npy").write_bytes(
            b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"000111222333444")
        self.train(task)
        self.assertEqual(read_npy(self.folder / "results/tiles.dense.0.002.3.completed.png"), ((2, 1, 1, 3), b"111333"))
        self.assertEqual(sorted(path.name for path in self.folder.glob("results/*.png")),
                         ["tiles.dense.0.002.3.completed.png", "tiles.dense.0.002.3.png"])
        (self.folder / "images").mkdir()
        page = self.folder / "paper-tables.md"
        page.write_text("<!-- samples table9 -->\n<!-- end -->\n")
        write_page(self.folder, {"table9": [task]}, self.folder)
        text = page.read_text()
        self.assertEqual(text, "<!-- samples table9 -->\ntiles, dense:\n\n![tiles, dense](images/paper-tiles.dense.0.002.3.png)\n\n"
                               "tiles, dense, completed:\n\n"
                               "![tiles, dense, completed](images/paper-tiles.dense.0.002.3.completed.png)\n<!-- end -->\n")
        for path in self.folder.glob("results/*.png"):
            path.unlink()
        write_page(self.folder, {"table9": [task]}, self.folder)
        self.assertEqual(page.read_text(), text)  # it keeps what is elsewhere

    def test_only_gpus_that_are_visible_are_used(self) -> None:
        with unittest.mock.patch.dict(os.environ, {"CUDA_VISIBLE_DEVICES": "1,3"}):
            self.assertEqual(gpus(), ["1", "3"])

    def test_the_page_compares_what_there_is(self) -> None:
        self.train(self.task)
        for name in ("small.dense.0.001.0", "small.local.0.002.2"):
            (self.folder / f"results/{name}.json").unlink()
        page = self.folder / "paper-tables.md"
        page.write_text("<!-- learned small -->\n<!-- end -->\n")
        write_page(self.folder, {"table9": [self.task]}, self.folder)
        # Of dense the best rate is not known without all of them, and of local two seeds are left.
        self.assertNotIn("| dense |", page.read_text())
        self.assertIn("| local | 0.002 | 2.050 +- 0.050 |  | 2.000 | 500.0 |  |", page.read_text())

    def test_sounds_are_read_for_their_spectrograms(self) -> None:
        with wave.open(str(self.folder / "one.wav"), "wb") as sound:
            sound.setparams((1, 2, 12000, 3, "NONE", ""))
            sound.writeframes(b"\x00\x00\x00\x40\x00\x80")
        self.assertEqual(read_wav(self.folder / "one.wav"), ([0.0, 0.5, -1.0], 12000))
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n"
        (self.folder / "test.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x80\x00\xff\x80\x80")
        samples = read_test(self.folder / "test.npy", 3)
        self.assertEqual(samples[:2], [-1.0, 1.0])
        self.assertLess(abs(samples[2]), 1e-4)

    def test_tasks_are_models_that_there_are(self) -> None:
        for tables in (OURS, PAPER):
            for task in (task for tasks in tables.values() for task in tasks):
                for pattern in task.patterns:
                    for rate in task.tried(pattern):
                        self.assertIn("pattern", task.sections(pattern, rate)["attention"])
                    self.assertTrue(task.tried(pattern))


if __name__ == "__main__":
    unittest.main()
