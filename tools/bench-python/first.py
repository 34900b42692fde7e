"""The first call of a pattern, and the first of a later process, which finds the programs on disk; milliseconds.

Each repetition has an empty cache of programs, and of the driver's, and two processes that call each pattern once, forward
and backward. They call another pattern first, so that neither PyTorch nor the GPU start within the time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import stc
import torch

from common import Json, Option, draw, synchronize

OPTIONS = {
    "patterns": Option("the patterns", ["local(256)", "fixed(128, 32)", "strided(128)", "dense"], ["fixed(16, 4)", "dense"]),
    "batch": Option("sequences", 1, 1),
    "heads": Option("heads", 2, 2),
    "n": Option("positions", 1000, 64),
    "size": Option("elements of a head", 64, 16),
    "repetitions": Option("repetitions", 3, 3),
}
WARM_UP = "sinks(3)"


def call(pattern: str, options: Namespace) -> Json:
    """Milliseconds of a call and of its backward pass, and how many programs were compiled."""
    q, k, v, g = draw(options, 4)
    inputs = [tensor.requires_grad_() for tensor in (q, k, v)]
    before = stc.cache.info().compiled
    synchronize(options.device)
    start = time.perf_counter()
    output = stc.attention(*inputs, pattern)
    synchronize(options.device)
    middle = time.perf_counter()
    torch.autograd.grad(output, inputs, g)
    synchronize(options.device)
    end = time.perf_counter()
    compiled = stc.cache.info().compiled - before
    return {"forward_ms": (middle - start) * 1e3, "backward_ms": (end - middle) * 1e3, "compiled": compiled}


def run_process(options: Namespace, folder: str) -> dict[str, Json]:
    """What a new process finds of each pattern, with the caches in that folder."""
    command = [sys.executable, "-B", str(Path(__file__).resolve()), json.dumps(vars(options))]
    environment = os.environ | {"STC_CACHE": f"{folder}/stc", "CUDA_CACHE_PATH": f"{folder}/cuda"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout.splitlines()[-1])


def measure(options: Namespace) -> Iterator[Json]:
    runs = []
    for _ in range(options.repetitions):
        with tempfile.TemporaryDirectory() as folder:
            runs.append([run_process(options, folder), run_process(options, folder)])
    for pattern in options.patterns:
        found: Json = {"pattern": pattern}
        for number, prefix in enumerate(("", "from_disk_")):
            calls = [run[number][pattern] for run in runs]
            for name in ("forward_ms", "backward_ms"):
                found[prefix + name] = statistics.median(call[name] for call in calls)
            found[prefix + "compiled"] = max(call["compiled"] for call in calls)
        yield found


if __name__ == "__main__":
    given = Namespace(**json.loads(sys.argv[1]))
    call(WARM_UP, given)
    print(json.dumps({pattern: call(pattern, given) for pattern in given.patterns}))
