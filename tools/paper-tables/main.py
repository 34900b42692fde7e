#!/usr/bin/env python3
"""Repeats Tables 1 to 4 of "Generating Long Sequences with Sparse Transformers" (arXiv 1904.10509).

    tools/paper-tables.sh prepare           where the compiler is: data, programs, and stc-run, into the folder
    tools/paper-tables.sh table1 ... table4 where a GPU is: trains, evaluates and samples what the table needs; on a
                                            machine with several GPUs, one run on each that
                                            CUDA_VISIBLE_DEVICES leaves
    tools/paper-tables.sh page              docs/paper-tables.md and its pictures, of the results that are there;
                                            needs Debian's python3-matplotlib and python3-pil

The machine with the GPU needs this checkout, the folder, which is out/paper-tables by default, and Python 3.11; no
compiler and no library. Results are in its results/, one file a run. What has one is not done again, and a run that was stopped
goes on from its checkpoint: --seconds ends all of them in time.

Without --data the models are small ones, on text, photographs and sound from Debian's packages. With --data they are
the paper's, on its own data, which has to be brought by hand (docs/data.md): a folder with enwik8, cifar-10-batches-bin
and Imagenet64_train_part1, Imagenet64_train_part2, Imagenet64_val, or some of these.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench-step"))  # paths, which finds the other modules

from paths import ROOT  # noqa: E402
from experiments import OURS, PAPER  # noqa: E402
from training import Trainer  # noqa: E402

TABLES = ("table1", "table2", "table3", "table4")


def main() -> None:
    parser = argparse.ArgumentParser(prog="paper-tables.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("prepare", *TABLES, "page"))
    parser.add_argument("--folder", type=Path, help="default: out/paper-tables, with --data out/paper-tables-full")
    parser.add_argument("--data", type=Path, help="the paper's own data")
    parser.add_argument("--target", default="sm_90a", help="of prepare; default: %(default)s")
    parser.add_argument("--task", action="append", default=[], help="this task alone, such as text-4096, of a table or of what is prepared")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="to stop after; default: when all is done")
    options = parser.parse_args()
    tables = PAPER if options.data else OURS
    folder = options.folder or ROOT / ("out/paper-tables-full" if options.data else "out/paper-tables")
    folder = folder.resolve()

    names = sorted({task.name for tasks in tables.values() for task in tasks})
    for name in options.task:
        if name not in names:
            sys.exit(f"paper-tables: error: expected --task as one of {', '.join(names)}, found {name!r}")
    if options.action == "prepare":
        from preparing import lacking, prepare

        without = lacking(options.data) if options.data else {}
        if options.data and not any(task.data not in without for task in tables["table2"]):
            every = ", ".join(part for parts in without.values() for part in parts)
            sys.exit(f"paper-tables: error: expected some of {every} in {options.data}, found none of them")
        for name, parts in without.items():
            print(f"paper-tables: left out is what needs {name}: no {', '.join(parts)} in {options.data}")
        tables = {table: [task for task in tasks if task.data not in without] for table, tasks in tables.items()}
        if options.task:
            tables = {table: [task for task in tasks if task.name in options.task] for table, tasks in tables.items()}
        try:
            prepare(folder, tables, options.target, options.data)
        except subprocess.CalledProcessError as error:  # which has said why
            sys.exit(f"paper-tables: error: {error.cmd[0]} ended with {error.returncode}")
    elif options.action == "page":
        from page import write_page

        write_page(folder, tables, ROOT / "docs")
    else:
        if not (folder / "stc-run").exists():
            sys.exit(f"paper-tables: error: expected what `prepare` makes in {folder}, found no stc-run there")
        tasks = [task for task in tables[options.action]
                 if (not options.task or task.name in options.task) and (folder / "data" / task.data).exists()]
        if not tasks:
            sys.exit(f"paper-tables: error: expected data of {options.action} in {folder}/data, found none")
        trainer = Trainer(folder, folder / "stc-run", time.time() + options.seconds)
        if not any(trainer.results.to_do(tasks)):
            print(f"paper-tables: all of {options.action} has been run; page writes it")
            return
        try:
            if not trainer.run_all(tasks):
                sys.exit(1)
        except KeyboardInterrupt:
            sys.exit("paper-tables: stopped; the same command goes on")


if __name__ == "__main__":
    main()
