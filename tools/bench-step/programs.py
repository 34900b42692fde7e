#!/usr/bin/env python3
"""Writes what compare.py measures: a program for each specification, and one for the same with dense attention.

    programs.py FOLDER [SPEC.toml ...]

Without specifications these are the paper's, in bf16 and without dropout. FOLDER/cases.json lists them. What does
not compile is no result but a reason, which stands there, too.
"""

import argparse
import json
from pathlib import Path

from paths import ROOT
from commands import output_of, write
from spec import Sections, Spec, assignment, changed, load, toml

IN_BF16 = {"train.dropout": 0.0, "precision.compute": "bfloat16"}
# One pattern for all heads, as the ways in PyTorch have it.
FIXED = {"attention.pattern": "fixed(128, 32)"}
# Of recomputing, what PyTorch needs least where it fits 80 GiB. With each other's patterns they are the rows of the
# paper's Table 2.
PAPER = {
    "enwik8-b1": ("enwik8", FIXED | {"train.batch": 1, "memory.recompute": "none"}),
    "enwik8-b4": ("enwik8", FIXED | {"train.batch": 4, "memory.recompute": "none"}),
    "enwik8-b4-block": ("enwik8", FIXED | {"train.batch": 4, "memory.recompute": "block"}),
    "enwik8-b4-strided": ("enwik8", {"train.batch": 4, "memory.recompute": "none",
                                     "attention.pattern": "strided(128)"}),
    "cifar10-b16": ("cifar10", {"train.batch": 16, "memory.recompute": "block"}),
    "cifar10-b16-fixed": ("cifar10", FIXED | {"train.batch": 16, "memory.recompute": "block"}),
}
DENSE = {"attention.pattern": "dense", "attention.integration": "merged"}


def compiled(given: Sections, folder: Path, options: argparse.Namespace) -> dict[str, str]:
    """The file's name, or why there is none."""
    path = folder / f"{given['name']}.toml"
    write(path, toml(given))
    program = path.with_suffix(".stcp").name
    try:
        output_of([options.stc_compile, str(path), f"--target={options.target}", "-o", str(folder / program)])
    except RuntimeError as error:
        return {"cannot": str(error).splitlines()[0]}
    return {"program": program}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("specs", type=Path, nargs="*", help="default: the paper's models, for a GPU of 80 GiB")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="KEY=VALUE",
                        help="another value for a key of all specifications, such as model.layers=2")
    parser.add_argument("--target", default="sm_90a", help="default: %(default)s")
    parser.add_argument("--stc-compile", default=ROOT / "build/bin/stc-compile", help="default: %(default)s")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    given = {path.stem: load(path) for path in options.specs} or {
        name: changed(load(ROOT / f"models/{model}.toml"), IN_BF16 | changes)
        for name, (model, changes) in PAPER.items()}
    cases = []
    for name, sections in given.items():
        sections = changed(sections, {"name": name} | dict(options.set))
        spec = Spec(sections)
        cases.append({
            "name": name, "spec": f"{name}.toml", "pattern": " | ".join(spec.patterns), "batch": spec.train.batch,
            "positions": spec.data.context, "recompute": spec.memory.recompute,
            "stc": compiled(sections, options.folder, options),
            "stc_dense": compiled(changed(sections, DENSE | {"name": f"{name}-dense"}), options.folder, options),
        })
        for kind in ("stc", "stc_dense"):
            print(f"{name} {kind}: {' '.join(cases[-1][kind].values())}", flush=True)
        write(options.folder / "cases.json", json.dumps({"cases": cases}, indent=1))


if __name__ == "__main__":
    main()
