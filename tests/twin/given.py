"""The models that are trained beside each other, their first weights and their data. Needs neither PyTorch nor
NumPy, so that STC can be held against stored numbers where these are not."""

import json
import random
import struct
import subprocess
from array import array
from pathlib import Path
from typing import Any

from spec import changed, toml

ROOT = Path(__file__).resolve().parents[2]

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
    "ByHead": changed(TEXT, {"model.heads": 4, "attention.pattern": "fixed_by_head(8, 4)", "train.init_scale": 0.5}),
    "Narrow": changed(TEXT, {"precision.compute": "bfloat16"}),
}

TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-3}
"""Of losses and other scalars, relative. Products and attention in bf16 are rounded to 8 bits at the same places,
and their sums are in another order."""

NORM_TOLERANCE = TOLERANCE | {"bfloat16": 2**-8}
"""Of the norm of all gradients: one unit of bf16. CPUs sum in other orders, by which gradients in bf16 are rounded
otherwise, each step on top of those before: on AVX2 a norm is off by 1.5e-3 after 12 steps."""

SEED = 7
"""Of the order of the data."""


def run(binaries: Path, command: str, *arguments: object) -> str:
    done = subprocess.run([binaries / command, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout


def write_images(path: Path) -> None:
    """50 pictures of 4 x 4 x 3 bytes with something to learn: a gradient, and a little noise."""
    generator = random.Random(1)
    pixels = bytearray()
    for _ in range(50):
        light = generator.randrange(50)
        for pixel in range(16):
            pixels += bytes(pixel * 8 + channel * 40 + light + generator.randrange(4) for channel in range(3))
    header = str({"descr": "|u1", "fortran_order": False, "shape": (50, 4, 4, 3)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pixels)


def write_weights(path: Path, shapes: dict[str, list[int]]) -> None:
    """Weights for which no gradient is zero, as `stc-run import` takes them: gains about 1, all others about 0."""
    header, data = {}, b""
    for name, shape in shapes.items():
        generator, count = random.Random(name), 1
        for extent in shape:
            count *= extent
        mean = 1 if ".ln_" in name and name.endswith("weight") else 0
        values = array("f", (mean + (generator.random() - 0.5) * 0.2 for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * count]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Trained:
    """STC has trained a kind of model from these weights, with a checkpoint after each of 20 steps."""

    def __init__(self, binaries: Path, folder: Path, given: dict[str, Any], shapes: dict[str, list[int]]):
        self.binaries, self.folder = binaries, folder
        self.program, self.out, self.first = folder / "model.stcp", folder / "run", folder / "first.safetensors"
        (folder / "model.toml").write_text(toml(given))
        run(binaries, "stc-compile", folder / "model.toml", "-o", self.program)
        write_weights(folder / "given.safetensors", shapes)
        run(binaries, "stc-run", "import", self.program, folder / "given.safetensors", "--out", self.first)
        self.data = ROOT / "LICENSE"
        if given["data"]["kind"] == "image":
            self.data = folder / "images.npy"
            write_images(self.data)
        run(binaries, "stc-run", "train", self.program, "--data", self.data, "--weights", self.first, "--out", self.out,
            "--save-every", 1, "--keep", 99, "--seed", SEED)
        lines = (self.out / "metrics.jsonl").read_text().splitlines()
        self.metrics: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def checkpoint(self, step: int) -> list[Path]:
        folder = self.out / f"checkpoints/step-{step:08}"
        return [folder / "weights.safetensors", folder / "optimizer.safetensors"]

    def evaluated(self, weights: Path) -> dict[str, Any]:
        """What STC says of the held-out part."""
        return json.loads(run(self.binaries, "stc-run", "eval", self.program, "--data", self.data,
                              "--weights", weights, "--json"))
