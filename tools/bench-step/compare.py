#!/usr/bin/env python3
"""A training step of STC beside one of PyTorch, on the same machine in the same run.

    compare.py FOLDER [CASE ...]

FOLDER holds the programs and cases.json of programs.py. Results go to FOLDER/results.json one by one, and what is
in it already is not measured again: a run that was stopped, or had its --seconds, goes on where it ended.
FOLDER/results.md has the tables. Every way is a process of its own: `stc-run bench` or peers.py.
"""

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path

from paths import ROOT
from commands import output_of, write
from tables import Json, milliseconds, table

WAYS = {
    "stc": "STC",
    "flex": "FlexAttention",
    "expert": "by hand",
    "stc_dense": "STC, dense",
    "dense": "PyTorch, dense",
}


def fail(message: str) -> None:
    sys.exit(f"compare.py: error: {message}")


def measure_stc(case: Json, way: str, options: argparse.Namespace) -> Json:
    if "cannot" in case[way]:
        return {"cannot": case[way]["cannot"]}
    program = str(options.folder / case[way]["program"])
    try:
        command = [options.stc_run, "bench", program, "train_step", "--json", "--no-ceilings"]
        said = json.loads(output_of(command))
        listed = json.loads(output_of([options.stc_run, "info", program, "--json"]))
    except RuntimeError as error:
        return {"cannot": str(error).splitlines()[-1][:300]}
    step = next(entry for entry in listed["entries"] if entry["name"] == "train_step")
    return {"gpu": said.get("gpu"), "ms": said["entries"][0]["median_seconds"] * 1e3,
            "peak_gib": step["peak_bytes"] / 2**30}


def measure_peer(case: Json, way: str, options: argparse.Namespace) -> Json:
    """What a peer cannot it says itself; else there is no PyTorch or no GPU."""
    peers = Path(__file__).resolve().parent / "peers.py"
    try:
        said = output_of([options.python, str(peers), str(options.folder / case["spec"]), "--way", way])
    except RuntimeError as error:
        fail(str(error).splitlines()[-1])
    return json.loads(said.splitlines()[-1])


def measure(case: Json, way: str, options: argparse.Namespace) -> Json:
    """Milliseconds and memory of a step, or why there are none: what one cannot do is a result, too."""
    found = (measure_stc if way.startswith("stc") else measure_peer)(case, way, options)
    if "cannot" in found:
        return found
    return found | {"tokens_per_second": case["batch"] * case["positions"] / found["ms"] * 1e3}


def cell(way: str, ways: Json) -> str:
    """Milliseconds, and how many times STC's."""
    if way not in ways or "cannot" in ways[way]:
        return "cannot" if way in ways else ""
    text, stc = milliseconds(ways[way]["ms"]), ways.get("stc", {})
    return text if way == "stc" or "ms" not in stc else f"{text} ({ways[way]['ms'] / stc['ms']:.2f}x)"


def markdown(results: Json) -> str:
    rows, rates, reasons = [], [], []
    for name, case in results["cases"].items():
        ways = case["ways"]
        what = [name, case["pattern"], str(case["batch"]), str(case["positions"]), case["recompute"]]
        rows.append(what + [cell(way, ways) for way in WAYS])
        for way, title in WAYS.items():
            found = ways.get(way)
            if found and "cannot" in found:
                reasons.append(f"- {title} cannot do {name}: {found['cannot']}")
            elif found:
                rates.append([name, title, milliseconds(found["ms"]), f"{found['tokens_per_second']:.0f}",
                              f"{found['peak_gib']:.2f}"])
    heading = ["case", "pattern", "batch", "positions", "recompute", *WAYS.values()]
    lines = [
        f"{results['gpu'] or 'The CPU'}, {results['date']}; milliseconds of a training step, medians, and how many",
        "times STC's. The dense ways leave the pattern out.\n", table(heading, rows)]
    if reasons:
        lines.append("\n".join(reasons) + "\n")
    lines.append(table(["case", "way", "ms", "bytes/s", "peak GiB"], rates))
    return "\n".join(lines)


def read_cases(options: argparse.Namespace) -> list[Json]:
    path = options.folder / "cases.json"
    if not path.exists():
        fail(f"{path} is not there: write it where the compiler is, with programs.py {options.folder}")
    cases = json.loads(path.read_text())["cases"]
    known = [case["name"] for case in cases]
    for name in options.cases:
        if name not in known:
            fail(f"expected one of {', '.join(known)}, found the case {name}")
    return [case for case in cases if not options.cases or case["name"] in options.cases]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="programs and cases.json, and where results go")
    parser.add_argument("cases", nargs="*", help="which cases; default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="default: all")
    parser.add_argument("--again", action="store_true", help="measure what has results, too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--stc-run", default=str(ROOT / "build/bin/stc-run"), help="default: %(default)s")
    parser.add_argument("--python", default=sys.executable, help="with PyTorch; default: %(default)s")
    options = parser.parse_args()
    cases, path = read_cases(options), options.folder / "results.json"
    results: Json = json.loads(path.read_text()) if path.exists() else {"gpu": None, "cases": {}}

    started = time.monotonic()
    for case in cases:
        kept = ("pattern", "batch", "positions", "recompute")
        found = results["cases"].setdefault(case["name"], {key: case[key] for key in kept} | {"ways": {}})
        for way in options.ways:
            since = time.monotonic() - started
            if since > options.seconds or (way in found["ways"] and not options.again):
                continue
            measured = measure(case, way, options)
            if gpu := measured.pop("gpu", None):
                if results["gpu"] not in (None, gpu):
                    fail(f"expected the {results['gpu']} of {path}, found {gpu}: take another folder")
                results["gpu"] = gpu
            found["ways"][way] = measured
            results["date"] = date.today().isoformat()
            print(f"{since:.0f} s: {case['name']} {way}: {json.dumps(measured)}", flush=True)
            write(path, json.dumps(results, indent=1))
            write(options.folder / "results.md", markdown(results))
    if any(case["ways"] for case in results["cases"].values()):
        print(markdown(results))
    wrong = [name for name, case in results["cases"].items() if "cannot" in case["ways"].get("stc", {})]
    if wrong:
        fail(f"STC has no result for {', '.join(wrong)}")


if __name__ == "__main__":
    main()
