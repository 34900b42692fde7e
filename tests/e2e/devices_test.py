"""A program for several devices as a person runs it: processes on the CPU, which mpirun starts.

usage: devices_test.py BIN
"""

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from array import array
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.argv.pop()).resolve()
STEPS = 50
WIDTH, CONTEXT = 32, 64  # of tiny.toml
GRIDS = ("1", "2", "4", "context:2", "context:4", "data:2,context:2")
PATIENCE = 300  # seconds, after which a test fails rather than hang; nothing is measured
# Exit codes where the machine lacks something, a loss is not a number, and another process of the run failed.
MACHINE, NOT_FINITE, PEER = 3, 4, 6
# For an mpirun that nobody else starts.
BY_HAND = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
           "OMPI_MCA_mpi_yield_when_idle": "1"}


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


def write_array(path: Path, dtype: str, shape: tuple[int, ...], values: bytes) -> None:
    """A .npy file."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + values)


def read_array(path: Path) -> tuple[bytes, array]:
    """What a .npy file of float32 says of it, and its elements."""
    data = path.read_bytes()
    start = 10 + int.from_bytes(data[8:10], "little")
    return data[:start], array("f", data[start:])


def of_shards(folder: Path, file: str) -> dict[str, bytes]:
    """The tensors of a .safetensors file in a folder, or of the shards that stand in its place."""
    index = folder / f"{file}.index.json"
    names = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {file}
    tensors = {}
    for data in ((folder / name).read_bytes() for name in names):
        header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
        tensors |= {tensor: data[place_of(data, tensor)] for tensor in header if tensor != "__metadata__"}
    return tensors


def place_of(file: bytes | bytearray, tensor: str) -> slice:
    """Where a .safetensors file has a tensor."""
    start = 8 + int.from_bytes(file[:8], "little")
    first, end = json.loads(file[8:start])[tensor]["data_offsets"]
    return slice(start + first, start + end)


@unittest.skipUnless(shutil.which("mpirun") and (BIN / "stc-mpi.so").exists(), "no MPI on this machine")
class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.work = Path(tempfile.mkdtemp())
        cls.text = (ROOT / "tests/lit/Tools/Inputs/tiny.toml").read_text().replace("steps = 60", f"steps = {STEPS}")
        cls.programs = {grid: cls.compile("model", grid) for grid in GRIDS}

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.work)

    @classmethod
    def compile(cls, name: str, grid: str, *options: str, changes: dict[str, str] | None = None) -> Path:
        """A program of tiny.toml, with other texts in the place of some."""
        text = cls.text
        for old, new in (changes or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        model, program = cls.work / f"{name}.toml", cls.work / f"{name}-{grid}.stcp"
        model.write_text(text)
        subprocess.run([BIN / "stc-compile", model, f"--devices={grid}", "-o", program, *options], check=True)
        return program

    def command(self, program: str | Path, out: str, *arguments: str | Path, data: Path = ROOT / "LICENSE") -> list[str]:
        program = self.programs[program] if isinstance(program, str) else program
        return [str(word) for word in (BIN / "stc-run", "train", program, "--data", data, "--out", self.work / out,
                                       "--eval-every", "4", "--eval-windows", "4", *arguments)]

    def run_it(self, command: list[str], code: int = 0) -> str:
        """Standard error."""
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stderr

    def records(self, name: str, *sequences: bytes) -> Path:
        """Data of which each step has all sequences."""
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        for part in ("train", "valid", "test"):
            write_array(folder / f"{part}.npy", "|u1", (len(sequences), CONTEXT), b"".join(sequences))
        return folder

    def weights(self, name: str, changes: dict[str, tuple[int, list[float]]]) -> Path:
        """Those of a model that has hardly learnt, with other elements in some tensors, from one on."""
        if not (self.work / "start").exists():
            self.run_it(self.command("1", "start", "--steps", "1"))
        file = bytearray((self.work / "start/weights.safetensors").read_bytes())
        for tensor, (first, values) in changes.items():
            start = place_of(file, tensor).start + 4 * first
            file[start:start + 4 * len(values)] = array("f", values).tobytes()
        (self.work / f"{name}.safetensors").write_bytes(file)
        return self.work / f"{name}.safetensors"

    def losses(self, out: str) -> dict[tuple[str, int], float]:
        lines = [json.loads(line) for line in (self.work / out / "metrics.jsonl").read_text().splitlines()]
        return {(line["kind"], line["step"]): line["bits_per_byte"] for line in lines if line["kind"] in ("step", "eval")}

    def assert_same_learning(self, found: str, expected: str, tolerance: float = 1e-6) -> None:
        of_found = self.losses(found)
        for key, loss in self.losses(expected).items():
            self.assertAlmostEqual(of_found[key], loss, delta=tolerance * loss, msg=f"{found}: {key}")

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

    def start(self, grid: str, out: str, save_every: int = 1) -> tuple[subprocess.Popen[str], dict[int, int]]:
        """A run that would go on for long, once it has written a checkpoint."""
        command = self.command(grid, out, "--steps", "1000000", "--save-every", str(save_every))
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
        for program in (self.programs["2"], self.compile("deterministic", "context:2", "--deterministic")):
            for out in ("learns-before", "learns-again"):
                self.run_it(self.command(program, out, "--fresh"))
                self.assert_same_learning(out, "learns-1")
            again, before = (self.work / out / "weights.safetensors" for out in ("learns-again", "learns-before"))
            self.assertEqual(again.read_bytes(), before.read_bytes())

    def test_recomputes_by_budget(self) -> None:
        """Dropout is the same when it is computed again."""
        def compile_it(grid: str, memory: str, *options: str) -> Path:
            dropout = {"warmup = 5": "warmup = 5\ndropout = 0.25"}
            return self.compile("budget", grid, *options, changes={'recompute = "block"': memory} | dropout)

        def size(grid: str, memory: str) -> int:
            plan = compile_it(grid, memory, "--emit=plan").read_text()
            return int(re.findall(r"plan\.arena (\d+)", plan)[0])

        # With dropout and such a rate, rounding shows as more than 1e-6 in some of the later steps.
        self.run_it(self.command(compile_it("1", 'recompute = "none"'), "budget-one", "--steps", "12"))
        for grid in ("2", "context:2"):
            least, most = (size(grid, f'recompute = "{how}"') for how in ("block", "none"))
            memory = f'recompute = "budget"\nbudget = {(least + most) // 2}'
            self.assertLess(size(grid, memory), most)
            self.run_it(self.command(compile_it(grid, memory), f"budget-{grid}", "--steps", "12"))
            self.assert_same_learning(f"budget-{grid}", "budget-one")

    def test_float16_skips_a_step_on_all(self) -> None:
        """The same byte all along has a gradient that overflows, noise has none."""
        changes = {"batch = 4": "batch = 2", "learning_rate = 0.01": "learning_rate = 0.001",
                   "[memory]": '[precision]\ncompute = "float16"\n[memory]'}
        programs = {grid: self.compile("half", grid, changes=changes) for grid in ("1", "2", "context:2")}
        # The logits' gradient alone is not zero, and it is large.
        weights = self.weights("steep", {"transformer.ln_f.weight": (0, [3.0] * WIDTH),
                                         "lm_head.weight": (0, [0.0] * 256 * WIDTH)})
        noise, same = random.Random(1).randbytes(CONTEXT), b"a" * CONTEXT
        first, second = same[:CONTEXT // 2] + noise[CONTEXT // 2:], noise[:CONTEXT // 2] + same[CONTEXT // 2:]

        def train(grid: str, out: str, data: Path) -> tuple[list[int], float]:
            """The steps that were skipped, and the scale after the last."""
            self.run_it(self.command(programs[grid], out, "--weights", weights, "--steps", "6", data=data))
            lines = [json.loads(line) for line in (self.work / out / "metrics.jsonl").read_text().splitlines()]
            state = of_shards(self.work / out / "checkpoints/step-00000006", "optimizer.safetensors")
            return ([line["step"] for line in lines if line["kind"] == "step" and line["gradient_norm"] is None],
                    array("f", state["loss_scale"])[0])

        self.assertEqual(train("1", "noise", self.records("noise", noise, noise)), ([], 65536))
        # The same byte is on one device each time, on that of rank 0 or of another.
        for number, (grid, *sequences) in enumerate((
            ("2", same, noise), ("2", noise, same), ("context:2", first, first), ("context:2", second, second),
        )):
            data, one, several = self.records(f"some-{number}", *sequences), f"half-one-{number}", f"half-{number}"
            skipped, scale = train("1", one, data)
            self.assertIn(1, skipped)
            self.assertEqual(scale, 65536 / 2 ** len(skipped))
            self.assertEqual(train(grid, several, data), (skipped, scale), grid)
            self.assert_same_learning(several, one, 1e-4)
            losses = self.losses(several)
            for step in skipped:  # no device has learnt from it
                self.assertAlmostEqual(losses["step", step + 1], losses["step", step], delta=1e-6 * losses["step", step])

    def test_not_a_number_ends_all(self) -> None:
        # A step that is too long for all, and an embedding with infinite sums in the second half of one sequence.
        changes = {"learning_rate = 0.01": "learning_rate = 1e30\nweight_decay = 0"}
        too_long = {grid: self.compile("too-long", grid, changes=changes) for grid in ("1", "2")}
        weights = self.weights("infinite", {"transformer.wte.weight": (ord("a") * WIDTH, [3e38] * WIDTH)})
        noise = bytes(random.Random(1).randrange(ord("a")) for _ in range(CONTEXT))
        some = noise[:CONTEXT // 2] + b"a" * (CONTEXT // 2)
        start = "--weights", weights
        for programs, grids, data, *more in (
            (too_long, ("1", "2"), ROOT / "LICENSE"),
            (self.programs, ("1", "2", "context:2", "data:2,context:2"), self.records("first", some, noise, noise, noise), *start),
            (self.programs, ("1", "2"), self.records("last", noise, noise, noise, some), *start),
        ):
            expected, trained = "", None
            for grid in grids:
                error = self.run_it(self.command(programs[grid], "not-finite", "--fresh", *more, data=data), NOT_FINITE)
                said = re.findall(r"stc-run: error: (?:rank \d: )?(.*)", error)
                expected = expected or said[0]  # of one device
                self.assertEqual(said, [expected], grid)
                steps = list(self.losses("not-finite"))
                trained = steps if trained is None else trained
                self.assertEqual(steps, trained, grid)
                self.assertFalse((self.work / "not-finite/weights.safetensors").exists())
                self.assertEqual(list((self.work / "not-finite/checkpoints").iterdir()), [])
            self.assertEqual(len(trained), programs is too_long)
            self.assertRegex(expected, r"of step \d is not a finite number; no weights were written")
        self.run_it(self.command("1", "finite", "--steps", "1", *start, data=self.records("neither", *[noise] * 4)))

    def test_what_is_not_finite_is_not_written(self) -> None:
        # The embedding of a byte that is nowhere in the data.
        weights = self.weights("unused", {"transformer.wte.weight": (0, [float("inf")] * WIDTH)})
        checkpoints = self.work / "unused/checkpoints"
        for grid in ("1", "2", "context:2"):
            error = self.run_it(self.command(grid, "unused", "--fresh", "--weights", weights, "--steps", "1"), NOT_FINITE)
            self.assertEqual(error.splitlines()[-1],
                             f"stc-run: error: {checkpoints}/step-00000001.tmp/weights.safetensors: not written: "
                             "'transformer.wte.weight' holds values that are not finite; no weights were written")
            self.assertEqual(list(checkpoints.iterdir()), [])

    def test_calls_give_what_one_gives(self) -> None:
        self.run_it(self.command("1", "called"))
        numbers = random.Random(2)
        for name, below in (("tokens", 257), ("targets", 256)):
            values = array("i", (numbers.randrange(below) for _ in range(4 * CONTEXT)))
            write_array(self.work / f"{name}.npy", "<i4", (4, CONTEXT), values.tobytes())
        for entry in ("train_step", "eval"):
            expected = {}
            for grid, program in self.programs.items():
                folder = self.work / f"call-{entry}-{grid}"
                folder.mkdir()
                ended = subprocess.run([BIN / "stc-run", "call", program, entry, self.work / "tokens.npy", self.work / "targets.npy",
                                        "--weights", self.work / "called", "--out", f"{folder}/"],
                                       capture_output=True, text=True, timeout=PATIENCE)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                found = {path.name: read_array(path) for path in folder.iterdir()}
                expected = expected or found  # of one device
                self.assertEqual(sorted(found), sorted(expected))
                self.assertEqual(len(ended.stdout.splitlines()), len(found), ended.stdout)
                for name, (header, values) in expected.items():
                    self.assertEqual(found[name][0], header)
                    largest = max(map(abs, values))
                    self.assertGreater(largest, 0)
                    for value, other in zip(values, found[name][1], strict=True):
                        self.assertAlmostEqual(other, value, delta=1e-5 * largest, msg=f"{grid}: {name}")

    def shards(self, checkpoint: Path) -> list[str]:
        """The files that have the optimizer's state, which an index puts in the place of one."""
        names = sorted(path.name for path in checkpoint.glob("optimizer*.safetensors"))
        files = json.loads((checkpoint / "state.json").read_text())["files"]
        index = checkpoint / "optimizer.safetensors.index.json"
        self.assertEqual(index.exists(), len(names) > 1)
        self.assertEqual(sorted(files), sorted(["weights.safetensors", *names, *[index.name] * index.exists()]))
        if index.exists():
            said = json.loads(index.read_text())
            tensors = {name: of_shards(checkpoint, name) for name in names}
            self.assertEqual(said["weight_map"], {tensor: name for name in names for tensor in tensors[name]})
            sizes = [sum(map(len, of_one.values())) for of_one in tensors.values()]
            self.assertEqual(said["metadata"], {"total_size": sum(sizes)})
            self.assertLess(max(sizes), 1.5 * sum(sizes) / len(sizes))  # its share, and one tensor
        return names

    def test_goes_on_with_another_number(self) -> None:
        self.run_it(self.command("1", "whole"))
        for grid, steps in (("2", 3), ("context:2", 5), ("1", 8), ("4", 10), ("2", 12), ("4", 14), ("1", 16),
                            ("data:2,context:2", STEPS)):
            self.run_it(self.command(grid, "parts", "--resume", "--steps", str(steps)))
            count = json.loads((self.work / "parts/run.json").read_text())["devices"]
            expected = [f"optimizer-{shard:05}-of-{count:05}.safetensors" for shard in range(1, count + 1)]
            self.assertEqual(self.shards(self.work / f"parts/checkpoints/step-{steps:08}"),
                             expected if count > 1 else ["optimizer.safetensors"])
        self.assert_same_learning("parts", "whole")

    def test_a_damaged_shard_is_found(self) -> None:
        self.run_it(self.command("4", "damaged", "--steps", "6", "--save-every", "1"))
        checkpoints = self.work / "damaged/checkpoints"
        shard, other = (checkpoints / f"step-0000000{step}/optimizer-00003-of-00004.safetensors" for step in (6, 5))
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.write_bytes(data)
        other.unlink()
        error = self.run_it(self.command("2", "damaged", "--resume", "--steps", "7"))
        for path, what in (shard, "its checksum does not fit its contents"), (other, "cannot open"):
            step = path.parent.name
            self.assertIn(f"warning: {path}: {what}", error)
            self.assertIn(f"it is set aside as {step}.damaged, going on from step 4\n", error)
        self.assertEqual(sorted(path.name for path in checkpoints.iterdir()),
                         ["step-00000004", "step-00000005.damaged", "step-00000006.damaged", "step-00000007"])

    def test_one_that_cannot_write_ends_all(self) -> None:
        """Rank 1 has a folder of its own under the same name."""
        first, second = self.work / "writes-0", self.work / "writes-1"
        checkpoints, shard = Path("run/checkpoints"), "optimizer-00002-of-00002.safetensors"
        temporary = checkpoints / "step-00000002.tmp"
        command = self.command("2", "", "--steps", "2", "--fresh")
        command[command.index("--out") + 1] = "run"
        for folder in (first, second):
            folder.mkdir()

        def fails(code: int, message: str) -> None:
            ended = subprocess.run(["mpirun", "-q", "-wdir", first, "-n", "1", *command, ":", "-wdir", second, "-n", "1", *command],
                                   capture_output=True, text=True, timeout=PATIENCE, env=os.environ | BY_HAND)
            self.assertEqual(ended.returncode, code, ended.stderr)
            self.assertEqual(len(re.findall(f"error: {message}", ended.stderr)), 1, ended.stderr)
            self.assertEqual(ended.stderr.count("error:"), 1, ended.stderr)
            self.assertEqual(list((first / checkpoints).iterdir()), [])

        shared = ".* has to be on a file system that all processes share"
        fails(1, f"rank 1: {checkpoints}: expected the folder that rank 0 has created, found none: {shared}")
        (second / checkpoints).mkdir()
        fails(1, f"rank 1: {temporary}: expected the folder that rank 0 has created, found none: {shared}")
        (second / temporary).mkdir()
        fails(1, f"{temporary / shard}: expected the [0-9]+ bytes that rank 1 has written, found no file: {shared}")
        (second / temporary / shard).unlink()
        (second / temporary / shard).symlink_to("/dev/full")
        fails(5, f"rank 1: {temporary / shard}: cannot write: No space left on device")

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

    def test_a_hanging_thread_ends_all(self) -> None:
        """The main thread of one process alone: a debugger stops it, and its watching thread goes on."""
        libc = ctypes.CDLL(None, use_errno=True)
        attach, interrupt, resume = 0x4206, 0x4207, 7  # PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_CONT
        run, ranks = self.start("2", "hung", save_every=100)
        if libc.ptrace(attach, ranks[0], None, None):
            self.skipTest(f"ptrace: {os.strerror(ctypes.get_errno())}")
        end = time.monotonic() + PATIENCE
        while run.poll() is None and time.monotonic() < end:
            # Where it is stopped at a file, the others wait for longer.
            libc.ptrace(resume, ranks[0], None, None)
            time.sleep(random.random())
            libc.ptrace(interrupt, ranks[0], None, None)
            stopped = time.monotonic()
            while run.poll() is None and time.monotonic() < min(end, stopped + 40):
                time.sleep(0.1)
                with contextlib.suppress(ChildProcessError):  # the tracer is the first to hear that it has ended
                    os.waitpid(ranks[0], os.WNOHANG)
        self.assertEqual(run.poll(), PEER)
        errors = run.communicate()[1]
        self.assertEqual(len(re.findall(r"error: rank 0 \(.*\) (?:has|have) got no further for \d+ s\n", errors)), 1, errors)

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
        fine, unlike = self.command("2", "data"), self.command("2", "data", "--seed", "7")
        local, other = self.command("2", "data", data=Path("data")), self.command("context:2", "data")
        for words, expected in (
            (["-n", "3", *fine], "expected 2 processes, one for each device that it was compiled for, found 3"),
            (["-n", "1", *fine, ":", "-n", "1", *unlike], "options: expected that of rank 0, found another on rank 1"),
            (["-n", "1", *fine, ":", "-n", "1", *other], r"program file: expected '\w+', as rank 0 has, found '\w+' on rank 1"),
            (["-wdir", self.work / "at-0", "-n", "1", *local, ":", "-wdir", self.work / "at-1", "-n", "1", *local],
             r"data: expected '\w+', as rank 0 has, found '\w+' on rank 1"),
        ):
            ended = subprocess.run(["mpirun", "-q", *words], capture_output=True, text=True, timeout=PATIENCE, env=os.environ | BY_HAND)
            self.assertEqual(ended.returncode, 1, ended.stderr)
            self.assertEqual(len(re.findall(expected, ended.stderr)), 1, ended.stderr)
            self.assertEqual(ended.stderr.count("error:"), 1, ended.stderr)

    def test_one_gpu_is_refused_to_two_processes(self) -> None:
        # A driver with one GPU, which all processes that stc-run starts get.
        driver = BIN.parent / "tests/unit/Runtime/fake-cuda"
        if not driver.exists():
            self.skipTest("the driver for tests has not been built")
        program = self.compile("gpu", "2", "--target=sm_80")
        ended = subprocess.run(self.command(program, "gpu"), capture_output=True, text=True, timeout=PATIENCE,
                               env=os.environ | {"LD_LIBRARY_PATH": str(driver)})
        self.assertEqual(ended.returncode, MACHINE, ended.stderr)
        self.assertRegex(ended.stderr, "^stc-run: error: .*: expected a GPU for each process, found one, Fake GPU, "
                                       "for rank 0 and rank 1\n$")


if __name__ == "__main__":
    unittest.main()
