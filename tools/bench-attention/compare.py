#!/usr/bin/env python3
"""Attention of STC on a Hopper GPU beside what PyTorch has, on the same inputs.

    compare.py FOLDER [CASE ...]

FOLDER holds the programs and cases.json of `bench-attention --gpu FOLDER`, which is run if it is at hand
and they are not there. Each way of computing a case is checked against float64 first, output and
gradients, and timed after. Results go to FOLDER/results.json one by one, and what is in it already is not
measured again: a run that was stopped, or had its --seconds, goes on where it ended. FOLDER/results.md has
the tables; plot.py draws them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from commands import output_of, write
from tables import WAYS, Json, markdown


def fail(message: str) -> None:
    sys.exit(f"compare.py: error: {message}")


try:
    import torch
    from torch import Tensor

    import attention
    import exact
    from clock import Clock, ceilings
    from patterns import mask_of
except ImportError as error:
    fail(f"expected PyTorch 2.9 or later, found none that serves: {error}")


@dataclass
class Case:
    """A row of cases.json."""

    name: str
    pattern: str
    positions: int
    batch: int
    heads: int
    query_size: int
    value_size: int
    pairs: int
    program: str
    forward: str
    both: str

    def shape(self) -> str:
        sizes = {self.query_size, self.value_size}
        return f"B{self.batch} H{self.heads} n{self.positions} d{'/'.join(map(str, sorted(sizes)))}"

    def work(self) -> Json:
        """Useful floating-point operations (two and seven products of a query's or a value's size a pair),
        and bytes of inputs and results, each once."""
        pairs, q, v = self.pairs * self.batch * self.heads, self.query_size, self.value_size
        rows = self.batch * self.heads * self.positions
        forward = rows * (2 * (2 * q + 2 * v) + 4)
        return {
            "forward": {"flops": 2 * (q + v) * pairs, "bytes": forward},
            "both": {"flops": 2 * (4 * q + 3 * v) * pairs, "bytes": forward + rows * 2 * (2 * q + 2 * v)},
        }


@dataclass
class Inputs:
    """bf16 [batch, heads, n, size]: q, k, v and the gradient of the output."""

    q: Tensor
    k: Tensor
    v: Tensor
    g: Tensor

    @staticmethod
    def draw(case: Case) -> "Inputs":
        torch.manual_seed(1)

        def tensor(size: int) -> Tensor:
            return torch.randn(case.batch, case.heads, case.positions, size, device="cuda", dtype=torch.bfloat16)

        q, k = tensor(case.query_size), tensor(case.query_size)
        return Inputs(q, k, tensor(case.value_size), tensor(case.value_size))

    def expect(self, pattern: str) -> exact.Expected:
        return exact.expect(self.q, self.k, self.v, self.g, mask_of(pattern))


def measure_torch(attend: attention.Attention, inputs: Inputs, expected: exact.Expected, clock: Clock) -> Json:
    q, k, v = (t.detach().requires_grad_() for t in (inputs.q, inputs.k, inputs.v))

    def both() -> tuple[Tensor, ...]:
        output = attend(q, k, v)
        return output, *torch.autograd.grad(output, (q, k, v), inputs.g)

    errors = exact.checked(dict(zip(exact.NAMES, (t.detach() for t in both()))), expected)
    return {"forward_ms": clock.median(lambda: attend(q, k, v)), "both_ms": clock.median(both), "errors": errors}


def measure_stc(case: Case, inputs: Inputs, expected: exact.Expected, options: argparse.Namespace) -> Json:
    import numpy

    torch.cuda.empty_cache()
    stc_run, program = str(options.stc_run), str(options.folder / case.program)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        files = []
        for name, tensor in (("q", inputs.q), ("k", inputs.k), ("v", inputs.v), ("g", inputs.g)):
            files.append(f"{folder}/{name}.npy")
            numpy.save(files[-1], tensor.transpose(1, 2).float().contiguous().cpu().numpy())
        output_of([stc_run, "call", program, case.both, *files, "-o", f"{folder}/out_"])

        def result(name: str) -> Tensor:
            return torch.from_numpy(numpy.load(f"{folder}/out_{name}.npy", mmap_mode="c")).transpose(1, 2)

        errors = exact.checked({name: result(name) for name in exact.NAMES}, expected)

        def median(entry: str, count: int) -> float:
            said = output_of([stc_run, "bench", program, entry, "--json", "--no-ceilings",
                              "--inputs", *files[:count]])
            return json.loads(said)["entries"][0]["median_seconds"] * 1e3

        return {"forward_ms": median(case.forward, 3), "both_ms": median(case.both, 4), "errors": errors}


def measure(way: str, case: Case, inputs: Inputs, expected: exact.Expected, clock: Clock,
            options: argparse.Namespace) -> Json:
    """Times and errors, or why there are none: a peer that cannot is a result, too."""
    n = case.positions
    try:
        if way == "stc":
            return measure_stc(case, inputs, expected, options)
        if way == "op":
            import stc

            return measure_torch(lambda q, k, v: stc.attention(q, k, v, case.pattern), inputs, expected, clock)
        torch.compiler.reset()  # else it gives up on compiling after a few masks
        if way == "cudnn":
            return measure_torch(attention.cudnn, inputs, inputs.expect("dense"), clock)
        if way == "flex":
            attend = attention.flex(mask_of(case.pattern), n, n, "cuda")
        elif (by_hand := attention.expert(case.pattern, n, "cuda")) is None:
            return {"cannot": ""}
        else:
            attend = by_hand
        return measure_torch(attend, inputs, expected, clock)
    except Exception as error:  # of any kind
        reason = " ".join(str(error).split()) or type(error).__name__
        return {"cannot": reason[:300]}
    finally:
        torch.cuda.empty_cache()


def read_cases(options: argparse.Namespace) -> Json:
    path = options.folder / "cases.json"
    if not path.exists():
        writer = options.stc_run.parent / "bench-attention"
        if not writer.exists():
            fail(f"{path} is not there: write it where the compiler is, with bench-attention --gpu {options.folder}")
        subprocess.run([writer, "--gpu", options.folder], check=True)
    listed = json.loads(path.read_text())
    known = [case["name"] for case in listed["cases"]]
    for name in options.cases:
        if name not in known:
            fail(f"expected one of {', '.join(known)}, found the case {name}")
    return listed


def main() -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="programs and cases.json, and where results go")
    parser.add_argument("cases", nargs="*", help="which cases; default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="default: all")
    parser.add_argument("--again", action="store_true", help="measure what has results, too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--stc-run", type=Path, default=root / "build/bin/stc-run", help="default: %(default)s")
    parser.add_argument("--scratch", default="/dev/shm" if Path("/dev/shm").exists() else None,
                        help="a folder for inputs and results, up to 5 GB at a time; default: %(default)s")
    options = parser.parse_args()
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() != (9, 0):
        fail("expected a GPU of compute capability 9.0 that PyTorch can use, found none")
    listed = read_cases(options)
    path = options.folder / "results.json"
    results: Json = json.loads(path.read_text()) if path.exists() else {"cases": {}}

    gpu = torch.cuda.get_device_name()
    if (before := results.get("machine", {"gpu": gpu})["gpu"]) != gpu:
        fail(f"expected the {before} of {path}, found {gpu}: take another folder")

    started = time.monotonic()
    clock = Clock()
    results["date"] = date.today().isoformat()
    results["machine"] = {"gpu": gpu, "torch": torch.__version__, **ceilings(clock)}
    results["ceilings"] = listed["ceilings"]
    dense: dict[str, Json] = {}
    for row in listed["cases"]:
        case = Case(**row)
        if options.cases and case.name not in options.cases:
            continue
        found = results["cases"].setdefault(case.name, {"shape": case.shape(), "pattern": case.pattern, "ways": {}})
        n = case.positions
        found |= {"share": case.pairs / (n * (n + 1) / 2), "work": case.work()}
        wanted = [way for way in options.ways if options.again or way not in found["ways"]]
        if not wanted or time.monotonic() - started > options.seconds:
            continue
        inputs = Inputs.draw(case)
        expected = inputs.expect(case.pattern)
        # A million squared takes too long.
        if n <= 65536 and (pairs := exact.count_pairs(mask_of(case.pattern), n, "cuda")) != case.pairs:
            fail(f"{case.name}: expected {pairs} pairs, found {case.pairs} in cases.json")
        for way in wanted:
            if (since := time.monotonic() - started) > options.seconds:
                break
            # What is dense is the same for all patterns of a shape.
            known = dense.get(case.shape()) if way == "cudnn" else None
            found["ways"][way] = known or measure(way, case, inputs, expected, clock, options)
            if way == "cudnn":
                dense[case.shape()] = found["ways"][way]
            print(f"{since:.0f} s: {case.name} {way}: {json.dumps(found['ways'][way])}", flush=True)
            write(path, json.dumps(results, indent=1))
            write(options.folder / "results.md", markdown(results))
        del inputs, expected
    print(markdown(results))
    wrong = [name for name, case in results["cases"].items() if "cannot" in case["ways"].get("stc", {})]
    if wrong:
        fail(f"STC has no result for {', '.join(wrong)}")


if __name__ == "__main__":
    main()
