#!/usr/bin/env python3
"""STC and its twin in PyTorch compute the same: settings, losses, gradients, updates and the order of the data,
from the same weights, which go both ways.

    twin_test.py BIN [unittest's arguments]

BIN has stc-compile and stc-run. Ends with 77 where there is no PyTorch.
"""

import json
import math
import subprocess
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

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools/bench-step"))

import learning
import sample_peer
import tensors
from data import Windows
from model import initialize
from spec import Spec, changed, toml
from train import Trainer

BIN = Path()

TEXT = {
    "model": {"layers": 2, "width": 24, "heads": 2},
    "attention": {"pattern": "fixed(8, 2)"},
    "data": {"kind": "text", "context": 64},
    "train": {"batch": 3, "steps": 20, "learning_rate": 0.01, "warmup": 5},
}
IMAGE = TEXT | {
    "attention": {"pattern": "strided(12)"},
    "data": {"kind": "image", "shape": [4, 4, 3], "split": [0.6, 0.2, 0.2]},
}
KINDS: dict[str, dict[str, Any]] = {
    "Text": TEXT,
    "Image": changed(IMAGE, {"model.query_key_size": 6, "model.feed_forward": 48, "memory.recompute": "block"}),
    # The first rows of a summary have no key.
    "Heads": changed(TEXT, {"attention.integration": "heads", "train.clip": 0.2, "train.decay": "none"}),
    "Groups": changed(TEXT, {"model.heads": 4, "model.key_value_heads": 2, "model.value_size": 10,
                             "attention.pattern": "local(9) | sinks(2)", "embedding.kind": "absolute",
                             "train.weight_decay": 0.1, "train.beta1": 0.8, "train.beta2": 0.95}),
    "Interleaved": changed(TEXT, {"model.layers": 3, "attention.pattern": ["local(7)", "stride(8)", "dense"],
                                  "attention.integration": "interleaved", "train.epsilon": 1e-6}),
    "Narrow": changed(TEXT, {"precision.compute": "bfloat16"}),
}


