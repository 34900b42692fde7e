#!/usr/bin/env python3
"""Whether a model learns as its twin in PyTorch does: from the same weights, on the same bytes, in every precision.

    learning.py FOLDER [--spec SPEC.toml] [--set KEY=VALUE ...]    where the compiler is: a program for each precision
    learning.py FOLDER --data FILE                                 where the GPU is: trains them and the twin

The twin computes in float32, without TF32. Losses go to FOLDER/losses.json, tables to FOLDER/learning.md. Ends with 1
where a curve is not the twin's. Without --spec it is a text model of 6 layers, of which a step takes little time.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

from paths import ROOT
from commands import output_of, write
from spec import Spec, assignment, changed, load, toml
from tables import table

PRECISIONS = ("float32", "bfloat16", "float16")
SMALL = {"model.layers": 6, "model.width": 256, "model.heads": 4, "train.batch": 8, "train.steps": 300,
         "train.learning_rate": 0.0003, "train.warmup": 100}
# Largest relative differences: of float32, where rounding errors have not grown yet; of all, smoothed.
FIRST, FIRST_BOUND = 50, 1e-4
WINDOW, SMOOTH_BOUND = 50, 0.005

Curve = list[float]
"""The loss of each step, in bits a byte."""


def smoothed(curve: Curve) -> Curve:
    """Means of WINDOW steps, or of all where there are fewer."""
    width = min(WINDOW, len(curve))
    return [sum(curve[end - width : end]) / width for end in range(width, len(curve) + 1)]


def difference(found: Curve, right: Curve) -> float:
    """The largest, relative. What is no number is infinitely far."""
    if len(found) != len(right):
        raise ValueError(f"expected {len(right)} steps, found {len(found)}")
    far = [abs(a - b) / abs(b) for a, b in zip(found, right)]
    return max(value if math.isfinite(value) else math.inf for value in far)


def compared(curves: dict[str, Curve]) -> tuple[str, list[str]]:
    """Tables for people, and what is wrong."""
    twin, rows, wrong = curves["twin"], [], []
    for precision in PRECISIONS:
        found = curves[precision]
        first = difference(found[:FIRST], twin[:FIRST])
        smooth = difference(smoothed(found), smoothed(twin))
        rows.append([precision, f"{first:.1e}", f"{smooth:.1e}"])
        if precision == "float32" and first > FIRST_BOUND:
            wrong.append(f"{precision}: expected the first {FIRST} losses within {FIRST_BOUND}, found {first:.1e}")
        if smooth > SMOOTH_BOUND:
            wrong.append(f"{precision}: expected smoothed losses within {SMOOTH_BOUND}, found {smooth:.1e}")
    shown = {1, 2, 5, 10, 20, len(twin), *range(FIRST, len(twin), FIRST)}
    steps = sorted(step for step in shown if step <= len(twin))
    losses = [[str(step), *(f"{curves[name][step - 1]:.5f}" for name in ("twin", *PRECISIONS))] for step in steps]
    return "\n".join([
        table(["step", "twin", *PRECISIONS], losses),
        table(["largest difference from the twin, relative", f"first {FIRST} steps", f"means of {WINDOW} steps"], rows),
    ]), wrong


def compile_all(options: argparse.Namespace) -> None:
    given = load(options.spec) if options.spec else changed(load(ROOT / "models/text-20min.toml"), SMALL)
    given = changed(given, {"train.dropout": 0.0} | dict(options.set))
    for precision in PRECISIONS:
        path = options.folder / f"{precision}.toml"
        write(path, toml(changed(given, {"precision.compute": precision})))
        output_of([str(options.stc_compile), str(path), f"--target={options.target}",
                   "-o", str(path.with_suffix(".stcp"))])
        print(f"{path.with_suffix('.stcp')}", flush=True)


def trained(precision: str, weights: Path, options: argparse.Namespace) -> Curve:
    """By STC."""
    out = options.folder / precision
    output_of([options.stc_run, "train", str(out.with_suffix(".stcp")), "--data", str(options.data),
               "--weights", str(weights), "--out", str(out), "--fresh"])
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["bits_per_byte"] for line in lines if line["kind"] == "step"]


def train_all(options: argparse.Namespace) -> None:
    try:
        import torch
        from data import Windows
        from sample_peer import draw
        from train import Trainer
    except ImportError as error:
        sys.exit(f"learning.py: error: expected PyTorch and NumPy, found none: {error}")
    torch.set_float32_matmul_precision("highest")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    spec = Spec(load(options.folder / "float32.toml"))
    twin = Trainer(spec, device=device)
    # Weights of the usual size: with those that training starts from, an eighth of it, losses soon rest on a plateau,
    # and rounding decides when they leave it.
    draw(twin.model, spec.train.seed)
    own, first = options.folder / "twin.safetensors", options.folder / "first.safetensors"
    twin.save(own)
    output_of([options.stc_run, "import", str(options.folder / "float32.stcp"), str(own), "--out", str(first)])

    curves: dict[str, Curve] = {}

    def keep(name: str, curve: Curve, since: float) -> None:
        curves[name] = curve
        write(options.folder / "losses.json", json.dumps(curves))
        print(f"{name}: {len(curve)} steps in {time.monotonic() - since:.1f} s", flush=True)

    for precision in PRECISIONS:
        since = time.monotonic()
        keep(precision, trained(precision, first, options), since)
    since, train = time.monotonic(), spec.train
    windows = Windows(options.data, spec.data.context, spec.data.split, part=0)
    keep("twin", [twin.step(*windows.batch(step, train.batch, train.seed)).loss / math.log(2)
                  for step in range(1, train.steps + 1)], since)

    tables, wrong = compared(curves)
    where = torch.cuda.get_device_name() if device == "cuda" else "The CPU"
    text = f"{where}; losses in bits a byte.\n\n{tables}"
    write(options.folder / "learning.md", text)
    print(text)
    if wrong:
        sys.exit("\n".join(f"learning.py: error: {line}" for line in wrong))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="programs, runs and results")
    parser.add_argument("--data", type=Path, help="a file of bytes: train on it the programs that are in FOLDER")
    parser.add_argument("--spec", type=Path, help="compile this specification; without --data there is a small one")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE",
                        help="another value for a key of the specification, such as train.steps=100")
    parser.add_argument("--target", default="sm_90a", help="default: %(default)s")
    parser.add_argument("--stc-compile", default=ROOT / "build/bin/stc-compile", help="default: %(default)s")
    parser.add_argument("--stc-run", default=str(ROOT / "build/bin/stc-run"), help="default: %(default)s")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        train_all(options) if options.data else compile_all(options)
    except (RuntimeError, OSError) as error:  # of the compiler, of stc-run, of a file: the last line says what it is
        sys.exit(f"learning.py: error: {str(error).splitlines()[-1]}")


if __name__ == "__main__":
    main()
