"""Trains, evaluates and samples the runs of a table, one on each GPU at a time, until there is nothing to do or no
time. What was stopped goes on from its last checkpoint."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import output_of, write
from experiments import Run, Task
from pictures import spread
from results import Json, Results


def gpus() -> list[str]:
    """The numbers of the GPUs, or what CUDA_VISIBLE_DEVICES lists of them; without one, what STC says of that is the error."""
    if listed := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return listed.split(",")
    if not shutil.which("nvidia-smi"):
        return ["0"]
    return [str(k) for k, _ in enumerate(output_of(["nvidia-smi", "-L"]).splitlines())]


def read_metrics(path: Path) -> tuple[list[Json], list[Json]]:
    """Steps and evaluations."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["kind"] == "step"], [line for line in lines if line["kind"] == "eval"]


def step_milliseconds(steps: list[Json]) -> float:
    """The median; evaluations and checkpoints are between few of them."""
    times = [after["seconds"] - before["seconds"] for before, after in zip(steps, steps[1:])]
    return statistics.median(times) * 1e3 if times else 0.0


class Stopped(Exception):
    """The time is over or a person wants no more, and the run waits in its folder."""


class Trainer:
    def __init__(self, folder: Path, stc_run: Path, deadline: float):
        self.folder, self.stc_run, self.deadline = folder, str(stc_run), deadline
        self.results = Results(folder)
        self.taken: set[str] = set()
        self.lock = threading.Lock()
        self.failed = False

    def run_all(self, tasks: list[Task]) -> bool:
        """Whether nothing failed."""
        self.results.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as workers:
            for work in [workers.submit(self.work, tasks, gpu) for gpu in gpus()]:
                work.result()
        return not self.failed

    def take(self, tasks: list[Task]) -> Run | None:
        """The next run, once what it waits for is there."""
        while time.time() < self.deadline and not self.failed:
            with self.lock:
                left = [run for run in self.results.to_do(tasks) if run.name not in self.taken]
                if left:
                    self.taken.add(left[0].name)
                    return left[0]
                if not self.taken:
                    return None
            time.sleep(1)
        return None

    def work(self, tasks: list[Task], gpu: str) -> None:
        while run := self.take(tasks):
            started = time.time()
            try:
                self.do(run, gpu)
                print(f"{run.name}: {time.time() - started:.0f} s", flush=True)
            except Stopped:
                print(f"{run.name}: stopped, goes on later", flush=True)
                return
            except RuntimeError as error:
                print(f"paper-tables: error: {run.name}: {error}", file=sys.stderr, flush=True)
                self.failed = True
            finally:
                with self.lock:
                    self.taken.discard(run.name)

    def stc(self, gpu: str, *arguments: object, limit: float | None = None) -> tuple[int, str]:
        """Exit code and what was printed. After the limit it gets SIGTERM, on which training writes a checkpoint."""
        process = subprocess.Popen([self.stc_run, *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                                   env=os.environ | {"CUDA_VISIBLE_DEVICES": gpu})
        try:
            # poll() counts milliseconds in 31 bits.
            out, err = process.communicate(timeout=limit if limit and limit < 2e6 else None)
        except subprocess.TimeoutExpired:
            process.terminate()
            out, err = process.communicate()
            return 143, out
        if process.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise Stopped
        if process.returncode:
            raise RuntimeError(err.strip().splitlines()[-1] if err.strip() else f"exit code {process.returncode}")
        return 0, out

    def do(self, run: Run, gpu: str) -> None:
        task = run.task
        program, data = self.folder / f"programs/{run.program}.stcp", self.folder / "data" / task.data
        out = self.folder / "runs" / run.name
        self.train(run, gpu, program, data, out)
        weights = out / "best/weights.safetensors"
        if not weights.exists():
            weights = out  # its newest
        evaluate = ("eval", program, "--data", data, "--weights", weights, "--json")
        test = json.loads(self.stc(gpu, *evaluate, "--split", "test")[1])
        steps, evals = read_metrics(out / "metrics.jsonl")
        listed = json.loads(output_of([self.stc_run, "info", str(program), "--json"]))
        peak = next(entry["peak_bytes"] for entry in listed["entries"] if entry["name"] == "train_step")
        result = {
            "task": task.name, "pattern": run.pattern, "rate": run.rate, "seed": run.seed, "steps": len(steps),
            "step_ms": step_milliseconds(steps), "parameters": listed["parameters"], "peak_bytes": peak,
            "valid": min((one["bits_per_byte"] for one in evals), default=None),
            "curve": [[one["step"], one["bits_per_byte"]] for one in evals],
            "train": statistics.fmean(one["bits_per_byte"] for one in steps[-100:]),
            "test": test["bits_per_byte"], "test_error": test["standard_error"], "bytes": test["bytes"],
            "seconds": steps[-1]["seconds"],
        }
        if task.contexts:
            listed = ",".join(map(str, task.contexts))
            result["contexts"] = json.loads(self.stc(gpu, *evaluate, "--split", "test", "--windows",
                                                     task.context_windows, "--contexts", listed)[1])["contexts"]
        if task.sample and run.seed == task.seeds[0]:
            self.sample(run, gpu, program, weights, result)
        write(self.results.path(run), json.dumps(result, indent=1))
        shutil.rmtree(out)

    def train(self, run: Run, gpu: str, program: Path, data: Path, out: Path) -> None:
        task = run.task
        begun = (out / "checkpoints").is_dir() and any((out / "checkpoints").iterdir())
        trained = 0.0
        if begun and (out / "metrics.jsonl").exists():
            steps, _ = read_metrics(out / "metrics.jsonl")
            trained = steps[-1]["seconds"] if steps else 0.0
        own = task.seconds - trained if task.seconds else float("inf")
        left = self.deadline - time.time()
        if own > 0:
            code, _ = self.stc(gpu, "train", program, "--data", data, "--out", out, "--seed", run.seed, "--keep", 1,
                               "--eval-every", task.eval_every, "--eval-windows", task.eval_windows,
                               "--resume" if begun else "--fresh", limit=max(min(own, left), 1))
            if code and own > left:
                raise Stopped

    def sample(self, run: Run, gpu: str, program: Path, weights: Path, result: Json) -> None:
        ending = {"text": ".txt", "enwik8": ".txt", "sound": ".wav"}.get(run.task.data, ".png")
        path = self.results.folder / f"{run.name}{ending}"
        result["sample"] = path.name
        command = ("sample", program, "--weights", weights, *run.task.sample)
        if ending == ".txt":
            path.write_text(self.stc(gpu, *command)[1])
        else:
            self.stc(gpu, *command, "--out", path)
        if run.task.complete:
            given = self.folder / "runs" / run.name / "given.npy"
            spread(self.folder / "data" / run.task.data / "test.npy", given, run.task.complete)
            path = path.with_name(f"{run.name}.completed.png")
            result["completed"] = path.name
            self.stc(gpu, "sample", program, "--weights", weights, "--complete", given, "--split", "all", "--count",
                     run.task.complete, "--completions", 3, "--keep", 0.5, "--seed", 1, "--out", path)
