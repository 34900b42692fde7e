#!/usr/bin/env python3
"""STC and its twin in PyTorch compute the same: settings, losses, gradients, updates and the order of the data,
from the same weights, which go both ways.

    twin_test.py BIN [unittest's arguments]
    twin_test.py BIN --write-numbers

BIN has stc-compile and stc-run. The second writes numbers.json, for machines without PyTorch (numbers_test.py).
Ends with 77 where there is no PyTorch.
"""

import json
import math
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

try:
    import numpy
    import torch
except ImportError as error:
    print(f"twin: skipped: expected PyTorch and NumPy, found none: {error}")
    sys.exit(77)

from given import KINDS, ROOT, SEED, TEXT, TOLERANCE, Trained, run

sys.path.append(str(ROOT / "tools/bench-step"))

import learning
import sample_peer
import tensors
from data import Windows
from spec import Spec, changed
from train import Trainer

BIN = Path()
NUMBERS = Path(__file__).parent / "numbers.json"


def relative(found: torch.Tensor, right: torch.Tensor) -> float:
    return ((found.double() - right.double()).norm() / right.double().norm()).item()


def shapes(spec: Spec) -> dict[str, list[int]]:
    return {name: list(weight.shape) for name, weight in Trainer(spec).weights.items()}


def held_out(trainer: Trainer, data: Path) -> torch.Tensor:
    """The losses of the held-out part."""
    windows = Windows(data, trainer.spec.data.context, trainer.spec.data.split, part=2)
    with torch.no_grad():
        return trainer.losses(*windows.evaluated())


def numbers(spec: Spec, stc: Trained) -> dict[str, Any]:
    """What the twin comes to from the same weights, as numbers.json has it."""
    trainer, steps = Trainer(spec), []
    trainer.load(stc.first)
    windows = Windows(stc.data, spec.data.context, spec.data.split, part=0)
    for step in range(1, spec.train.steps + 1):
        report = trainer.step(*windows.batch(step, spec.train.batch, seed=SEED))
        steps.append({"bits_per_byte": report.loss / math.log(2), "gradient_norm": report.gradient_norm,
                      "learning_rate": report.learning_rate})
    loss = held_out(trainer, stc.data).double().mean().item()
    return {"shapes": shapes(spec), "steps": steps, "held_out_bits_per_byte": loss / math.log(2)}


def write_numbers() -> None:
    found = {}
    for name, given in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            spec = Spec({"name": name} | given)
            found[name] = numbers(spec, Trained(BIN, Path(folder), {"name": name} | given, shapes(spec)))
    lines = (f"{json.dumps(name)}: {json.dumps(kind)}" for name, kind in found.items())
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


