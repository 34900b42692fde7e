#!/usr/bin/env python3
"""A training step on several devices beside one on one device, and beside what the compiler predicts.

    devices.py compile FOLDER --devices N [CASE ...]    where the compiler is
    devices.py measure FOLDER [CASE ...]                where the devices are

Batches are dealt over all N, or the positions of one sequence are. Results go to FOLDER/devices.json program by
program, and FOLDER/devices.md has the table. `measure` goes on where it was stopped.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

from paths import ROOT
from commands import output_of, write
from programs import FIXED, IN_BF16
from spec import Sections, assignment, changed, load, toml
from tables import Json, milliseconds, table

KEPT = {"memory.recompute": "none"}
# Model, changes, sequences of one device, and the axis along which several are dealt: of `data` each has as many, of
# `context` all have these together.
CASES: dict[str, tuple[str, Sections, int, str]] = {
    "enwik8-b4": ("enwik8", FIXED | KEPT, 4, "data"),
    "enwik8-b1": ("enwik8", FIXED | KEPT, 1, "data"),
    "enwik8-context": ("enwik8", FIXED | KEPT, 1, "context"),
    "audio-1m-context": ("audio-1m", {}, 1, "context"),
    "audio-4m-context": ("audio-1m", {"data.context": 4 << 20, "attention.pattern": "strided(2048)"}, 1, "context"),
}
# What one GPU does not hold.
ON_SEVERAL_ALONE = {"audio-4m-context"}


def fail(message: str) -> None:
    sys.exit(f"devices.py: error: {message}")


def compiled(given: Sections, devices: str, options: argparse.Namespace) -> Json:
    """The program's name, its sequences and the step that is predicted for a GPU; or why there is none."""
    path = options.folder / f"{given['name']}.toml"
    write(path, toml(given))
    program = path.with_suffix(".stcp")
    command = [options.stc_compile, str(path), f"--target={options.target}", "--explain", "-o", str(program)]
    try:
        said = output_of(command + ([f"--devices={devices}"] if devices else []))
    except RuntimeError as error:
        return {"cannot": str(error).splitlines()[0]}
    predicted = re.search(r"^predicted time.*?^ +train_step +([\d.]+) ms", said, re.MULTILINE | re.DOTALL)
    return {"program": program.name, "batch": given["train"]["batch"],
            "predicted_ms": float(predicted[1]) if predicted else None}


def compile_all(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    cases: Json = {}
    for name in options.cases or CASES:
        model, changes, batch, axis = CASES[name]
        given = changed(load(ROOT / f"models/{model}.toml"), IN_BF16 | changes | dict(options.set))
        several = batch * options.devices if axis == "data" else batch
        case = cases[name] = {"axis": axis, "positions": given["data"]["context"]}
        if name not in ON_SEVERAL_ALONE:
            case["one"] = compiled(changed(given, {"name": f"{name}-1", "train.batch": batch}), "", options)
        case["several"] = compiled(changed(given, {"name": f"{name}-{options.devices}", "train.batch": several}),
                                   f"{axis}:{options.devices}", options)
        print(f"{name}: {json.dumps(case)}", flush=True)
        write(options.folder / "devices.json", json.dumps({"devices": options.devices, "cases": cases}, indent=1))


def measured(program: str, options: argparse.Namespace) -> Json:
    try:
        said = json.loads(output_of([options.stc_run, "bench", program, "train_step", "--json", "--no-ceilings",
                                     f"--repetitions={options.repetitions}"]))
        listed = json.loads(output_of([options.stc_run, "info", program, "--json"]))
    except RuntimeError as error:
        return {"cannot": str(error).splitlines()[-1][:300]}
    entry = said["entries"][0]
    kinds = {name: kind["seconds"] * 1e3 for name, kind in entry["kinds"].items()}
    peak = next(one["peak_bytes"] for one in listed["entries"] if one["name"] == "train_step")
    return {"gpu": said.get("gpu"), "ms": entry["median_seconds"] * 1e3, "exchange_ms": kinds.get("exchange", 0),
            "wait_ms": kinds.get("wait", 0), "peak_gib": peak / 2**30}


def markdown(results: Json) -> str:
    def step(of: Json | None) -> str:
        return milliseconds(of["ms"]) if of and "ms" in of else "cannot" if of and "cannot" in of else ""

    def faster(case: Json) -> str:
        """How many times the tokens a second of one device."""
        one, several = case.get("one", {}), case["several"]
        if "ms" not in one or "ms" not in several:
            return ""
        return f"{several['batch'] / several['ms'] / (one['batch'] / one['ms']):.2f}"

    def predicted(of: Json) -> str:
        if not of.get("predicted_ms") or "ms" not in of:
            return ""
        return f"{milliseconds(of['predicted_ms'])} ({of['predicted_ms'] / of['ms'] - 1:+.0%})"

    rows = []
    for name, case in results["cases"].items():
        one, several = case.get("one", {}), case["several"]
        rows.append([name, case["axis"], step(one), step(several), faster(case), predicted(one), predicted(several),
                     *(milliseconds(several[key]) if key in several else "" for key in ("exchange_ms", "wait_ms")),
                     *(f"{of['peak_gib']:.2f}" if "peak_gib" in of else "" for of in (one, several))])
    devices = results["devices"]
    heading = ["case", "dealt", "one, ms", f"{devices}, ms", "times the tokens a second", "predicted, one",
               f"predicted, {devices}", "exchange, ms", "waited for, ms", "one, GiB", f"each of {devices}, GiB"]
    return f"{results.get('gpu') or 'CPUs'}; a training step, medians, and the memory that it has planned.\n\n" + table(heading, rows)


def measure_all(options: argparse.Namespace) -> None:
    path = options.folder / "devices.json"
    if not path.exists():
        fail(f"{path} is not there: write it where the compiler is, with devices.py compile {options.folder}")
    results: Json = json.loads(path.read_text())
    started = time.monotonic()
    for name in options.cases or results["cases"]:
        if name not in results["cases"]:
            fail(f"expected one of {', '.join(results['cases'])}, found the case {name}")
        for which in ("one", "several"):
            of = results["cases"][name].get(which, {})
            if "program" not in of or "ms" in of or time.monotonic() - started > options.seconds:
                continue
            found = measured(str(options.folder / of["program"]), options)
            results["gpu"] = found.pop("gpu", None) or results.get("gpu")
            of.update(found)
            print(f"{name}, {which}: {json.dumps(of)}", flush=True)
            write(path, json.dumps(results, indent=1))
            write(options.folder / "devices.md", markdown(results))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("compile", compile_all), ("measure", measure_all)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("folder", type=Path, help="of the programs and results")
        command.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; default: all")
    compile_options, measure_options = commands.choices["compile"], commands.choices["measure"]
    compile_options.add_argument("--devices", type=int, default=2, help="default: %(default)s")
    compile_options.add_argument("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE",
                                 help="another value for a key of all specifications, such as model.layers=2")
    compile_options.add_argument("--target", default="sm_90a", help="default: %(default)s")
    compile_options.add_argument("--stc-compile", default=str(ROOT / "build/bin/stc-compile"), help="default: %(default)s")
    measure_options.add_argument("--repetitions", type=int, default=9, help="timed runs; default: %(default)s")
    measure_options.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    measure_options.add_argument("--stc-run", default=str(ROOT / "build/bin/stc-run"), help="default: %(default)s")
    options = parser.parse_args()
    for name in options.cases:
        if name not in CASES:
            fail(f"expected one of {', '.join(CASES)}, found the case {name}")
    options.run(options)


if __name__ == "__main__":
    main()
