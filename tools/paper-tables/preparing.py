"""Makes the folder that the machine with the GPU needs: data, programs of all runs, stc-run, and what compressors
make of the test parts."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import compressors
from commands import output_of, write
from experiments import Run, Task
from paths import ROOT
from spec import Sections, changed, toml

STC_RUN, STC_COMPILE = ROOT / "build/bin/stc-run", ROOT / "build/bin/stc-compile"

# What tools/get-data.sh is asked for, where that is, and options of `stc-run prepare`.
SOURCES: dict[str, tuple[str, list[str], list[str]]] = {
    "text": ("text", ["data/gcide.txt"], []),
    "photos": ("images", ["data/pictures"], ["--fit", "cut", "--reduce", "3"]),
    "photos-more": ("more-images", ["data/more-pictures"], ["--fit", "cut", "--reduce", "2"]),
    "sound": ("audio", ["data/music"], []),
}
# Of the paper's own data: what stands in the folder that --data names.
GIVEN: dict[str, list[str]] = {
    "enwik8": ["enwik8"],
    "cifar10": ["cifar-10-batches-bin"],
    "imagenet64": ["Imagenet64_train_part1", "Imagenet64_train_part2", "Imagenet64_val"],
}


def lacking(given: Path) -> dict[str, list[str]]:
    """What is not in the folder of the paper's own data, by the data that need it."""
    without = {name: [part for part in parts if not (given / part).exists()] for name, parts in GIVEN.items()}
    return {name: parts for name, parts in without.items() if parts}


def compile_program(sections: Sections, program: Path, target: str) -> None:
    """Unless the program of the same specification is there."""
    path = program.with_suffix(".toml")
    text = toml(sections)
    if program.exists() and path.exists() and path.read_text() == text:
        return
    write(path, text)
    output_of([str(STC_COMPILE), str(path), f"--target={target}", "-o", str(program)])


def peak_bytes(program: Path) -> int:
    """The planned memory of a training step."""
    listed = json.loads(output_of([str(STC_RUN), "info", str(program), "--json"]))
    return next(entry["peak_bytes"] for entry in listed["entries"] if entry["name"] == "train_step")


def fitted(run: Run, budget: int, target: str, scratch: Path) -> Sections:
    """The model with as many layers as the planned memory allows, found by halving."""
    sections = run.task.sections(run.pattern, run.rate)
    low, high = 1, 2 * sections["model"]["layers"]
    while low < high:
        layers = (low + high + 1) // 2
        program = scratch / f"{run.program}.{layers}.stcp"
        compile_program(changed(sections, {"model.layers": layers}), program, target)
        low, high = (layers, high) if peak_bytes(program) <= budget else (low, layers - 1)
    return changed(sections, {"model.layers": low})


def prepare_data(name: str, program: Path, target: Path, given: Path | None) -> None:
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    if name == "enwik8":  # a file as it is, which the specification divides
        shutil.copy(given / name, target)
        return
    if name in GIVEN:
        sources, options = [str(given / part) for part in GIVEN[name]], []
    else:
        wanted, parts, options = SOURCES[name]
        subprocess.run([str(ROOT / "tools/get-data.sh"), wanted], check=True)
        sources = [str(ROOT / part) for part in parts]
    output_of([str(STC_RUN), "prepare", str(program), "--out", str(target), *sources, *options])


def prepare(folder: Path, tables: dict[str, list[Task]], target: str, given: Path | None) -> None:
    subprocess.run([str(ROOT / "tools/build.sh"), "stc-compile", "stc-run"], check=True)
    (folder / "programs").mkdir(parents=True, exist_ok=True)
    (folder / "results").mkdir(exist_ok=True)
    for task in {task.name: task for tasks in tables.values() for task in tasks}.values():
        for pattern in task.patterns:
            for rate in task.tried(pattern):
                run = Run(task, pattern, rate, task.seeds[0])
                program = folder / f"programs/{run.program}.stcp"
                if not task.budget:
                    compile_program(task.sections(pattern, rate), program, target)
                elif not program.exists():
                    with tempfile.TemporaryDirectory() as scratch:
                        sections = fitted(run, task.budget, target, Path(scratch))
                    compile_program(sections, program, target)
                print(program, flush=True)
                prepare_data(task.data, program, folder / "data" / task.data, given)
    shutil.copy(STC_RUN, folder)
    path = folder / "results/compressors.json"
    packed = json.loads(path.read_text()) if path.exists() else {}  # of other tasks' data, which may not be here
    packed |= {name.name: compressors.bits_a_byte(name / "test.npy") for name in sorted((folder / "data").iterdir())
               if (name / "test.npy").exists()}
    write(path, json.dumps(packed, indent=1))
