"""A program for several devices as a person runs it: processes on the CPU, which mpirun starts.

usage: devices_test.py BIN
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.argv.pop()).resolve()
STEPS = 12
GRIDS = ("1", "2", "4", "context:2", "data:2,context:2")
PATIENCE = 300  # seconds, after which a test fails rather than hang; nothing is measured
PEER = 6  # exit code where another process of the run failed


def children(process: subprocess.Popen[str], program: Path) -> dict[int, int]:
    """The processes of a run by their ranks, the starter not among them."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = dict(line.split(b"=", 1) for line in (folder / "environ").read_bytes().split(b"\0") if b"=" in line)
        except (OSError, NotADirectoryError):
            continue
        if int(folder.name) != process.pid and words[0].endswith(b"stc-run") and str(program).encode() in words:
            if (rank := environment.get(b"OMPI_COMM_WORLD_RANK")) is not None:
                found[int(rank)] = int(folder.name)
    return found


@unittest.skipUnless(shutil.which("mpirun") and (BIN / "stc-mpi.so").exists(), "no MPI on this machine")
class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.work = Path(tempfile.mkdtemp())
        text = (ROOT / "tests/lit/Tools/Inputs/tiny.toml").read_text()
        model = cls.work / "model.toml"
        model.write_text(text.replace("steps = 60", f"steps = {STEPS}"))
        cls.programs = {grid: cls.work / f"model-{grid}.stcp" for grid in GRIDS}
        for grid, program in cls.programs.items():
            subprocess.run([BIN / "stc-compile", model, f"--devices={grid}", "-o", program], check=True)

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.work)

    def command(self, grid: str, out: str, *arguments: str, data: Path = ROOT / "LICENSE") -> list[str]:
        return [str(word) for word in (BIN / "stc-run", "train", self.programs[grid], "--data", data, "--out", self.work / out,
                                       "--eval-every", "4", "--eval-windows", "4", *arguments)]

    def run_it(self, command: list[str], code: int = 0) -> str:
        """Standard error."""
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stderr

    def losses(self, out: str) -> dict[tuple[str, int], float]:
        lines = [json.loads(line) for line in (self.work / out / "metrics.jsonl").read_text().splitlines()]
        return {(line["kind"], line["step"]): line["bits_per_byte"] for line in lines if line["kind"] in ("step", "eval")}

    def assert_same_learning(self, found: str, expected: str) -> None:
        of_found = self.losses(found)
        for key, loss in self.losses(expected).items():
            self.assertAlmostEqual(of_found[key], loss, delta=1e-6 * loss, msg=str(key))

    def said(self, *command: object) -> dict:
        return json.loads(subprocess.run([BIN / "stc-run", *map(str, command), "--json"], check=True, capture_output=True,
                                         text=True, timeout=PATIENCE).stdout)

    def test_what_is_exchanged_is_what_the_plan_says(self) -> None:
        for grid in GRIDS[1:]:
            entry = next(one for one in self.said("info", self.programs[grid])["entries"] if one["name"] == "train_step")
            planned = sum(one["received_bytes"] for one in entry["exchanges"])
            (measured,) = self.said("bench", self.programs[grid], "train_step", "--repetitions", 1, "--warm-up", 0,
                                    "--no-ceilings")["entries"]
            self.assertGreater(planned, 0)
            self.assertEqual(measured["received_bytes"], planned, grid)

    def start(self, grid: str, out: str, *arguments: str) -> tuple[subprocess.Popen[str], dict[int, int]]:
        """A run that would go on for long, once it trains: it has written a checkpoint."""
        command = self.command(grid, out, "--steps", "1000000", "--save-every", "1", *arguments)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        end = time.monotonic() + PATIENCE
        while not list((self.work / out / "checkpoints").glob("step-*[0-9]")):
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        return process, children(process, self.programs[grid])

    def newest(self, out: str) -> int:
        return max(int(path.name.removeprefix("step-")) for path in (self.work / out / "checkpoints").glob("step-*[0-9]"))

    def test_step_beside_one_devices(self) -> None:
        """tools/bench-step/devices.py, on models that are small."""
        bench, folder = ROOT / "tools/bench-step/devices.py", self.work / "bench"
        small = [f"--set={change}" for change in ("model.layers=1", "model.width=32", "model.heads=2", "data.context=256",
                                                  "precision.compute=float32")]

        def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
            return subprocess.run([sys.executable, bench, *words], capture_output=True, text=True, timeout=PATIENCE)

        compiled = run("compile", folder, "enwik8-context", "--target=host", "--stc-compile", BIN / "stc-compile", *small)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)
        ended = run("measure", folder, "--repetitions=1", "--stc-run", BIN / "stc-run")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        case = json.loads((folder / "devices.json").read_text())["cases"]["enwik8-context"]
        self.assertLess(case["several"]["peak_gib"], case["one"]["peak_gib"])
        self.assertGreater(case["several"]["exchange_ms"], 0)
        self.assertEqual(case["one"]["exchange_ms"], 0)
        self.assertEqual((folder / "devices.md").read_text().count("| enwik8-context | context |"), 1)
        self.assertIn("expected one of enwik8-b4, ", run("measure", folder, "enwik9").stderr)

    def test_learning_is_the_same_on_any_number(self) -> None:
        for grid in GRIDS:
            self.run_it(self.command(grid, f"learns-{grid}"))
            self.assert_same_learning(f"learns-{grid}", "learns-1")
        # And the same to the bit in every run on as many.
        self.run_it(self.command("2", "learns-again"))
        again, before = (self.work / out / "weights.safetensors" for out in ("learns-again", "learns-2"))
        self.assertEqual(again.read_bytes(), before.read_bytes())

    def test_goes_on_with_another_number(self) -> None:
        self.run_it(self.command("1", "whole"))
        for grid, steps in (("2", 3), ("context:2", 5), ("1", 8), ("data:2,context:2", STEPS)):
            self.run_it(self.command(grid, "parts", "--resume", "--steps", str(steps)))
        self.assert_same_learning("parts", "whole")

    def test_evaluates_and_samples_as_one(self) -> None:
        self.run_it(self.command("1", "trained"))
        results = []
        for program in self.programs.values():
            weights = ["--weights", str(self.work / "trained")]
            loss = subprocess.run([BIN / "stc-run", "eval", program, "--data", ROOT / "LICENSE", "--split", "all", *weights, "--json"],
                                  capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
            text = subprocess.run([BIN / "stc-run", "sample", program, *weights, "--length", "40", "--seed", "3"],
                                  capture_output=True, check=True, timeout=PATIENCE).stdout
            results.append((json.loads(loss)["bits_per_byte"], text))
        for loss, text in results[1:]:
            self.assertAlmostEqual(loss, results[0][0], delta=1e-6)
            self.assertEqual(text, results[0][1])

    def test_a_killed_process_ends_all(self) -> None:
        for rank in (0, 1):
            out = f"killed-{rank}"
            process, ranks = self.start("2", out)
            os.kill(ranks[rank], signal.SIGKILL)
            error = process.communicate(timeout=PATIENCE)[1]
            self.assertRegex(error, rf"stc-run: error: rank {rank} \(.*\) ended without a goodbye")
            self.assertEqual(error.count("error:"), 1, error)
            self.assertEqual(process.returncode, PEER, error)
            self.run_it(self.command("2", out, "--resume", "--steps", str(self.newest(out) + 1)))

    def test_a_signal_saves_one_step(self) -> None:
        process, _ = self.start("2", "stopped")
        process.terminate()
        error = process.communicate(timeout=PATIENCE)[1]
        self.assertEqual(process.returncode, 128 + signal.SIGTERM, error)
        saved = self.newest("stopped")
        steps = [step for kind, step in self.losses("stopped") if kind == "step"]
        self.assertEqual(saved, max(steps))

    def test_errors_are_said_once(self) -> None:
        # The same command, with data of its own where it stands.
        for rank, text in enumerate((b"a" * 4000, b"b" * 4000)):
            (self.work / f"at-{rank}").mkdir()
            (self.work / f"at-{rank}" / "data").write_bytes(text)
        environment = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
        fine, unlike = self.command("2", "data"), self.command("2", "data", "--seed", "7")
        local = self.command("2", "data", data=Path("data"))
        for words, expected in (
            (["-n", "3", *fine], "expected 2 processes, one for each device that it was compiled for, found 3"),
            (["-n", "1", *fine, ":", "-n", "1", *unlike], "options: expected that of rank 0, found another on rank 1"),
            (["-wdir", self.work / "at-0", "-n", "1", *local, ":", "-wdir", self.work / "at-1", "-n", "1", *local],
             r"data: expected '\w+', as rank 0 has, found '\w+' on rank 1"),
        ):
            ended = subprocess.run(["mpirun", "-q", *words], capture_output=True, text=True, timeout=PATIENCE, env=os.environ | environment)
            self.assertEqual(ended.returncode, 1, ended.stderr)
            self.assertEqual(len(re.findall(expected, ended.stderr)), 1, ended.stderr)
            self.assertEqual(ended.stderr.count("error:"), 1, ended.stderr)


if __name__ == "__main__":
    unittest.main()