class Kind(unittest.TestCase):
    """A kind of model, which STC has trained."""

    given: dict[str, Any]
    gradient_tolerance = 1e-5  # relative

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.spec = Spec(cls.given)
        cls.tolerance = TOLERANCE[cls.spec.precision.compute]
        cls.stc = Trained(BIN, Path(cls.temporary.name), cls.given, shapes(cls.spec))
        cls.windows = Windows(cls.stc.data, cls.spec.data.context, cls.spec.data.split, part=0)

    @classmethod
    def imported(cls, trainer: Trainer, name: str) -> Path:
        """Weights that STC took from the twin."""
        trainer.save(cls.stc.folder / "twin.safetensors")
        path = cls.stc.folder / f"{name}.safetensors"
        run(BIN, "stc-run", "import", cls.stc.program, cls.stc.folder / "twin.safetensors", "--out", path)
        return path

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.windows.batch(step, self.spec.train.batch, seed=SEED)

    def assert_close(self, found: float, right: float, what: str) -> None:
        self.assertLessEqual(abs(found - right), self.tolerance * abs(right), f"{what}: {found}, of STC {right}")

    def train(self, trainer: Trainer) -> None:
        """To the end, and every step is STC's."""
        for step in range(trainer.step_number + 1, len(self.stc.metrics) + 1):
            report, right = trainer.step(*self.batch(step)), self.stc.metrics[step - 1]
            self.assertEqual(right["step"], step)
            self.assert_close(report.loss / math.log(2), right["bits_per_byte"], f"loss of step {step}")
            rate = abs(report.learning_rate - right["learning_rate"])  # which ends at 0
            self.assertLessEqual(rate, self.tolerance * self.spec.train.learning_rate, f"rate of step {step}")

    def test_settings(self) -> None:
        """What is not given is what STC takes."""
        settings = json.loads(run(BIN, "stc-run", "info", self.stc.program, "--json"))["settings"]
        for key, value in settings.items():
            section, _, name = key.rpartition(".")
            own = getattr(getattr(self.spec, section) if section else self.spec, name)
            if isinstance(own, str | list):
                self.assertEqual(value, own if isinstance(own, str) else json.dumps(own), key)
            else:
                self.assertEqual(float(value), own, key)

    def test_training(self) -> None:
        """Twenty steps, and back: STC evaluates what the twin has trained."""
        trainer = Trainer(self.spec)
        trainer.load(self.stc.first)
        self.train(trainer)
        weights = self.imported(trainer, "last")
        said = self.stc.evaluated(weights)
        losses = held_out(trainer, self.stc.data)
        self.assertEqual(said["bytes"], losses.numel())
        self.assert_close(losses.double().mean().item() / math.log(2), said["bits_per_byte"], "held-out loss")

    def test_numbers(self) -> None:
        """What is stored for machines without PyTorch is the twin's."""
        stored = json.loads(NUMBERS.read_text())[self.given["name"]]
        found = numbers(self.spec, self.stc)
        self.assertEqual(found["shapes"], stored["shapes"])
        for step, (one, right) in enumerate(zip(found["steps"], stored["steps"], strict=True), 1):
            for name, value in right.items():
                self.assertLessEqual(abs(one[name] - value), self.tolerance * max(abs(value), 1e-3), f"{name} of step {step}")
        self.assert_close(found["held_out_bits_per_byte"], stored["held_out_bits_per_byte"], "held-out loss")

    def test_resume(self) -> None:
        """From a checkpoint of STC, with the optimizer's state."""
        trainer = Trainer(self.spec)
        trainer.load(*self.stc.checkpoint(10))
        self.assertEqual(trainer.step_number, 10)
        self.train(trainer)

    def test_evaluation(self) -> None:
        """Every position, by STC's entry, with the weights that it has trained."""
        trainer = Trainer(self.spec)
        weights, _ = self.stc.checkpoint(20)
        trainer.load(weights)
        tokens, targets = self.batch(5)
        for name, array in (("tokens", tokens), ("targets", targets)):
            numpy.save(self.stc.folder / f"{name}.npy", array.to(torch.int32).numpy())
        folder = self.stc.folder
        run(BIN, "stc-run", "call", self.stc.program, "eval", folder / "tokens.npy", folder / "targets.npy",
            "--weights", weights, "-o", folder / "out_")
        found = torch.from_numpy(numpy.load(folder / "out_nll.npy"))
        with torch.no_grad():
            self.assertLessEqual(relative(trainer.losses(tokens, targets), found), 10 * self.tolerance)

    def test_gradients(self) -> None:
        """Adam's first moments are the clipped gradients, which are compared as they are."""
        trainer = self.exact()
        trainer.load(self.stc.first)
        _, gradients = trainer.gradients(*self.batch(1))
        norm = trainer.accumulate(gradients)
        self.assertLessEqual(abs(norm.item() / self.stc.metrics[0]["gradient_norm"] - 1), self.gradient_tolerance)
        state = tensors.read(self.stc.checkpoint(1)[1])
        for kind, moments in (("m", trainer.moments), ("v", trainer.squares)):
            for name, moment in moments.items():
                error = relative(state[f"adam.{kind}.{name}"], moment)
                self.assertLessEqual(error, self.gradient_tolerance, f"adam.{kind}.{name}")

    def exact(self) -> Trainer:
        return Trainer(self.spec, torch.float64)

    def test_update(self) -> None:
        """A step's weights follow from those before and STC's own moments. From the twin's they would not:
        gradients that are nothing but rounding errors, as those of the keys' biases, move weights, too."""
        (before, _), (after, moments) = self.stc.checkpoint(1), self.stc.checkpoint(2)
        trainer = Trainer(self.spec)
        trainer.load(before, moments)
        trainer.move()
        first, right = tensors.read(before), tensors.read(after)
        for name, weight in trainer.weights.items():
            self.assertLessEqual(relative(weight - first[name], right[name] - first[name]), 1e-4, name)


