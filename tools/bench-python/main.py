#!/usr/bin/env python3
"""What stc costs in Python beside what PyTorch has, on a GPU or on the CPU.

    main.py call             the CPU's time of a call
    main.py first            the first call of a pattern, and one from the cache on disk
    main.py gpt              a step of a GPT, beside FlexAttention and dense attention
    main.py deterministic    the price of deterministic gradients, beside FlashAttention-4's
    main.py transformers     models of Hugging Face Transformers

Prints a table; with --json each result as soon as it is there, a JSON object a line. `main.py call --help` says what
is measured, and how. Without a GPU sizes are small: they show that all of it runs, and not what it costs.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from datetime import date
from types import ModuleType
from typing import Any


def fail(message: str) -> None:
    sys.exit(f"main.py: error: {message}")


try:
    import stc
    import torch

    from common import Json
    from tables import table
except ImportError as error:
    fail(f"expected stc, and PyTorch 2.9 or later, found none that serves: {error}")

BENCHMARKS = {
    "call": "call", "first": "first", "gpt": "gpt", "deterministic": "deterministic", "transformers": "hugging_face",
}  # fmt: skip


def read_options(name: str, benchmark: ModuleType, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"main.py {name}", description=benchmark.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--json", action="store_true", help="a JSON object for each result")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu",
                        help="default: cuda where there is one")  # fmt: skip
    for option, what in benchmark.OPTIONS.items():
        several = isinstance(what.on_gpu, list)
        parser.add_argument(f"--{option}", type=type(what.on_gpu[0] if several else what.on_gpu),
                            nargs="+" if several else None, help=f"{what.help}; default: {what.on_gpu} on a GPU")  # fmt: skip
    options = parser.parse_args(arguments)
    for option, what in benchmark.OPTIONS.items():
        if getattr(options, option) is None:
            setattr(options, option, what.on_gpu if options.device == "cuda" else what.on_cpu)
        elif isinstance(what.on_gpu, int) and getattr(options, option) < 1:
            parser.error(f"expected a number above 0 for --{option}, found {getattr(options, option)}")
    if getattr(options, "repetitions", 1) % 2 == 0:
        parser.error(f"expected an odd number for --repetitions, found {options.repetitions}")
    return options


def cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def markdown(rows: list[Json]) -> str:
    """A column for each name that a row has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table([name.replace("_", " ") for name in names], [[cell(row.get(name, "")) for name in names] for row in rows])


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(__doc__)
            return
        fail(f"expected one of {', '.join(BENCHMARKS)}, found {' '.join(sys.argv[1:]) or 'nothing'}")
    name = sys.argv[1]
    try:
        benchmark = importlib.import_module(BENCHMARKS[name])
    except ImportError as error:
        fail(f"expected a Python with what {name} needs, found none: {error}")
    options = read_options(name, benchmark, sys.argv[2:])
    where = {
        "benchmark": name, "date": date.today().isoformat(), "torch": torch.__version__, "stc": stc.__version__,
        "device": torch.cuda.get_device_name() if options.device == "cuda" else "CPU",
    }  # fmt: skip
    given = {option: getattr(options, option) for option in benchmark.OPTIONS}

    def results() -> Iterator[Json]:
        try:
            yield from benchmark.measure(options)
        except (ValueError, RuntimeError) as error:
            fail(str(error))

    if options.json:
        for row in results():
            print(json.dumps(where | {"options": given} | row), flush=True)
        return
    print(f"{where['device']}, PyTorch {where['torch']}, stc {where['stc']}, {where['date']}: {name}")
    print(", ".join(f"{option} {value}" for option, value in given.items()) + "\n")
    print(markdown(list(results())))


if __name__ == "__main__":
    main()