def run(command: str, *arguments: object) -> str:
    done = subprocess.run([BIN / command, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout


def relative(found: torch.Tensor, right: torch.Tensor) -> float:
    return ((found.double() - right.double()).norm() / right.double().norm()).item()


def write_images(path: Path) -> None:
    """Pictures with something to learn: a gradient, and a little noise."""
    generator = numpy.random.default_rng(1)
    pixels = numpy.arange(16).reshape(4, 4, 1) * 8 + numpy.arange(3) * 40
    pictures = pixels + generator.integers(0, 60, (50, 1, 1, 1)) + generator.integers(0, 4, (50, 4, 4, 3))
    numpy.save(path, pictures.astype(numpy.uint8))


class Kind(unittest.TestCase):
    """A kind of model. STC imports the twin's weights and trains 20 steps, with a checkpoint after each."""

    given: dict[str, Any]
    # Relative: losses and other scalars, gradients.
    tolerance, gradient_tolerance = 1e-5, 1e-5

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        cls.program, cls.out = cls.folder / "model.stcp", cls.folder / "run"
        (cls.folder / "model.toml").write_text(toml(cls.given))
        run("stc-compile", cls.folder / "model.toml", "-o", cls.program)
        cls.spec = Spec(cls.given)

        trainer = Trainer(cls.spec)
        initialize(trainer.model, 1)
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for weight in trainer.weights.values():  # else some gradients are zero
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.05)
        cls.first = cls.imported(trainer, "first")

        cls.data = ROOT / "LICENSE"
        if cls.spec.data.kind == "image":
            cls.data = cls.folder / "images.npy"
            write_images(cls.data)
        cls.windows = Windows(cls.data, cls.spec.data.context, cls.spec.data.split, part=0)
        run("stc-run", "train", cls.program, "--data", cls.data, "--weights", cls.first, "--out", cls.out,
            "--save-every", 1, "--keep", 99, "--seed", 7)
        lines = (cls.out / "metrics.jsonl").read_text().splitlines()
        cls.metrics = [json.loads(line) for line in lines]

    @classmethod
    def imported(cls, trainer: Trainer, name: str) -> Path:
        """Weights that STC took from the twin."""
        trainer.save(cls.folder / "twin.safetensors")
        path = cls.folder / f"{name}.safetensors"
        run("stc-run", "import", cls.program, cls.folder / "twin.safetensors", "--out", path)
        return path

    def checkpoint(self, step: int) -> list[Path]:
        folder = self.out / f"checkpoints/step-{step:08}"
        return [folder / "weights.safetensors", folder / "optimizer.safetensors"]

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.windows.batch(step, self.spec.train.batch, seed=7)

    def assert_close(self, found: float, right: float, what: str) -> None:
        self.assertLessEqual(abs(found - right), self.tolerance * abs(right), f"{what}: {found}, of STC {right}")

    def train(self, trainer: Trainer) -> None:
        """To the end, and every step is STC's."""
        for step in range(trainer.step_number + 1, len(self.metrics) + 1):
            report, right = trainer.step(*self.batch(step)), self.metrics[step - 1]
            self.assertEqual(right["step"], step)
            self.assert_close(report.loss / math.log(2), right["bits_per_byte"], f"loss of step {step}")
            rate = abs(report.learning_rate - right["learning_rate"])  # which ends at 0
            self.assertLessEqual(rate, self.tolerance * self.spec.train.learning_rate, f"rate of step {step}")

    def test_settings(self) -> None:
        """What is not given is what STC takes."""
        settings = json.loads(run("stc-run", "info", self.program, "--json"))["settings"]
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
        trainer.load(self.first)
        self.train(trainer)
        weights = self.imported(trainer, "last")
        said = json.loads(run("stc-run", "eval", self.program, "--data", self.data, "--weights", weights, "--json"))
        held_out = Windows(self.data, self.spec.data.context, self.spec.data.split, part=2)
        with torch.no_grad():
            losses = trainer.losses(*held_out.evaluated())
        self.assertEqual(said["bytes"], losses.numel())
        self.assert_close(losses.double().mean().item() / math.log(2), said["bits_per_byte"], "held-out loss")

    def test_resume(self) -> None:
        """From a checkpoint of STC, with the optimizer's state."""
        trainer = Trainer(self.spec)
        trainer.load(*self.checkpoint(10))
        self.assertEqual(trainer.step_number, 10)
        self.train(trainer)

    def test_evaluation(self) -> None:
        """Every position, by STC's entry, with the weights that it has trained."""
        trainer = Trainer(self.spec)
        weights, _ = self.checkpoint(20)
        trainer.load(weights)
        tokens, targets = self.batch(5)
        for name, array in (("tokens", tokens), ("targets", targets)):
            numpy.save(self.folder / f"{name}.npy", array.to(torch.int32).numpy())
        run("stc-run", "call", self.program, "eval", self.folder / "tokens.npy", self.folder / "targets.npy",
            "--weights", weights, "-o", self.folder / "out_")
        found = torch.from_numpy(numpy.load(self.folder / "out_nll.npy"))
        with torch.no_grad():
            self.assertLessEqual(relative(trainer.losses(tokens, targets), found), 10 * self.tolerance)

    def test_gradients(self) -> None:
        """Adam's first moments are the clipped gradients, which are compared as they are."""
        trainer = self.exact()
        trainer.load(self.first)
        _, gradients = trainer.gradients(*self.batch(1))
        norm = trainer.accumulate(gradients)
        self.assertLessEqual(abs(norm.item() / self.metrics[0]["gradient_norm"] - 1), self.gradient_tolerance)
        state = tensors.read(self.checkpoint(1)[1])
        for kind, moments in (("m", trainer.moments), ("v", trainer.squares)):
            for name, moment in moments.items():
                error = relative(state[f"adam.{kind}.{name}"], moment)
                self.assertLessEqual(error, self.gradient_tolerance, f"adam.{kind}.{name}")

    def exact(self) -> Trainer:
        return Trainer(self.spec, torch.float64)

    def test_update(self) -> None:
        """A step's weights follow from those before and STC's own moments. From the twin's they would not:
        gradients that are nothing but rounding errors, as those of the keys' biases, move weights, too."""
        (before, _), (after, moments) = self.checkpoint(1), self.checkpoint(2)
        trainer = Trainer(self.spec)
        trainer.load(before, moments)
        trainer.move()
        first, right = tensors.read(before), tensors.read(after)
        for name, weight in trainer.weights.items():
            self.assertLessEqual(relative(weight - first[name], right[name] - first[name]), 1e-4, name)


class Narrow:
    """Products and attention in bf16: rounded to 8 bits at the same places, sums in another order."""

    tolerance, gradient_tolerance = 1e-3, 1e-2

    def exact(self) -> Trainer:
        return Trainer(self.spec)

    def test_rounding(self) -> None:
        """What rounding does is several times as much as what is left between the two."""
        state = tensors.read(self.checkpoint(1)[1])

        def error(spec: Spec) -> float:
            trainer = Trainer(spec)
            trainer.load(self.first)
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
    unittest.main()