class Narrow:
    """Products and attention in bf16."""

    gradient_tolerance = 1e-2

    def exact(self) -> Trainer:
        return Trainer(self.spec)

    def test_rounding(self) -> None:
        """What rounding does is several times as much as what is left between the two."""
        state = tensors.read(self.stc.checkpoint(1)[1])

        def error(spec: Spec) -> float:
            trainer = Trainer(spec)
            trainer.load(self.stc.first)
            trainer.accumulate(trainer.gradients(*self.batch(1))[1])
            found, own = (torch.cat([t.flatten() for t in moments]) for moments in (
                [state[f"adam.m.{name}"] for name in trainer.moments], trainer.moments.values()))
            return relative(found, own)

        wide = Spec(changed(self.given, {"precision.compute": "float32"}))
        self.assertLess(4 * error(self.spec), error(wide))


class Sampling(unittest.TestCase):
    """What benchmarks compare STC's sampling with, on this machine."""

    def error(self, way: str, given: dict[str, Any], pattern: dict[str, Any]) -> float:
        """Of the last logits, position by position, against the whole sequence at once under a pattern."""
        sampler = sample_peer.Sampler(Spec(changed(given, {"sample.batch": 2})), way, "cpu", torch.float32)
        for _ in range(sampler.spec.data.context):
            sampler.step()
        sampler.spec = Spec(changed(given, pattern))
        return sampler.error()

    def test_ways(self) -> None:
        for way in sample_peer.WAYS:
            for kind in ("Text", "Image", "Groups", "Interleaved"):
                self.assertLessEqual(self.error(way, KINDS[kind], {}), 1e-5, f"{way} {kind}")

    def test_empty_rows(self) -> None:
        spec = Spec(changed(TEXT, {"attention.pattern": "summary(8, 2)"}))
        with self.assertRaisesRegex(ValueError, "expected a key for every query"):
            sample_peer.Sampler(spec, "gather", "cpu", torch.float32)

    def test_pattern(self) -> None:
        """The bound that holds in bf16 tells patterns apart."""
        for way in sample_peer.WAYS:
            self.assertGreater(self.error(way, TEXT, {"attention.pattern": "dense", "embedding.stride": 8}), sample_peer.BOUND, way)


class Learning(unittest.TestCase):
    """What tools/bench-step/learning.py takes for the same curve."""

    def wrong(self, precision: str, steps: range, factor: float) -> list[str]:
        """With losses of these steps times a factor."""
        curves = {name: [8 - step / 100 for step in range(300)] for name in ("twin", *learning.PRECISIONS)}
        for step in steps:
            curves[precision][step - 1] *= factor
        return [line.split(":")[0] for line in learning.compared(curves)[1]]

    def test_bounds(self) -> None:
        for precision, steps, factor, wrong in (
            ("float32", range(50, 51), 1.00009, False),
            ("float32", range(50, 51), 1.00011, True),
            ("float32", range(51, 301), 1.004, False),
            ("float32", range(200, 201), math.nan, True),
            ("bfloat16", range(1, 301), 1.004, False),
            ("bfloat16", range(1, 301), 0.994, True),
            ("bfloat16", range(300, 301), 1.2, False),
            ("float16", range(251, 301), 1.006, True),
            ("float16", range(1, 2), math.nan, True),
        ):
            with self.subTest(precision=precision, steps=steps, factor=factor):
                self.assertEqual(self.wrong(precision, steps, factor), [precision] if wrong else [])


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    suite = loader.loadTestsFromTestCase(Sampling)
    suite.addTest(loader.loadTestsFromTestCase(Learning))
    for name, given in KINDS.items():
        narrow = given.get("precision", {}).get("compute") == "bfloat16"
        kind = type(name, (Narrow, Kind) if narrow else (Kind,), {"given": {"name": name} | given})
        suite.addTest(loader.loadTestsFromTestCase(kind))
    return suite


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("twin_test.py: error: expected the folder of stc-compile and stc-run")
    BIN = Path(sys.argv.pop(1)).resolve()
    torch.set_num_threads(1)  # small as they are
    if sys.argv[1:] == ["--write-numbers"]:
        write_numbers()
    else:
        unittest.main()
